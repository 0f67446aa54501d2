import type { Shared } from "./sharing.js";
import { at, count, type Answer, type Teller } from "./teller.js";

const PREPARE = `mutation ($input: PrepareSigningInput!) {
  prepareSigning(input: $input) {
    plan { action label done }
    kit {
      certificate { id name type expiresAt owner { name } }
      provisioningProfiles { name type state expiresAt }
      download { fileName pkcs12 password }
      profileDownloads { fileName content }
    }
    userErrors { code message field }
  }
}`;
const RENEWAL = `query ($id: ID!) {
  certificate(id: $id) { renewalPreview { provisioningProfiles { name } blockers { code message } } }
}`;
const RENEW = `mutation ($input: RenewCertificateInput!) {
  renewCertificate(input: $input) {
    certificate { id serialNumber state }
    provisioningProfiles { name state }
    userErrors { code message }
  }
}`;
const EXPIRING = `query ($id: ID!) {
  organization(id: $id) {
    expiring(withinDays: 366, first: 3) {
      edges { expiresAt tenant { name } node { __typename ... on Certificate { name } ... on ProvisioningProfile { name } } }
    }
  }
}`;

/** A build asks for all that it takes to sign, and gets it. */
export async function tellOfSigning(teller: Teller, { tokens, subOrganizations, teamKey }: Shared): Promise<void> {
  const { Web: web = "" } = tokens;
  const bundleIdentifiers = ["com.acme.shop", "com.acme.shop.widget"];
  const input = { tenantId: subOrganizations["Web"], type: "IOS_APP_STORE", bundleIdentifiers };
  const prepare = (extra: object = {}): Promise<Answer> => teller.ask(web, PREPARE, { input: { ...input, ...extra } });
  const kit = (answer: Answer, ...path: (string | number)[]) => at(answer, "prepareSigning", "kit", ...path);
  const actions = (answer: Answer): string =>
    (at(answer, "prepareSigning", "plan") as { action: string }[] | undefined)?.map(({ action }) => action).join() ??
    "";

  teller.step("Web's build asks what it would take to sign an app and its widget");
  const planned = await prepare({ dryRun: true });
  teller.show(PREPARE, planned);
  teller.expect(
    "a certificate and profiles would be made, and nothing was",
    kit(planned) === null && actions(planned).startsWith("CREATE_CERTIFICATE"),
  );

  teller.step("Three builds ask for it at once");
  const [first, ...others] = await Promise.all([prepare(), prepare(), prepare()]);
  teller.show(PREPARE, first);
  const certificateId = String(kit(first, "certificate", "id"));
  teller.expect(
    "all three have the same certificate, with its private key, and both profiles",
    [first, ...others].every(
      (answer) => kit(answer, "certificate", "id") === certificateId && count(kit(answer, "profileDownloads")) === 2,
    ),
  );

  teller.step("What would a renewal of the certificate touch?");
  const preview = await teller.ask(web, RENEWAL, { id: certificateId });
  teller.show(RENEWAL, preview);
  teller.expect("both profiles", count(at(preview, "certificate", "renewalPreview", "provisioningProfiles")) === 2);

  teller.step("Web renews it: the new certificate first, then the profiles");
  const renewed = await teller.ask(web, RENEW, { input: { certificateId, credentialId: teamKey } });
  teller.show(RENEW, renewed);
  teller.expect("both profiles hold the new one", count(at(renewed, "renewCertificate", "provisioningProfiles")) === 2);

  teller.step("Acme looks at what ends soonest, in all of its sub-organizations");
  const expiring = await teller.ask(teller.stage.owner, EXPIRING, { id: teller.stage.organizationId });
  teller.show(EXPIRING, expiring);
  teller.expect("one list, soonest first", count(at(expiring, "organization", "expiring", "edges")) === 3);
}
