import DataLoader from "dataloader";
import { allows, live, liveFor, readableBy, type ShareSubjectColumn } from "../../database/readable-by.js";
import type { Statement } from "../../database/tenancy.js";

/** How statements read a kind of what tenants keep: its table, the column of `shares` that refers to it, and its columns as `k`. */
export interface Kept {
  readonly table: "certificates" | "provisioning_profiles";
  readonly subject: ShareSubjectColumn;
  readonly columns: string;
}

/** A statement for what is kept by its id; `viewable` where one of the tenants of `$4` has it, to see. */
export function byIdStatement(name: string, { table, subject, columns }: Kept): Statement {
  return {
    name,
    text: `SELECT ${columns}, ${readableBy("k", subject, "$4", allows("VIEW"))} AS viewable
      FROM ${table} k WHERE ${readableBy("k", subject)} AND k.id = ANY ($3)`,
  };
}

/**
 * A statement for the lists of the tenants of `$3`: their own, and at a sub-organization what the root shares with it
 * to see. Behind the id `$4`, at most `$5`; `narrowed` is what narrows the list, from `$6` on.
 */
export function byTenantStatement(name: string, { table, subject, columns }: Kept, narrowed: string): Statement {
  return {
    name,
    text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
      SELECT ${columns}, CASE WHEN k.owner_id <> t.id THEN 'ROOT' WHEN s.id IS NOT NULL THEN 'SHARED' END AS tag
      FROM ${table} k
      LEFT JOIN shares s ON s.root_id = k.root_id AND s.${subject} = k.id AND ${live("s")}
      WHERE k.root_id = t.root_id AND k.owner_id IN (t.id, t.root_id) AND ${readableBy("k", subject)}
        AND (k.owner_id = t.id OR (s.id IS NOT NULL AND ${allows("VIEW")} AND ${liveFor("s", "ARRAY[t.id]")}))
        AND k.id > $4 AND ${narrowed}
      ORDER BY k.id LIMIT $5) listed
      WHERE t.root_id = ANY ($1) AND t.id = ANY ($3)`,
  };
}

/** A statement for those of `$3` whose file may be had in one of the tenants of `$2`: own, or shared to sign with. */
export function downloadableStatement(name: string, { table, subject }: Kept, terms = "true"): Statement {
  return {
    name,
    text: `SELECT k.id FROM ${table} k
      WHERE k.id = ANY ($3) AND ${readableBy("k", subject, "$2", `${allows("SIGN")} AND ${terms}`)}`,
  };
}

/** What a tenant keeps of its own, by what Apple knows it by. */
export interface KeptKey {
  readonly tenantId: string;
  /** A serial number, or the UUID of a profile. */
  readonly identity: string;
}

/** A statement for what tenants keep of their own (`$2`), each by the `column` that Apple knows it by (`$3`). */
export function ownStatement(name: string, { table, columns }: Kept, column: string, also = "true"): Statement {
  return {
    name,
    text: `SELECT ${columns} FROM unnest($2::text[], $3::text[]) AS asked (tenant_id, identity)
      JOIN ${table} k ON k.root_id = ANY ($1) AND k.${column} = asked.identity AND k.owner_id = asked.tenant_id
      WHERE ${also} ORDER BY k.id`,
  };
}

/** A loader of what tenants keep of their own: one statement for all of a tick; null: nothing. */
export function ownByIdentity<Row extends { readonly ownerId: string }>(
  load: (tenantIds: readonly string[], identities: readonly string[]) => Promise<readonly Row[]>,
  identityOf: (row: Row) => string,
): DataLoader<KeptKey, Row | null, string> {
  const nameOf = ({ tenantId, identity }: KeptKey): string => `${tenantId} ${identity}`;
  return new DataLoader(
    async (keys) => {
      const rows = await load(
        keys.map(({ tenantId }) => tenantId),
        keys.map(({ identity }) => identity),
      );
      const found = new Map(rows.map((row) => [nameOf({ tenantId: row.ownerId, identity: identityOf(row) }), row]));
      return keys.map((key) => found.get(nameOf(key)) ?? null);
    },
    { cacheKeyFn: nameOf },
  );
}
