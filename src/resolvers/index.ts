import { AccessExplanationResolver } from "./access-explanation.js";
import { AccessTokenResolver, TenantAccessTokensResolver } from "./access-token.js";
import { AppStoreConnectResolver } from "./apple/app-store-connect.js";
import { AppleBundleIdResolver } from "./apple/bundle-id.js";
import { AppleCertificateResolver } from "./apple/certificate.js";
import { AppleDeviceResolver } from "./apple/device.js";
import { CredentialDriftEventsResolver } from "./apple/drift-event.js";
import { AppleProvisioningProfileResolver } from "./apple/provisioning-profile.js";
import { AuditEventResolver, TenantAuditEventsResolver } from "./audit-event.js";
import { CredentialResolver, TenantCredentialsResolver } from "./credential.js";
import { MemberResolver, TenantMembersResolver } from "./member.js";
import { NodeResolver } from "./node.js";
import { OrganizationSharesResolver, ShareResolver } from "./share.js";
import { CertificateKeepingResolver } from "./signing/certificate-keeping.js";
import { CertificateResolver, TenantCertificatesResolver } from "./signing/certificate.js";
import { CredentialImpactResolver, ImpactResolver } from "./signing/credential-impact.js";
import { OrganizationExpiringResolver } from "./signing/expiring.js";
import { DownloadResolver } from "./signing/download.js";
import { ProfileKeepingResolver } from "./signing/profile-keeping.js";
import { ProvisioningProfileResolver, TenantProvisioningProfilesResolver } from "./signing/provisioning-profile.js";
import { SigningRequestResolver, TenantSigningRequestsResolver } from "./signing/signing-request.js";
import { OrganizationResolver, SubOrganizationResolver, TenantResolver } from "./tenant.js";
import { CertificateMakingResolver } from "./signing/certificate-making.js";
import { ProfileMakingResolver } from "./signing/profile-making.js";
import { RenewalPreviewResolver } from "./signing/renewal-preview.js";
import { SigningKitResolver } from "./signing/signing-kit.js";
import { ViewerResolver } from "./viewer.js";

/** Everything that is asked and answered. */
export const resolvers = [
  ViewerResolver,
  NodeResolver,
  TenantResolver,
  TenantMembersResolver,
  TenantAccessTokensResolver,
  TenantCredentialsResolver,
  TenantCertificatesResolver,
  TenantProvisioningProfilesResolver,
  TenantSigningRequestsResolver,
  OrganizationResolver,
  OrganizationSharesResolver,
  OrganizationExpiringResolver,
  SubOrganizationResolver,
  MemberResolver,
  AccessTokenResolver,
  CredentialResolver,
  CredentialDriftEventsResolver,
  CredentialImpactResolver,
  ImpactResolver,
  AppStoreConnectResolver,
  AppleCertificateResolver,
  AppleProvisioningProfileResolver,
  AppleBundleIdResolver,
  AppleDeviceResolver,
  CertificateResolver,
  ProvisioningProfileResolver,
  SigningRequestResolver,
  CertificateMakingResolver,
  RenewalPreviewResolver,
  ProfileMakingResolver,
  SigningKitResolver,
  CertificateKeepingResolver,
  ProfileKeepingResolver,
  DownloadResolver,
  TenantAuditEventsResolver,
  AuditEventResolver,
  ShareResolver,
  AccessExplanationResolver,
] as const;
