import { get } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { DEFAULT_SETTINGS, type RateLimitHeader, type Settings } from "../../../src/sandbox/settings.js";
import { call, entity, names, send, tokenFor, type Single } from "./caller.js";

const START = new Date("2026-11-22T12:00:00Z");

let now = START;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ clock: () => now });
});
afterAll(() => sandbox.close());
afterEach(() => {
  now = START;
  sandbox.configure(DEFAULT_SETTINGS);
});

async function control(method: string, body?: unknown) {
  const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${sandbox.url}/sandbox/settings`, { method, ...(body !== undefined && json) });
  return { status: response.status, body: (await response.json()) as Settings & { message: string } };
}

describe("settings", () => {
  test("are given at the start, under their names or the limits under one", async () => {
    const own = await startSandbox({ limits: { perHour: 7 }, perMinute: 5, certificateLimits: { DISTRIBUTION: 1 } });
    try {
      expect(own.settings).toEqual({
        ...DEFAULT_SETTINGS,
        perHour: 7,
        perMinute: 5,
        certificateLimits: { ...DEFAULT_SETTINGS.certificateLimits, DISTRIBUTION: 1 },
      });
    } finally {
      await own.close();
    }
  });

  test("are read and changed over HTTP, from the next call on", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const before = await control("GET");
    const changed = await control("PATCH", { perHour: 1, certificateLimits: { DISTRIBUTION: null } });
    const replies = [
      await call(sandbox.url, key, "/v1/devices", { now }),
      await call(sandbox.url, key, "/v1/devices", { now }),
    ];

    expect(before.body).toEqual(DEFAULT_SETTINGS);
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({
      ...DEFAULT_SETTINGS,
      perHour: 1,
      certificateLimits: { ...DEFAULT_SETTINGS.certificateLimits, DISTRIBUTION: null },
    });
    expect(replies.map(({ status }) => status)).toEqual([200, 429]);
  });

  test.each([
    [{ perDay: 1 }, "The sandbox has no setting perDay."],
    [{ perHour: -1 }, "perHour"],
    [{ perHour: null }, "perHour"],
    [{ perMinute: 1.5 }, "perMinute"],
    [{ rateLimitHeader: "maybe" }, "rateLimitHeader"],
    [{ certificateLimits: { DISTRIBUTION: "many" } }, "certificateLimits"],
    [{ certificateLimits: [] }, "certificateLimits"],
    [{ universalBundleIds: 1 }, "universalBundleIds"],
    [{ listLagMs: "1" }, "listLagMs"],
  ])("are not %j, and then nothing is changed", async (changes, message) => {
    const refused = await control("PATCH", { deviceLimit: 1, ...changes });
    expect(refused.status).toBe(400);
    expect(refused.body.message).toContain(message);
    expect(() => {
      sandbox.configure(changes as Partial<Settings>);
    }).toThrow(RangeError);
    expect(sandbox.settings).toEqual(DEFAULT_SETTINGS);
    expect((await control("PATCH", { deviceLimit: 1 })).status).toBe(200);
  });
});

describe("the header of the budget", () => {
  const HOUR = "user-hour-lim:3600;user-hour-rem:3599;";
  const MINUTE = "user-minute-lim:150;user-minute-rem:149;";

  /** The headers as they come over the line: fetch would join two of a name. */
  async function headersOf(rateLimitHeader: RateLimitHeader, perMinute: number | null): Promise<string[]> {
    sandbox.configure({ rateLimitHeader, perMinute });
    const key = await sandbox.registerKey({ program: "app-store" });
    const headers = { authorization: `Bearer ${await tokenFor(key, { now })}` };
    return new Promise((resolve, reject) => {
      get(`${sandbox.url}/v1/devices`, { headers }, (response) => {
        response.resume();
        const { rawHeaders } = response;
        resolve(rawHeaders.filter((_value, index) => rawHeaders[index - 1]?.toLowerCase() === "x-rate-limit"));
      }).on("error", reject);
    });
  }

  test.each<[RateLimitHeader, string[]]>([
    ["on", [HOUR + MINUTE]],
    ["off", []],
    ["two", [HOUR, MINUTE]],
    ["joined", [`${HOUR}, ${MINUTE}`]],
    ["loose", ["user-hour-lim : 3600 ; user-hour-rem : 3599 ; user-minute-lim : 150 ; user-minute-rem : 149"]],
    ["garbled", ["user-hour-lim:many;user-hour-rem:;;="]],
  ])("is, when %s, %j", async (form, expected) => {
    expect(await headersOf(form, 150)).toEqual(expected);
  });

  test.each<[RateLimitHeader, string[]]>([
    ["on", [HOUR]],
    ["two", [HOUR]],
    ["joined", [HOUR]],
  ])("is, when %s and minutes are not counted, %j", async (form, expected) => {
    expect(await headersOf(form, null)).toEqual(expected);
  });
});

describe("a lag of lists", () => {
  const UDID = "00008110-000E49383CF8801E";

  test("hides what was added, changed and removed, and only from lists", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const twist = { now };
    const team = sandbox.team(key.teamId);
    const [device] = team.devices;
    const [profile] = team.profiles;
    const seen = async (type: string) => names(await call(sandbox.url, key, `/v1/${type}`, { now }));
    const before = { devices: await seen("devices"), profiles: await seen("profiles") };
    sandbox.configure({ listLagMs: 5_000 });

    const made = entity("devices", { name: "Added", platform: "IOS", udid: UDID });
    const { body } = await send(sandbox.url, key, "POST", "/v1/devices", made, twist);
    const renamed = entity("devices", { name: "Renamed" }, undefined, device?.id);
    await send(sandbox.url, key, "PATCH", `/v1/devices/${device?.id ?? ""}`, renamed, twist);
    await send(sandbox.url, key, "DELETE", `/v1/profiles/${profile?.id ?? ""}`, undefined, twist);

    now = new Date(START.getTime() + 4_999);
    expect({ devices: await seen("devices"), profiles: await seen("profiles") }).toEqual(before);
    const found = await call<Single>(sandbox.url, key, `/v1/devices/${body.data.id}`, { now });
    expect(found.body.data.attributes["name"]).toBe("Added");
    expect((await call(sandbox.url, key, `/v1/profiles/${profile?.id ?? ""}`, { now })).status).toBe(404);

    now = new Date(START.getTime() + 5_001);
    expect(await seen("devices")).toEqual(["Renamed", ...before.devices.slice(1), "Added"]);
    expect(await seen("profiles")).toEqual(before.profiles.slice(1));
  });

  test("hides everything of a thing that came and went, and is over once it is set to nothing", async () => {
    const key = await sandbox.registerKey({ program: "app-store", contents: { bundleIds: 0, profiles: 0 } });
    const add = entity("bundleIds", { name: "Added", platform: "IOS", identifier: "com.example.added" });
    const post = () => send(sandbox.url, key, "POST", "/v1/bundleIds", add, { now });
    const seen = async () => names(await call(sandbox.url, key, "/v1/bundleIds", { now }));
    sandbox.configure({ listLagMs: 5_000 });
    const first = await post();
    await send(sandbox.url, key, "DELETE", `/v1/bundleIds/${first.body.data.id}`, undefined, { now });
    await post();

    expect(await seen()).toEqual([]);
    sandbox.configure({ listLagMs: 0 });
    expect(await seen()).toEqual(["Added"]);
  });

  test("does not keep what a test changes by hand from being seen", async () => {
    const key = await sandbox.registerKey({ program: "app-store", contents: { devices: 2 } });
    sandbox.configure({ listLagMs: 5_000 });
    sandbox.team(key.teamId).devices.pop();
    expect((await call(sandbox.url, key, "/v1/devices", { now })).body.data).toHaveLength(1);
  });
});
