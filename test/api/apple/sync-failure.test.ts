import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { SyncJobs } from "../../../src/jobs/sync.js";
import { appleKey, makeOld, readList, type AppleKey } from "../../support/apple.js";
import { holding, query } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { startProcess, startReplica } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../../support/server.js";
import { haveTurn, jobsOf, letTurnCome, waitingJobs } from "../../support/sync.js";

/** So long that no turn comes by itself. */
const AGE_SECONDS = 3_600;

/** Serves, and syncs nothing. */
let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
});

/** A key with a list that is in use, asked for through a server that syncs, and too old. */
async function usedKey(ask: Ask): Promise<AppleKey> {
  const key = await appleKey(server, acme);
  await readList(ask, acme.owner, key.id);
  await waitingJobs(server, [key]);
  await makeOld(server, [key.id]);
  return key;
}

/** Lets the turn of a key come while Apple hangs, and waits until it does. */
async function hangInTurn(key: AppleKey): Promise<void> {
  server.sandbox.failNext({ match: { keyId: key.keyId }, times: "always", failure: { kind: "hang" } });
  server.sandbox.clearJournal();
  await letTurnCome(server, [key]);
  await eventually("a call that hangs", () => key.calls().length === 1);
}

const statesOf = async (key: AppleKey): Promise<string[]> =>
  (await jobsOf(server, [key])).map(({ state }) => state).filter((state) => state !== "completed");

const maintainedAt = async (): Promise<string> => {
  const [row] = await query<{ at: string }>(
    server.database.ownerUrl,
    "SELECT coalesce(maintained_on::text, '') AS at FROM countersign_jobs.version",
  );
  return row?.at ?? "";
};

test("a list that is in use is renewed again and again with nobody asking, and one that nobody asked for is not", async () => {
  const quick = await startReplica(server, { syncSeconds: 2 });
  const key = await appleKey(server, acme);
  const first = await readList(quick.ask, acme.owner, key.id);
  await eventually("two calls more", () => key.calls("/v1/devices").length >= 3);
  await quick.close();
  expect(new Set(key.calls().map(({ path }) => path))).toEqual(new Set(["/v1/devices"]));
  const { freshness, ids } = await readList(server.ask, acme.owner, key.id, { maxAgeSeconds: 300 });
  expect(ids).toEqual(first.ids);
  expect(Date.parse(freshness?.asOf ?? "")).toBeGreaterThan(Date.parse(first.freshness?.asOf ?? ""));
});

test("the turn that a server died in is taken over by another once its time is over, and not before", async () => {
  const dying = await startProcess(server, { APPLE_SYNC_SECONDS: String(AGE_SECONDS) });
  const key = await usedKey(dying.ask);
  await hangInTurn(key);
  expect(await dying.end("SIGKILL")).toBe("SIGKILL");
  expect(await statesOf(key)).toEqual(["active"]);

  server.sandbox.clearFailures();
  const { log } = server.platform;
  const databaseUrl = server.database.serverUrl;
  const heir = new SyncJobs({ databaseUrl, ageSeconds: AGE_SECONDS, log, maintenanceSeconds: 1 });
  await heir.start(server.platform);
  const before = await maintainedAt();
  await eventually("a look for the dead", async () => (await maintainedAt()) !== before);
  expect(await statesOf(key)).toEqual(["active"]);
  expect(key.calls()).toHaveLength(1);

  await query(server.database.ownerUrl, [
    "UPDATE countersign_jobs.job SET started_on = started_on - interval '121 seconds' WHERE singleton_key = $1",
    [key.id],
  ]);
  await waitingJobs(server, [key]);
  await heir.stop();
  await heir.close();
  expect(key.calls().map(({ status }) => status)).toEqual([null, 200]);
  const { freshness } = await readList(server.ask, acme.owner, key.id, { maxAgeSeconds: 300 });
  expect(freshness).toMatchObject({ stale: false, problem: null });
  expect(key.calls()).toHaveLength(2);
});

describe("a server that ends in order while Apple hangs in a turn", () => {
  test("ends, and the key has its next turn with another", async () => {
    const ending = await startReplica(server, { syncSeconds: AGE_SECONDS });
    const key = await usedKey(ending.ask);
    await hangInTurn(key);
    await ending.close();
    expect(await statesOf(key)).toEqual(["created"]);

    server.sandbox.clearFailures();
    const next = await startReplica(server, { syncSeconds: AGE_SECONDS });
    await haveTurn(server, [key]);
    await next.close();
    expect(key.calls().map(({ status }) => status)).toEqual([null, 200]);
  });

  test("ends with status 0 as a process", async () => {
    const ending = await startProcess(server, { APPLE_SYNC_SECONDS: String(AGE_SECONDS) });
    const key = await usedKey(ending.ask);
    await hangInTurn(key);
    expect(await ending.end("SIGTERM")).toBe(0);
    expect(await statesOf(key)).toEqual(["created"]);
  });
});

test("a server whose connections to the queue break at the end of a turn goes on with the next", async () => {
  const running = await startProcess(server, { APPLE_SYNC_SECONDS: String(AGE_SECONDS), LOG_LEVEL: "silent" });
  const [interrupted, next] = [await usedKey(running.ask), await usedKey(running.ask)];
  const { keyId } = interrupted;
  server.sandbox.failNext({ match: { keyId }, failure: { kind: "slow", delayMs: 500 } });
  server.sandbox.clearJournal();
  await letTurnCome(server, [interrupted]);
  await eventually("a call under way", () => interrupted.calls().length === 1);
  // What it asks of the queue waits for this lock, and breaks while it does.
  await holding(server.database.ownerUrl, "LOCK TABLE countersign_jobs.job", async () => {
    for (let broken = 0; broken < 3;) {
      broken += await eventually("a statement that waits", async () => {
        const ended = await query(
          server.database.ownerUrl,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
           AND application_name = 'countersign jobs' AND wait_event_type = 'Lock'`,
        );
        return ended.length > 0 && ended.length;
      });
    }
  });
  await haveTurn(server, [next]);
  expect(next.calls()).toHaveLength(1);
  expect(await running.end("SIGTERM")).toBe(0);
});
