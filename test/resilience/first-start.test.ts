import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { holding, makeDatabase, query, type TestDatabase } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { statusOf } from "../support/faults/health.js";
import { startProcess, type ServerProcess } from "../support/replica.js";

const REPLICAS = 4;
const MIGRATIONS = readdirSync("migrations").length;

/** Beside it the empty ones are made. */
let beside: TestDatabase;
let empty: { readonly ownerUrl: string; readonly environment: Readonly<Record<string, string>> };

const on = (url: string, database: string): string => Object.assign(new URL(url), { pathname: `/${database}` }).href;
const asAdmin = (sql: string): Promise<object[]> => query(on(beside.ownerUrl, "postgres"), sql);

beforeAll(async () => {
  beside = await makeDatabase();
});
beforeEach(async () => {
  const name = `${new URL(beside.ownerUrl).pathname.slice(1)}_${randomBytes(4).toString("hex")}`;
  await asAdmin(`CREATE DATABASE ${name}`);
  const ownerUrl = on(beside.ownerUrl, name);
  const environment = {
    PORT: "0",
    DATABASE_URL: on(beside.serverUrl, name),
    DATABASE_OWNER_URL: ownerUrl,
    COUNTERSIGN_KEY: randomBytes(32).toString("base64"),
    LOG_LEVEL: "silent",
    DRAIN_SECONDS: "0",
  };
  empty = { ownerUrl, environment };
});
afterEach(() => asAdmin(`DROP DATABASE ${new URL(empty.ownerUrl).pathname.slice(1)} WITH (FORCE)`));
afterAll(() => beside.drop());

const startMany = (count: number): Promise<ServerProcess>[] => Array.from({ length: count }, () => startProcess(empty));

/** All are ready, and what is done once was done once. */
async function expectOneStart(replicas: readonly ServerProcess[]): Promise<void> {
  for (const { url } of replicas) expect(await statusOf(url, "/readyz")).toBe(200);
  const migrated = await query<{ name: string }>(empty.ownerUrl, "SELECT name FROM migrations");
  expect(migrated).toHaveLength(MIGRATIONS);
  expect(new Set(migrated.map(({ name }) => name)).size).toBe(MIGRATIONS);
  expect(await query(empty.ownerUrl, "SELECT 1 FROM tenants")).toHaveLength(1);
  expect(await query(empty.ownerUrl, "SELECT 1 FROM access_tokens")).toHaveLength(1);
  for (const each of replicas) expect(await each.end("SIGTERM")).toBe(0);
}

test("replicas that start together on an empty database all get ready, and one of them does what is done once", async () => {
  await expectOneStart(await Promise.all(startMany(REPLICAS)));
});

test("a replica that dies while it migrates holds up no other", async () => {
  const waits = (what: string, sql: string): Promise<unknown> =>
    eventually(what, async () => {
      const waiting = await query<{ pid: number }>(
        empty.ownerUrl,
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND ${sql}`,
      );
      return waiting.length > 0 && waiting;
    });
  let others: Promise<ServerProcess>[] = [];
  // Whoever migrates waits for this table of the same name, in the midst of its transaction.
  await holding(empty.ownerUrl, "CREATE TABLE tenants ()", async () => {
    const death = new AbortController();
    const died = expect(startProcess(empty, {}, death.signal)).rejects.toThrow("abort");
    await waits("a migration under way", "query NOT LIKE '%pg_advisory_lock%'");
    others = startMany(REPLICAS - 1);
    await waits("another replica", "query LIKE '%pg_advisory_lock%'");
    death.abort();
    await died;
  });
  await expectOneStart(await Promise.all(others));
});
