import "reflect-metadata";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import pg, { type Pool } from "pg";
import type { DataSource } from "typeorm";
import { makeDataSource } from "../../../src/database/data-source.js";
import { makeReadPool } from "../../../src/database/read-pool.js";
import { inPreparedTransaction, inTransaction, ReadSession, type Scope } from "../../../src/database/tenancy.js";
import { makeDatabase, query, type TestDatabase } from "../../support/database.js";
import { observeStatements } from "../../support/statements.js";

const ACME = "org_acme";
const GLOBEX = "org_globex";
const NOWHERE: Scope = { roots: [], tenants: [] };
const inAcme: Scope = { roots: [ACME], tenants: [ACME] };
const NAMES = { name: "test_names", text: "SELECT name FROM tenants ORDER BY name" };
const BROKEN = { name: "test_broken", text: "SELECT 1 / $1::int AS one" };
const INT4: number = pg.types.builtins.INT4;
const BACKEND = { name: "test_backend", text: "SELECT pg_backend_pid() AS pid, now()::text AS began" };

let database: TestDatabase;
let pool: Pool;
let dataSource: DataSource;

beforeAll(async () => {
  database = await makeDatabase();
  for (const id of [ACME, GLOBEX]) {
    await query(database.ownerUrl, [
      "INSERT INTO tenants (root_id, id, kind, name, name_key) VALUES ($1, $1, 'ORGANIZATION', $1, $1)",
      [id],
    ]);
  }
  dataSource = await makeDataSource(database.serverUrl, 2).initialize();
});
beforeEach(() => {
  pool = makeReadPool(database.serverUrl, 1); // One connection: whoever comes next has the one before.
});
afterEach(() => pool.end());
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

describe("a read session", () => {
  test("sees the rows of its roots, and without a root none", async () => {
    expect(await new ReadSession(pool, inAcme).rows(NAMES, [])).toEqual([{ name: ACME }]);
    expect(await new ReadSession(pool, NOWHERE).rows(NAMES, [])).toEqual([]);
    const both = { roots: [ACME, GLOBEX], tenants: [ACME, GLOBEX] };
    expect(await new ReadSession(pool, both).rows(NAMES, [])).toEqual([{ name: ACME }, { name: GLOBEX }]);
  });

  test("leaves nothing to the next borrower of its connection", async () => {
    expect(await new ReadSession(pool, inAcme).rows(NAMES, [])).toHaveLength(1);
    await idle();
    const { rows } = await pool.query<{ roots: string | null; seen: string }>(
      "SELECT current_setting('countersign.roots', true) AS roots, (SELECT count(*) FROM tenants) AS seen",
    );
    expect(rows).toEqual([{ roots: "", seen: "0" }]);
  });

  test("reads what is asked together in one transaction, on one connection", async () => {
    const reads = new ReadSession(pool, inAcme);
    const [[first], [second]] = await Promise.all([reads.rows(BACKEND, []), reads.rows(BACKEND, [])]);
    expect(first).toEqual(second);
    const names = await reads.rows(NAMES, []);
    expect(names).toHaveLength(1);
  });

  test("gives its connection back as soon as nothing is asked, and takes one again", async () => {
    const reads = new ReadSession(pool, inAcme);
    await reads.rows(NAMES, []);
    await idle();
    expect({ idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({ idle: 1, waiting: 0 });
    expect(await new ReadSession(pool, NOWHERE).rows(NAMES, [])).toEqual([]);
    expect(await reads.rows(NAMES, [])).toEqual([{ name: ACME }]);
  });

  test("that failed says so to whoever asked, and leaves a sound connection", async () => {
    const reads = new ReadSession(pool, inAcme);
    const settled = await Promise.allSettled([reads.rows(NAMES, []), reads.rows(BROKEN, [0])]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await idle();
    expect(await reads.rows(NAMES, [])).toEqual([{ name: ACME }]);
    expect(await reads.rows(BROKEN, [1])).toEqual([{ one: 1 }]);
  });

  test("cannot write", async () => {
    const reads = new ReadSession(pool, inAcme);
    const write = { name: "test_write", text: "UPDATE tenants SET name = 'x' RETURNING name" };
    await expect(reads.rows(write, [])).rejects.toThrow(/read-only transaction/);
  });

  test("takes an id for text, whatever it holds", async () => {
    for (const id of ["it's", `${ACME}','${GLOBEX}`, "a\\", "a'); DROP TABLE tenants; --"]) {
      const reads = new ReadSession(pool, { roots: [id], tenants: [id] });
      expect(await reads.rows(NAMES, [])).toEqual([]);
      await idle();
    }
    expect(await new ReadSession(pool, inAcme).rows(NAMES, [])).toHaveLength(1);
  });

  test("reports a database that is away to every read that waits", async () => {
    const nowhere = new URL(database.serverUrl);
    nowhere.port = "1";
    const away = makeReadPool(nowhere.href, 1);
    const reads = new ReadSession(away, inAcme);
    const settled = await Promise.allSettled([reads.rows(NAMES, []), reads.rows(NAMES, [])]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await away.end();
  });

  test("recovers where the database was away when it first asked", async () => {
    const pid = await pool.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    pool.on("error", () => undefined);
    await query(database.ownerUrl, ["SELECT pg_terminate_backend($1)", [pid.rows[0]?.pid]]);
    const reads = new ReadSession(pool, inAcme);
    const first = await reads.rows(NAMES, []).catch(() => null);
    await idle();
    expect([null, 1]).toContain(first?.length ?? null);
    expect(await reads.rows(NAMES, [])).toEqual([{ name: ACME }]);
  });
});

describe("read sessions of the very same scope", () => {
  const question = { statement: { name: "test_question", text: "SELECT $1::text AS who" }, values: ["jane"] };
  let sent: string[];
  let taken: unknown[];
  const session = (scope = inAcme): ReadSession =>
    new ReadSession(pool, scope, null, { question, accept: (rows) => taken.push(...rows) });

  beforeEach(() => {
    [sent, taken] = [[], []];
    observeStatements(pool, sent);
  });

  test("that ask together share a transaction, and ask their premise once", async () => {
    const [[first], [second]] = await Promise.all([session().rows(BACKEND, []), session().rows(BACKEND, [])]);
    expect(first).toEqual(second);
    expect(sent).toEqual(["test_question", "test_backend", "test_backend"]);
    expect(taken).toEqual([{ who: "jane" }, { who: "jane" }]);
  });

  test("share none with those of another scope, were it equal", async () => {
    const [[first], [second], names] = await Promise.all([
      session().rows(BACKEND, []),
      session({ ...inAcme }).rows(BACKEND, []),
      session({ roots: [GLOBEX], tenants: [GLOBEX] }).rows(NAMES, []),
    ]);
    expect(first).not.toEqual(second);
    expect(names).toEqual([{ name: GLOBEX }]);
    expect(sent.filter((name) => name === "test_question")).toHaveLength(3);
  });

  test("share it with seven others at most", async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, () => session().rows<{ began: string }>(BACKEND, [])));
    const sizes = new Map<string, number>();
    for (const [row] of asked) {
      const began = row?.began ?? "";
      sizes.set(began, (sizes.get(began) ?? 0) + 1);
    }
    expect([...sizes.values()].sort()).toEqual([4, 8, 8]);
    expect(sent.filter((name) => name === "test_question")).toHaveLength(3);
  });

  test("do not fail with one another: what was behind is asked again, with its premise", async () => {
    const [first, failing, third] = [session(), session(), session()];
    const late = new ReadSession(pool, inAcme, null, {
      question: { ...question, values: ["joe"] },
      accept: (rows) => taken.push(...rows),
    });
    const settled = await Promise.allSettled([
      first.rows(NAMES, []),
      failing.rows(BROKEN, [0]),
      failing.rows(NAMES, []),
      third.rows(NAMES, []),
      late.rows(BROKEN, [1]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(settled[3]).toMatchObject({ value: [{ name: ACME }] });
    expect(settled[4]).toMatchObject({ value: [{ one: 1 }] });
    expect(taken).toEqual(expect.arrayContaining([{ who: "joe" }]));
    await idle();
    expect(await failing.rows(NAMES, [])).toEqual([{ name: ACME }]);
  });

  test("fail together where the connection ends", async () => {
    pool.on("error", () => undefined);
    const ending = { name: "test_ending", text: "SELECT pg_terminate_backend(pg_backend_pid())" };
    const settled = await Promise.allSettled([session().rows(ending, []), session().rows(NAMES, [])]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("go out with others of their organization, each in a transaction of its own", async () => {
    const two = makeReadPool(database.serverUrl, 2);
    const backend = async (scope: Scope) => {
      const [row] = await new ReadSession(two, scope).rows<{ pid: number; began: string }>(BACKEND, []);
      return row ?? { pid: 0, began: "" };
    };
    const other = { roots: [ACME], tenants: ["sub_other"] };
    const [first, second, third] = await Promise.all(
      [inAcme, other, { roots: [GLOBEX], tenants: [GLOBEX] }].map(backend),
    );
    expect(second?.pid).toBe(first?.pid);
    expect(second?.began).not.toBe(first?.began);
    expect(third?.pid).not.toBe(first?.pid);
    await two.end();
  });

  test("do not fail with others that went out with them, nor with what those were to prepare", async () => {
    const other = (): ReadSession => new ReadSession(pool, { roots: [ACME], tenants: ["sub_other"] });
    const failing = session();
    const settled = await Promise.allSettled([
      failing.rows(BROKEN, [0]),
      failing.rows(NAMES, []),
      other().rows(NAMES, []),
      other().rows(BROKEN, [1]),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
    expect(settled[3]).toMatchObject({ value: [{ one: 1 }] });
    await idle();
    expect(await failing.rows(NAMES, [])).toEqual([{ name: ACME }]);
  });

  test("fail by themselves where a value cannot be sent", async () => {
    const other = new ReadSession(pool, { roots: [ACME], tenants: ["sub_other"] });
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const settled = await Promise.allSettled([session().rows(BROKEN, [circular]), other.rows(NAMES, [])]);
    expect(settled).toMatchObject([{ status: "rejected" }, { value: [{ name: ACME }] }]);
    expect(await other.rows(NAMES, [])).toEqual([{ name: ACME }]);
  });

  test("are told by themselves of a row that cannot be read", async () => {
    const unreadable = new pg.Pool({
      ...{ connectionString: database.serverUrl, max: 1, pipeline: true },
      types: {
        getTypeParser: ((oid: number) => (text: string) => {
          if (oid === INT4) throw new Error("unreadable");
          return text;
        }) as typeof pg.types.getTypeParser,
      },
    });
    const [one, other] = [new ReadSession(unreadable, inAcme), new ReadSession(unreadable, inAcme)];
    const settled = await Promise.allSettled([one.rows(BROKEN, [1]), other.rows(NAMES, [])]);
    expect(settled).toMatchObject([{ reason: new Error("unreadable") }, { value: [{ name: ACME }] }]);
    expect(await one.rows(NAMES, [])).toEqual([{ name: ACME }]);
    await unreadable.end();
  });
});

describe("a transaction within a scope", () => {
  const rename = (scope: Scope, name: string): Promise<[unknown, number]> =>
    inTransaction(dataSource, scope, (manager) =>
      manager.query<[unknown, number]>("UPDATE tenants SET name = $1 WHERE id = $2", [name, ACME]),
    );

  test("changes what its viewer stands in, and nothing else", async () => {
    expect((await rename(inAcme, "Acme"))[1]).toBe(1);
    expect((await rename(NOWHERE, "nobody"))[1]).toBe(0);
    expect((await rename({ roots: [GLOBEX], tenants: [GLOBEX] }, "a stranger"))[1]).toBe(0);
    expect((await rename({ roots: [ACME], tenants: ["suborg_x"] }, "one below"))[1]).toBe(0);
    const [row] = await query<{ name: string }>(database.ownerUrl, ["SELECT name FROM tenants WHERE id = $1", [ACME]]);
    expect(row?.name).toBe("Acme");
    await rename(inAcme, ACME);
  });

  test("is taken back whole where a step fails, and leaves nothing to the next", async () => {
    const failing = inTransaction(dataSource, inAcme, async (manager) => {
      await manager.query("UPDATE tenants SET name = 'half' WHERE id = $1", [ACME]);
      throw new Error("after half of it");
    });
    await expect(failing).rejects.toThrow("after half of it");
    const [row] = await query<{ name: string }>(database.ownerUrl, ["SELECT name FROM tenants WHERE id = $1", [ACME]]);
    expect(row?.name).toBe(ACME);
    expect(await dataSource.query("SELECT count(*)::int AS seen FROM tenants")).toEqual([{ seen: 0 }]);
  });
});

/** Two turns of the event loop, and the answer of the database to what ends the session. */
async function idle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const client = await pool.connect();
  client.release();
}

describe("a transaction of prepared statements", () => {
  const change = (divisor: number): Promise<string> =>
    inPreparedTransaction(pool, inAcme, async (unit) => {
      await unit.rows(BROKEN, [divisor]).catch(() => undefined);
      return "done";
    });

  test("is not said to be done where a statement failed and nobody took notice", async () => {
    await expect(change(0)).rejects.toThrow("The transaction was rolled back");
    expect(await change(1)).toBe("done");
  });
});
