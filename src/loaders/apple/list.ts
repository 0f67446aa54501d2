import { withKeysToView } from "../../database/readable-by.js";
import type { ReadSession, Statement } from "../../database/tenancy.js";
import { groupBy, Loader, pagesByKey, type Listed, type ListKey, type Page } from "../batch.js";

/** A row of what Apple said: the keys of a query may be of one team, so a thing is known by key and Apple's id. */
export interface AppleKey {
  readonly credentialId: string;
  readonly appleId: string;
}

/** Who reads, and what they may see: roots, and the tenants in which they have the permission. */
export interface AppleReader {
  readonly reads: ReadSession;
  readonly roots: readonly string[];
  readonly tenants: readonly string[];
}

/**
 * A statement for the lists of several keys: `select` reads the rows `a` of a key `u`, behind position `$4`, at most
 * `$5`; what narrows the list follows from `$6` on.
 */
export function listStatement(name: string, select: string): Statement {
  return {
    name,
    text: `${withKeysToView()} SELECT listed.*, u.id AS "listKey", u.id AS "credentialId" FROM usable u CROSS JOIN LATERAL (
      ${select} AND a.root_id = u.root_id AND a.credential_id = u.id AND a.position > $4 ORDER BY a.position LIMIT $5) listed`,
  };
}

/** A loader of the lists of keys, a page at a time; `after` is a position. */
export function listsOf<Row extends object, Filter>(
  { reads, roots, tenants }: AppleReader,
  statement: Statement,
  valuesOf: (filter: Filter) => readonly unknown[],
): Loader<ListKey<Filter>, Page<Listed<Row>>, string> {
  return pagesByKey<Row, Filter>((keys, { after, limit, filter }) =>
    reads.list(statement, [roots, tenants, keys, after === "" ? -1 : Number(after), limit, ...valuesOf(filter)]),
  );
}

/** A row that is held by another, which it names. */
type Held<Row> = Row & { readonly credentialId: string; readonly heldBy: string };

/**
 * A statement for what several things hold: `joins` leads from the asked key `u` and Apple's id (`asked.apple_id`, of
 * `$4`) to the rows `a`.
 */
export function heldStatement(name: string, columns: string, joins: string): Statement {
  return {
    name,
    text: `${withKeysToView()} SELECT ${columns}, u.id AS "credentialId", asked.apple_id AS "heldBy"
      FROM unnest($3::text[], $4::text[]) AS asked (credential_id, apple_id) JOIN usable u ON u.id = asked.credential_id
      ${joins}`,
  };
}

/** A loader of what things hold, or are held by: one statement for all of a tick. */
export function heldBy<Row extends object>(
  { reads, roots, tenants }: AppleReader,
  statement: Statement,
): Loader<AppleKey, Row[], string> {
  const nameOf = ({ credentialId, appleId }: AppleKey): string => `${credentialId} ${appleId}`;
  return new Loader(
    async (keys) => {
      const rows = await reads.rows<Held<Row>>(statement, [
        roots,
        tenants,
        keys.map((key) => key.credentialId),
        keys.map((key) => key.appleId),
      ]);
      const found = groupBy(rows, (row) => nameOf({ credentialId: row.credentialId, appleId: row.heldBy }));
      return keys.map((key) => found.get(nameOf(key)) ?? []);
    },
    { cacheKeyFn: nameOf },
  );
}
