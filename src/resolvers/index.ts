import { AccessExplanationResolver } from "./access-explanation.js";
import { AccessTokenResolver, TenantAccessTokensResolver } from "./access-token.js";
import { AppStoreConnectResolver } from "./apple/app-store-connect.js";
import { AppleBundleIdResolver } from "./apple/bundle-id.js";
import { AppleCertificateResolver } from "./apple/certificate.js";
import { AppleDeviceResolver } from "./apple/device.js";
import { CredentialDriftEventsResolver } from "./apple/drift-event.js";
import { AppleProvisioningProfileResolver } from "./apple/provisioning-profile.js";
import { CredentialResolver, TenantCredentialsResolver } from "./credential.js";
import { MemberResolver, TenantMembersResolver } from "./member.js";
import { NodeResolver } from "./node.js";
import { OrganizationSharesResolver, ShareResolver } from "./share.js";
import { CertificateKeepingResolver } from "./signing/certificate-keeping.js";
import { CertificateResolver, TenantCertificatesResolver } from "./signing/certificate.js";
import { DownloadResolver } from "./signing/download.js";
import { ProfileKeepingResolver } from "./signing/profile-keeping.js";
import { ProvisioningProfileResolver, TenantProvisioningProfilesResolver } from "./signing/provisioning-profile.js";
import { SigningRequestResolver, TenantSigningRequestsResolver } from "./signing/signing-request.js";
import { OrganizationResolver, SubOrganizationResolver, TenantResolver } from "./tenant.js";
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
  SubOrganizationResolver,
  MemberResolver,
  AccessTokenResolver,
  CredentialResolver,
  CredentialDriftEventsResolver,
  AppStoreConnectResolver,
  AppleCertificateResolver,
  AppleProvisioningProfileResolver,
  AppleBundleIdResolver,
  AppleDeviceResolver,
  CertificateResolver,
  ProvisioningProfileResolver,
  SigningRequestResolver,
  CertificateKeepingResolver,
  ProfileKeepingResolver,
  DownloadResolver,
  ShareResolver,
  AccessExplanationResolver,
] as const;
