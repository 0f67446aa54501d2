import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { AppleClient, CONCURRENCY } from "../../../src/apple/client.js";
import { authorize, Lease, LEASE_MS, TokenCache, type Authorization } from "../../../src/apple/signer.js";
import { Denial } from "../../../src/errors.js";
import { answerOf, keyOf, listen, type Handler, type Host } from "./host.js";

const found = answerOf(200, { data: [{ type: "devices", id: "1" }] });
/** Answers when the right that the call was made with is over. */
const late =
  (answer: Handler): Handler =>
  (...asked) =>
    void delay(LEASE_MS).then(() => {
      answer(...asked);
    });

let apple: Host;
let client: AppleClient;
/** Whether the key is shared still, and how often that was asked. */
let isShared: boolean;
let questions: number;

beforeEach(async () => {
  jest.spyOn(Math, "random").mockReturnValue(0); // No wait between retries.
  apple = await listen();
  apple.answerWith(found);
  client = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url });
  isShared = true;
  questions = 0;
});
afterEach(async () => {
  jest.restoreAllMocks();
  await client.close();
  await apple.close();
});

/** A right that was asked for so long ago. */
function rightOf(ageMs = 0): Authorization & { meter: { calls: number }; lease: Lease } {
  const confirmed = (): Promise<number> => {
    questions += 1;
    return isShared ? Promise.resolve(performance.now() + LEASE_MS) : Promise.reject(new Denial("FORBIDDEN"));
  };
  const lease = new Lease(performance.now() - ageMs + LEASE_MS, confirmed);
  return { ...authorize(keyOf("cred_1"), new TokenCache()), lease, meter: { calls: 0 } };
}
const get = (right: Authorization) => client.get(right, "/v1/devices");
const forbidden = { code: "FORBIDDEN" };

describe("a call within the lease of its right", () => {
  test("is sent without a question, page after page", async () => {
    const next = `${apple.url}/v1/devices?cursor=2`;
    apple.answerWith(answerOf(200, { data: [{ type: "devices", id: "0" }], links: { next } }), found);
    isShared = false; // Nobody looks.
    const { data } = await client.all(rightOf(), "/v1/devices");
    expect(data).toHaveLength(2);
    expect(questions).toBe(0);
  });
});

describe("a call whose right is older than its lease", () => {
  test("is sent when the right is confirmed, once for all that follow within the lease", async () => {
    const right = rightOf(LEASE_MS);
    await get(right);
    await get(right);
    expect(questions).toBe(1);
    expect(apple.asked).toHaveLength(2);
    expect(right.meter.calls).toBe(2);
  });

  test.each([
    ["a read", (right: Authorization) => get(right)],
    ["a list", (right: Authorization) => client.all(right, "/v1/devices")],
    ["a probe", (right: Authorization) => client.probe(right, "/v1/devices")],
    ["a POST", (right: Authorization) => client.change(right, "POST", "/v1/devices", {})],
    ["a PATCH", (right: Authorization) => client.change(right, "PATCH", "/v1/devices/1", {})],
    ["a DELETE", (right: Authorization) => client.remove(right, "/v1/devices/1")],
  ])("is refused and not sent when the right is gone: %s", async (_, call) => {
    isShared = false;
    const right = rightOf(LEASE_MS);
    await expect(call(right)).rejects.toMatchObject(forbidden);
    expect(apple.asked).toEqual([]);
    expect(right.meter.calls).toBe(0);
  });

  test("is refused by the same breakers and turns that serve the next well", async () => {
    isShared = false;
    const refused = Array.from({ length: 20 }, () => get(rightOf(LEASE_MS)));
    for (const call of refused) await expect(call).rejects.toMatchObject(forbidden);
    await get(rightOf());
    expect(apple.asked).toHaveLength(1);
  });
});

describe("a call that waits for longer than its lease", () => {
  const waits: [what: string, before: number, prepare: (right: Authorization) => Promise<unknown>][] = [
    [
      "for its turn",
      CONCURRENCY,
      async (right) => {
        const others = { ...right, lease: new Lease(Infinity, () => Promise.resolve(Infinity)) };
        apple.answerWith(...Array.from({ length: CONCURRENCY }, () => late(found)), found);
        const running = Array.from({ length: CONCURRENCY }, () => get(others));
        await apple.until(CONCURRENCY);
        return Promise.all([get(right), ...running]);
      },
    ],
    [
      "for the page before",
      1,
      (right) => {
        const next = `${apple.url}/v1/devices?cursor=2`;
        apple.answerWith(late(answerOf(200, { data: [], links: { next } })), found);
        return client.all(right, "/v1/devices");
      },
    ],
    [
      "to be sent again after a fault of Apple's",
      1,
      (right) => {
        apple.answerWith(late(answerOf(503)), found);
        return get(right);
      },
    ],
    [
      "to be sent with a fresh token",
      1,
      (right) => {
        apple.answerWith(late(answerOf(401)), found);
        return get(right);
      },
    ],
  ];

  test.each(waits)("%s is not sent when the right is gone meanwhile", async (_, before, prepare) => {
    const call = prepare(rightOf());
    isShared = false;
    await expect(call).rejects.toMatchObject(forbidden);
    await delay(50);
    expect(apple.asked).toHaveLength(before);
  });

  test.each(waits)("%s is sent when the right is still there", async (_, before, prepare) => {
    await prepare(rightOf());
    expect(apple.asked).toHaveLength(before + 1);
    expect(questions).toBe(1);
  });
});

describe("a right whose lease ends while the connection is made", () => {
  /** A right that is found over at the second look, when the connection stands, and at the next, until it is renewed. */
  function overAtSecondLook(): ReturnType<typeof rightOf> {
    const right = rightOf();
    let looks = 0;
    jest.spyOn(right.lease, "isOver", "get").mockImplementation(() => [2, 3].includes((looks += 1)));
    return right;
  }

  test("is confirmed before a byte goes out, and the call is counted once", async () => {
    const right = overAtSecondLook();
    await get(right);
    expect(questions).toBe(1);
    expect(apple.asked).toHaveLength(1);
    expect(right.meter.calls).toBe(1);
  });

  test("is refused when it is gone", async () => {
    isShared = false;
    const right = overAtSecondLook();
    await expect(get(right)).rejects.toMatchObject(forbidden);
    expect(apple.asked).toEqual([]);
    expect(right.meter.calls).toBe(0);
  });
});

describe("a source that answers too late each time", () => {
  test("keeps a call back until its deadline, and is then told as one that was not made", async () => {
    const impatient = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url }, 300);
    const confirmed = async (): Promise<number> => {
      await delay(20);
      return performance.now();
    };
    const right = { ...rightOf(), lease: new Lease(performance.now(), confirmed) };
    await expect(impatient.get(right, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    expect(apple.asked).toEqual([]);
    await impatient.close();
  });
});
