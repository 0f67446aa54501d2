import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { Failure } from "../../../src/sandbox/failure.js";
import type { NewKey } from "../../../src/sandbox/team/key.js";
import { call, tokenFor } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** A key whose next call fails so. */
async function keyThatMeets(failure: Failure): Promise<NewKey> {
  const key = await sandbox.registerKey({ program: "app-store" });
  sandbox.failNext({ match: { keyId: key.keyId }, failure });
  return key;
}

async function raw(key: NewKey, path = "/v1/devices", signal: AbortSignal | null = null): Promise<Response> {
  const headers = { authorization: `Bearer ${await tokenFor(key)}` };
  return fetch(`${sandbox.url}${path}`, { headers, redirect: "manual", signal });
}

describe("a planned failure", () => {
  test.each([
    ["401", 401, "NOT_AUTHORIZED"],
    ["403-role", 403, "FORBIDDEN_ERROR"],
    ["403-agreement", 403, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"],
    ["403-membership", 403, "FORBIDDEN_ERROR"],
    ["429", 429, "RATE_LIMIT_EXCEEDED"],
    ["500", 500, "UNEXPECTED_ERROR"],
    ["503", 503, "UNEXPECTED_ERROR"],
  ] as const)("of the kind %s answers %d once", async (kind, status, code) => {
    const key = await keyThatMeets({ kind });
    const failed = await call(sandbox.url, key, "/v1/devices");
    const after = await call(sandbox.url, key, "/v1/devices");

    expect(failed.status).toBe(status);
    expect(failed.body.errors[0]).toMatchObject({ status: String(status), code });
    expect(after.status).toBe(200);
  });

  test("may say when to come back", async () => {
    const key = await keyThatMeets({ kind: "429", retryAfterSeconds: 7 });
    expect((await raw(key)).headers.get("retry-after")).toBe("7");
  });

  test.each([
    ["502-html", 502, "text/html; charset=utf-8"],
    ["504", 504, "text/plain"],
  ] as const)("of the kind %s is not JSON", async (kind, status, type) => {
    const response = await raw(await keyThatMeets({ kind }));
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe(type);
    await expect(response.json()).rejects.toThrow("JSON");
  });

  test.each(["bad-json", "empty"] as const)("of the kind %s is a 200 that cannot be read", async (kind) => {
    const response = await raw(await keyThatMeets({ kind }));
    expect(response.status).toBe(200);
    await expect(response.json()).rejects.toThrow("JSON");
  });

  test("cuts the line before an answer, or in its middle", async () => {
    const dropped = await keyThatMeets({ kind: "drop" });
    const truncated = await keyThatMeets({ kind: "truncated" });
    const response = await raw(truncated);

    await expect(raw(dropped)).rejects.toThrow("fetch failed");
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow("terminated");
  });

  test("never answers, and does not keep the sandbox from closing", async () => {
    const other = await startSandbox();
    const key = await other.registerKey({ program: "app-store" });
    other.failNext({ failure: { kind: "hang" } });
    const hanging = call(other.url, key, "/v1/devices");
    // The call is in the journal as soon as it is taken.
    const isTaken = async () => {
      const response = await fetch(`${other.url}/sandbox/journal`);
      return ((await response.json()) as { calls: unknown[] }).calls.length === 1;
    };
    while (!(await isTaken()));

    expect(other.journal[0]?.status).toBeNull();
    await Promise.all([expect(hanging).rejects.toThrow("fetch failed"), other.close()]);
  });

  test("is slow, and then the truth", async () => {
    const key = await keyThatMeets({ kind: "slow", delayMs: 40 });
    const start = performance.now();
    const { status, body } = await call(sandbox.url, key, "/v1/devices");

    expect(performance.now() - start).toBeGreaterThanOrEqual(39);
    expect(status).toBe(200);
    expect(body.data).toHaveLength(6);
  });

  test("leads elsewhere: by a redirect, or by the next address", async () => {
    const redirected = await keyThatMeets({ kind: "redirect", to: "http://127.0.0.1:1/" });
    const foreign = await keyThatMeets({ kind: "foreign-next" });
    const response = await raw(redirected);
    const { body } = await call(sandbox.url, foreign, "/v1/devices");

    expect([response.status, response.headers.get("location")]).toEqual([302, "http://127.0.0.1:1/"]);
    expect(new URL(body.links.next ?? "").origin).toBe("https://elsewhere.invalid");
    expect(body.data).toHaveLength(6);
  });

  test("has another clock", async () => {
    const response = await raw(await keyThatMeets({ kind: "clock-skew", skewSeconds: -3_600 }));
    const behindMs = Date.now() - Date.parse(response.headers.get("date") ?? "");
    expect(response.status).toBe(401);
    expect(Math.abs(behindMs - 3_600_000)).toBeLessThan(10_000);
  });

  test("is more than ten megabytes", async () => {
    const response = await raw(await keyThatMeets({ kind: "huge" }));
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(10 * 1024 * 1024);
  });

  test("empties attributes, or says what nobody knows", async () => {
    const nulls = await keyThatMeets({ kind: "null-attributes" });
    const unknown = await keyThatMeets({ kind: "unknown-enum" });
    const empty = await call(sandbox.url, nulls, "/v1/devices?limit=1&fields[devices]=name,status");
    const strange = await call(
      sandbox.url,
      unknown,
      "/v1/profiles?limit=1&include=bundleId&fields[profiles]=name,profileType",
    );

    expect(empty.body.data[0]?.attributes).toEqual({ name: null, status: null });
    expect(strange.body.data[0]?.attributes).toMatchObject({
      name: expect.stringContaining("App Store"),
      profileType: "SOMETHING_NEW",
    });
    expect(strange.body.included?.[0]?.attributes["platform"]).toBe("SOMETHING_NEW");
  });
});

describe("a plan", () => {
  test("meets only the calls that it names", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const match = { method: "get", path: "/v1/profiles", keyId: key.keyId, program: "app-store" } as const;
    sandbox.failNext({ match, failure: { kind: "500" } });

    expect((await call(sandbox.url, key, "/v1/devices")).status).toBe(200);
    expect((await call(sandbox.url, key, "/v1/profiles?limit=1&fields[profiles]=name")).status).toBe(500);
    expect((await call(sandbox.url, key, "/v1/profiles?limit=1&fields[profiles]=name")).status).toBe(200);
  });

  test("lasts as often as it says, and plans are met in their order", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const match = { keyId: key.keyId };
    sandbox.failNext({ match, times: 2, failure: { kind: "503" } });
    sandbox.failNext({ match, failure: { kind: "500" } });

    const statuses: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) statuses.push((await call(sandbox.url, key, "/v1/devices")).status);
    expect(statuses).toEqual([503, 503, 500, 200]);
  });

  test("lasts for ever, until plans are cleared", async () => {
    const own = await startSandbox();
    try {
      const key = await own.registerKey({ program: "app-store" });
      own.failNext({ times: "always", failure: { kind: "500" } });
      const during = [await call(own.url, key, "/v1/devices"), await call(own.url, key, "/v1/apps")];
      own.clearFailures();

      expect(during.map(({ status }) => status)).toEqual([500, 500]);
      expect((await call(own.url, key, "/v1/devices")).status).toBe(200);
    } finally {
      await own.close();
    }
  });
});
