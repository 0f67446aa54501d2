import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { appleKey, makeOld, readList, type AppleKey } from "../../support/apple.js";
import { query } from "../../support/database.js";
import { mutate } from "../../support/mutation.js";
import { startProcess, type ServerProcess } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../../support/server.js";

const KEYS = 8;
const ASKERS_OF_EACH = 10;

/** One server of the test's own process, and one in a process of its own: the database is all they share. */
let server: TestServer;
let other: ServerProcess;
let both: readonly Ask[];
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  other = await startProcess(server);
  both = [server.ask, other.ask];
  acme = await seed(server);
});
afterAll(async () => {
  expect(await other.end("SIGTERM")).toBe(0);
  await server.close();
});
beforeEach(() => {
  server.sandbox.clearFailures();
  server.sandbox.configure({ pageDelayMs: 0 });
});

const key = (): Promise<AppleKey> => appleKey(server, acme);
const keys = (count: number): Promise<AppleKey[]> => Promise.all(Array.from({ length: count }, key));
const isFresh = { stale: false, problem: null };

describe("two servers that are asked for the same lists at once", () => {
  test.each([
    ["too old", true],
    ["never fetched", false],
  ])("ask Apple once for each that was %s, and both show what it said", async (_, areKept) => {
    const all = await keys(KEYS);
    if (areKept) await Promise.all(all.map(({ id }) => readList(server.ask, acme.owner, id)));
    await makeOld(
      server,
      all.map(({ id }) => id),
    );
    server.sandbox.clearJournal();
    server.sandbox.configure({ pageDelayMs: 50 });
    const asked = Array.from({ length: ASKERS_OF_EACH }, () => all).flat();
    const lists = await Promise.all(
      asked.map(({ id }, n) => readList(both[n % 2] ?? server.ask, acme.owner, id, { maxAgeSeconds: 300 })),
    );
    for (const [n, list] of lists.entries()) {
      expect(list.freshness).toMatchObject(isFresh);
      expect(list.ids).toEqual(asked[n]?.team.devices.map(({ id }) => id));
    }
    for (const each of all) expect(each.calls()).toHaveLength(1);
  });

  test("ask for each list of a key by itself", async () => {
    const { id, calls } = await key();
    const names = ["devices", "certificates", "bundleIds", "provisioningProfiles"] as const;
    await Promise.all(
      both.flatMap((ask) => names.map((list) => readList(ask, acme.owner, id, { list, maxAgeSeconds: 300 }))),
    );
    const paths = calls().map(({ path }) => path);
    expect(paths.sort()).toEqual(["/v1/bundleIds", "/v1/certificates", "/v1/devices", "/v1/profiles"]);
  });
});

describe("a 429 that one server was answered", () => {
  test("keeps the other from asking with this key, and from no other key", async () => {
    const [refused, another] = await Promise.all([key(), key()]);
    const before = await readList(server.ask, acme.owner, refused.id);
    const { keyId } = refused;
    server.sandbox.failNext({ match: { keyId }, failure: { kind: "429", retryAfterSeconds: 600 } });
    const problem = { code: "APPLE_RATE_LIMITED" };
    expect((await readList(server.ask, acme.owner, refused.id)).freshness).toMatchObject({ stale: true, problem });

    server.sandbox.clearJournal();
    for (const ask of both) {
      const list = await readList(ask, acme.owner, refused.id);
      expect(list).toMatchObject({ ids: before.ids, freshness: { stale: true, problem } });
      const never = await readList(ask, acme.owner, refused.id, { list: "certificates" });
      expect(never).toMatchObject({ ids: null, codes: ["APPLE_RATE_LIMITED"] });
      expect((await readList(ask, acme.owner, another.id)).freshness).toMatchObject(isFresh);
    }
    expect(refused.calls()).toEqual([]);
    expect(another.calls()).toHaveLength(2);
  });

  test("is not forgotten over an answer that another server got meanwhile", async () => {
    const { id, keyId, calls } = await key();
    await readList(server.ask, acme.owner, id);
    const slow = { kind: "slow", delayMs: 700 } as const;
    server.sandbox.failNext({ match: { keyId, path: "/v1/certificates" }, failure: slow });
    server.sandbox.failNext({
      match: { keyId, path: "/v1/devices" },
      failure: { kind: "429", retryAfterSeconds: 600 },
    });
    // The slow answer is a good one, and is the last to come.
    const [certificates, devices] = await Promise.all([
      readList(other.ask, acme.owner, id, { list: "certificates" }),
      readList(server.ask, acme.owner, id),
    ]);
    expect(certificates.freshness).toMatchObject(isFresh);
    expect(devices.freshness).toMatchObject({ stale: true });
    server.sandbox.clearJournal();
    for (const list of ["devices", "certificates"] as const)
      expect((await readList(other.ask, acme.owner, id, { list })).freshness?.problem?.code).toBe("APPLE_RATE_LIMITED");
    expect(calls()).toEqual([]);
  });
});

test("what a server knows of a budget is not replaced by what another one knew earlier", async () => {
  const { id, keyId } = await key();
  const remaining = async (): Promise<number | undefined> => {
    const rows = await query<{ remaining: number }>(server.database.ownerUrl, [
      "SELECT remaining FROM apple_budgets WHERE credential_id = $1",
      [id],
    ]);
    return rows[0]?.remaining;
  };
  await readList(other.ask, acme.owner, id);
  for (let n = 0; n < 3; n += 1) await readList(server.ask, acme.owner, id);
  const known = await remaining();
  expect(known).toBe(3_600 - 4);
  // No answer at all: this one has nothing newer to say than what it was told first.
  server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "drop" } });
  expect((await readList(other.ask, acme.owner, id)).freshness).toMatchObject({ stale: true });
  expect(await remaining()).toBe(known);
});

test("what is written through one server is seen through the other at once, though Apple's lists do not show it yet", async () => {
  const { id } = await key();
  const before = await readList(other.ask, acme.owner, id);
  server.sandbox.configure({ listLagMs: 60_000 });
  try {
    const udid = "00008030-000E6C8E3A02002E";
    const { payload } = await mutate<{ devices: { appleId: string }[] }>(
      server,
      acme.owner,
      "registerDevices",
      "devices { appleId }",
      { tenantId: acme.organizationId, credentialId: id, devices: [{ name: "New", udid }] },
    );
    const made = payload?.devices.map(({ appleId }) => appleId) ?? [];
    expect(made).toHaveLength(1);
    for (const maxAgeSeconds of [300, 0]) {
      const list = await readList(other.ask, acme.owner, id, { maxAgeSeconds });
      expect(list).toMatchObject({ ids: [...(before.ids ?? []), ...made], freshness: isFresh });
    }
  } finally {
    server.sandbox.configure({ listLagMs: 0 });
  }
});
