import { query } from "./database.js";

/** Of each table this many rows, at least: PostgreSQL reads a small table whole, whatever indexes it has. */
const ROWS = 5_000;
/** Of how many rows of a table there are copies. */
const PATTERNS = 4;

/**
 * Copies rows of an organization in every table that has some, for thousands of other organizations, and lets PostgreSQL
 * look at them. The database is for looking at plans alone from then on: the copies refer to nothing.
 */
export async function multiply(ownerUrl: string, organizationId: string): Promise<void> {
  const columns = await query<{ table: string; column: string; type: string }>(
    ownerUrl,
    `SELECT c.relname AS table, a.attname AS column, a.atttypid::regtype::text AS type
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND EXISTS (SELECT 1 FROM pg_attribute r WHERE r.attrelid = c.oid AND r.attname = 'root_id')`,
  );
  const keys = await query<{ table: string; name: string }>(
    ownerUrl,
    "SELECT conrelid::regclass::text AS table, conname AS name FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace",
  );
  const tables = [...new Set(columns.map(({ table }) => table))];
  // The owner is bound too, where it is no superuser.
  const unbound = tables.map((table) => `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`);
  const dropped = keys.map(({ table, name }) => `ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  const filled = tables.map((table): [string, unknown[]] => {
    const of = columns.filter((each) => each.table === table);
    return [
      `INSERT INTO ${table} (${of.map(({ column }) => column).join(", ")})
       SELECT ${of.map(({ column, type }) => copied(column, type)).join(", ")}
       FROM (SELECT * FROM ${table} WHERE root_id = $1 LIMIT ${PATTERNS}) p,
         generate_series(1, ${ROWS} / (SELECT least(count(*), ${PATTERNS}) FROM ${table} WHERE root_id = $1)) n`,
      [organizationId],
    ];
  });
  const there = await query<{ table: string }>(ownerUrl, ...unbound, [
    tables
      .map((table) => `SELECT '${table}' AS table WHERE EXISTS (SELECT 1 FROM ${table} WHERE root_id = $1)`)
      .join(" UNION ALL "),
    [organizationId],
  ]);
  const furnished = new Set(there.map(({ table }) => table));
  await query(ownerUrl, ...dropped, ...filled.filter((_, place) => furnished.has(tables[place] ?? "")), "ANALYZE");
}

/** A column of the copy for the organization `n`: its id in place of the first one's, and bytes that nobody else has. */
function copied(column: string, type: string): string {
  if (type === "text") return `CASE WHEN p.${column} = $1 THEN 'org_' || lpad(n::text, 26, '0') ELSE p.${column} END`;
  if (type === "bytea") return `sha256(p.${column} || int4send(n::int))`;
  return `p.${column}`;
}
