import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import { DEFAULT_SETTINGS } from "../../../../src/sandbox/settings.js";
import type { NewKey } from "../../../../src/sandbox/team/key.js";
import { call, entity, names, send, type Single } from "../caller.js";

const UDID = "00008110-000E49383CF8801E";
const OLD_UDID = "0be51c8f4397715104873b50a3deb980bfa2c797";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.configure(DEFAULT_SETTINGS);
});

const register = (key: NewKey, udid: string, more: Record<string, unknown> = {}) =>
  send(sandbox.url, key, "POST", "/v1/devices", entity("devices", { name: "Mine", platform: "IOS", udid, ...more }));

const keyOf = (devices: number) => sandbox.registerKey({ program: "app-store", contents: { devices } });

describe("a device", () => {
  test("is registered, and then found by its id and in the list", async () => {
    const key = await keyOf(0);
    const { status, headers, body } = await register(key, UDID);
    const address = `${sandbox.url}/v1/devices/${body.data.id}`;
    const found = await call<Single>(sandbox.url, key, address);

    expect(status).toBe(201);
    expect(headers.get("location")).toBe(address);
    expect(body.links.self).toBe(`${sandbox.url}/v1/devices`);
    expect(body.data.attributes).toMatchObject({ name: "Mine", udid: UDID, platform: "IOS", status: "ENABLED" });
    expect(found.body.data).toEqual(body.data);
    expect(names(await call(sandbox.url, key, "/v1/devices"))).toEqual(["Mine"]);
  });

  test.each([
    [UDID, "IOS", "IPHONE"],
    [OLD_UDID, "UNIVERSAL", "IPHONE"],
    ["00008103-001A2B3C4D5E6F70", "IOS", "IPAD"],
    ["2A4A2B36-7B61-5A1F-9F1E-0A7F5C0B8D11", "MAC_OS", "MAC"],
  ])("with the number %s on %s is of the class %s", async (udid, platform, deviceClass) => {
    const { status, body } = await register(await keyOf(0), udid, { platform });
    expect([status, body.data.attributes["deviceClass"]]).toEqual([201, deviceClass]);
  });

  test.each([
    ["as it is", UDID, UDID],
    ["in another case", OLD_UDID, OLD_UDID.toUpperCase()],
    ["without its dash", UDID, UDID.replace("-", "")],
  ])("is not registered again %s, while another one is", async (_how, first, second) => {
    const key = await keyOf(0);
    await register(key, first);
    const again = await register(key, second);
    const other = await register(key, "00008110-000E49383CF8801F");

    expect(again.status).toBe(409);
    expect(again.body.errors[0]).toMatchObject({
      code: "ENTITY_ERROR",
      detail: `A device with number '${second}' already exists on this team.`,
    });
    expect(other.status).toBe(201);
  });

  test.each(["UDID", `${UDID}0`, "0be51c8f4397715104873b50a3deb980bfa2c79"])("has no number like %s", async (udid) => {
    const { status, body } = await register(await keyOf(0), udid);
    expect(status).toBe(409);
    expect(body.errors[0]).toMatchObject({
      code: "ENTITY_ERROR.ATTRIBUTE.INVALID",
      source: { pointer: "/data/attributes/udid" },
    });
  });

  test("is one of so many of its class, those that are disabled among them", async () => {
    const key = await keyOf(0);
    sandbox.configure({ deviceLimit: 1 });
    const first = await register(key, UDID);
    const change = entity("devices", { status: "DISABLED" }, undefined, first.body.data.id);
    await send(sandbox.url, key, "PATCH", `/v1/devices/${first.body.data.id}`, change);
    const refused = await register(key, OLD_UDID);
    const ofAnotherClass = await register(key, "00008103-001A2B3C4D5E6F70");

    expect([first.status, refused.status, ofAnotherClass.status]).toEqual([201, 409, 201]);
    expect(refused.body.errors[0]?.code).toBe("ENTITY_ERROR");
  });

  test("has to wait where its team has many already, until it is enabled", async () => {
    const key = await keyOf(0);
    sandbox.configure({ processingAfter: 1 });
    const first = await register(key, UDID);
    const second = await register(key, OLD_UDID);
    const { id } = second.body.data;
    const change = entity("devices", { status: "ENABLED" }, undefined, id);
    const enabled = await send(sandbox.url, key, "PATCH", `/v1/devices/${id}`, change);

    expect([first, second, enabled].map(({ body }) => body.data.attributes["status"])).toEqual([
      "ENABLED",
      "PROCESSING",
      "ENABLED",
    ]);
  });

  test("is renamed and disabled, and nothing else of it", async () => {
    const key = await keyOf(1);
    const id = sandbox.team(key.teamId).devices[0]?.id ?? "";
    const change = (attributes: Record<string, unknown>) =>
      send(sandbox.url, key, "PATCH", `/v1/devices/${id}`, entity("devices", attributes, undefined, id));
    const renamed = await change({ name: "Renamed", status: null });
    const disabled = await change({ status: "DISABLED" });
    const wrong = await change({ status: "PROCESSING" });
    const unknown = await change({ udid: UDID });

    expect(renamed.status).toBe(200);
    expect(renamed.body.data.attributes).toMatchObject({ name: "Renamed", status: "ENABLED" });
    expect(disabled.body.data.attributes).toMatchObject({ name: "Renamed", status: "DISABLED" });
    expect(wrong.body.errors[0]?.code).toBe("ENTITY_ERROR.ATTRIBUTE.TYPE");
    expect(unknown.body.errors[0]?.code).toBe("ENTITY_ERROR.ATTRIBUTE.UNKNOWN");
  });

  test("of another team is not changed", async () => {
    const stranger = await keyOf(1);
    const id = sandbox.team(stranger.teamId).devices[0]?.id ?? "";
    const change = entity("devices", { name: "Mine now" }, undefined, id);
    const refused = await send(sandbox.url, await keyOf(1), "PATCH", `/v1/devices/${id}`, change);
    const allowed = await send(sandbox.url, stranger, "PATCH", `/v1/devices/${id}`, change);
    expect([refused.status, allowed.status]).toEqual([404, 200]);
  });

  test("is never deleted", async () => {
    const key = await keyOf(1);
    const id = sandbox.team(key.teamId).devices[0]?.id ?? "";
    expect((await send(sandbox.url, key, "DELETE", `/v1/devices/${id}`)).status).toBe(405);
    expect(sandbox.team(key.teamId).devices).toHaveLength(1);
  });
});
