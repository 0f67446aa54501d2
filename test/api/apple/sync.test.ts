import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { appleKey, makeOld, readList, type AppleKey, type ListName } from "../../support/apple.js";
import { query } from "../../support/database.js";
import { mutate } from "../../support/mutation.js";
import { startReplica, type Replica } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../../support/server.js";
import { haveTurn, jobsOf, letTurnCome, untilNoJob, waitingJobs } from "../../support/sync.js";

/** So long that no turn comes by itself. */
const AGE_SECONDS = 1_000;

/** Serves, and syncs nothing. */
let server: TestServer;
/** Syncs. */
let syncing: Replica;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  syncing = await startReplica(server, { syncSeconds: AGE_SECONDS });
  acme = await seed(server);
});
afterAll(async () => {
  await syncing.close();
  await server.close();
});
afterEach(() => {
  server.sandbox.clearFailures();
  server.sandbox.configure({ perHour: 3_600 });
});

const read = ({ id }: AppleKey, list: ListName = "devices", maxAgeSeconds = 300) =>
  readList(syncing.ask, acme.owner, id, { list, maxAgeSeconds });

/** A key with lists that are in use, and too old. */
async function usedKey(ask: Ask = syncing.ask, lists: readonly ListName[] = ["devices"]): Promise<AppleKey> {
  const key = await appleKey(server, acme);
  for (const list of lists) await readList(ask, acme.owner, key.id, { list });
  await waitingJobs(server, [key]);
  await makeOld(server, [key.id]);
  return key;
}

const agedBy = (seconds: number, { id }: AppleKey, list: string) =>
  query(server.database.ownerUrl, [
    "UPDATE apple_snapshots SET as_of = now() - make_interval(secs => $1) WHERE credential_id = $2 AND list = $3",
    [seconds, id, list],
  ]);

describe("a list", () => {
  test("that is young still is left for a turn that comes before it is too old", async () => {
    const key = await usedKey(syncing.ask, ["devices", "certificates"]);
    await agedBy(0.55 * AGE_SECONDS, key, "DEVICES");
    server.sandbox.clearJournal();
    await haveTurn(server, [key]);
    expect(key.calls().map(({ path }) => path)).toEqual(["/v1/certificates"]);
    const [job] = await waitingJobs(server, [key]);
    expect(job?.inSeconds).toBeLessThanOrEqual(0.35 * AGE_SECONDS);
  });

  test("that nobody has asked for in days is renewed no more, until somebody asks", async () => {
    const key = await usedKey();
    const sql = "UPDATE apple_snapshots SET wanted_at = now() - interval '73 hours' WHERE credential_id = $1";
    await query(server.database.ownerUrl, [sql, [key.id]]);
    server.sandbox.clearJournal();
    await letTurnCome(server, [key]);
    await untilNoJob(server, key);
    expect(key.calls()).toEqual([]);
    await read(key);
    await waitingJobs(server, [key]);
  });
});

test("two servers share the work: of many keys whose turn comes at once each is asked for once", async () => {
  const second = await startReplica(server, { syncSeconds: AGE_SECONDS });
  const keys: AppleKey[] = [];
  for (let n = 0; n < 12; n += 1) keys.push(await usedKey());
  server.sandbox.clearJournal();
  await haveTurn(server, keys);
  await second.close();
  for (const key of keys) expect(key.calls()).toHaveLength(1);
  expect((await jobsOf(server, keys)).filter(({ state }) => state === "completed")).toHaveLength(keys.length);
});

describe("a key", () => {
  test("that is deleted is asked for no more, and another one is", async () => {
    const [deleted, kept] = [await usedKey(), await usedKey()];
    const { payload } = await mutate(server, acme.owner, "deleteCredential", "deletedId", { credentialId: deleted.id });
    expect(payload).toMatchObject({ deletedId: deleted.id });
    server.sandbox.clearJournal();
    await letTurnCome(server, [deleted]);
    await haveTurn(server, [kept]);
    await untilNoJob(server, deleted);
    expect(deleted.calls()).toEqual([]);
    expect(kept.calls()).toHaveLength(1);
  });

  test("that is shared no more is kept fresh for its owner, and shows nothing to those who had it", async () => {
    const key = await usedKey();
    const tenantId = await acme.subOrganization("Had it");
    const bearer = await acme.token(tenantId, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
    await acme.share(key.id);
    expect((await readList(syncing.ask, bearer, key.id)).ids).toHaveLength(3);
    const { payload } = await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: key.id });
    expect(payload).toMatchObject({ deletedId: expect.any(String) as unknown });
    await makeOld(server, [key.id]);
    await haveTurn(server, [key]);
    expect(await readList(syncing.ask, bearer, key.id, { maxAgeSeconds: 300 })).toMatchObject({ ids: null });
    expect(await read(key)).toMatchObject({ ids: expect.any(Array) as unknown, freshness: { stale: false } });
  });

  test("that Apple refuses, and one whose secret cannot be opened, keep no other from its turn", async () => {
    // Asked through another server: the one that syncs has no tokens yet that were signed with these keys.
    const another = await startReplica(server, { syncSeconds: AGE_SECONDS });
    const keys = [await usedKey(another.ask), await usedKey(another.ask), await usedKey(another.ask)] as const;
    await another.close();
    const [revoked, broken, good] = keys;
    server.sandbox.revokeKey(revoked.keyId);
    await query(server.database.ownerUrl, ["UPDATE credentials SET sealed_key = '\\x00' WHERE id = $1", [broken.id]]);
    server.sandbox.clearJournal();
    for (const round of [1, 2]) {
      await haveTurn(server, keys);
      expect(good.calls()).toHaveLength(round);
      await makeOld(server, [good.id]);
    }
    const problem = { code: "APPLE_KEY_REJECTED" };
    expect((await read(revoked, "devices", 0)).freshness).toMatchObject({ stale: true, problem });
  });
});

describe("of a budget", () => {
  const ALL: readonly ListName[] = ["devices", "certificates", "bundleIds", "provisioningProfiles"];

  test("the sync takes half, and leaves the rest to those who ask", async () => {
    const key = await usedKey();
    server.sandbox.configure({ perHour: 10 });
    await haveTurn(server, [key]);
    expect(key.calls()).toHaveLength(2);
    for (let n = 0; n < 4; n += 1) await read(key, "devices", 0);
    expect(key.calls()).toHaveLength(6);
    await makeOld(server, [key.id]);
    await haveTurn(server, [key]);
    expect(key.calls()).toHaveLength(6);
    expect((await read(key)).freshness).toMatchObject({ stale: false });
    expect(key.calls()).toHaveLength(7);
  });

  test("what the sync spends is not what the owner of the key has spent", async () => {
    server.sandbox.configure({ perHour: 20 });
    const key = await usedKey(syncing.ask, ALL);
    await acme.subOrganization(`Beside ${key.id}`);
    await acme.share(key.id);
    await haveTurn(server, [key]);
    await makeOld(server, [key.id]);
    await haveTurn(server, [key]);
    expect(key.calls()).toHaveLength(12);
    expect((await read(key, "devices", 0)).freshness).toMatchObject({ stale: false, problem: null });
  });
});
