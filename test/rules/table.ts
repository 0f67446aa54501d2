import type { Permission } from "../support/operations.js";

/** What an actor meets: allowed, or the code of what it meets instead. */
type Outcome = "ALLOWED" | "REFUSED" | "FORBIDDEN" | "NOT_FOUND" | "SHARED_FROM_ROOT" | "UNAUTHENTICATED";

/** A line of the table: who may do something to one target. */
export interface Line {
  /** Such as `Mutation.addMember`; in brackets behind it what else the line is about. */
  readonly field: string;
  /** The name of a target in `world.ts`. */
  readonly on: string;
  /** Actor to outcome. */
  readonly expected: Readonly<Record<string, Outcome>>;
}

/** Roles in the order of the table's letters. */
export const ROLES = ["OWNER", "MANAGER", "OPERATOR", "VIEWER"] as const;

/** Those who are nobody to the server, whatever they ask for. */
export const NOBODIES = [
  "nobody",
  "a revoked token",
  "an expired token",
  "a malformed token",
  "an unknown token",
  "a forged identity token",
] as const;

const LETTERS: Readonly<Record<string, Outcome>> = {
  "+": "ALLOWED",
  r: "REFUSED", // The rules allow it, and the service refuses it in userErrors.
  F: "FORBIDDEN",
  N: "NOT_FOUND",
  S: "SHARED_FROM_ROOT",
};

// Four letters are OWNER, MANAGER, OPERATOR and VIEWER: users of the root, tokens of the root with the permissions
// of the role, the same of the sub-organization Web, users of its sibling iOS. Then the owner of another root
// organization and a user of nothing, and last the owner token.
const TABLE = `
  Query.viewer                            themselves                    ++++  ++++  ++++  ++++  ++++  ++  +

  Query.node                              themselves                    ++++  ++++  ++++  ++++  ++++  ++  +
  Query.node                              another user                  NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Query.node                              the root                      ++++  ++++  ++++  ++++  ++++  NN  +
  Query.node                              Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              a member of the root          ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Query.node                              a member of Web               ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Query.node                              a token of the root           ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Query.node                              a token of Web                ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Query.node                              the root's key for Web        ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.node                              Web's own key                 ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the share with Web            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.node                              a change seen by the root's key for Web  ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              a change seen by the root's own key      ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.node                              a change seen by Web's own key           ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the root's certificate for Web  ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the root's own certificate    ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.node                              Web's own certificate         ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the root's profile for Web    ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the root's own profile        ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.node                              Web's own profile             ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              the root's signing request    ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.node                              Web's signing request         ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.node                              an entry of the root's log    ++NN  ++NN  NNNN  NNNN  NNNN  NN  +
  Query.node                              an entry of Web's log         ++NN  ++NN  ++NN  ++NN  NNNN  NN  +
  Query.node                              nothing                       NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Query.nodes                             themselves                    ++++  ++++  ++++  ++++  ++++  ++  +
  Query.nodes                             a member of Web               ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Query.nodes                             the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +

  Query.organization                      the root                      ++++  ++++  ++++  ++++  ++++  NN  +
  Query.organization                      Web                           NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Query.subOrganization                   Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.subOrganization                   the root                      NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Query.credential                        the root's key for Web        ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.credential                        the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.credential                        Web's own key                 ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.certificate                       the root's certificate for Web  ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.certificate                       the root's own certificate    ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.certificate                       Web's own certificate         ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.certificate                       the root's own profile        NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Query.provisioningProfile               the root's profile for Web    ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.provisioningProfile               the root's own profile        ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.provisioningProfile               Web's own profile             ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.share                             the share with Web            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.share                             the share of a certificate with Web  ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.explainAccess (Web)               the root's key for Web        ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.explainAccess (Web)               the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.explainAccess (the root)          the root's key for Web        ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Query.explainAccess (iOS)               the root's key for Web        ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.explainAccess (Web)               the root's certificate for Web  ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.explainAccess (Web)               the root's own certificate    ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.explainAccess (Web)               the root's profile for Web    ++++  ++++  ++++  ++++  NNNN  NN  +
  Query.explainAccess (Web)               the root's own profile        ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Query.explainAccess (the root)          the root's certificate for Web  ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Query.explainAccess (the root)          the root's profile for Web    ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Query.explainAccess (Web)               the root                      NNNN  NNNN  NNNN  NNNN  NNNN  NN  N

  Tenant.members                          the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Tenant.members                          Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Tenant.accessTokens                     the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Tenant.accessTokens                     Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Tenant.auditEvents                      the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Tenant.auditEvents                      Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Tenant.credentials                      the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Tenant.credentials                      Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Tenant.certificates                     the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Tenant.certificates                     Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Tenant.provisioningProfiles             the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Tenant.provisioningProfiles             Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Tenant.signingRequests                  the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Tenant.signingRequests                  Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Organization.subOrganizations           the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Organization.shares                     the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Organization.expiring                   the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  Credential.appStoreConnect              the root's key for Web        ++++  ++++  ++++  ++++  NNNN  NN  +
  Credential.appStoreConnect              the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Credential.appStoreConnect              Web's own key                 ++++  ++++  ++++  ++++  NNNN  NN  +
  Credential.driftEvents                  the root's key for Web        ++++  ++++  ++++  ++++  NNNN  NN  +
  Credential.driftEvents                  the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Credential.driftEvents                  Web's own key                 ++++  ++++  ++++  ++++  NNNN  NN  +
  Credential.impact                       the root's key for Web        ++++  ++++  ++++  ++++  NNNN  NN  +
  Credential.impact                       the root's own key            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Credential.impact                       Web's own key                 ++++  ++++  ++++  ++++  NNNN  NN  +
  Certificate.provisioningProfiles        the root's certificate for Web  ++++  ++++  ++++  ++++  NNNN  NN  +
  Certificate.provisioningProfiles        the root's own certificate    ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Certificate.provisioningProfiles        Web's own certificate         ++++  ++++  ++++  ++++  NNNN  NN  +
  AppleCertificate.keptAs                 the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  AppleCertificate.keptAs                 Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  AppleProvisioningProfile.keptAs         the root                      ++++  ++++  FFFF  FFFF  FFFF  NN  +
  AppleProvisioningProfile.keptAs         Web                           ++++  ++++  ++++  ++++  NNNN  NN  +
  Share.subject                           the share with Web            ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Share.subject                           the share of a certificate with Web  ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Share.subject                           the share of a profile with Web  ++++  ++++  NNNN  NNNN  NNNN  NN  +
  Share.subOrganizations                  the share with Web            ++++  ++++  NNNN  NNNN  NNNN  NN  +

  Mutation.updateOrganization             the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.updateOrganization             Web                           NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Mutation.createSubOrganization          the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.createSubOrganization          Web                           NNNN  NNNN  NNNN  NNNN  NNNN  NN  N
  Mutation.updateSubOrganization          Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.deleteSubOrganization          a new sub-organization        ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.deleteSubOrganization          Web                           rrFF  rrFF  FFFF  FFFF  NNNN  NN  r
  Mutation.deleteSubOrganization          the root                      NNNN  NNNN  NNNN  NNNN  NNNN  NN  N

  Mutation.addMember (VIEWER)             the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.addMember (OWNER)              the root                      +FFF  FFFF  FFFF  FFFF  FFFF  NN  +
  Mutation.addMember (VIEWER)             Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.addMember (OWNER)              Web                           +FFF  FFFF  +FFF  FFFF  NNNN  NN  +
  Mutation.updateMember (OPERATOR)        a new viewer of the root      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.updateMember (OWNER)           a new viewer of the root      +FFF  FFFF  FFFF  FFFF  FFFF  NN  +
  Mutation.updateMember (OPERATOR)        a new owner of the root       +FFF  FFFF  FFFF  FFFF  FFFF  NN  +
  Mutation.updateMember (OPERATOR)        a new viewer of Web           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.updateMember (OWNER)           a new viewer of Web           +FFF  FFFF  +FFF  FFFF  NNNN  NN  +
  Mutation.updateMember (OPERATOR)        a new owner of Web            +FFF  FFFF  +FFF  FFFF  NNNN  NN  +
  Mutation.removeMember                   a new viewer of the root      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.removeMember                   a new owner of the root       +FFF  FFFF  FFFF  FFFF  FFFF  NN  +
  Mutation.removeMember                   a new viewer of Web           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.removeMember                   a new owner of Web            +FFF  FFFF  +FFF  FFFF  NNNN  NN  +

  Mutation.createAccessToken (view)       the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.createAccessToken (view)       Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.createAccessToken (share)      the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.createAccessToken (share)      Web                           FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.revokeAccessToken              a new token of the root       ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.revokeAccessToken              a new owner token             +FFF  FFFF  NNNN  NNNN  NNNN  NN  +
  Mutation.revokeAccessToken              a new token of Web            ++FF  ++FF  ++FF  ++FF  NNNN  NN  +

  Mutation.createCredential               the root                      ++FF  ++FF  FFFF  FFFF  FFFF  NN  +
  Mutation.createCredential               Web                           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.updateCredential               the root's key for Web        ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.updateCredential               the root's own key            ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.updateCredential               Web's own key                 ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.rotateCredential               a new root's key for Web      ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.rotateCredential               a new root's own key          ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.rotateCredential               a new Web's own key           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.verifyCredential               the root's key for Web        ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.verifyCredential               the root's own key            ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.verifyCredential               Web's own key                 ++FF  ++FF  ++FF  ++FF  NNNN  NN  +
  Mutation.deleteCredential               the root's key for Web        rrFF  rrFF  SSSS  SSSS  NNNN  NN  r
  Mutation.deleteCredential (force)       a new root's key for Web      ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.deleteCredential               a new root's own key          ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.deleteCredential               a new Web's own key           ++FF  ++FF  ++FF  ++FF  NNNN  NN  +

  Mutation.share                          the root's key for Web        ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.share                          a new root's own key          ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.share                          Web's own key                 FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.unshare                        a new root's key for Web      ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.unshare                        the root's own key            rrFF  rrFF  NNNN  NNNN  NNNN  NN  r
  Mutation.unshare                        Web's own key                 FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.share                          the root's certificate for Web  ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.share                          a new root's own certificate  ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.share                          Web's own certificate         FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.unshare                        a new root's certificate for Web  ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.unshare                        the root's own certificate    rrFF  rrFF  NNNN  NNNN  NNNN  NN  r
  Mutation.unshare                        Web's own certificate         FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.share                          the root's profile for Web    ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.share                          a new root's own profile      ++FF  ++FF  NNNN  NNNN  NNNN  NN  +
  Mutation.share                          Web's own profile             FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.unshare                        a new root's profile for Web  ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.unshare                        the root's own profile        rrFF  rrFF  NNNN  NNNN  NNNN  NN  r
  Mutation.unshare                        Web's own profile             FFFF  FFFF  FFFF  FFFF  NNNN  NN  F
  Mutation.share (name)                   the root's certificate for Web  ++FF  ++FF  SSSS  SSSS  NNNN  NN  +
  Mutation.share (name)                   the root's profile for Web    rrFF  rrFF  SSSS  SSSS  NNNN  NN  r

  Mutation.registerBundleId (the root)    the root's own key            +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.registerBundleId (Web)         the root's key for Web        +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.registerBundleId (Web)         the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.registerBundleId (Web)         Web's own key                 +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.registerBundleId (the root)    Web's own key                 +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.registerDevices (the root)     the root's own key            +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.registerDevices (Web)          the root's key for Web        +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.registerDevices (Web)          the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.registerDevices (Web)          Web's own key                 +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.registerDevices (the root)     Web's own key                 +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.updateDevice (the root)        the root's own key            +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.updateDevice (Web)             the root's key for Web        +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.updateDevice (Web)             the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.updateDevice (Web)             Web's own key                 +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.updateDevice (the root)        Web's own key                 +++F  +++F  FFFF  FFFF  FFFF  NN  +

  Mutation.createCertificate (the root)   the root's own key            rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.createCertificate (the root)   Web's own key                 rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.createCertificate (Web)        the root's key for Web        rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.createCertificate (Web)        the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.createCertificate (Web)        Web's own key                 rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.createProvisioningProfile (the root)  the root's own key            rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.createProvisioningProfile (the root)  Web's own key                 rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.createProvisioningProfile (Web)  the root's key for Web        rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.createProvisioningProfile (Web)  the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.createProvisioningProfile (Web)  Web's own key                 rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.prepareSigning (the root)      the root's own key            +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.prepareSigning (the root)      Web's own key                 +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.prepareSigning (Web)           the root's key for Web        +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.prepareSigning (Web)           the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.prepareSigning (Web)           Web's own key                 +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.prepareSigning (any key)       the root                      +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.prepareSigning (any key)       Web                           +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.renewCertificate               the root's certificate for Web  rrrF  rrrF  SSSS  SSSS  NNNN  NN  r
  Mutation.renewCertificate               the root's own certificate    rrrF  rrrF  NNNN  NNNN  NNNN  NN  r
  Mutation.renewCertificate               Web's own certificate         rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.renewCertificate (revokeFirst)  the root's certificate for Web  rrFF  rrFF  SSSS  SSSS  NNNN  NN  r
  Mutation.renewCertificate (revokeFirst)  the root's own certificate    rrFF  rrFF  NNNN  NNNN  NNNN  NN  r
  Mutation.renewCertificate (revokeFirst)  Web's own certificate         rrFF  rrFF  rrFF  rrFF  NNNN  NN  r
  Mutation.revokeCertificate              the root's certificate for Web  rrFF  rrFF  SSSS  SSSS  NNNN  NN  r
  Mutation.revokeCertificate              the root's own certificate    rrFF  rrFF  NNNN  NNNN  NNNN  NN  r
  Mutation.revokeCertificate              Web's own certificate         rrFF  rrFF  rrFF  rrFF  NNNN  NN  r
  Mutation.renewProvisioningProfile       the root's profile for Web    rrrF  rrrF  SSSS  SSSS  NNNN  NN  r
  Mutation.renewProvisioningProfile       the root's own profile        rrrF  rrrF  NNNN  NNNN  NNNN  NN  r
  Mutation.renewProvisioningProfile       Web's own profile             rrrF  rrrF  rrrF  rrrF  NNNN  NN  r

  Mutation.createSigningRequest           the root                      +++F  +++F  FFFF  FFFF  FFFF  NN  +
  Mutation.createSigningRequest           Web                           +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.completeSigningRequest         the root's signing request    rrrF  rrrF  NNNN  NNNN  NNNN  NN  r
  Mutation.completeSigningRequest         Web's signing request         rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.uploadCertificate              the root                      rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.uploadCertificate              Web                           rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.deleteCertificate              the root's certificate for Web  rrrF  rrrF  SSSS  SSSS  NNNN  NN  r
  Mutation.deleteCertificate (force)      a new root's certificate for Web  +++F  +++F  SSSS  SSSS  NNNN  NN  +
  Mutation.deleteCertificate              a new root's own certificate  +++F  +++F  NNNN  NNNN  NNNN  NN  +
  Mutation.deleteCertificate              a new Web's own certificate   +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.downloadCertificate            the root's whole certificate for Web  +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.downloadCertificate            the root's own whole certificate  +++F  +++F  NNNN  NNNN  NNNN  NN  +
  Mutation.downloadCertificate            Web's own whole certificate   +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.keepProvisioningProfiles (the root)  the root's own key            rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.keepProvisioningProfiles (the root)  Web's own key                 rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.keepProvisioningProfiles (Web)  the root's key for Web        rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.keepProvisioningProfiles (Web)  the root's own key            FFFF  FFFF  NNNF  NNNF  NNNN  NN  F
  Mutation.keepProvisioningProfiles (Web)  Web's own key                 rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.uploadProvisioningProfiles     the root                      rrrF  rrrF  FFFF  FFFF  FFFF  NN  r
  Mutation.uploadProvisioningProfiles     Web                           rrrF  rrrF  rrrF  rrrF  NNNN  NN  r
  Mutation.deleteProvisioningProfiles     the root's profile for Web    rrrF  rrrF  SSSS  SSSS  NNNN  NN  r
  Mutation.deleteProvisioningProfiles (force)  a new root's profile for Web  +++F  +++F  SSSS  SSSS  NNNN  NN  +
  Mutation.deleteProvisioningProfiles     a new root's own profile      +++F  +++F  NNNN  NNNN  NNNN  NN  +
  Mutation.deleteProvisioningProfiles     a new Web's own profile       +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.downloadProvisioningProfile    the root's profile for Web    +++F  +++F  +++F  +++F  NNNN  NN  +
  Mutation.downloadProvisioningProfile    the root's own profile        +++F  +++F  NNNN  NNNN  NNNN  NN  +
  Mutation.downloadProvisioningProfile    Web's own profile             +++F  +++F  +++F  +++F  NNNN  NN  +
`;

/** The actors of a line, in the order of its letters. */
const ACTORS: readonly string[] = [
  ...["of the root", "token of the root", "of Web", "token of Web", "of iOS"].flatMap((where) =>
    ROLES.map((role) => `${role} ${where}`),
  ),
  "a stranger",
  "a user of nothing",
  "the owner token",
];

/** The table, read: to its letters it adds those who are nobody, to whom nothing is answered. */
export const TABLE_LINES: readonly Line[] = TABLE.split("\n")
  .map((line) => line.trim().split(/ {2,}/))
  .filter((columns) => columns.length > 1)
  .map(([field = "", on = "", ...columns]) => {
    const letters = Array.from(columns.join(""));
    if (letters.length !== ACTORS.length)
      throw new Error(`The line of ${field} on ${on} has ${letters.length} letters`);
    const outcomes = letters.map((letter, i): [string, Outcome] => {
      const outcome = LETTERS[letter];
      if (outcome === undefined) throw new Error(`The line of ${field} on ${on} has the letter ${letter}`);
      return [ACTORS[i] ?? "", outcome];
    });
    const nobodies = NOBODIES.map((name): [string, Outcome] => [name, "UNAUTHENTICATED"]);
    return { field, on, expected: Object.fromEntries([...outcomes, ...nobodies]) };
  });

/** What decides: with these permissions alone the field answers, and without any one of them it does not. */
export const TAKES: readonly (readonly [field: string, on: string, ...permissions: Permission[]])[] = [
  ["Query.node", "a member of Web", "MEMBERS_MANAGE"],
  ["Query.node", "a token of Web", "TOKENS_MANAGE"],
  ["Query.credential", "the root's own key", "CREDENTIALS_VIEW"],
  ["Query.certificate", "the root's own certificate", "SIGNING_VIEW"],
  ["Query.provisioningProfile", "the root's own profile", "SIGNING_VIEW"],
  ["Query.node", "the root's signing request", "SIGNING_VIEW"],
  ["Query.explainAccess (Web)", "the root's own key", "CREDENTIALS_VIEW"],
  ["Query.explainAccess (Web)", "the root's own certificate", "SIGNING_VIEW"],
  ["Query.explainAccess (Web)", "the root's own profile", "SIGNING_VIEW"],
  ["Query.share", "the share with Web", "CREDENTIALS_VIEW"],
  ["Share.subject", "the share of a certificate with Web", "CREDENTIALS_VIEW", "SIGNING_VIEW"],
  ["Share.subject", "the share of a profile with Web", "CREDENTIALS_VIEW", "SIGNING_VIEW"],
  ["Tenant.members", "Web", "MEMBERS_MANAGE"],
  ["Tenant.accessTokens", "Web", "TOKENS_MANAGE"],
  ["Tenant.auditEvents", "Web", "AUDIT_VIEW"],
  ["Tenant.credentials", "Web", "CREDENTIALS_VIEW"],
  ["Tenant.certificates", "Web", "SIGNING_VIEW"],
  ["Tenant.provisioningProfiles", "Web", "SIGNING_VIEW"],
  ["Tenant.signingRequests", "Web", "SIGNING_VIEW"],
  ["Certificate.provisioningProfiles", "the root's own certificate", "SIGNING_VIEW"],
  ["Organization.shares", "the root", "CREDENTIALS_VIEW"],
  ["Mutation.updateOrganization", "the root", "TENANT_MANAGE"],
  ["Mutation.createSubOrganization", "the root", "TENANT_MANAGE"],
  ["Mutation.updateSubOrganization", "Web", "TENANT_MANAGE"],
  ["Mutation.deleteSubOrganization", "a new sub-organization", "TENANT_MANAGE"],
  // Whoever gives a role has what it stands for.
  ["Mutation.addMember (VIEWER)", "Web", "MEMBERS_MANAGE", "CREDENTIALS_VIEW", "SIGNING_VIEW", "PUBLISH_VIEW"],
  [
    "Mutation.updateMember (VIEWER)",
    "a new viewer of Web",
    "MEMBERS_MANAGE",
    "CREDENTIALS_VIEW",
    "SIGNING_VIEW",
    "PUBLISH_VIEW",
  ],
  ["Mutation.removeMember", "a new viewer of Web", "MEMBERS_MANAGE"],
  ["Mutation.createAccessToken (tokens)", "Web", "TOKENS_MANAGE"],
  ["Mutation.revokeAccessToken", "a new token of Web", "TOKENS_MANAGE"],
  ["Mutation.createCredential", "the root", "CREDENTIALS_MANAGE"],
  ["Mutation.updateCredential", "the root's own key", "CREDENTIALS_MANAGE"],
  ["Mutation.rotateCredential", "a new root's own key", "CREDENTIALS_MANAGE"],
  ["Mutation.verifyCredential", "the root's own key", "CREDENTIALS_MANAGE"],
  ["Mutation.deleteCredential", "a new root's own key", "CREDENTIALS_MANAGE"],
  ["Mutation.share", "the root's key for Web", "CREDENTIALS_SHARE"],
  ["Mutation.share (name)", "the root's key for Web", "CREDENTIALS_SHARE", "CREDENTIALS_MANAGE"],
  ["Mutation.share (and see it)", "the root's key for Web", "CREDENTIALS_SHARE", "CREDENTIALS_VIEW"],
  [
    "Mutation.share (and see of what)",
    "the root's certificate for Web",
    "CREDENTIALS_SHARE",
    "CREDENTIALS_VIEW",
    "SIGNING_VIEW",
  ],
  ["Mutation.share (and see with whom)", "the root's key for Web", "CREDENTIALS_SHARE", "CREDENTIALS_VIEW"],
  ["Mutation.unshare", "a new root's key for Web", "CREDENTIALS_SHARE"],
  ["Mutation.share", "the root's certificate for Web", "CREDENTIALS_SHARE"],
  ["Mutation.share", "the root's profile for Web", "CREDENTIALS_SHARE"],
  ["Mutation.share (name)", "the root's certificate for Web", "CREDENTIALS_SHARE", "SIGNING_MANAGE"],
  ["Credential.driftEvents", "the root's own key", "CREDENTIALS_VIEW", "SIGNING_VIEW"],
  ["Credential.impact", "the root's own key", "CREDENTIALS_VIEW", "SIGNING_VIEW"],
  ["AppleCertificate.keptAs", "the root", "CREDENTIALS_VIEW", "SIGNING_VIEW"],
  ["AppleProvisioningProfile.keptAs", "the root", "CREDENTIALS_VIEW", "SIGNING_VIEW"],
  ["Mutation.registerBundleId (the root)", "the root's own key", "SIGNING_MANAGE"],
  ["Mutation.registerDevices (the root)", "the root's own key", "SIGNING_MANAGE"],
  ["Mutation.updateDevice (the root)", "the root's own key", "SIGNING_MANAGE"],
  ["Mutation.createCertificate (made)", "the root's own key", "SIGNING_MANAGE"],
  ["Mutation.renewCertificate", "a new root's certificate at Apple", "SIGNING_MANAGE"],
  [
    ...(["Mutation.renewCertificate (revokeFirst)", "a new root's certificate at Apple"] as const),
    ...(["SIGNING_MANAGE", "SIGNING_REVOKE"] as const),
  ],
  ["Mutation.revokeCertificate", "a new root's certificate at Apple", "SIGNING_REVOKE"],
  ["Mutation.renewProvisioningProfile", "a new root's profile at Apple", "SIGNING_MANAGE"],
  ["Mutation.prepareSigning (the root)", "the root's own key", "SIGNING_MANAGE", "SIGNING_DOWNLOAD"],
  ["Mutation.createSigningRequest", "Web", "SIGNING_MANAGE"],
  ["Mutation.deleteCertificate", "a new root's own certificate", "SIGNING_MANAGE"],
  ["Mutation.downloadCertificate", "the root's own whole certificate", "SIGNING_DOWNLOAD"],
  ["Mutation.deleteProvisioningProfiles", "a new root's own profile", "SIGNING_MANAGE"],
  ["Mutation.downloadProvisioningProfile", "the root's own profile", "SIGNING_DOWNLOAD"],
];
