import { AccessToken } from "./access-token.js";
import { AppleBudget, AppleCall } from "./apple/budget.js";
import { AppleBundleId } from "./apple/bundle-id.js";
import { AppleCertificate } from "./apple/certificate.js";
import { AppleDevice } from "./apple/device.js";
import { DriftEvent } from "./apple/drift-event.js";
import { AppleProfileCertificate, AppleProfileDevice, AppleProvisioningProfile } from "./apple/provisioning-profile.js";
import { AppleSnapshot } from "./apple/snapshot.js";
import { AuditEvent } from "./audit-event.js";
import { Credential } from "./credential.js";
import { CredentialUse } from "./credential-use.js";
import { DataKey } from "./data-key.js";
import { IdempotentRequest } from "./idempotent-request.js";
import { Member } from "./member.js";
import { Organization } from "./organization.js";
import { Share, ShareTarget } from "./share.js";
import { Certificate } from "./signing/certificate.js";
import { ProvisioningProfile } from "./signing/provisioning-profile.js";
import { SigningIntent } from "./signing/signing-intent.js";
import { SigningRequest } from "./signing/signing-request.js";
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
  Certificate,
  ProvisioningProfile,
  SigningRequest,
  SigningIntent,
  IdempotentRequest,
  AuditEvent,
] as const;
