import { randomBytes } from "node:crypto";
import { mutationOf } from "../../support/audit.js";
import { newIdentity, PASSWORD, pkcs12Of, profileFilesOf, issueFor } from "../../support/signing.js";
import { anew, type Desk } from "./desk.js";

type Input = Readonly<Record<string, unknown>>;

/** What a mutation leaves in the log when it is done. */
interface Line {
  /** What is asked of its payload beside the errors. */
  readonly result: string;
  /** All that it leaves, sorted, but for uses of keys. Its own comes once. */
  readonly own: string;
  readonly also?: readonly string[];
  /** Whether Apple is asked with a key: who used it is noted too. */
  readonly usesKey?: boolean;
  /** In whose log its own entry is: the sub-organization's, where that is left out. */
  readonly inRoot?: boolean;
  readonly input: (desk: Desk) => Promise<Input>;
}

const newKey = async ({ server }: Desk) => {
  const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
  return { keyId, issuerId, privateKey };
};

/** Every mutation of the schema. What it acts on is the sub-organization's, made anew. */
export const LINES: Readonly<Record<string, Line>> = {
  addMember: {
    ...{ own: "member.added", result: "member { id }" },
    input: ({ web }) => Promise.resolve({ tenantId: web, email: `${anew("m")}@acme.example`, roles: ["VIEWER"] }),
  },
  updateMember: {
    ...{ own: "member.updated", result: "member { id }" },
    input: async (desk) => ({ memberId: await desk.member(), roles: ["OPERATOR"] }),
  },
  removeMember: {
    ...{ own: "member.removed", result: "deletedId" },
    input: async (desk) => ({ memberId: await desk.member() }),
  },
  createAccessToken: {
    ...{ own: "access_token.created", result: "secret" },
    input: ({ web }) => Promise.resolve({ tenantId: web, name: "CI", permissions: ["SIGNING_VIEW"] }),
  },
  revokeAccessToken: {
    ...{ own: "access_token.revoked", result: "deletedId" },
    input: async (desk) => ({ accessTokenId: await desk.accessToken() }),
  },
  updateOrganization: {
    ...{ own: "organization.renamed", result: "organization { id }", inRoot: true },
    input: ({ root }) => Promise.resolve({ organizationId: root, name: "Acme" }),
  },
  createSubOrganization: {
    ...{ own: "sub_organization.created", result: "subOrganization { id }", inRoot: true },
    input: ({ root }) => Promise.resolve({ organizationId: root, name: anew("Sub ") }),
  },
  updateSubOrganization: {
    ...{ own: "sub_organization.renamed", result: "subOrganization { id }" },
    input: ({ web }) => Promise.resolve({ subOrganizationId: web, name: anew("Web ") }),
  },
  deleteSubOrganization: {
    ...{ own: "sub_organization.deleted", result: "deletedId", inRoot: true },
    input: async ({ story }) => ({ subOrganizationId: await story.subOrganization(anew("Gone ")) }),
  },
  createCredential: {
    ...{ own: "credential.created", result: "credential { id }" },
    input: async (desk) => ({ tenantId: desk.web, name: "Main", ...(await newKey(desk)) }),
  },
  updateCredential: {
    ...{ own: "credential.renamed", result: "credential { id }" },
    input: async (desk) => ({ credentialId: (await desk.key()).id, name: "CI" }),
  },
  rotateCredential: {
    ...{ own: "credential.rotated", result: "credential { id }" },
    input: async (desk) => ({ credentialId: (await desk.key()).id, ...(await newKey(desk)) }),
  },
  verifyCredential: {
    ...{ own: "credential.verified", result: "credential { id }" },
    input: async (desk) => ({ credentialId: (await desk.key()).id }),
  },
  deleteCredential: {
    ...{ own: "credential.deleted", result: "deletedId" },
    input: async (desk) => ({ credentialId: (await desk.key()).id }),
  },
  share: {
    ...{ own: "share.set", result: "share { id }", inRoot: true },
    input: async (desk) => ({ subjectId: (await desk.key(desk.root)).id, subOrganizationIds: [desk.web] }),
  },
  unshare: {
    ...{ own: "share.ended", result: "deletedId", inRoot: true },
    input: async (desk) => {
      const { id: subjectId } = await desk.key(desk.root);
      await desk.story.share(subjectId);
      return { subjectId };
    },
  },
  registerBundleId: {
    ...{ own: "bundle_id.registered", result: "bundleId { appleId }", usesKey: true },
    input: async (desk) => ({ ...(await desk.withKey()), identifier: anew("com.acme.a"), name: "App" }),
  },
  registerDevices: {
    ...{ own: "device.registered", result: "devices { appleId }", usesKey: true },
    input: async (desk) => ({
      ...(await desk.withKey()),
      devices: [{ name: "Phone", udid: randomBytes(20).toString("hex") }],
    }),
  },
  updateDevice: {
    ...{ own: "device.updated", result: "device { appleId }", usesKey: true },
    input: async (desk) => {
      const { id: credentialId, team } = await desk.key();
      return { tenantId: desk.web, credentialId, appleId: team.devices[0]?.id, name: anew("Phone ") };
    },
  },
  createSigningRequest: {
    ...{ own: "signing_request.created", result: "signingRequest { id }" },
    input: ({ web }) => Promise.resolve({ tenantId: web, commonName: "Acme", email: "ci@acme.example", country: "DE" }),
  },
  completeSigningRequest: {
    ...{ own: "signing_request.completed", result: "certificate { id }" },
    input: async (desk) => {
      const { id: signingRequestId, csrPem } = await desk.signingRequest();
      return { signingRequestId, certificate: (await issueFor(csrPem)).toString("base64") };
    },
  },
  uploadCertificate: {
    ...{ own: "certificate.uploaded", result: "certificate { id }" },
    input: async ({ web }) => ({
      ...{ tenantId: web, password: PASSWORD },
      pkcs12: await pkcs12Of(await newIdentity()),
    }),
  },
  createCertificate: {
    ...{ own: "certificate.created", result: "certificate { id }", usesKey: true },
    input: async (desk) => ({ ...(await desk.withKey()), type: "DISTRIBUTION" }),
  },
  downloadCertificate: {
    ...{ own: "certificate.downloaded", result: "download { password }" },
    input: async (desk) => ({ certificateId: (await desk.certificate()).id }),
  },
  deleteCertificate: {
    ...{ own: "certificate.deleted", result: "deletedId" },
    input: async (desk) => ({ certificateId: (await desk.certificate()).id }),
  },
  revokeCertificate: {
    ...{ own: "certificate.revoked", result: "certificate { id }", usesKey: true },
    input: async (desk) => ({ certificateId: (await desk.certificate()).id }),
  },
  renewCertificate: {
    ...{ own: "certificate.created", result: "certificate { id }", also: ["provisioning_profile.renewed"] },
    usesKey: true,
    input: async (desk) => ({ certificateId: (await desk.profile()).certificateId }),
  },
  createProvisioningProfile: {
    ...{ own: "provisioning_profile.created", result: "provisioningProfile { id }", usesKey: true },
    input: async (desk) => desk.wishForProfile(),
  },
  renewProvisioningProfile: {
    ...{ own: "provisioning_profile.renewed", result: "provisioningProfile { id }", usesKey: true },
    input: async (desk) => ({ provisioningProfileId: (await desk.profile()).id }),
  },
  downloadProvisioningProfile: {
    ...{ own: "provisioning_profile.downloaded", result: "download { content }" },
    input: async (desk) => ({ provisioningProfileId: (await desk.profile()).id }),
  },
  keepProvisioningProfiles: {
    ...{ own: "provisioning_profile.kept", result: "provisioningProfiles { id }", usesKey: true },
    input: async (desk) => {
      const { id: credentialId, team } = await desk.key();
      const active = team.profiles.find(({ attributes }) => attributes.profileState === "ACTIVE");
      return { tenantId: desk.web, credentialId, appleIds: [active?.id] };
    },
  },
  uploadProvisioningProfiles: {
    ...{ own: "provisioning_profile.uploaded", result: "provisioningProfiles { id }" },
    input: async (desk) => {
      const files = await profileFilesOf((await desk.key()).team);
      return { tenantId: desk.web, profiles: [[...files.values()].find((file) => file !== null)] };
    },
  },
  deleteProvisioningProfiles: {
    ...{ own: "provisioning_profile.deleted", result: "deletedIds", usesKey: true },
    input: async (desk) => ({ provisioningProfileIds: [(await desk.profile()).id], alsoAtApple: true }),
  },
  prepareSigning: {
    ...{ own: "signing.prepared", result: "kit { certificate { id } }", usesKey: true },
    also: ["bundle_id.registered", "certificate.created", "provisioning_profile.created"],
    input: async (desk) => ({
      ...(await desk.withKey()),
      ...{ type: "IOS_APP_STORE", bundleIdentifiers: [anew("com.acme.b")] },
    }),
  },
};

/** The document of a line. */
export const documentOf = (name: string): string => mutationOf(name, LINES[name]?.result ?? "");
