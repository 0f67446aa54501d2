import { givesNoMoreThanItHas, managesThisToken } from "./access-token.js";
import { knowsCertificate, ownsCertificate, revokesOnlyWhereItMay } from "./certificate.js";
import { knowsAnyCredential, knowsCredential, ownsCredential, usesCredential } from "./credential.js";
import { comesAlong, type RuleTree } from "./guard.js";
import { givesNoMoreRolesThanItHolds, leavesOwnersToOwners, managesThisMember } from "./member.js";
import { seesBothSides, seesNamed } from "./node.js";
import { knowsProfile, ownsProfile, ownsProfiles } from "./provisioning-profile.js";
import { and } from "./shield.js";
import { ownsSubject, seesItsSubject, seesShare } from "./share.js";
import { ownsSigningRequest } from "./signing-request.js";
import {
  entersHere,
  isSignedIn,
  managesItsOrganization,
  may,
  mayAnyHere,
  mayHere,
  mayThere,
  namesOrganization,
} from "./tenant.js";

/** Who may do what: a line a field. What leads somewhere and has no line here keeps the server from starting. */
export const rules: RuleTree = {
  Query: {
    viewer: isSignedIn,
    node: seesNamed(),
    nodes: isSignedIn, // Each by itself, with `sees`: one that is denied leaves the others.
    organization: seesNamed("organization"),
    subOrganization: seesNamed("subOrganization"),
    credential: seesNamed("credential"),
    certificate: seesNamed("certificate"),
    provisioningProfile: seesNamed("provisioningProfile"),
    share: seesNamed("share"),
    explainAccess: seesBothSides,
  },
  Mutation: {
    updateOrganization: and(namesOrganization, may("TENANT_MANAGE", "organizationId")),
    createSubOrganization: and(namesOrganization, may("TENANT_MANAGE", "organizationId")),
    updateSubOrganization: may("TENANT_MANAGE", "subOrganizationId"),
    deleteSubOrganization: managesItsOrganization,
    addMember: and(may("MEMBERS_MANAGE", "tenantId"), leavesOwnersToOwners, givesNoMoreRolesThanItHolds),
    updateMember: and(managesThisMember, leavesOwnersToOwners, givesNoMoreRolesThanItHolds),
    removeMember: and(managesThisMember, leavesOwnersToOwners),
    createAccessToken: and(may("TOKENS_MANAGE", "tenantId"), givesNoMoreThanItHas),
    revokeAccessToken: managesThisToken,
    createCredential: may("CREDENTIALS_MANAGE", "tenantId"),
    updateCredential: ownsCredential("CREDENTIALS_MANAGE"),
    rotateCredential: ownsCredential("CREDENTIALS_MANAGE"),
    verifyCredential: ownsCredential("CREDENTIALS_MANAGE"),
    deleteCredential: ownsCredential("CREDENTIALS_MANAGE"),
    share: ownsSubject,
    unshare: ownsSubject,
    registerBundleId: and(may("SIGNING_MANAGE", "tenantId"), knowsCredential),
    registerDevices: and(may("SIGNING_MANAGE", "tenantId"), knowsCredential),
    updateDevice: and(may("SIGNING_MANAGE", "tenantId"), knowsCredential),
    createCertificate: and(may("SIGNING_MANAGE", "tenantId"), knowsCredential),
    renewCertificate: and(ownsCertificate("SIGNING_MANAGE"), revokesOnlyWhereItMay),
    revokeCertificate: ownsCertificate("SIGNING_REVOKE"),
    createProvisioningProfile: and(may("SIGNING_MANAGE", "tenantId"), knowsCredential),
    renewProvisioningProfile: ownsProfile("SIGNING_MANAGE"),
    prepareSigning: and(may("SIGNING_MANAGE", "tenantId"), may("SIGNING_DOWNLOAD", "tenantId"), knowsAnyCredential),
    createSigningRequest: may("SIGNING_MANAGE", "tenantId"),
    completeSigningRequest: ownsSigningRequest("SIGNING_MANAGE"),
    uploadCertificate: may("SIGNING_MANAGE", "tenantId"),
    deleteCertificate: ownsCertificate("SIGNING_MANAGE"),
    downloadCertificate: knowsCertificate,
    keepProvisioningProfiles: and(may("SIGNING_MANAGE", "tenantId"), knowsCredential),
    uploadProvisioningProfiles: may("SIGNING_MANAGE", "tenantId"),
    deleteProvisioningProfiles: ownsProfiles("SIGNING_MANAGE"),
    downloadProvisioningProfile: knowsProfile,
  },
  Tenant: {
    members: mayHere("MEMBERS_MANAGE"),
    accessTokens: mayHere("TOKENS_MANAGE"),
    credentials: mayHere("CREDENTIALS_VIEW"),
    certificates: mayHere("SIGNING_VIEW"),
    provisioningProfiles: mayHere("SIGNING_VIEW"),
    signingRequests: mayHere("SIGNING_VIEW"),
    auditEvents: mayHere("AUDIT_VIEW"),
  },
  Organization: {
    subOrganizations: entersHere,
    shares: mayHere("CREDENTIALS_VIEW"),
    expiring: and(entersHere, mayAnyHere("SIGNING_VIEW", "TOKENS_MANAGE")), // What is not for the viewer is left out.
  },
  SubOrganization: {
    organization: comesAlong,
  },
  Member: {
    inheritedFrom: comesAlong,
  },
  Credential: {
    owner: comesAlong,
    share: comesAlong, // Null for whoever may not see that.
    appStoreConnect: usesCredential,
    driftEvents: usesCredential,
    impact: usesCredential, // As far as the viewer sees it.
  },
  AppleCertificate: {
    keptAs: mayThere("SIGNING_VIEW"),
  },
  AppleProvisioningProfile: {
    keptAs: mayThere("SIGNING_VIEW"),
  },
  Certificate: {
    owner: comesAlong,
    share: comesAlong, // Null for whoever may not see that.
    credential: comesAlong, // Likewise.
    provisioningProfiles: comesAlong, // Those that the viewer sees.
  },
  ProvisioningProfile: {
    owner: comesAlong,
    share: comesAlong, // Null for whoever may not see that.
    credential: comesAlong, // Likewise.
    certificates: comesAlong, // Those that the viewer sees.
  },
  SigningRequest: {
    certificate: comesAlong, // Null for whoever does not see it.
  },
  AuditEvent: {
    tenant: comesAlong,
  },
  Share: {
    subject: and(seesShare, seesItsSubject),
    subOrganizations: seesShare,
  },
};
