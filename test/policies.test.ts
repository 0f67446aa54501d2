import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { BLIND, PLACES, ROWS, TENANTS, type Place, type PolicyRow } from "./policies/rows.js";
import { makeDatabase, query, type TestDatabase } from "./support/database.js";

let database: TestDatabase;
let server: pg.Client;
/** What each row is as text, in the order of `ROWS`. */
let texts: string[];

const TABLES = [...new Set(ROWS.map(({ table }) => table))].sort();

beforeAll(async () => {
  database = await makeDatabase();
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  // The rights of the server's role are another layer: here it may do everything, so that the policies alone decide.
  await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO countersign_app`);
  await owner.query("SET session_replication_role = replica"); // In any order.
  texts = [];
  for (const row of ROWS) {
    const { rows } = await owner.query<{ text: string }>(
      `${insert(row)} RETURNING ${row.table}::text AS text`,
      values(row),
    );
    texts.push(rows[0]?.text ?? "");
  }
  await owner.end();
  server = new pg.Client({ connectionString: database.serverUrl });
  await server.connect();
});
afterAll(async () => {
  await server.end();
  await database.drop();
});

const values = (row: PolicyRow): unknown[] => Object.values(row.values);

function insert({ table, values: named }: PolicyRow): string {
  const columns = Object.keys(named);
  return `INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map((_, i) => `$${i + 1}`).join()})`;
}

/** Does one thing as the server where it stands, and takes it back. */
async function standing<T>(place: Place, work: () => Promise<T>): Promise<T> {
  const tenant = place === "nowhere" ? null : TENANTS[place];
  const scope = `set_config('countersign.roots', $1, true), set_config('countersign.tenants', $2, true)`;
  await server.query("BEGIN");
  try {
    await server.query(`SELECT ${scope}`, [tenant?.root ?? "", tenant?.id ?? ""]);
    return await work();
  } finally {
    await server.query("ROLLBACK");
  }
}

/** For each place, how many rows a statement changes that reads nothing: only the policy of its command decides. */
async function changedBy(statement: string): Promise<Record<string, number | null>> {
  const changed: Record<string, number | null> = {};
  for (const place of PLACES)
    changed[place] = await standing(place, async () => (await server.query(statement)).rowCount);
  return changed;
}

const expected = (table: string, command: "update" | "delete"): Record<string, number> =>
  Object.fromEntries(
    PLACES.map((place) => [place, ROWS.filter((row) => row.table === table && row[command].includes(place)).length]),
  );

describe.each(TABLES)("by the policies of %s alone", (table) => {
  test("its rows are read where they are to be read, and nowhere else", async () => {
    for (const place of PLACES) {
      const rows = await standing(place, () =>
        server.query<{ text: string }>(`SELECT t::text AS text FROM ${table} t`),
      );
      const meant = texts.filter((_, i) => ROWS[i]?.table === table && ROWS[i].read.includes(place));
      expect([place, rows.rows.map(({ text }) => text).sort()]).toEqual([place, meant.sort()]);
    }
  });

  test("its rows are written where they are to be written, and nowhere else", async () => {
    const outcomes: Record<string, Record<string, boolean>> = {};
    const meant: typeof outcomes = {};
    for (const [i, row] of ROWS.entries()) {
      if (row.table !== table) continue;
      for (const place of PLACES) {
        // Once more the same row: who may is told that it is there, and who may not is told nothing.
        const attempt = standing(place, () => server.query(insert(row), values(row)));
        const code = await attempt.then(String, (error: unknown) => (error as { code?: string }).code);
        expect(["23505", "42501"]).toContain(code);
        outcomes[texts[i] ?? ""] = { ...outcomes[texts[i] ?? ""], [place]: code === "23505" };
        meant[texts[i] ?? ""] = { ...meant[texts[i] ?? ""], [place]: row.insert.includes(place) };
      }
    }
    expect(outcomes).toEqual(meant);
  });

  test("its rows are changed where they are to be changed, and nowhere else", async () => {
    const [column, value] = BLIND[table] ?? [];
    expect(await changedBy(`UPDATE ${table} SET ${column} = ${value}`)).toEqual(expected(table, "update"));
  });

  test("its rows are deleted where they are to be deleted, and nowhere else", async () => {
    expect(await changedBy(`DELETE FROM ${table}`)).toEqual(expected(table, "delete"));
  });
});

test("every policy there is belongs to a table that is looked at here", async () => {
  const found = await query<{ name: string }>(
    database.ownerUrl,
    "SELECT DISTINCT tablename AS name FROM pg_policies WHERE schemaname = 'public' ORDER BY 1",
  );
  expect(TABLES).toEqual(found.map(({ name }) => name));
});

test("an operator sees the organizations there are, and of what is being made only what is left unfinished", async () => {
  const seen = (): Promise<string[]> =>
    standing("nowhere", async () => {
      await server.query("SELECT set_config('countersign.operator', 'on', true)");
      const { rows } = await server.query<{ id: string }>(
        "SELECT id FROM tenants UNION ALL SELECT id FROM signing_intents",
      );
      return rows.map(({ id }) => id).sort();
    });
  expect(await seen()).toEqual(["org_acme", "org_globex"]);
  await query(database.ownerUrl, "UPDATE signing_intents SET state = 'SENT' WHERE id = 'int_sub_web'");
  try {
    expect(await seen()).toEqual(["int_sub_web", "org_acme", "org_globex"]);
  } finally {
    await query(database.ownerUrl, "UPDATE signing_intents SET state = 'FAILED' WHERE id = 'int_sub_web'");
  }
});

test("whoever signs in sees the memberships of the address and the token that is presented, and nothing else", async () => {
  const [row] = ROWS.filter(({ table }) => table === "access_tokens");
  const hash = (row?.values["token_hash"] as Buffer).toString("hex");
  const seen = await standing("nowhere", async () => {
    const presented = `set_config('countersign.presented_hash', $1, true), set_config('countersign.signed_in_email', $2, true)`;
    await server.query(`SELECT ${presented}`, [hash, "sub_web@example.org"]);
    const { rows } = await server.query<{ id: string }>(
      "SELECT id FROM access_tokens UNION ALL SELECT id FROM members",
    );
    return rows.map(({ id }) => id).sort();
  });
  expect(seen).toEqual(["mem_sub_web", "tok_org_acme"]);
});
