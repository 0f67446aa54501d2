import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { AppleClient, ANSWER_BYTES, CONCURRENCY, PAGES, RETRIES } from "../../../src/apple/client.js";
import { authorize, TokenCache, type Authorization } from "../../../src/apple/signer.js";
import { Secret } from "../../../src/vault/secret.js";

const der = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" });

let apple: Awaited<ReturnType<typeof listen>>;
let elsewhere: Awaited<ReturnType<typeof listen>>;
let client: AppleClient;
let authorization: Authorization;

beforeEach(async () => {
  [apple, elsewhere] = await Promise.all([listen(), listen()]);
  client = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: elsewhere.url }, 2_000);
  authorization = await authorize(keyOf("cred_1"), new TokenCache());
});
afterEach(async () => {
  await client.close();
  await Promise.all([apple.close(), elsewhere.close()]);
});

const keyOf = (credentialId: string, program: "APP_STORE" | "ENTERPRISE" = "APP_STORE") => ({
  credentialId,
  version: 1,
  program,
  keyType: "TEAM" as const,
  keyId: "2X9R4HXF34",
  issuerId: "issuer",
  privateKey: () => Promise.resolve(Secret.of(Buffer.from(der))),
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server that answers as it is told, and notes what it was asked. */
async function listen() {
  const asked: { method: string; url: string; authorization: string }[] = [];
  const host: { answer: Handler } = { answer: (_, response) => response.end(JSON.stringify({ data: [] })) };
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    asked.push({ method, url, authorization: headers.authorization ?? "" });
    host.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answerWith: (answer: Handler) => {
      host.answer = answer;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

const send = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
};

/** Every row of a list. */
async function all(path = "/v1/devices"): Promise<string[]> {
  const ids: string[] = [];
  for await (const { data } of client.pages(authorization, path)) ids.push(...data.map(({ id }) => id));
  return ids;
}

const row = (id: string) => ({ type: "devices", id });

describe("a request to Apple", () => {
  test("carries the token and its parameters, lists joined by commas, to the host of the program", async () => {
    await client.get(authorization, "/v1/profiles", { limit: 200, include: ["bundleId", "devices"], "fields[x]": [] });
    const { url, ...request } = apple.asked[0] ?? { url: "" };
    expect(request).toEqual({ method: "GET", authorization: `Bearer ${authorization.token}` });
    const parameters = Object.fromEntries(new URL(url, apple.url).searchParams);
    expect(parameters).toEqual({ limit: "200", include: "bundleId,devices", "fields[x]": "" });
    expect(elsewhere.asked).toEqual([]);

    await client.get(await authorize(keyOf("cred_2", "ENTERPRISE"), new TokenCache()), "/v1/profiles");
    expect(elsewhere.asked).toHaveLength(1);
    expect(apple.asked).toHaveLength(1);
  });

  test("is given up at its deadline, and is not sent again", async () => {
    apple.answerWith(() => undefined);
    const impatient = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url }, 100);
    await expect(impatient.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    expect(apple.asked).toHaveLength(1);
    await impatient.close();
  });

  test("is given up at its deadline in the middle of an answer too", async () => {
    apple.answerWith((_, response) => response.write('{"data": ['));
    const impatient = new AppleClient({ APP_STORE: apple.url, ENTERPRISE: apple.url }, 100);
    await expect(impatient.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
    await impatient.close();
  });

  test("is sent again a few times after a fault that may pass, and then fails", async () => {
    apple.answerWith((_, response) => {
      send(response, 503, {});
    });
    await expect(client.get(authorization, "/v1/devices")).rejects.toMatchObject({
      code: "APPLE_UNAVAILABLE",
      status: 503,
    });
    expect(apple.asked).toHaveLength(1 + RETRIES);
  });

  test("is sent again once after 401, with another token, and then fails", async () => {
    apple.answerWith((_, response) => {
      send(response, 401, {});
    });
    await expect(client.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_KEY_REJECTED" });
    const tokens = apple.asked.map((request) => request.authorization);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(2);
  });

  test.each([400, 403, 404, 409, 429])("is not sent again after %d", async (status) => {
    apple.answerWith((_, response) => {
      send(response, status, {});
    });
    await expect(client.get(authorization, "/v1/devices")).rejects.toMatchObject({ status });
    expect(apple.asked).toHaveLength(1);
  });

  test.each([301, 302, 303, 307, 308])("follows no redirect (%d), and the token goes nowhere else", async (status) => {
    apple.answerWith((_, response) => {
      send(response, status, "moved", { location: `${elsewhere.url}/v1/devices` });
    });
    await expect(client.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    expect(apple.asked).toHaveLength(1);
    expect(elsewhere.asked).toEqual([]);
    // The client is as good as before.
    apple.answerWith((_, response) => {
      send(response, 200, { data: [row("1")] });
    });
    expect(await all()).toEqual(["1"]);
  });

  test("reads no more of an answer than it may be large", async () => {
    apple.answerWith((_, response) => {
      send(response, 200, " ".repeat(ANSWER_BYTES + 1));
    });
    await expect(client.get(authorization, "/v1/devices")).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    apple.answerWith((_, response) => {
      send(response, 200, JSON.stringify({ data: [] }).padEnd(ANSWER_BYTES));
    });
    await expect(client.get(authorization, "/v1/devices")).resolves.toMatchObject({ data: [] });
  });

  test("tells by how much Apple's clock is ahead, where Apple says what time it is", async () => {
    apple.answerWith((_, response) => {
      send(response, 403, {}, { date: new Date(Date.now() + 3_600_000).toUTCString() });
    });
    const ahead = (await client.get(authorization, "/v1/devices").catch((error: unknown) => error)) as {
      clockSkewSeconds: number;
    };
    expect(Math.abs(ahead.clockSkewSeconds - 3_600)).toBeLessThan(30);
  });

  test("waits while four others with the same key are out; those with another key do not", async () => {
    const waiting: ServerResponse[] = [];
    const arrived: (() => void)[] = [];
    apple.answerWith((_, response) => {
      waiting.push(response);
      for (const resolve of arrived.splice(0)) resolve();
    });
    const until = async (count: number): Promise<void> => {
      while (waiting.length < count) await new Promise<void>((resolve) => arrived.push(resolve));
    };
    const other = await authorize(keyOf("cred_2"), new TokenCache());
    const calls = Array.from({ length: CONCURRENCY + 2 }, () => client.get(authorization, "/v1/devices"));
    await until(CONCURRENCY);
    calls.push(client.get(other, "/v1/devices"));
    await until(CONCURRENCY + 1);
    expect(apple.asked.filter((request) => request.authorization === `Bearer ${other.token}`)).toHaveLength(1);
    expect(apple.asked).toHaveLength(CONCURRENCY + 1);
    for (let answered = 0; answered < calls.length; answered += 1) {
      await until(answered + 1);
      const response = waiting[answered];
      if (response !== undefined) send(response, 200, { data: [] });
    }
    await Promise.all(calls);
    expect(apple.asked).toHaveLength(CONCURRENCY + 3);
  });
});

describe("the pages of a list", () => {
  /** Answers with pages by the parameter `page`, each leading to the next as `links` says. */
  function pages(links: Record<string, string | null>, total?: number): void {
    apple.answerWith((request, response) => {
      const page = new URL(request.url ?? "", apple.url).searchParams.get("page") ?? "1";
      const next = links[page] ?? null;
      send(response, 200, { data: [row(page)], links: { next }, meta: { paging: { total, limit: 1 } } });
    });
  }
  const page = (number: number): string => `${apple.url}/v1/devices?page=${number}`;

  test("are followed as Apple says, to the last", async () => {
    pages({ 1: page(2), 2: page(3), 3: null });
    expect(await all()).toEqual(["1", "2", "3"]);
    expect(apple.asked.map(({ url }) => url)).toEqual(["/v1/devices", "/v1/devices?page=2", "/v1/devices?page=3"]);
  });

  test("end where all was fetched, though Apple names a next one", async () => {
    pages({ 1: page(2), 2: page(3), 3: page(4) }, 2);
    expect(await all()).toEqual(["1", "2"]);
  });

  test("end where they lead in a circle", async () => {
    pages({ 1: page(2), 2: page(3), 3: page(2) });
    expect(await all()).toEqual(["1", "2", "3"]);
  });

  test("end where there are more of them than any team has", async () => {
    pages(Object.fromEntries(Array.from({ length: PAGES + 50 }, (_, index) => [index + 1, page(index + 2)])));
    expect(await all()).toHaveLength(PAGES);
  });

  test.each([
    ["on another host", () => `${elsewhere.url}/v1/devices?page=2`],
    ["on the same host by another scheme", () => page(2).replace("http:", "https:")],
    ["that is no address", () => "/v1/devices?page=2"],
  ])("fail at a next one %s", async (_, next) => {
    pages({ 1: next() });
    await expect(all()).rejects.toMatchObject({ code: "APPLE_UNEXPECTED_ANSWER" });
    expect(apple.asked).toHaveLength(1);
    expect(elsewhere.asked).toEqual([]);
  });
});

describe("the budget of a key", () => {
  test("is that of its last answer, refusals too, and of no other key", async () => {
    expect(client.rateLimit("cred_1")).toBeNull();
    apple.answerWith((_, response) => {
      send(response, 429, {}, { "x-rate-limit": "user-hour-lim:3500;user-hour-rem:0;" });
    });
    await client.get(authorization, "/v1/devices").catch(() => undefined);
    expect(client.rateLimit("cred_1")).toMatchObject({ limitPerHour: 3500, remaining: 0 });
    expect(client.rateLimit("cred_2")).toBeNull();
    apple.answerWith((_, response) => {
      send(response, 200, { data: [] });
    });
    await client.get(authorization, "/v1/devices");
    expect(client.rateLimit("cred_1")).toMatchObject({ remaining: 0 });
  });
});
