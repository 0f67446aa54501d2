import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { registerKeyOverHttp } from "../../sandbox/client.js";
import { at, count, type Answer, type Teller } from "./teller.js";

/** What the next chapters go on with. */
export interface Shared {
  /** Tokens by whose they are. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly subOrganizations: Readonly<Record<string, string>>;
  /** The team's key, which Acme shares with all. */
  readonly teamKey: string;
}

const CREATE_SUB_ORGANIZATION = `mutation ($input: CreateSubOrganizationInput!) {
  createSubOrganization(input: $input) { subOrganization { id name } userErrors { code message } }
}`;
const CREATE_TOKEN = `mutation ($input: CreateAccessTokenInput!) {
  createAccessToken(input: $input) { accessToken { preview } secret userErrors { code message } }
}`;
const CREATE_CREDENTIAL = `mutation ($input: CreateCredentialInput!) {
  createCredential(input: $input) {
    credential { id name program keyId health { status } }
    userErrors { code message }
  }
}`;
const SHARE = `mutation ($input: ShareInput!) {
  share(input: $input) {
    share { withAllSubOrganizations uses subOrganizations { nodes { name } } }
    userErrors { code message }
  }
}`;
const RENAME = `mutation ($input: UpdateCredentialInput!) {
  updateCredential(input: $input) { credential { name } userErrors { code message } }
}`;
const WHAT_WEB_SEES = `query ($id: ID!) {
  subOrganization(id: $id) {
    name
    credentials {
      edges {
        tag
        node {
          name
          program
          viewerCanUpdate
          appStoreConnect {
            certificates { nodes { name type state } }
            provisioningProfiles(first: 2) { nodes { name type state bundleId { identifier } } }
          }
        }
      }
    }
  }
}`;
const NAMES = `query ($id: ID!) {
  subOrganization(id: $id) { credentials { edges { tag node { name } } } }
}`;
const EXPLAIN = `query ($tenantId: ID!, $subjectId: ID!) {
  explainAccess(tenantId: $tenantId, subjectId: $subjectId, use: PUBLISH) { allowed reasons }
}`;

/** Acme makes sub-organizations, adds keys and shares them. */
export async function tellOfSharing(teller: Teller): Promise<Shared> {
  const { stage } = teller;
  const edges = (answer: Answer): readonly { tag: string; node: { name: string } }[] =>
    at(answer, "subOrganization", "credentials", "edges") as never;

  teller.step("Acme makes three sub-organizations");
  const subOrganizations: Record<string, string> = {};
  for (const name of ["Web", "Mobile", "Games"]) {
    const made = await teller.ask(stage.owner, CREATE_SUB_ORGANIZATION, {
      input: { organizationId: stage.organizationId, name },
    });
    subOrganizations[name] = String(at(made, "createSubOrganization", "subOrganization", "id"));
    teller.expect(`${name} is ${subOrganizations[name]}`, subOrganizations[name].startsWith("sub_"));
  }

  /** As one would: download the .p8 once, then hand its text over. */
  const addKey = async (name: string, program: "app-store" | "enterprise"): Promise<string> => {
    const { keyId, issuerId, privateKey } = await registerKeyOverHttp(stage.sandboxUrl, { program });
    const file = join(stage.dataDir, `AuthKey_${keyId}.p8`);
    await writeFile(file, privateKey, { mode: 0o600 });
    const added = await teller.ask(stage.owner, CREATE_CREDENTIAL, {
      input: {
        tenantId: stage.organizationId,
        name,
        program: program === "enterprise" ? "ENTERPRISE" : "APP_STORE",
        keyId,
        issuerId,
        privateKey: await readFile(file, "utf8"),
      },
    });
    teller.show(CREATE_CREDENTIAL, added);
    teller.expect(
      "Apple was asked, and accepts the key",
      at(added, "createCredential", "credential", "health", "status") === "WORKING",
    );
    return String(at(added, "createCredential", "credential", "id"));
  };
  teller.step("Acme adds its team's key");
  const teamKey = await addKey("App Store", "app-store");
  teller.step("and a key of the Enterprise Program");
  const enterpriseKey = await addKey("In-house", "enterprise");

  teller.step("It shares the team's key with all, and the enterprise key with Web alone");
  const shared = await teller.ask(stage.owner, SHARE, { input: { subjectId: teamKey, withAllSubOrganizations: true } });
  teller.show(SHARE, shared);
  teller.expect("the team's key is shared with all", at(shared, "share", "share", "withAllSubOrganizations") === true);
  const chosen = { subjectId: enterpriseKey, subOrganizationIds: [subOrganizations["Web"]], uses: ["VIEW", "SIGN"] };
  const sharedWithWeb = await teller.ask(stage.owner, SHARE, { input: chosen });
  teller.expect(
    "the enterprise key is shared with Web",
    JSON.stringify(at(sharedWithWeb, "share", "share", "subOrganizations", "nodes")) === '[{"name":"Web"}]',
  );

  const tokens: Record<string, string> = { "Acme, owner": stage.owner };
  for (const name of ["Web", "Mobile"]) {
    const permissions = [
      "CREDENTIALS_VIEW",
      "CREDENTIALS_MANAGE",
      "SIGNING_VIEW",
      "SIGNING_MANAGE",
      "SIGNING_DOWNLOAD",
    ];
    const made = await teller.ask(stage.owner, CREATE_TOKEN, {
      input: { tenantId: subOrganizations[name], name: "CI", permissions },
    });
    tokens[name] = String(at(made, "createAccessToken", "secret"));
  }
  const { Web: web = "", Mobile: mobile = "" } = tokens;

  teller.step("Web asks with a token of its own: the keys, and what Apple holds through them");
  const seen = await teller.ask(web, WHAT_WEB_SEES, { id: subOrganizations["Web"] });
  teller.show(WHAT_WEB_SEES, seen);
  teller.expect(
    "both keys are there, tagged ROOT",
    edges(seen).length === 2 && edges(seen).every(({ tag }) => tag === "ROOT"),
  );
  const apple = (key: number, list: string) =>
    at(seen, "subOrganization", "credentials", "edges", key, "node", "appStoreConnect", list, "nodes");
  teller.expect(
    "certificates and profiles came from Apple",
    [0, 1].every((key) => count(apple(key, "certificates")) > 0 && count(apple(key, "provisioningProfiles")) > 0),
  );

  teller.step("Mobile has only the key that is shared with all");
  const seenByMobile = await teller.ask(mobile, NAMES, { id: subOrganizations["Mobile"] });
  teller.show(NAMES, seenByMobile);
  teller.expect(
    "it is the team's key",
    edges(seenByMobile)
      .map(({ node }) => node.name)
      .join() === "App Store",
  );

  teller.step("Web tries to rename the key");
  const refused = await teller.ask(web, RENAME, { input: { credentialId: teamKey, name: "Mine" } });
  teller.show(RENAME, refused);
  teller.expect("refused: SHARED_FROM_ROOT", refused.errors?.[0]?.extensions.code === "SHARED_FROM_ROOT");

  teller.step("Acme renames it, and Web sees the new name at once");
  const renamed = await teller.ask(stage.owner, RENAME, {
    input: { credentialId: teamKey, name: "App Store (all teams)" },
  });
  teller.expect("the owner may", at(renamed, "updateCredential", "credential", "name") === "App Store (all teams)");
  const seenAfter = await teller.ask(web, NAMES, { id: subOrganizations["Web"] });
  teller.show(NAMES, seenAfter);
  teller.expect("a share is a live reference", edges(seenAfter)[0]?.node.name === "App Store (all teams)");

  teller.step("May Web publish with the enterprise key?");
  const explained = await teller.ask(web, EXPLAIN, { tenantId: subOrganizations["Web"], subjectId: enterpriseKey });
  teller.show(EXPLAIN, explained);
  teller.expect("no, and the answer says why", at(explained, "explainAccess", "allowed") === false);

  return { tokens, subOrganizations, teamKey };
}
