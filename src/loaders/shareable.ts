import { allows, live, readableBy, reaches, standsIn, type ShareSubjectColumn } from "../database/readable-by.js";
import type { Statement } from "../database/tenancy.js";
import type { ShareUse } from "../entities/share.js";
import type { tenantLoaders } from "./tenant.js";

/** Whom owners are told to. */
export type TenantLoader = Pick<ReturnType<typeof tenantLoaders>, "tenant">;

/** How statements read a kind of what can be shared: its table, the column of `shares` that refers to it, and its columns as `k`. */
export interface Shareable {
  readonly table: "credentials" | "certificates" | "provisioning_profiles";
  readonly subject: ShareSubjectColumn;
  readonly columns: string;
  /** What a share has to be for, so that the thing is in the list of those it is shared with; null: anything. */
  readonly use: ShareUse | null;
}

/** Of something asked by its id, the tenant that owns it, since nearly everybody asks for that too. */
export interface WithOwner {
  readonly ownerName: string;
  readonly ownerCreatedAt: Date;
}

/**
 * A statement for things by their ids, with their owners; `viewable` where one of the tenants of `$4` has it, to see. Each
 * is looked up by itself: left to join, PostgreSQL goes through all that the organization has.
 */
export function byIdStatement(name: string, { table, columns, use }: Shareable): Statement {
  return {
    name,
    text: `SELECT found.* FROM unnest($3::text[]) AS asked (id) CROSS JOIN LATERAL (
      SELECT ${columns}, ${readableBy("k", "$4", use)} AS viewable,
        o.name AS "ownerName", o.created_at AS "ownerCreatedAt"
      FROM ${table} k JOIN tenants o ON o.root_id = k.root_id AND o.id = k.owner_id
      WHERE k.root_id = ANY ($1) AND ${readableBy("k")} AND k.id = asked.id LIMIT 1) found`,
  };
}

/**
 * A statement for the lists of the tenants of `$3` in which the viewer stands: their own, and at a sub-organization what
 * the root shares with it to see. Behind the id `$4`, at most `$5`; `narrowed` is what narrows the list, from `$7` on,
 * and `$6` whether it has to be shared; null: whether or not. Each half is read in the order of an index, as far as needed.
 */
export function byTenantStatement(
  name: string,
  { table, subject, columns, use }: Shareable,
  narrowed: string,
): Statement {
  // Only the root shares.
  const isShared = "(k.owner_id = k.root_id AND is_shared(k.root_id, k.id))";
  return {
    name,
    text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
      SELECT * FROM (
        (SELECT ${columns}, CASE WHEN ${isShared} THEN 'SHARED' END AS tag FROM ${table} k
          WHERE k.root_id = t.root_id AND k.owner_id = t.id AND ($6::boolean IS NULL OR ${isShared} = $6)
            AND k.id > $4 AND ${narrowed}
          ORDER BY k.id LIMIT $5)
        UNION ALL
        (SELECT ${columns}, 'ROOT' AS tag FROM shares s CROSS JOIN LATERAL (
            SELECT * FROM ${table} shared WHERE shared.root_id = s.root_id AND shared.id = s.${subject} LIMIT 1) k
          WHERE s.root_id = t.root_id AND t.id <> t.root_id AND ${live("s")} AND ${reaches("s", "t.id")} AND ${use === null ? "true" : allows(use)}
            AND ($6 IS NULL OR $6) AND s.${subject} > $4 AND ${narrowed}
          ORDER BY s.${subject} LIMIT $5)) found
      ORDER BY id LIMIT $5) listed
      WHERE t.root_id = ANY ($1) AND t.id = ANY ($3) AND ${standsIn("t")}`,
  };
}

/** The owner of what was asked by its id is not asked for again. */
export const ownerTo =
  ({ tenant }: TenantLoader) =>
  (row: WithOwner & { readonly ownerId: string; readonly rootId: string }): void => {
    const { ownerId: id, rootId, ownerName: name, ownerCreatedAt: createdAt } = row;
    tenant.prime(id, { id, rootId, name, createdAt });
  };
