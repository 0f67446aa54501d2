import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { AppleError } from "../../../../src/apple/error.js";
import { verdictOn } from "../../../../src/apple/http/verdict.js";
import type { RateLimit } from "../../../../src/apple/http/rate-limit.js";
import { ANSWER_BYTES, CONNECTIONS, Transport, type Outgoing } from "../../../../src/apple/http/transport.js";
import { answerOf, cut, listen, nobody, type Handler, type Host } from "../host.js";

let apple: Host;
let transport: Transport;
let told: RateLimit[];

beforeEach(async () => {
  apple = await listen();
  transport = new Transport(30_000);
  told = [];
});
afterEach(async () => {
  await transport.close();
  await apple.close();
});

const send = (outgoing: Partial<Outgoing> = {}) => {
  const { signal } = new AbortController();
  const asked: Outgoing = { method: "GET", url: new URL(`${apple.url}/v1/devices`), token: "token", signal };
  return transport.send({ ...asked, ...outgoing }, (rateLimit) => told.push(rateLimit));
};

/** What a request fails with. */
async function failure(outgoing: Partial<Outgoing> = {}): Promise<AppleError> {
  const error: unknown = await send(outgoing).catch((reason: unknown) => reason);
  if (!(error instanceof AppleError)) throw new Error("It did not fail as Apple's calls do");
  return error;
}

describe("a request", () => {
  test("carries its token, asks for JSON, and says nothing of a body where it has none", async () => {
    await send();
    expect(apple.asked).toMatchObject([
      { method: "GET", headers: { authorization: "Bearer token", accept: "application/json" }, body: "" },
    ]);
    expect(apple.asked[0]?.headers).not.toHaveProperty("content-type");
  });

  test.each(["POST", "PATCH"] as const)("carries its body as JSON: %s", async (method) => {
    await send({ method, body: { name: "Ä" } });
    expect(apple.asked).toMatchObject([
      { method, headers: { "content-type": "application/json" }, body: '{"name":"Ä"}' },
    ]);
  });
});

describe("a request that is asked once more whether it may go", () => {
  test("goes where it may", async () => {
    expect(await send({ mayGo: () => true })).toEqual({ status: 200, body: { data: [] } });
  });

  test.each(["GET", "POST"] as const)(
    "is kept back when the connection stands, which stays for the next: %s",
    async (method) => {
      const connections = new Set<unknown>();
      apple.onConnection((socket) => connections.add(socket));
      let connectionsWhenAsked = 0;
      const mayGo = (): boolean => {
        connectionsWhenAsked = connections.size;
        return false;
      };
      const body = method === "POST" ? { body: {} } : {};
      expect(await send({ method, ...body, mayGo })).toBeNull();
      expect(await send({ method, ...body, mayGo })).toBeNull();
      expect(connectionsWhenAsked).toBe(1);
      expect(apple.asked).toEqual([]);
      expect(await send({ method, ...body, mayGo: () => true })).toMatchObject({ status: 200 });
      expect(apple.asked).toHaveLength(1);
      expect(connections.size).toBe(1);
    },
  );
});

describe("an answer", () => {
  test.each([200, 201])("comes with its status and its body: %d", async (status) => {
    apple.answerWith(answerOf(status, { data: [] }));
    expect(await send()).toEqual({ status, body: { data: [] } });
  });

  test("without a body has none", async () => {
    apple.answerWith((response) => response.writeHead(204).end());
    expect(await send({ method: "PATCH", body: {} })).toEqual({ status: 204, body: null });
  });

  test("in parts is whole, though a letter is cut in two", async () => {
    const [head, tail] = [Buffer.from('{"name":"\u00c4').subarray(0, -1), Buffer.from("\u00c4").subarray(1)];
    apple.answerWith((response) => {
      response.write(head, () => response.end(Buffer.concat([tail, Buffer.from('"}')])));
    });
    expect(await send()).toEqual({ status: 200, body: { name: "\u00c4" } });
  });

  test("tells the budget, good or bad, and only where it names one", async () => {
    const header = { "x-rate-limit": "user-hour-lim:3500;user-hour-rem:500;" };
    apple.answerWith(
      answerOf(200, {}, header),
      answerOf(503, {}, header),
      answerOf(302, "", header),
      answerOf(200, {}),
    );
    await send();
    await failure();
    await failure();
    await send();
    expect(told).toMatchObject(Array(3).fill({ limitPerHour: 3500, remaining: 500 }));
  });

  test("tells how long to wait, and by how much Apple's clock is ahead, where it is an error", async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    apple.answerWith(answerOf(429, {}, { "retry-after": "7", date }), answerOf(429, {}, { date: "someday" }));
    const error = await failure();
    expect(error).toMatchObject({ status: 429, retryAfterSeconds: 7 });
    expect(Math.abs((error.clockSkewSeconds ?? 0) - 3_600)).toBeLessThan(30);
    expect(await failure()).toMatchObject({ status: 429, retryAfterSeconds: null, clockSkewSeconds: null });
  });

  test("that refuses a change is the user's to mend, and one that refuses a question is not", async () => {
    apple.answerWith(answerOf(409, { errors: [{ code: "ENTITY_ERROR", detail: "There is one." }] }));
    expect(await failure({ method: "POST", body: {} })).toMatchObject({ code: "APPLE_REFUSED", status: 409 });
    expect(await failure()).toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER", status: 409 });
  });

  test.each<[string, number, Handler, string]>([
    ["that is no JSON", 200, answerOf(200, "<html>"), "APPLE_UNEXPECTED_ANSWER"],
    ["that is empty", 200, answerOf(200, ""), "APPLE_UNEXPECTED_ANSWER"],
    ["that is a page of a gateway", 502, answerOf(502, "<html>"), "APPLE_UNAVAILABLE"],
    ["that is an error without a word", 403, answerOf(403, ""), "APPLE_FORBIDDEN"],
  ])("%s is told as %s", async (_, status, answer, code) => {
    apple.answerWith(answer);
    expect(await failure()).toMatchObject({ code, status: status === 200 ? null : status });
  });

  test.each([200, 503])("is read to 10 MB and no further (%d)", async (status) => {
    apple.answerWith(answerOf(status, "1".padEnd(ANSWER_BYTES)), answerOf(status, "1".padEnd(ANSWER_BYTES + 1)));
    if (status === 200) expect(await send()).toEqual({ status, body: 1 });
    else expect(await failure()).toMatchObject({ status });
    expect(await failure()).toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER", status: null });
  });

  test("that never ends is read no further than that either", async () => {
    const chunk = Buffer.alloc(1024 * 1024, " ");
    apple.answerWith((response) => {
      const more = (): void =>
        void response.write(chunk, (error) => {
          if (!error) more();
        });
      response.on("error", () => undefined);
      more();
    });
    expect(await failure()).toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
  });
});

describe("a request that gets no answer", () => {
  test.each<[string, Handler]>([
    ["is given up when its signal says so", () => undefined],
    ["is given up in the middle of an answer too", (response) => void response.write('{"data":')],
  ])("%s, and is late", async (_, handler) => {
    const controller = new AbortController();
    apple.answerWith(handler);
    const failing = failure({ signal: controller.signal });
    await apple.until(1);
    controller.abort(new DOMException("Too late", "TimeoutError"));
    const error = await failing;
    expect(error.code).toBe("APPLE_UNAVAILABLE");
    expect(verdictOn("POST", error)).toBe("reconcile");
    expect(verdictOn("GET", error)).toBe("fail");
  });

  test("is broken where the connection is cut, before an answer or in its middle", async () => {
    const half: Handler = (response) => {
      response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy());
    };
    for (const handler of [cut, half]) {
      apple.answerWith(handler);
      const error = await failure();
      expect([error.code, verdictOn("GET", error)]).toEqual(["APPLE_UNAVAILABLE", "retry"]);
      expect(verdictOn("POST", error)).toBe("reconcile");
    }
  });

  test("was not sent where nobody listens", async () => {
    const error = await failure({ method: "POST", body: {}, url: new URL(await nobody()) });
    expect([error.code, verdictOn("POST", error)]).toEqual(["APPLE_UNAVAILABLE", "retry"]);
  });

  test("is told no when the transport closes, rather than waited for", async () => {
    apple.answerWith(() => undefined);
    const failing = failure();
    await apple.until(1);
    await transport.close();
    expect(await failing).toMatchObject({ code: "APPLE_UNAVAILABLE" });
  });
});

test("no more connections than so many are opened to a host", async () => {
  const answers: (() => void)[] = [];
  apple.answerWith((response) => answers.push(() => response.end("{}")));
  const sent = Array.from({ length: CONNECTIONS + 4 }, () => send());
  await apple.until(CONNECTIONS);
  expect(apple.asked).toHaveLength(CONNECTIONS);
  for (let n = 0; n < sent.length; n += 1) {
    await apple.until(n + 1);
    answers[n]?.();
  }
  expect(await Promise.all(sent)).toHaveLength(CONNECTIONS + 4);
});
