import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Journal } from "../../../src/sandbox/journal.js";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { call, callWith, tokenFor } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ clock: () => new Date() });
});
afterAll(() => sandbox.close());

describe("the journal", () => {
  test("tells what was called, with which key, and how it ended", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const token = await tokenFor(key);
    await callWith(sandbox.url, `Bearer ${token}`, "/v1/devices?limit=5");
    await callWith(sandbox.url, `Bearer ${token}`, "/v1/nothing");
    const calls = sandbox.journal.filter(({ keyId }) => keyId === key.keyId);

    const tokenId = createHash("sha256").update(token).digest("hex");
    const alike = {
      method: "GET",
      keyId: key.keyId,
      program: "app-store",
      tokenId,
      acted: false,
      at: expect.any(String),
    };
    expect(calls).toEqual([
      { ...alike, path: "/v1/devices", query: "limit=5", status: 200 },
      { ...alike, path: "/v1/nothing", query: "", status: 404 },
    ]);
  });

  test("tells distinct tokens apart, and keeps none of them", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const tokens = [await tokenFor(key), await tokenFor(key)];
    for (const token of tokens) await callWith(sandbox.url, `Bearer ${token}`, "/v1/devices");
    const calls = sandbox.journal.filter(({ keyId }) => keyId === key.keyId);

    // ECDSA signs the same claims differently each time.
    expect(new Set(calls.map(({ tokenId }) => tokenId)).size).toBe(2);
    for (const token of tokens) expect(JSON.stringify(sandbox.journal)).not.toContain(token.split(".")[2]);
  });

  test("notes calls without a token too, and none of /sandbox", async () => {
    const own = await startSandbox();
    try {
      await callWith(own.url, undefined, "/v1/devices");
      await fetch(`${own.url}/sandbox/journal`);
      expect(own.journal).toEqual([
        expect.objectContaining({ path: "/v1/devices", keyId: null, program: null, tokenId: null, status: 401 }),
      ]);
      own.clearJournal();
      expect(own.journal).toEqual([]);
    } finally {
      await own.close();
    }
  });

  test("keeps the last ten thousand calls", () => {
    const journal = new Journal();
    for (let index = 0; index <= 10_000; index += 1) {
      journal.add({ at: "", method: "GET", path: `/${index}`, query: "", keyId: null, program: null }, undefined);
    }
    expect(journal.entries).toHaveLength(10_000);
    expect([journal.entries[0]?.path, journal.entries.at(-1)?.path]).toEqual(["/1", "/10000"]);
  });
});

describe("the rate limit", () => {
  test("is Apple's unless told otherwise, and counts each key for itself", async () => {
    const first = await sandbox.registerKey({ program: "app-store" });
    const second = await sandbox.registerKey({ program: "app-store", team: first.teamId });
    const left = async (key: typeof first) => (await call(sandbox.url, key, "/v1/devices")).headers.get("x-rate-limit");

    expect(await left(first)).toBe("user-hour-lim:3600;user-hour-rem:3599;");
    expect(await left(first)).toBe("user-hour-lim:3600;user-hour-rem:3598;");
    expect(await left(second)).toBe("user-hour-lim:3600;user-hour-rem:3599;");
  });

  test("answers 429 once the hour is spent, and again 200 when it has rolled on", async () => {
    let now = new Date();
    const own = await startSandbox({ limits: { perHour: 2 }, clock: () => now });
    try {
      const key = await own.registerKey({ program: "app-store" });
      const ask = () => call(own.url, key, "/v1/devices", { now });
      const replies = [await ask(), await ask(), await ask()];
      now = new Date(now.getTime() + 3_600_001);
      const later = await ask();

      expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(replies[2]?.body.errors[0]?.code).toBe("RATE_LIMIT_EXCEEDED");
      expect(replies[2]?.headers.get("x-rate-limit")).toBe("user-hour-lim:2;user-hour-rem:0;");
      expect(later.status).toBe(200);
    } finally {
      await own.close();
    }
  });

  test("may count minutes too", async () => {
    const own = await startSandbox({ limits: { perMinute: 1 } });
    try {
      const key = await own.registerKey({ program: "app-store" });
      const [first, second] = [await call(own.url, key, "/v1/devices"), await call(own.url, key, "/v1/devices")];

      expect(first.headers.get("x-rate-limit")).toBe(
        "user-hour-lim:3600;user-hour-rem:3599;user-minute-lim:1;user-minute-rem:0;",
      );
      expect([first.status, second.status]).toEqual([200, 429]);
    } finally {
      await own.close();
    }
  });
});
