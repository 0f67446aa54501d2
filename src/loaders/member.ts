import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { Member } from "../entities/member.js";
import { oneByKey, pagesByKey } from "./batch.js";

/** A member as loaded. `inheritedFromId` is the root organization where it is listed below the root, else null. */
export type MemberRow = Member & { readonly inheritedFromId: string | null };

const COLUMNS = `m.id, m.root_id AS "rootId", m.tenant_id AS "tenantId", m.email, m.roles, m.created_at AS "createdAt"`;
const VISIBLE = `m.root_id = ANY ($1) AND (m.root_id = ANY ($2) OR m.tenant_id = ANY ($2) OR m.tenant_id = m.root_id)`;

const BY_ID = {
  name: "member_by_id",
  text: `SELECT ${COLUMNS}, NULL AS "inheritedFromId" FROM members m WHERE ${VISIBLE} AND m.id = ANY ($3)`,
};

const BY_TENANT = {
  name: "members_by_tenant",
  text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
    SELECT ${COLUMNS}, CASE WHEN m.tenant_id <> t.id THEN m.tenant_id END AS "inheritedFromId" FROM members m
    WHERE ${VISIBLE} AND m.root_id = t.root_id AND m.tenant_id IN (t.id, t.root_id) AND m.id > $4
    ORDER BY m.id LIMIT $5) listed
    WHERE t.root_id = ANY ($1) AND t.id = ANY ($3)`,
};

/** Loaders of members; a sub-organization's list holds the root's too, as inherited. */
export function memberLoaders(reads: ReadSession, { scope }: Viewer) {
  return {
    member: oneByKey<MemberRow>(
      (ids) => reads.rows(BY_ID, [scope.roots, scope.tenants, ids]),
      (row) => row.id,
    ),
    membersByTenant: pagesByKey<MemberRow, null>((ids, { after, limit }) =>
      reads.list(BY_TENANT, [scope.roots, scope.tenants, ids, after, limit]),
    ),
  };
}
