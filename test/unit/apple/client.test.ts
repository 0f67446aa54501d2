import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { AppleClient, CONCURRENCY, RETRIES } from "../../../src/apple/client.js";
import { FAILURES_UNTIL_OPEN } from "../../../src/apple/http/breaker.js";
import { ANSWER_BYTES } from "../../../src/apple/http/transport.js";
import { authorize, TokenCache, type Authorization } from "../../../src/apple/signer.js";
import { answerOf, cut, keyOf, listen, nobody, type Handler, type Host } from "./host.js";

let apple: Host;
let elsewhere: Host;
let client: AppleClient;
let authorization: Authorization;

beforeEach(async () => {
  jest.spyOn(Math, "random").mockReturnValue(0); // No wait between retries.
  [apple, elsewhere] = await Promise.all([listen(), listen()]);
  client = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: elsewhere.url });
  authorization = authorize(keyOf("cred_1"), new TokenCache());
});
afterEach(async () => {
  jest.restoreAllMocks();
  await client.close();
  await Promise.all([apple.close(), elsewhere.close()]);
});

const found = answerOf(200, { data: [{ type: "devices", id: "1" }] });
const get = () => client.get(authorization, "/v1/devices");

/** Works with a client that is given up on soon. */
async function impatiently(work: (impatient: AppleClient) => Promise<void>): Promise<void> {
  const impatient = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url }, 100);
  await work(impatient);
  await impatient.close();
}

describe("a request to Apple", () => {
  test("carries the token and its parameters, lists joined by commas, to the host of the program", async () => {
    await client.get(authorization, "/v1/profiles", { limit: 200, include: ["bundleId", "devices"], "fields[x]": [] });
    const [asked] = apple.asked;
    expect(asked).toMatchObject({ method: "GET", headers: { authorization: `Bearer ${await authorization.token()}` } });
    const parameters = Object.fromEntries(new URL(asked?.url ?? "", apple.url).searchParams);
    expect(parameters).toEqual({ limit: "200", include: "bundleId,devices", "fields[x]": "" });
    expect(elsewhere.asked).toEqual([]);

    await client.get(authorize(keyOf("cred_2", "ENTERPRISE"), new TokenCache()), "/v1/profiles");
    expect(elsewhere.asked).toHaveLength(1);
    expect(apple.asked).toHaveLength(1);
  });

  test("goes below a path that the base has", async () => {
    const below = new AppleClient({ APP_STORE: `${apple.url}/proxy`, ENTERPRISE: apple.url });
    await below.get(authorization, "/v1/devices");
    expect(apple.asked).toMatchObject([{ url: "/proxy/v1/devices" }]);
    await below.close();
  });

  test("is given up at its deadline, and is not sent again", async () => {
    apple.answerWith(() => undefined);
    await impatiently(async (impatient) => {
      await expect(impatient.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    });
    expect(apple.asked).toHaveLength(1);
  });

  test("is given up at its deadline in the middle of an answer too", async () => {
    apple.answerWith((response) => response.write('{"data": ['));
    await impatiently(async (impatient) => {
      await expect(impatient.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    });
  });

  test("is sent again a few times after a fault that may pass, and then fails", async () => {
    apple.answerWith(answerOf(503));
    await expect(get()).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE", status: 503 });
    expect(apple.asked).toHaveLength(1 + RETRIES);
  });

  test.each<[string, Handler]>([
    ["500", answerOf(500)],
    ["a gateway's page", answerOf(502, "<html>")],
    ["503", answerOf(503)],
    ["504", answerOf(504, "late")],
    ["a connection that is cut", cut],
    ["401", answerOf(401)],
    ["an agreement that is only said to be missing", answerOf(403, agreementMissing())],
  ])("comes to its answer after a fault that passes: %s", async (_, fault) => {
    apple.answerWith(fault, found);
    expect((await get()).data).toEqual([{ type: "devices", id: "1" }]);
    expect(apple.asked).toHaveLength(2);
  });

  test("is sent again once after 401, with another token, and then fails", async () => {
    apple.answerWith(answerOf(401));
    await expect(get()).rejects.toMatchObject({ code: "APPLE_KEY_REJECTED" });
    const tokens = apple.asked.map(({ headers }) => headers.authorization);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(2);
  });

  test.each([400, 403, 404, 409])("is not sent again after %d", async (status) => {
    apple.answerWith(answerOf(status));
    await expect(get()).rejects.toMatchObject({ status });
    expect(apple.asked).toHaveLength(1);
  });

  test.each([301, 302, 303, 307, 308])("follows no redirect (%d), and the token goes nowhere else", async (status) => {
    apple.answerWith(answerOf(status, "moved", { location: `${elsewhere.url}/v1/devices` }), found);
    await expect(get()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    expect(apple.asked).toHaveLength(1);
    expect(elsewhere.asked).toEqual([]);
    // The client is as good as before.
    expect((await get()).data).toHaveLength(1);
  });

  test("reads no more of an answer than it may be large", async () => {
    apple.answerWith(
      answerOf(200, " ".repeat(ANSWER_BYTES + 1)),
      answerOf(200, JSON.stringify({ data: [] }).padEnd(ANSWER_BYTES)),
    );
    await expect(get()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    await expect(get()).resolves.toMatchObject({ data: [] });
  });

  test("counts every request that is made, and no other", async () => {
    const meter = { calls: 0 };
    apple.answerWith(answerOf(500), answerOf(401), found);
    await client.get({ ...authorization, meter }, "/v1/devices");
    expect(meter.calls).toBe(3);
    client.allowance("cred_1").block(new Date(Date.now() + 60_000));
    await expect(client.get({ ...authorization, meter }, "/v1/devices")).rejects.toThrow();
    expect(meter.calls).toBe(3);
  });
});

function agreementMissing() {
  return { errors: [{ code: "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED" }] };
}

describe("requests with one key", () => {
  test("wait while four others are out; those with another key do not", async () => {
    const waiting: ServerResponse[] = [];
    apple.answerWith((response) => waiting.push(response));
    const other = authorize(keyOf("cred_2"), new TokenCache());
    const calls = Array.from({ length: CONCURRENCY + 2 }, get);
    await apple.until(CONCURRENCY);
    calls.push(client.get(other, "/v1/devices"));
    await apple.until(CONCURRENCY + 1);
    const tokens = apple.asked.map(({ headers }) => headers.authorization);
    const otherToken = `Bearer ${await other.token()}`;
    expect(tokens.filter((token) => token === otherToken)).toHaveLength(1);
    expect(tokens).toHaveLength(CONCURRENCY + 1);
    for (let answered = 0; answered < calls.length; answered += 1) {
      await apple.until(answered + 1);
      const response = waiting[answered];
      if (response !== undefined) response.end(JSON.stringify({ data: [] }));
    }
    await Promise.all(calls);
    expect(apple.asked).toHaveLength(CONCURRENCY + 3);
  });
});

describe("a host that has failed several times in a row", () => {
  const failing = async (calls: number): Promise<void> => {
    for (let call = 0; call < calls; call += 1) await get().catch(() => undefined);
  };

  test("is left alone for a while, with the last failure as the answer; a probe goes out all the same", async () => {
    apple.answerWith(answerOf(503));
    await failing(FAILURES_UNTIL_OPEN);
    const before = apple.asked.length;
    apple.answerWith(found);
    await expect(get()).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE", status: null });
    expect(apple.asked).toHaveLength(before);
    expect((await client.probe(authorization, "/v1/devices")).data).toHaveLength(1);
    expect(apple.asked).toHaveLength(before + 1);
  });

  test("keeps changes from being sent, whose outcome is known then", async () => {
    apple.answerWith(answerOf(503));
    await failing(FAILURES_UNTIL_OPEN);
    const before = apple.asked.length;
    const change = client.change(authorization, "POST", "/v1/devices", {});
    await expect(change).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE", outcomeUnknown: false });
    expect(apple.asked).toHaveLength(before);
  });

  test("is another than the host of the other program", async () => {
    apple.answerWith(answerOf(503));
    await failing(FAILURES_UNTIL_OPEN);
    await client.get(authorize(keyOf("cred_2", "ENTERPRISE"), new TokenCache()), "/v1/devices");
    expect(elsewhere.asked).toHaveLength(1);
  });
});

describe("the budget of a key", () => {
  const spent = answerOf(429, {}, { "x-rate-limit": "user-hour-lim:3500;user-hour-rem:0;" });

  test("is that of its last answer, refusals too, and of no other key", async () => {
    expect(client.allowance("cred_1").rateLimit).toBeNull();
    apple.answerWith(spent);
    await expect(get()).rejects.toMatchObject({ code: "APPLE_RATE_LIMITED" });
    expect(client.allowance("cred_1").rateLimit).toMatchObject({ limitPerHour: 3500, remaining: 0 });
    expect(client.allowance("cred_2").rateLimit).toBeNull();
  });

  test("that is spent keeps further calls from being made, and a probe not", async () => {
    apple.answerWith(spent, found);
    for (let call = 0; call < 3; call += 1) {
      await expect(get()).rejects.toMatchObject({ code: "APPLE_RATE_LIMITED", retryAfterSeconds: expect.anything() });
    }
    expect(apple.asked).toHaveLength(1);
    const other = authorize(keyOf("cred_2"), new TokenCache());
    expect((await client.get(other, "/v1/devices")).data).toHaveLength(1);
    expect((await client.probe(authorization, "/v1/devices")).data).toHaveLength(1);
    expect((await get()).data).toHaveLength(1);
  });

  test("is asked once more where Apple says to come again at once, and then is spent", async () => {
    apple.answerWith(answerOf(429, {}, { "retry-after": "0" }), found);
    expect((await get()).data).toHaveLength(1);
    expect(apple.asked).toHaveLength(2);
    apple.answerWith(answerOf(429, {}, { "retry-after": "0" }));
    await expect(get()).rejects.toMatchObject({ code: "APPLE_RATE_LIMITED", status: 429 });
    expect(apple.asked).toHaveLength(4);
  });
});

describe("a host that cannot be reached", () => {
  test("is tried a few times, and is unavailable", async () => {
    const unreachable = new AppleClient({ APP_STORE: await nobody(), ENTERPRISE: apple.url });
    const meter = { calls: 0 };
    const call = unreachable.get({ ...authorization, meter }, "/v1/devices");
    await expect(call).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE", status: null });
    expect(meter.calls).toBe(1 + RETRIES);
    await unreachable.close();
  });
});
