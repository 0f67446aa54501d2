import { AccessToken } from "./access-token.js";
import { AppleBudget, AppleCall } from "./apple/budget.js";
import { AppleBundleId } from "./apple/bundle-id.js";
import { AppleCertificate } from "./apple/certificate.js";
import { AppleDevice } from "./apple/device.js";
import { DriftEvent } from "./apple/drift-event.js";
import { AppleProfileCertificate, AppleProfileDevice, AppleProvisioningProfile } from "./apple/provisioning-profile.js";
import { AppleSnapshot } from "./apple/snapshot.js";
import { Credential } from "./credential.js";
import { CredentialUse } from "./credential-use.js";
import { DataKey } from "./data-key.js";
import { Member } from "./member.js";
import { Organization } from "./organization.js";
import { Share, ShareTarget } from "./share.js";
import { SubOrganization } from "./sub-organization.js";
import { Tenant } from "./tenant.js";

/** Everything that has a table. */
export const entities = [
  Tenant,
  Organization,
  SubOrganization,
  Member,
  AccessToken,
  DataKey,
  Credential,
  CredentialUse,
  Share,
  ShareTarget,
  AppleSnapshot,
  AppleCertificate,
  AppleBundleId,
  AppleDevice,
  AppleProvisioningProfile,
  AppleProfileCertificate,
  AppleProfileDevice,
  AppleBudget,
  AppleCall,
  DriftEvent,
] as const;
