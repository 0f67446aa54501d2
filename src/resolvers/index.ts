import { AccessExplanationResolver } from "./access-explanation.js";
import { AccessTokenResolver, TenantAccessTokensResolver } from "./access-token.js";
import { AppStoreConnectResolver } from "./app-store-connect.js";
import { CredentialResolver, TenantCredentialsResolver } from "./credential.js";
import { MemberResolver, TenantMembersResolver } from "./member.js";
import { NodeResolver } from "./node.js";
import { OrganizationSharesResolver, ShareResolver } from "./share.js";
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
  OrganizationResolver,
  OrganizationSharesResolver,
  SubOrganizationResolver,
  MemberResolver,
  AccessTokenResolver,
  CredentialResolver,
  AppStoreConnectResolver,
  ShareResolver,
  AccessExplanationResolver,
] as const;
