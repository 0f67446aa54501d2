import { live } from "../database/readable-by.js";
import type { ReadSession } from "../database/tenancy.js";
import type { Tenant } from "../entities/tenant.js";
import type { Viewer } from "../auth/viewer.js";
import type { Assumptions } from "./assumption.js";
import { manyByKey, oneById, pagesByKey } from "./batch.js";

/** A tenant as loaded: without what only writes need. */
export type TenantRow = Pick<Tenant, "id" | "rootId" | "name" | "createdAt">;

const COLUMNS = `t.id, t.root_id AS "rootId", t.name, t.created_at AS "createdAt"`;

/** The tenants that the viewer stands in, and the organizations they belong to. */
const VISIBLE = `t.root_id = ANY ($1) AND (t.id = t.root_id OR t.root_id = ANY ($2) OR t.id = ANY ($2))`;

const BY_ID = { name: "tenant_by_id", text: `SELECT ${COLUMNS} FROM tenants t WHERE ${VISIBLE} AND t.id = ANY ($3)` };

const SUB_ORGANIZATIONS = {
  name: "sub_organizations_by_organization",
  text: `SELECT s.*, r.id AS "listKey" FROM unnest($3::text[]) AS r (id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM tenants t
    WHERE ${VISIBLE} AND t.root_id = r.id AND t.id <> r.id AND t.id > $4 AND ($6 = '' OR strpos(t.name_key, $6) > 0)
    ORDER BY t.id LIMIT $5) s`,
};

const BY_SHARE = {
  name: "sub_organizations_by_share",
  text: `SELECT s.*, shared.id AS "listKey" FROM unnest($3::text[]) AS shared (id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM share_targets target
    JOIN tenants t ON t.root_id = target.root_id AND t.id = target.sub_organization_id
    WHERE target.root_id = ANY ($1) AND target.share_id = shared.id AND ${VISIBLE} AND t.id > $4
    ORDER BY t.id LIMIT $5) s`,
};

/** Those that a share of a key reaches now. */
const BY_CREDENTIAL = {
  name: "sub_organizations_of_credential",
  text: `SELECT ${COLUMNS}, s.credential_id AS "listKey" FROM shares s
    JOIN tenants t ON t.root_id = s.root_id AND t.id <> t.root_id AND (s.with_all OR EXISTS (
      SELECT 1 FROM share_targets target
      WHERE target.root_id = s.root_id AND target.share_id = s.id AND target.sub_organization_id = t.id))
    WHERE s.root_id = ANY ($1) AND s.credential_id = ANY ($3) AND ${live("s")} AND ${VISIBLE}
    ORDER BY t.id`,
};

const ENTERED = {
  name: "tenants_of_viewer",
  // "org_" sorts before "sub_": roots come first by their ids.
  text: `SELECT ${COLUMNS} FROM tenants t
    WHERE t.root_id = ANY ($1) AND (t.root_id = ANY ($2) OR t.id = ANY ($2)) AND t.id > $3 ORDER BY t.id LIMIT $4`,
};

/** Loaders of organizations and sub-organizations. */
export function tenantLoaders(reads: ReadSession, { scope }: Viewer, assumptions: Assumptions) {
  const tenant = oneById<TenantRow>((ids) => reads.byIds(BY_ID, ids, [scope.roots, scope.tenants, ids]), assumptions);
  /** Of those in a list nobody asks again by the id: the owner of a tenant's keys is known. */
  const known = <Row extends TenantRow>(rows: readonly Row[]): readonly Row[] => {
    for (const row of rows) tenant.prime(row.id, row);
    return rows;
  };
  return {
    tenant,
    subOrganizationsByOrganization: pagesByKey<TenantRow, { search: string }>(async (ids, { after, limit, filter }) =>
      known(await reads.list(SUB_ORGANIZATIONS, [scope.roots, scope.tenants, ids, after, limit, filter.search])),
    ),
    subOrganizationsByShare: pagesByKey<TenantRow, null>(async (ids, { after, limit }) =>
      known(await reads.list(BY_SHARE, [scope.roots, scope.tenants, ids, after, limit])),
    ),
    subOrganizationsOfCredential: manyByKey<TenantRow>((ids) =>
      reads.list(BY_CREDENTIAL, [scope.roots, scope.tenants, ids]),
    ),
    /** A page of the tenants that the viewer may enter, roots first. */
    tenantsOfViewer: (after: string, limit: number): Promise<readonly TenantRow[]> =>
      reads.list(ENTERED, [scope.roots, scope.tenants, after, limit]),
  };
}
