import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { AppleClient, RETRIES } from "../../../src/apple/client.js";
import { ANSWER_BYTES } from "../../../src/apple/http/transport.js";
import { authorize, TokenCache, type Authorization } from "../../../src/apple/signer.js";
import { answerOf, cut, keyOf, listen, nobody, type Handler, type Host } from "./host.js";

let apple: Host;
let client: AppleClient;
let authorization: Authorization;

beforeEach(async () => {
  jest.spyOn(Math, "random").mockReturnValue(0); // No wait between retries.
  apple = await listen();
  client = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url });
  authorization = authorize(keyOf("cred_1"), new TokenCache());
});
afterEach(async () => {
  jest.restoreAllMocks();
  await client.close();
  await apple.close();
});

const BODY = { data: { type: "devices", attributes: { name: "Phone – Ä" } } };
const made = answerOf(201, { data: { type: "devices", id: "1" } });
const change = (method: "POST" | "PATCH") => client.change(authorization, method, "/v1/devices", BODY);
/** An answer that breaks off in its middle. */
const brokenOff: Handler = (response) => {
  response.writeHead(201, { "content-length": "100" }).write('{"data":', () => response.destroy());
};

describe("a change", () => {
  test.each(["POST", "PATCH"] as const)(
    "is sent as JSON with the token, and gives what Apple has now: %s",
    async (method) => {
      apple.answerWith(made);
      expect((await change(method)).data).toEqual([{ type: "devices", id: "1" }]);
      expect(apple.asked).toHaveLength(1);
      const [asked] = apple.asked;
      expect(asked).toMatchObject({
        method,
        url: "/v1/devices",
        headers: { authorization: `Bearer ${await authorization.token()}`, "content-type": "application/json" },
      });
      expect(JSON.parse(asked?.body ?? "")).toEqual(BODY);
    },
  );
});

/** Faults after which nobody knows whether Apple made the change. */
const UNKNOWN: [string, Handler][] = [
  ["500", answerOf(500)],
  ["a gateway's page", answerOf(502, "<html>")],
  ["503", answerOf(503)],
  ["504", answerOf(504, "late")],
  ["a connection that is cut", cut],
  ["an answer that breaks off", brokenOff],
  ["an answer that is no JSON", answerOf(201, "{")],
  ["an answer that is empty", answerOf(201, "")],
  ["an answer that is no document", answerOf(201, { errors: [] })],
  ["an answer that is too large", answerOf(201, " ".repeat(ANSWER_BYTES + 1))],
  ["a redirect", answerOf(302, "", { location: "https://elsewhere.example/" })],
];

/** Answers after which it is sure that Apple did not make the change. */
const KNOWN: [number, string][] = [
  [400, "APPLE_REFUSED"],
  [401, "APPLE_KEY_REJECTED"],
  [403, "APPLE_FORBIDDEN"],
  [404, "APPLE_REFUSED"],
  [409, "APPLE_REFUSED"],
  [422, "APPLE_REFUSED"],
  [429, "APPLE_RATE_LIMITED"],
];

describe("a POST", () => {
  test.each(UNKNOWN)("is never sent again after %s, and its outcome is unknown", async (_, fault) => {
    apple.answerWith(fault, made);
    await expect(change("POST")).rejects.toMatchObject({ outcomeUnknown: true });
    expect(apple.asked).toHaveLength(1);
  });

  test("is not sent again after its deadline, and its outcome is unknown", async () => {
    const impatient = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url }, 2_000);
    apple.answerWith(() => undefined, made);
    const late = impatient.change(authorization, "POST", "/v1/devices", BODY);
    await expect(late).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE", outcomeUnknown: true });
    expect(apple.asked).toHaveLength(1);
    await impatient.close();
  });

  test.each(KNOWN)("that is answered with %d is not sent again, and was not made: %s", async (status, code) => {
    apple.answerWith(answerOf(status), made);
    await expect(change("POST")).rejects.toMatchObject({ code, status, outcomeUnknown: false });
    expect(apple.asked).toHaveLength(1);
  });

  test("that was never sent is tried a few times, and was not made", async () => {
    const unreachable = new AppleClient({ APP_STORE: await nobody(), ENTERPRISE: apple.url });
    const meter = { calls: 0 };
    const call = unreachable.change({ ...authorization, meter }, "POST", "/v1/devices", BODY);
    await expect(call).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE", outcomeUnknown: false });
    expect(meter.calls).toBe(1 + RETRIES);
    await unreachable.close();
  });

  test("is not sent where the budget is spent, and was not made", async () => {
    client.allowance("cred_1").block(new Date(Date.now() + 60_000));
    await expect(change("POST")).rejects.toMatchObject({ code: "APPLE_RATE_LIMITED", outcomeUnknown: false });
    expect(apple.asked).toEqual([]);
  });
});

describe("a PATCH", () => {
  test.each(UNKNOWN.slice(0, 6))("is sent again after %s: twice is once", async (_, fault) => {
    apple.answerWith(fault, made);
    expect((await change("PATCH")).data).toEqual([{ type: "devices", id: "1" }]);
    expect(apple.asked).toHaveLength(2);
  });

  test.each(UNKNOWN.slice(6))("is not sent again after %s, and its outcome is unknown", async (_, fault) => {
    apple.answerWith(fault, made);
    await expect(change("PATCH")).rejects.toMatchObject({ outcomeUnknown: true });
    expect(apple.asked).toHaveLength(1);
  });

  test("that fails until the last attempt has an outcome that is unknown", async () => {
    apple.answerWith(answerOf(503));
    await expect(change("PATCH")).rejects.toMatchObject({ status: 503, outcomeUnknown: true });
    expect(apple.asked).toHaveLength(1 + RETRIES);
  });

  test("is sent once more after 401, with a fresh token", async () => {
    apple.answerWith(answerOf(401), made);
    expect((await change("PATCH")).data).toHaveLength(1);
    expect(new Set(apple.asked.map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  test.each([400, 403, 404, 409, 422])(
    "that is answered with %d is not sent again, and was not made",
    async (status) => {
      apple.answerWith(answerOf(status), made);
      await expect(change("PATCH")).rejects.toMatchObject({ status, outcomeUnknown: false });
      expect(apple.asked).toHaveLength(1);
    },
  );
});
