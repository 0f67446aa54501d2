import { allows, readableOnTerms } from "../../database/readable-by.js";
import type { Statement } from "../../database/tenancy.js";
import { Loader } from "../batch.js";
import type { Shareable } from "../shareable.js";

/** A statement for those of `$3` whose file may be had in one of the tenants of `$2`: own, or shared to sign with. */
export function downloadableStatement(name: string, { table, subject }: Shareable, terms = "true"): Statement {
  return {
    name,
    text: `SELECT k.id FROM ${table} k
      WHERE k.id = ANY ($3) AND ${readableOnTerms("k", subject, "$2", `${allows("SIGN")} AND ${terms}`)}`,
  };
}

/** What a tenant keeps of its own, by what Apple knows it by. */
export interface KeptKey {
  readonly tenantId: string;
  /** A serial number, or the UUID of a profile. */
  readonly identity: string;
}

/** A statement for what tenants keep of their own (`$2`), each by the `column` that Apple knows it by (`$3`). */
export function ownStatement(name: string, { table, columns }: Shareable, column: string, also = "true"): Statement {
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
): Loader<KeptKey, Row | null, string> {
  const nameOf = ({ tenantId, identity }: KeptKey): string => `${tenantId} ${identity}`;
  return new Loader(
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
