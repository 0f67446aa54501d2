import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Failure } from "../../../src/sandbox/failure.js";
import { appleKey, makeOld, readList, type AppleKey, type ListName, type SeenList } from "../../support/apple.js";
import { query } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { startReplica } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

const ASKERS = 100;
const UNUSED_PORT = "http://127.0.0.1:9";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer({ APPLE_DEADLINE_MS: "5000" });
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
  server.sandbox.configure({ perHour: 3_600 });
});

const key = (): Promise<AppleKey> => appleKey(server, acme);
const read = ({ id }: AppleKey, maxAgeSeconds = 0, list: ListName = "devices"): Promise<SeenList> =>
  readList(server.ask, acme.owner, id, { maxAgeSeconds, list });
const fail = ({ keyId }: AppleKey, failure: Failure): void => {
  server.sandbox.failNext({ match: { keyId }, times: "always", failure });
};

/** What a list is answered with that was read before, and cannot be renewed. */
const kept = (before: SeenList, code: string) => ({
  ids: before.ids,
  codes: [],
  freshness: { asOf: before.freshness?.asOf, stale: true, problem: { code, message: expect.any(String) as unknown } },
});
const isFresh = ({ freshness }: SeenList): boolean => freshness?.stale === false && freshness.problem === null;

describe("what was kept answers, and says why it is not newer, while Apple", () => {
  const failures: [failure: Failure, code: string][] = [
    [{ kind: "500" }, "APPLE_UNAVAILABLE"],
    [{ kind: "hang" }, "APPLE_UNAVAILABLE"],
    [{ kind: "429" }, "APPLE_RATE_LIMITED"],
    [{ kind: "429", retryAfterSeconds: 3 }, "APPLE_RATE_LIMITED"],
    [{ kind: "bad-json" }, "APPLE_UNEXPECTED_ANSWER"],
    [{ kind: "empty" }, "APPLE_UNEXPECTED_ANSWER"],
    [{ kind: "401" }, "APPLE_KEY_REJECTED"],
  ];

  test.each(failures)("meets %j, and is new again afterwards", async (failure, code) => {
    const [known, unknown] = await Promise.all([key(), key()]);
    const before = await read(known);
    expect(isFresh(before)).toBe(true);
    expect(before.ids).toHaveLength(3);
    fail(known, failure);
    fail(unknown, failure);

    const [stale, nothing] = await Promise.all([read(known), read(unknown)]);
    expect(stale).toEqual(kept(before, code));
    expect(nothing).toEqual({ ids: null, freshness: null, codes: [code] });
    // Whoever is content with what is kept is told of no problem.
    expect(await read(known, 3_600)).toEqual(before);

    server.sandbox.clearFailures();
    for (const each of [known, unknown]) {
      const after = await eventually("a fresh list", async () => {
        const list = await read(each);
        return isFresh(list) && list;
      });
      expect(after.ids).toHaveLength(3);
      expect(Date.parse(after.freshness?.asOf ?? "")).toBeGreaterThan(Date.parse(before.freshness?.asOf ?? ""));
    }
  });

  test("is not there", async () => {
    const [known, unknown] = await Promise.all([key(), key()]);
    const before = await read(known);
    const apart = await startReplica(server, { appleBaseUrl: UNUSED_PORT });
    expect(await readList(apart.ask, acme.owner, known.id)).toEqual(kept(before, "APPLE_UNAVAILABLE"));
    expect(await readList(apart.ask, acme.owner, unknown.id)).toMatchObject({
      ids: null,
      codes: ["APPLE_UNAVAILABLE"],
    });
    await apart.close();
    expect(isFresh(await read(known))).toBe(true);
    expect(isFresh(await read(unknown))).toBe(true);
  });

  test("has no budget left for the key, and Apple is not even asked", async () => {
    const known = await key();
    server.sandbox.configure({ perHour: 4 });
    let before = await read(known);
    for (let n = 1; n < 4; n += 1) before = await read(known);
    expect(isFresh(before)).toBe(true);
    expect(await read(known)).toEqual(kept(before, "APPLE_RATE_LIMITED"));
    expect(await read(known, 0, "certificates")).toMatchObject({ ids: null, codes: ["APPLE_RATE_LIMITED"] });
    expect(known.calls().map(({ status }) => status)).toEqual([200, 200, 200, 200]);

    server.sandbox.configure({ perHour: 3_600 });
    await query(server.database.ownerUrl, [
      "UPDATE apple_budgets SET as_of = as_of - interval '1 hour' WHERE credential_id = $1",
      [known.id],
    ]);
    expect(isFresh(await read(known))).toBe(true);
    expect(isFresh(await read(known, 0, "certificates"))).toBe(true);
  });

  test("is down and the server is started again", async () => {
    const [known, unknown] = await Promise.all([key(), key()]);
    const first = await startReplica(server);
    const before = await readList(first.ask, acme.owner, known.id);
    await first.close();
    fail(known, { kind: "503" });
    fail(unknown, { kind: "503" });
    const second = await startReplica(server);
    expect(await readList(second.ask, acme.owner, known.id)).toEqual(kept(before, "APPLE_UNAVAILABLE"));
    expect(await readList(second.ask, acme.owner, unknown.id)).toMatchObject({
      ids: null,
      codes: ["APPLE_UNAVAILABLE"],
    });
    server.sandbox.clearFailures();
    expect(isFresh(await readList(second.ask, acme.owner, known.id))).toBe(true);
    expect(isFresh(await readList(second.ask, acme.owner, unknown.id))).toBe(true);
    await second.close();
  });

  test("answers nonsense, by filter and page by page as ever", async () => {
    const known = await key();
    const ids = known.team.devices.map(({ id }) => id);
    await read(known);
    fail(known, { kind: "bad-json" });
    const page = async (args: string) => {
      const { data, errors } = await server.ask<{
        credential: {
          appStoreConnect: {
            devices: {
              nodes: { appleId: string }[];
              pageInfo: { hasNextPage: boolean; endCursor: string };
              freshness: { stale: boolean };
            };
          };
        };
      }>(
        acme.owner,
        `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { devices(${args}) {
          nodes { appleId } pageInfo { hasNextPage endCursor } freshness { stale } } } } }`,
        { id: known.id },
      );
      expect(errors).toBeUndefined();
      const { nodes, pageInfo, freshness } = data.credential.appStoreConnect.devices;
      expect(freshness.stale).toBe(true);
      return { ids: nodes.map(({ appleId }) => appleId), ...pageInfo };
    };
    const first = await page("first: 2");
    expect(first).toMatchObject({ ids: ids.slice(0, 2), hasNextPage: true });
    expect(await page(`first: 2, after: "${first.endCursor}"`)).toMatchObject({
      ids: ids.slice(2),
      hasNextPage: false,
    });
    const enabled = known.team.devices.filter(({ attributes }) => attributes.status === "ENABLED").map(({ id }) => id);
    expect((await page("first: 10, status: ENABLED")).ids).toEqual(enabled);
  });
});

describe("how often Apple is asked", () => {
  test("goes by the age that is wanted: not at all for what is younger, and once for what shall be new", async () => {
    const known = await key();
    const before = await read(known, 300);
    expect(known.calls()).toHaveLength(1);
    expect(await read(known, 300)).toEqual(before);
    expect(known.calls()).toHaveLength(1);
    expect(isFresh(await read(known, 0))).toBe(true);
    expect(known.calls()).toHaveLength(2);
    await makeOld(server, [known.id]);
    expect(isFresh(await read(known, 7_200))).toBe(true);
    expect(known.calls()).toHaveLength(2);
    expect(isFresh(await read(known, 300))).toBe(true);
    expect(known.calls()).toHaveLength(3);
  });

  test.each([
    ["was never fetched", false],
    ["is too old", true],
  ])(`is once, where ${ASKERS} want a list at once that %s`, async (_, isKept) => {
    const known = await key();
    if (isKept) await read(known);
    await makeOld(server, [known.id]);
    server.sandbox.clearJournal();
    const lists = await Promise.all(Array.from({ length: ASKERS }, () => read(known, 300)));
    expect(lists.filter(isFresh)).toHaveLength(ASKERS);
    expect(known.calls()).toHaveLength(1);
  });
});

test("who can be shown what is kept does not wait for an Apple that hangs, and who needs none of it does not wait at all", async () => {
  const [known, unknown] = await Promise.all([key(), key()]);
  const before = await read(known);
  const patient = await startReplica(server, { appleDeadlineMs: 6_500 });
  fail(known, { kind: "hang" });
  fail(unknown, { kind: "hang" });
  const answered: string[] = [];
  const note =
    (name: string) =>
    <T>(answer: T): T => {
      answered.push(name);
      return answer;
    };
  const never = readList(patient.ask, acme.owner, unknown.id).then(note("never"));
  const late = readList(patient.ask, acme.owner, known.id).then(note("late"));
  await eventually("two calls that hang", () => known.calls().length === 2 && unknown.calls().length === 1);
  const plain = `query ($id: ID!) { credential(id: $id) { name } }`;
  note("plain")(await patient.ask(acme.owner, plain, { id: known.id }));
  note("young")(await readList(patient.ask, acme.owner, known.id, { maxAgeSeconds: 300 }));
  expect(await late).toEqual(kept(before, "APPLE_UNAVAILABLE"));
  expect(answered).toEqual(["plain", "young", "late"]);
  expect(await never).toMatchObject({ ids: null, codes: ["APPLE_UNAVAILABLE"] });
  await patient.close();
});
