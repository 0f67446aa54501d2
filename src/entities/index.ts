import { AccessToken } from "./access-token.js";
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
] as const;
