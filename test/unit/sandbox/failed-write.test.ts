import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FAILURE_KINDS, isCarriedOut, type Failure } from "../../../src/sandbox/failure.js";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { NewKey } from "../../../src/sandbox/team/key.js";
import { entity, send, tokenFor } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const DEVICE = entity("devices", { name: "Mine", platform: "IOS", udid: "00008110-000E49383CF8801E" });

async function keyThatMeets(failure: Failure): Promise<NewKey> {
  const key = await sandbox.registerKey({ program: "app-store", contents: { devices: 0 } });
  sandbox.failNext({ match: { keyId: key.keyId }, failure });
  return key;
}

async function post(key: NewKey, signal: AbortSignal | null = null): Promise<Response> {
  const headers = { authorization: `Bearer ${await tokenFor(key)}`, "content-type": "application/json" };
  const body = JSON.stringify(DEVICE);
  return fetch(`${sandbox.url}/v1/devices`, { method: "POST", headers, body, redirect: "manual", signal });
}

const entryOf = ({ keyId }: NewKey) => sandbox.journal.find((entry) => entry.keyId === keyId);
const devicesOf = ({ teamId }: NewKey) => sandbox.team(teamId).devices.length;

const HANGING = ["hang", "hang-after"];
/** Waits for a cursor, which writes have none of: what a plan does that never comes true is tested with lists. */
const ANSWERED = FAILURE_KINDS.filter((kind) => !HANGING.includes(kind) && kind !== "bad-cursor");

describe("a write that fails", () => {
  test.each(ANSWERED)("as %s is done only where it says so", async (kind) => {
    const key = await keyThatMeets({ kind, delayMs: 0, skewSeconds: 60 } as Failure);
    const ended = await post(key).then(
      async (response) => {
        await response.text().catch(() => "cut");
        return response.status;
      },
      () => null,
    );
    const done = isCarriedOut({ kind } as Failure);

    expect(devicesOf(key)).toBe(done ? 1 : 0);
    expect(entryOf(key)).toMatchObject({ acted: done, status: ended });
    // The next one is an allowed one, or finds what the first one did.
    expect((await post(key)).status).toBe(done ? 409 : 201);
  });

  test.each(HANGING)("as %s is done only where it says so", async (kind) => {
    const key = await keyThatMeets({ kind } as Failure);
    const leaving = new AbortController();
    const hanging = post(key, leaving.signal);
    const done = kind === "hang-after";
    while (entryOf(key) === undefined || (done && !entryOf(key)?.acted)) await setImmediate();
    leaving.abort();

    await expect(hanging).rejects.toThrow("aborted");
    expect(devicesOf(key)).toBe(done ? 1 : 0);
    expect(entryOf(key)?.status).toBeNull();
    expect((await post(key)).status).toBe(done ? 409 : 201);
  });

  test("as 500-after, drop-after or garbled is found afterwards", async () => {
    const key = await keyThatMeets({ kind: "500-after" });
    const failed = await post(key);
    expect([failed.status, failed.headers.has("location")]).toEqual([500, false]);
    expect(failed.headers.get("x-rate-limit")).toBe("user-hour-lim:3600;user-hour-rem:3599;");
    expect(sandbox.team(key.teamId).devices[0]?.attributes.name).toBe("Mine");
    await expect(post(await keyThatMeets({ kind: "drop-after" }))).rejects.toThrow("fetch failed");
  });

  test.each(["bad-json", "empty"] as const)("as %s has the status of a creation", async (kind) => {
    const response = await post(await keyThatMeets({ kind }));
    expect(response.status).toBe(201);
    await expect(response.json()).rejects.toThrow("JSON");
  });

  test("and is refused in truth changes nothing, whatever becomes of the answer", async () => {
    const key = await keyThatMeets({ kind: "slow", delayMs: 0 });
    await post(key);
    sandbox.failNext({ match: { keyId: key.keyId }, failure: { kind: "500-after" } });
    const { status } = await post(key);
    const entries = sandbox.journal.filter(({ keyId }) => keyId === key.keyId);

    expect(status).toBe(500);
    expect(entries.map(({ acted }) => acted)).toEqual([true, false]);
    expect(devicesOf(key)).toBe(1);
  });

  test.each(["truncated", "trickle"] as const)("and has no answer to be %s is done", async (kind) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const [profile] = sandbox.team(key.teamId).profiles;
    sandbox.failNext({ match: { keyId: key.keyId }, failure: { kind, delayMs: 0 } });
    await send(sandbox.url, key, "DELETE", `/v1/profiles/${profile?.id ?? ""}`).catch(() => null);
    expect(sandbox.team(key.teamId).profiles).not.toContain(profile);
  });
});

describe("the journal", () => {
  test("says that reads, refusals and changes of nothing did nothing", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const id = sandbox.team(key.teamId).devices[0]?.id ?? "";
    const rename = (name: string) =>
      send(sandbox.url, key, "PATCH", `/v1/devices/${id}`, entity("devices", { name }, undefined, id));
    await send(sandbox.url, key, "GET", "/v1/devices");
    await rename("New");
    await rename("New");
    await send(sandbox.url, key, "POST", "/v1/devices", {});
    const entries = sandbox.journal.filter(({ keyId }) => keyId === key.keyId);
    expect(entries.map(({ acted, status }) => [acted, status])).toEqual([
      [false, 200],
      [true, 200],
      [false, 200],
      [false, 422],
    ]);
  });
});
