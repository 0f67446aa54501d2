import type { Viewer } from "../../auth/viewer.js";
import type { ReadSession } from "../../database/tenancy.js";
import { pagesByKey } from "../batch.js";

/** Something that ends, and where. */
export interface ExpiringRow {
  readonly id: string;
  readonly tenantId: string;
  readonly expiresAt: Date;
  /** Where it stands in the list: microseconds since 1970, and the id. */
  readonly position: string;
}

/** Rows of a table in an organization `r` that end in `$6` days, behind the position `$4`, at most `$5`. */
const endingIn = (table: string, tenantColumn: string, tenants: string, also = "true"): string => `(
  SELECT e.id, e.${tenantColumn} AS tenant_id, e.expires_at FROM ${table} e
  WHERE e.root_id = r.id AND (e.root_id = ANY (${tenants}) OR e.${tenantColumn} = ANY (${tenants})) AND ${also}
    AND e.expires_at > now() AND e.expires_at <= now() + $6 * interval '1 day'
    AND ($4 = '' OR (e.expires_at, e.id) >
      (timestamptz 'epoch' + nullif(split_part($4, ' ', 1), '')::bigint * interval '1 microsecond', split_part($4, ' ', 2)))
  ORDER BY e.expires_at, e.id LIMIT $5)`;

/** `$1` are the viewer's roots; `$2` the tenants in which the viewer may see what signs, `$7` those whose tokens it may. */
const BY_ORGANIZATION = {
  name: "expiring_by_organization",
  text: `SELECT listed.id, listed.tenant_id AS "tenantId", listed.expires_at AS "expiresAt", r.id AS "listKey",
      (extract(epoch FROM listed.expires_at) * 1000000)::bigint || ' ' || listed.id AS position
    FROM unnest($3::text[]) AS r (id) CROSS JOIN LATERAL (
      SELECT * FROM (
        ${endingIn("certificates", "owner_id", "$2", "e.revoked_at IS NULL")}
        UNION ALL ${endingIn("provisioning_profiles", "owner_id", "$2")}
        UNION ALL ${endingIn("access_tokens", "tenant_id", "$7")}) e
      ORDER BY e.expires_at, e.id LIMIT $5) listed
    WHERE r.id = ANY ($1) ORDER BY listed.expires_at, listed.id`,
};

/** Loaders of what ends soon. */
export function expiringLoaders(reads: ReadSession, viewer: Viewer) {
  const viewing = viewer.tenantsWith("SIGNING_VIEW");
  const managing = viewer.tenantsWith("TOKENS_MANAGE");
  return {
    /** What ends in an organization and all below it, soonest first. */
    expiringByOrganization: pagesByKey<ExpiringRow, { withinDays: number }>((ids, { after, limit, filter }) =>
      reads.list(BY_ORGANIZATION, [viewer.scope.roots, viewing, ids, after, limit, filter.withinDays, managing]),
    ),
  };
}
