import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { AccessToken } from "../entities/access-token.js";
import { oneByKey, pagesByKey } from "./batch.js";

/** A token as loaded: never with its hash. */
export type AccessTokenRow = Omit<AccessToken, "tokenHash">;

const COLUMNS = `k.id, k.root_id AS "rootId", k.tenant_id AS "tenantId", k.name, k.preview, k.permissions,
  k.is_owner AS "isOwner", k.expires_at AS "expiresAt", k.last_used_at AS "lastUsedAt", k.created_at AS "createdAt"`;
const VISIBLE = `k.root_id = ANY ($1) AND (k.root_id = ANY ($2) OR k.tenant_id = ANY ($2))`;

const BY_ID = {
  name: "access_token_by_id",
  text: `SELECT ${COLUMNS} FROM access_tokens k WHERE ${VISIBLE} AND k.id = ANY ($3)`,
};

const BY_TENANT = {
  name: "access_tokens_by_tenant",
  text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM access_tokens k
    WHERE ${VISIBLE} AND k.root_id = t.root_id AND k.tenant_id = t.id AND k.id > $4
    ORDER BY k.id LIMIT $5) listed
    WHERE t.root_id = ANY ($1) AND t.id = ANY ($3)`,
};

/** Loaders of access tokens. */
export function accessTokenLoaders(reads: ReadSession, { scope }: Viewer) {
  return {
    accessToken: oneByKey<AccessTokenRow>(
      (ids) => reads.rows(BY_ID, [scope.roots, scope.tenants, ids]),
      (row) => row.id,
    ),
    accessTokensByTenant: pagesByKey<AccessTokenRow, null>((ids, { after, limit }) =>
      reads.list(BY_TENANT, [scope.roots, scope.tenants, ids, after, limit]),
    ),
  };
}
