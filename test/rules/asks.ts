import { randomBytes } from "node:crypto";
import { NEW_DEVICE } from "../support/drift.js";
import { anew, P8, type Actor, type World } from "./world.js";

/** How a field is asked for one target. */
interface Ask {
  readonly document: string;
  variables(id: string, world: World, actor: Actor): Record<string, unknown>;
}

const byId = (document: string): Ask => ({ document, variables: (id) => ({ id }) });

/** A field of everything that has an id, reached by `node`. */
const ofNode = (type: string, selection: string): Ask =>
  byId(`query ($id: ID!) { node(id: $id) { ... on ${type} { ${selection} } } }`);

/** A mutation; `result` is what is asked of its payload beside the errors. */
const mutation = (name: string, result: string, input: (id: string, world: World) => Record<string, unknown>): Ask => {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
  const document = `mutation ($input: ${type}!) { ${name}(input: $input) { ${result} userErrors { code } } }`;
  return { document, variables: (id, world) => ({ input: input(id, world) }) };
};

const explainAccess = (tenantOf: (world: World) => string): Ask => ({
  document: `query ($tenantId: ID!, $id: ID!) { explainAccess(tenantId: $tenantId, subjectId: $id) { allowed } }`,
  variables: (id, world) => ({ id, tenantId: tenantOf(world) }),
});

/** A field of what Apple holds that names a tenant, reached through a key that the actor sees. */
const keptAs = (list: string): Ask => ({
  document: `query ($key: ID!, $tenantId: ID!) {
    credential(id: $key) { appStoreConnect(maxAgeSeconds: 3600) { ${list}(first: 1) { nodes { keptAs(tenantId: $tenantId) { id } } } } }
  }`,
  variables: (tenantId, _, { key }) => ({ key, tenantId }),
});

type TenantOf = (world: World) => string;
const theRoot: TenantOf = (world) => world.acme.organizationId;
const web: TenantOf = (world) => world.web;

/** Changes at Apple for a tenant, with the key that is the target. */
const registerBundleId = (tenantOf: TenantOf): Ask =>
  mutation("registerBundleId", "bundleId { appleId }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world) },
    ...{ identifier: anew("com.acme.app"), name: "App" },
  }));

const registerDevices = (tenantOf: TenantOf): Ask =>
  mutation("registerDevices", "devices { appleId }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world) },
    devices: [{ name: "Phone", udid: randomBytes(20).toString("hex") }],
  }));

const updateDevice = (tenantOf: TenantOf): Ask =>
  mutation("updateDevice", "device { appleId }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world) },
    ...{ appleId: NEW_DEVICE, name: anew("Phone ") },
  }));

const keepProvisioningProfiles = (tenantOf: TenantOf): Ask =>
  mutation("keepProvisioningProfiles", "provisioningProfiles { id }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world), appleIds: ["ABSENT1234"] },
  }));

const deleteCertificate = (force: boolean): Ask =>
  mutation("deleteCertificate", "deletedId", (certificateId) => ({ certificateId, force }));

const deleteProvisioningProfiles = (force: boolean): Ask =>
  mutation("deleteProvisioningProfiles", "deletedIds", (id) => ({ provisioningProfileIds: [id], force }));

/** Of a signing request that is not there: the rules are asked, and the key, and then it is refused. */
const createCertificate = (tenantOf: TenantOf): Ask =>
  mutation("createCertificate", "certificate { id }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world), type: "DEVELOPMENT", signingRequestId: "csr_absent" },
  }));

const renewCertificate = (revokeFirst: boolean): Ask =>
  mutation("renewCertificate", "certificate { id }", (certificateId) => ({ certificateId, revokeFirst }));

/** Without a certificate, of which Apple is not asked. */
const createProvisioningProfile = (tenantOf: TenantOf): Ask =>
  mutation("createProvisioningProfile", "provisioningProfile { id }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world), name: anew("Profile "), type: "IOS_APP_STORE" },
    ...{ bundleIdentifier: "com.acme.app", certificateAppleIds: [] },
  }));

const prepareSigning = (tenantOf: TenantOf): Ask =>
  mutation("prepareSigning", "plan { action }", (credentialId, world) => ({
    ...{ credentialId, tenantId: tenantOf(world), dryRun: true },
    ...{ type: "IOS_APP_STORE", bundleIdentifiers: ["com.acme.app"] },
  }));

/** Base64 of a file that is none of those which are wanted. */
const NO_FILE = Buffer.from("no file").toString("base64");

const addMember = (role: string): Ask =>
  mutation("addMember", "member { id }", (tenantId) => ({
    tenantId,
    email: `${anew("added")}@acme.example`,
    roles: [role],
  }));

const updateMember = (role: string): Ask =>
  mutation("updateMember", "member { id }", (memberId) => ({ memberId, roles: [role] }));

const createAccessToken = (permission: string): Ask =>
  mutation("createAccessToken", "secret", (tenantId) => ({ tenantId, name: "CI", permissions: [permission] }));

const keyOfTeam = () => ({ keyId: anew("NEW"), issuerId: "issuer", privateKey: P8, verify: false });

/** How each line of the table is asked, by its first column. */
export const ASKS: Readonly<Record<string, Ask>> = {
  "Query.viewer": {
    document: `{ viewer { actor { __typename } tenants { edges { roles node { id } } } } }`,
    variables: () => ({}),
  },
  "Query.node": byId(`query ($id: ID!) { node(id: $id) { id } }`),
  "Query.nodes": byId(`query ($id: ID!) { nodes(ids: [$id]) { id } }`),
  "Query.organization": byId(`query ($id: ID!) { organization(id: $id) { id } }`),
  "Query.subOrganization": byId(`query ($id: ID!) { subOrganization(id: $id) { id organization { id } } }`),
  "Query.credential": byId(`query ($id: ID!) { credential(id: $id) { id owner { id } } }`),
  "Query.certificate": byId(`query ($id: ID!) { certificate(id: $id) { id owner { id } } }`),
  "Query.provisioningProfile": byId(`query ($id: ID!) { provisioningProfile(id: $id) { id owner { id } } }`),
  "Query.share": byId(`query ($id: ID!) { share(id: $id) { id } }`),
  "Query.explainAccess (the root)": explainAccess((world) => world.acme.organizationId),
  "Query.explainAccess (Web)": explainAccess((world) => world.web),
  "Query.explainAccess (iOS)": explainAccess((world) => world.ios),

  "Tenant.members": ofNode("Tenant", "members { nodes { id } }"),
  "Tenant.accessTokens": ofNode("Tenant", "accessTokens { nodes { id } }"),
  "Tenant.credentials": ofNode("Tenant", "credentials { nodes { id } }"),
  "Tenant.auditEvents": ofNode("Tenant", "auditEvents { nodes { id } }"),
  "Tenant.certificates": ofNode("Tenant", "certificates { nodes { id } }"),
  "Tenant.provisioningProfiles": ofNode("Tenant", "provisioningProfiles { nodes { id } }"),
  "Tenant.signingRequests": ofNode("Tenant", "signingRequests { nodes { id } }"),
  "Organization.expiring": ofNode("Organization", "expiring(withinDays: 366) { edges { tenant { id } } }"),
  "Organization.subOrganizations": ofNode("Organization", "subOrganizations { nodes { id } }"),
  "Organization.shares": ofNode("Organization", "shares { nodes { id } }"),
  "Credential.appStoreConnect": ofNode("Credential", "appStoreConnect { certificates { nodes { appleId } } }"),
  "Credential.appStoreConnect (nothing of it)": ofNode("Credential", "appStoreConnect { __typename }"),
  "Credential.driftEvents": ofNode("Credential", "driftEvents { nodes { id } }"),
  "Credential.impact": ofNode("Credential", "impact { certificates { id } subOrganizations { id } }"),
  "Certificate.provisioningProfiles": ofNode("Certificate", "provisioningProfiles { nodes { id } }"),
  "AppleCertificate.keptAs": keptAs("certificates"),
  "AppleProvisioningProfile.keptAs": keptAs("provisioningProfiles"),
  "Share.subject": ofNode("Share", "subject { ... on Node { id } }"),
  "Share.subOrganizations": ofNode("Share", "subOrganizations { nodes { id } }"),

  "Mutation.updateOrganization": mutation("updateOrganization", "organization { id }", (organizationId) => ({
    organizationId,
    name: "Acme",
  })),
  "Mutation.createSubOrganization": mutation("createSubOrganization", "subOrganization { id }", (organizationId) => ({
    organizationId,
    name: anew("Created "),
  })),
  "Mutation.updateSubOrganization": mutation("updateSubOrganization", "subOrganization { id }", (id) => ({
    subOrganizationId: id,
    name: "Web",
  })),
  "Mutation.deleteSubOrganization": mutation("deleteSubOrganization", "deletedId", (id) => ({ subOrganizationId: id })),
  "Mutation.addMember (VIEWER)": addMember("VIEWER"),
  "Mutation.addMember (OWNER)": addMember("OWNER"),
  "Mutation.updateMember (VIEWER)": updateMember("VIEWER"),
  "Mutation.updateMember (OPERATOR)": updateMember("OPERATOR"),
  "Mutation.updateMember (OWNER)": updateMember("OWNER"),
  "Mutation.removeMember": mutation("removeMember", "deletedId", (memberId) => ({ memberId })),
  "Mutation.createAccessToken (view)": createAccessToken("CREDENTIALS_VIEW"),
  "Mutation.createAccessToken (share)": createAccessToken("CREDENTIALS_SHARE"),
  "Mutation.createAccessToken (tokens)": createAccessToken("TOKENS_MANAGE"),
  "Mutation.revokeAccessToken": mutation("revokeAccessToken", "deletedId", (accessTokenId) => ({ accessTokenId })),
  "Mutation.createCredential": mutation("createCredential", "credential { id }", (tenantId) => ({
    tenantId,
    name: "Main",
    ...keyOfTeam(),
  })),
  "Mutation.updateCredential": mutation("updateCredential", "credential { id }", (credentialId) => ({
    credentialId,
    name: "Main",
  })),
  "Mutation.rotateCredential": mutation("rotateCredential", "credential { id }", (credentialId) => ({
    credentialId,
    ...keyOfTeam(),
  })),
  "Mutation.verifyCredential": mutation("verifyCredential", "credential { id }", (credentialId) => ({ credentialId })),
  "Mutation.deleteCredential": mutation("deleteCredential", "deletedId", (credentialId) => ({ credentialId })),
  "Mutation.deleteCredential (force)": mutation("deleteCredential", "deletedId", (credentialId) => ({
    credentialId,
    force: true,
  })),
  "Mutation.share": mutation("share", "share { id }", (subjectId, world) => ({
    subjectId,
    subOrganizationIds: [world.web],
  })),
  "Mutation.share (name)": mutation("share", "share { id }", (subjectId, world) => ({
    subjectId,
    name: "Main",
    subOrganizationIds: [world.web],
  })),
  "Mutation.share (and see it)": mutation("share", "share { subject { ... on Credential { id } } }", (id, world) => ({
    subjectId: id,
    subOrganizationIds: [world.web],
  })),
  "Mutation.share (and see of what)": mutation(
    "share",
    "share { subject { ... on Certificate { id } } }",
    (id, world) => ({
      subjectId: id,
      subOrganizationIds: [world.web],
    }),
  ),
  "Mutation.share (and see with whom)": mutation(
    "share",
    "share { subOrganizations { nodes { id } } }",
    (id, world) => ({
      subjectId: id,
      subOrganizationIds: [world.web],
    }),
  ),
  "Mutation.registerBundleId (the root)": registerBundleId(theRoot),
  "Mutation.registerBundleId (Web)": registerBundleId(web),
  "Mutation.registerDevices (the root)": registerDevices(theRoot),
  "Mutation.registerDevices (Web)": registerDevices(web),
  "Mutation.updateDevice (the root)": updateDevice(theRoot),
  "Mutation.updateDevice (Web)": updateDevice(web),
  "Mutation.unshare": mutation("unshare", "deletedId", (subjectId) => ({ subjectId })),
  "Mutation.createCertificate (the root)": createCertificate(theRoot),
  "Mutation.createCertificate (Web)": createCertificate(web),
  "Mutation.createCertificate (made)": mutation("createCertificate", "certificate { id }", (credentialId, world) => ({
    ...{ credentialId, tenantId: world.acme.organizationId, type: "DEVELOPMENT" },
  })),
  "Mutation.renewCertificate": renewCertificate(false),
  "Mutation.renewCertificate (revokeFirst)": renewCertificate(true),
  "Mutation.revokeCertificate": mutation("revokeCertificate", "certificate { id }", (certificateId) => ({
    certificateId,
  })),
  "Mutation.createProvisioningProfile (the root)": createProvisioningProfile(theRoot),
  "Mutation.createProvisioningProfile (Web)": createProvisioningProfile(web),
  "Mutation.renewProvisioningProfile": mutation("renewProvisioningProfile", "provisioningProfile { id }", (id) => ({
    provisioningProfileId: id,
  })),
  "Mutation.prepareSigning (the root)": prepareSigning(theRoot),
  "Mutation.prepareSigning (Web)": prepareSigning(web),
  "Mutation.prepareSigning (any key)": mutation("prepareSigning", "plan { action }", (tenantId) => ({
    ...{ tenantId, dryRun: true, type: "IOS_APP_STORE", bundleIdentifiers: ["com.acme.app"] },
  })),
  "Mutation.createSigningRequest": mutation("createSigningRequest", "signingRequest { id }", (tenantId) => ({
    ...{ tenantId, commonName: "Acme", email: "ci@acme.example", country: "DE" },
  })),
  "Mutation.completeSigningRequest": mutation("completeSigningRequest", "certificate { id }", (signingRequestId) => ({
    ...{ signingRequestId, certificate: NO_FILE },
  })),
  "Mutation.uploadCertificate": mutation("uploadCertificate", "certificate { id }", (tenantId) => ({
    ...{ tenantId, pkcs12: NO_FILE },
  })),
  "Mutation.deleteCertificate": deleteCertificate(false),
  "Mutation.deleteCertificate (force)": deleteCertificate(true),
  "Mutation.downloadCertificate": mutation("downloadCertificate", "download { pkcs12 }", (certificateId) => ({
    certificateId,
  })),
  "Mutation.keepProvisioningProfiles (the root)": keepProvisioningProfiles(theRoot),
  "Mutation.keepProvisioningProfiles (Web)": keepProvisioningProfiles(web),
  "Mutation.uploadProvisioningProfiles": mutation(
    "uploadProvisioningProfiles",
    "provisioningProfiles { id }",
    (tenantId) => ({ tenantId, profiles: [NO_FILE] }),
  ),
  "Mutation.deleteProvisioningProfiles": deleteProvisioningProfiles(false),
  "Mutation.deleteProvisioningProfiles (force)": deleteProvisioningProfiles(true),
  "Mutation.downloadProvisioningProfile": mutation("downloadProvisioningProfile", "download { content }", (id) => ({
    provisioningProfileId: id,
  })),
};
