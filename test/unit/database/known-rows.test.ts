import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { hasRows, ifNew, isSameRow, KnownRows, MARK, markOf } from "../../../src/database/known-rows.js";
import { makeDatabase, type TestDatabase } from "../../support/database.js";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await makeDatabase();
  client = new pg.Client({ connectionString: database.serverUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Columns of every type that lists have. */
const ROW = `SELECT n::int AS n, 'text ' || n AS text, n > 1 AS boolean, '2026-01-01Z'::timestamptz + n * interval '1 day' AS time,
    ARRAY['a', n::text] AS texts, jsonb_build_object('n', n) AS json, n::bigint AS large, NULL::text AS nothing`;

let statements = 0;
/** The rows that a statement gives somebody who knows those of a mark, and their mark. */
async function ask(text: string, mark: string | null = null) {
  const statement = ifNew({ name: `s${(statements += 1)}`, text }, 0);
  const { rows } = await client.query<Record<string, unknown>>(statement.text, [mark]);
  return { rows, mark: String(rows[0]?.[MARK]) };
}

describe("a statement that is asked whether its rows are new", () => {
  const list = `${ROW} FROM generate_series(1, 3) AS n ORDER BY n DESC`;

  test("gives all of them to who knows none, in their order", async () => {
    const { rows } = await ask(list);
    expect(rows.map(({ n }) => n)).toEqual([3, 2, 1]);
    expect(rows[2]).toMatchObject({ text: "text 1", boolean: false, texts: ["a", "1"], json: { n: 1 }, nothing: null });
  });

  test("gives none to who knows them", async () => {
    const { mark } = await ask(list);
    const again = await ask(list, mark);
    expect(again.rows).toHaveLength(1);
    expect(again.rows[0]).toMatchObject({ [MARK]: mark, n: null, text: null });
    expect([hasRows(mark, null), hasRows(mark, mark)]).toEqual([true, false]);
  });

  test.each([
    ["another value", `SELECT * FROM (${list}) l WHERE true UNION ALL SELECT * FROM (${ROW} FROM (SELECT 4 AS n) x) y`],
    ["one less", `${list} LIMIT 2`],
    ["another order", `${ROW} FROM generate_series(1, 3) AS n ORDER BY n`],
    ["none", `${list} LIMIT 0`],
    ["a text that was null", `SELECT n, text, boolean, time, texts, json, large, ''::text FROM (${list}) l`],
    ["a value in a column beside", `SELECT n, text, boolean, time, texts, json, large + 1, nothing FROM (${list}) l`],
    ["JSON", `SELECT n, text, boolean, time, texts, json || '{"m": 1}', large, nothing FROM (${list}) l`],
    ["a list of texts", `SELECT n, text, boolean, time, texts || 'c'::text, json, large, nothing FROM (${list}) l`],
    ["a microsecond", `SELECT n, text, boolean, time + '1 us'::interval, texts, json, large, nothing FROM (${list}) l`],
  ])("gives them where there is something new: %s", async (_, changed) => {
    const { mark } = await ask(list);
    const now = await ask(changed, mark);
    expect(now.mark).not.toBe(mark);
    expect(hasRows(now.mark, mark)).toBe(!changed.endsWith("LIMIT 0"));
    if (hasRows(now.mark, mark)) expect(now.rows[0]?.["n"]).not.toBeNull();
    expect((await ask(changed, now.mark)).rows[0]?.["n"]).toBeNull();
  });

  test("tells those of none from one that is null", async () => {
    const none = await ask("SELECT NULL::text AS text WHERE false");
    const one = await ask("SELECT NULL::text AS text");
    expect([hasRows(none.mark, null), hasRows(one.mark, null)]).toEqual([false, true]);
    expect(none.rows).toHaveLength(1);
    expect((await ask("SELECT NULL::text AS text", none.mark)).mark).toBe(one.mark);
  });

  test("has the mark that is asked for by itself", async () => {
    for (const text of [list, `${list} LIMIT 0`]) {
      const { rows } = await client.query(markOf({ name: "list", text }, 0).text);
      expect(rows).toEqual([{ [MARK]: (await ask(text)).mark }]);
    }
  });

  test("is the same statement each time", () => {
    const statement = { name: "named", text: "SELECT 1" };
    expect(ifNew(statement, 0)).toBe(ifNew(statement, 0));
    expect([ifNew(statement, 0).name, markOf(statement, 0).name]).toEqual(["named_if_new", "named_mark"]);
  });
});

describe("the rows that a process remembers", () => {
  const known = (count: number, mark = "1") => ({
    ...{ mark, isSteady: false },
    rows: Array.from({ length: count }, () => ({})),
  });

  test("are found by their name, as they were last", () => {
    const rows = new KnownRows();
    expect(rows.get("a")).toBeNull();
    rows.set("a", known(1, "1"));
    rows.set("a", known(1, "2"));
    rows.set("b", known(1, "3"));
    expect([rows.get("a")?.mark, rows.get("b")?.mark]).toEqual(["2", "3"]);
  });

  test("are never more than so many: those longest not asked for go first", () => {
    const rows = new KnownRows();
    for (const name of ["a", "b", "c", "d"]) rows.set(name, known(12_000));
    rows.get("a");
    rows.set("e", known(12_000));
    expect(["a", "b", "c", "d", "e"].filter((name) => rows.get(name) !== null)).toEqual(["a", "c", "d", "e"]);
    for (let n = 0; n < 60_000; n += 1) rows.set(`none ${n}`, known(0));
    expect(rows.get("e")).toBeNull();
    expect(rows.get("none 59999")).not.toBeNull();
    for (let n = 0; n < 100; n += 1) rows.set(`${n} ${"x".repeat(256 * 1_000)}`, known(0));
    expect(rows.get(`0 ${"x".repeat(256 * 1_000)}`)).toBeNull();
    expect(rows.get(`99 ${"x".repeat(256 * 1_000)}`)).not.toBeNull();
    rows.set("too many", known(60_000));
    expect(rows.get("too many")).toBeNull();
  });
});

const row = () => ({
  id: "a",
  count: 1,
  gone: null,
  at: new Date(5),
  roles: ["OWNER", "VIEWER"],
  content: Buffer.from("content"),
  details: { ids: ["b"], nested: { more: [1, null] } },
});

describe("two rows are the same", () => {
  test("where every column is", () => {
    expect(isSameRow(row(), row())).toBe(true);
  });

  test.each<[string, object]>([
    ["a text", { id: "b" }],
    ["a number", { count: 2 }],
    ["a number that is a text", { count: "1" }],
    ["something in place of nothing", { gone: "x" }],
    ["nothing in place of a time", { at: null }],
    ["another time", { at: new Date(6) }],
    ["a text in place of a time", { at: new Date(5).toISOString() }],
    ["a shorter list", { roles: ["OWNER"] }],
    ["another order", { roles: ["VIEWER", "OWNER"] }],
    ["other bytes", { content: Buffer.from("contenT") }],
    ["something deep inside", { details: { ids: ["b"], nested: { more: [1, 2] } } }],
  ])("and not where %s is another", (_, other) => {
    expect(isSameRow(row(), { ...row(), ...other })).toBe(false);
    expect(isSameRow({ ...row(), ...other }, row())).toBe(false);
  });
});
