import type { Permission } from "../entities/access-token.js";
import type { Role } from "../entities/member.js";

const VIEW = ["CREDENTIALS_VIEW", "SIGNING_VIEW", "PUBLISH_VIEW"] as const satisfies Permission[];
const OPERATE = [...VIEW, "SIGNING_MANAGE", "SIGNING_DOWNLOAD", "PUBLISH_MANAGE"] as const satisfies Permission[];
const MANAGE = [
  "TENANT_MANAGE",
  "MEMBERS_MANAGE",
  "TOKENS_MANAGE",
  "CREDENTIALS_MANAGE",
  "CREDENTIALS_SHARE",
  "SIGNING_REVOKE",
  "AUDIT_VIEW",
  ...OPERATE,
] as const satisfies Permission[];

/** What each role may do: the one table of access. An owner alone may also make owners, which is no permission. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  OWNER: MANAGE,
  MANAGER: MANAGE,
  OPERATOR: OPERATE,
  VIEWER: VIEW,
};

/** Every permission there is: what the token made with the organization may do. */
export const ALL_PERMISSIONS: readonly Permission[] = MANAGE;

/** Permissions that mean something at the root alone, since only the root shares. */
export const ROOT_ONLY_PERMISSIONS: ReadonlySet<Permission> = new Set<Permission>(["CREDENTIALS_SHARE"]);
