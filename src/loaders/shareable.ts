import { allows, live, readableBy, reaches, standsIn, type ShareSubjectColumn } from "../database/readable-by.js";
import type { Statement } from "../database/tenancy.js";

/** How statements read a kind of what can be shared: its table, the column of `shares` that refers to it, and its columns as `k`. */
export interface Shareable {
  readonly table: "credentials" | "certificates" | "provisioning_profiles";
  readonly subject: ShareSubjectColumn;
  readonly columns: string;
  /** What a share has to allow, so that the thing is in the list of those it is shared with. */
  readonly terms?: string;
}

/** A statement for things by their ids; `viewable` where one of the tenants of `$4` has it, to see. */
export function byIdStatement(name: string, { table, subject, columns, terms }: Shareable): Statement {
  return {
    name,
    text: `SELECT ${columns}, ${readableBy("k", subject, "$4", terms)} AS viewable
      FROM ${table} k WHERE ${readableBy("k", subject)} AND k.id = ANY ($3)`,
  };
}

/**
 * A statement for the lists of the tenants of `$3` in which the viewer stands: their own, and at a sub-organization what
 * the root shares with it to see. Behind the id `$4`, at most `$5`; `narrowed` is what narrows the list, from `$7` on,
 * and `$6` whether it has to be shared; null: whether or not. Each half is read in the order of an index, as far as needed.
 */
export function byTenantStatement(
  name: string,
  { table, subject, columns, terms = "true" }: Shareable,
  narrowed: string,
): Statement {
  // Only the root shares.
  const isShared = `(k.owner_id = k.root_id AND EXISTS (
        SELECT 1 FROM shares s WHERE s.root_id = k.root_id AND s.${subject} = k.id AND ${live("s")}))`;
  return {
    name,
    text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
      SELECT * FROM (
        (SELECT ${columns}, CASE WHEN ${isShared} THEN 'SHARED' END AS tag FROM ${table} k
          WHERE k.root_id = t.root_id AND k.owner_id = t.id AND ($6::boolean IS NULL OR ${isShared} = $6)
            AND k.id > $4 AND ${narrowed}
          ORDER BY k.id LIMIT $5)
        UNION ALL
        (SELECT ${columns}, 'ROOT' AS tag FROM shares s
          JOIN ${table} k ON k.root_id = s.root_id AND k.id = s.${subject}
          WHERE s.root_id = t.root_id AND t.id <> t.root_id AND ${live("s")} AND ${reaches("s", "t.id")} AND ${terms}
            AND ($6 IS NULL OR $6) AND s.${subject} > $4 AND ${narrowed}
          ORDER BY s.${subject} LIMIT $5)) found
      ORDER BY id LIMIT $5) listed
      WHERE t.root_id = ANY ($1) AND t.id = ANY ($3) AND ${standsIn("t")}`,
  };
}

/** The term of a list of what signs: a share has to allow it to be seen. */
export const TO_SEE = allows("VIEW");
