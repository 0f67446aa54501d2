import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Settings } from "../../../src/sandbox/settings.js";
import { appleKey, readList, type AppleKey, type SeenList } from "../../support/apple.js";
import { mutate } from "../../support/mutation.js";
import { startReplica, type Replica } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../../support/server.js";

const SUB_ORGANIZATIONS = 4;
/** Questions that the greedy one has open all the time. */
const AT_ONCE = 4;

let server: TestServer;
let second: Replica;
let acme: Story;
/** Bearer tokens, one a sub-organization. */
const bearers: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  second = await startReplica(server);
  acme = await seed(server);
  for (let n = 0; n < SUB_ORGANIZATIONS; n += 1) {
    const tenantId = await acme.subOrganization(`Team ${n}`);
    bearers.push(await acme.token(tenantId, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]));
  }
});
afterAll(async () => {
  await second.close();
  await server.close();
});
afterEach(() => {
  server.sandbox.configure({ perHour: 3_600, perMinute: null });
});

/** A key that all sub-organizations share. */
async function sharedKey(): Promise<AppleKey> {
  const key = await appleKey(server, acme);
  await acme.share(key.id);
  return key;
}

const isFresh = ({ freshness }: SeenList): boolean => freshness?.stale === false;
const fairly = "fair share";

/** A tenant that asks all the time, through every server, until it is told to stop; gives what it was answered. */
function greedy(asks: readonly Ask[], bearer: string, { id }: AppleKey) {
  const answers: SeenList[] = [];
  let goesOn = true;
  const loop = async (n: number): Promise<void> => {
    while (goesOn) answers.push(await readList(asks[n % asks.length] ?? server.ask, bearer, id));
  };
  const running = Promise.all(Array.from({ length: AT_ONCE }, (_, n) => loop(n)));
  return {
    answers,
    stop: async () => {
      goesOn = false;
      await running;
    },
    /** Goes on until it was refused so often, one time after the other. */
    refused: async (times: number) => {
      const from = answers.length;
      while (answers.slice(from).filter((answer) => !isFresh(answer)).length < times)
        await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

describe.each([
  ["one server", () => [server.ask]],
  ["two servers", () => [server.ask, second.ask]],
])("over %s, a sub-organization that asks all the time", (_, asksOf) => {
  test.each<[name: string, budget: Partial<Settings>]>([
    ["hour", { perHour: 60 }],
    ["minute", { perMinute: 60 }],
  ])("leaves the others their share of the %s, and Apple's budget is never overdrawn", async (__, budget) => {
    const asks = asksOf();
    server.sandbox.configure(budget);
    const [key, another] = await Promise.all([sharedKey(), sharedKey()]);
    const [greedyOne = "", ...others] = bearers;
    const hungry = greedy(asks, greedyOne, key);
    await hungry.refused(20);
    const atMost = key.calls().length;
    expect(hungry.answers.at(-1)?.freshness?.problem).toMatchObject({ code: "APPLE_RATE_LIMITED" });
    expect(hungry.answers.at(-1)?.freshness?.problem?.message).toContain(fairly);

    // While it goes on asking, each of the next is answered anew, by whichever server.
    for (const [n, bearer] of others.slice(0, 3).entries()) {
      const list = await readList(asks[n % asks.length] ?? server.ask, bearer, key.id);
      expect(list.freshness).toMatchObject({ stale: false, problem: null });
    }
    // Not more than once for each: whoever asks just when the list is renewed has that.
    expect(key.calls().length).toBeGreaterThan(atMost);
    expect(key.calls().length).toBeLessThanOrEqual(atMost + 3);
    expect(await readList(server.ask, greedyOne, another.id)).toMatchObject({ freshness: { stale: false } });
    await hungry.stop();
    expect(hungry.answers.every(({ codes }) => codes.length === 0)).toBe(true);
    expect(new Set(key.calls().map(({ status }) => status))).toEqual(new Set([200]));
  });
});

test("when all ask all the time, what is left in the end is for changes, which are made", async () => {
  server.sandbox.configure({ perHour: 60 });
  const key = await sharedKey();
  const all = bearers.map((bearer) => greedy([server.ask, second.ask], bearer, key));
  await Promise.all(all.map((each) => each.refused(5)));
  await Promise.all(all.map((each) => each.stop()));
  const statuses = key.calls().map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(statuses.length).toBeLessThanOrEqual(57);

  const { payload } = await mutate<{ devices: unknown[] }>(server, acme.owner, "registerDevices", "devices { name }", {
    tenantId: acme.organizationId,
    credentialId: key.id,
    devices: [{ name: "New", udid: "00008030-000E6C8E3A02002E" }],
  });
  expect(payload?.devices).toEqual([{ name: "New" }]);
});
