import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import { DEFAULT_SETTINGS } from "../../../../src/sandbox/settings.js";
import type { NewKey } from "../../../../src/sandbox/team/key.js";
import type { Program } from "../../../../src/sandbox/team/team.js";
import { call, entity, names, send, type Single } from "../caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.configure(DEFAULT_SETTINGS);
});

const register = (key: NewKey, identifier: string, more: Record<string, unknown> = {}, program?: Program) =>
  send(
    sandbox.url,
    key,
    "POST",
    "/v1/bundleIds",
    entity("bundleIds", { name: "New", platform: "IOS", identifier, ...more }),
    program === undefined ? {} : { program },
  );

const enable = (key: NewKey, bundleId: string, attributes: Record<string, unknown>) =>
  send(
    sandbox.url,
    key,
    "POST",
    "/v1/bundleIdCapabilities",
    entity("bundleIdCapabilities", attributes, { bundleId: ["bundleIds", bundleId] }),
  );

/** A key, and what its team holds: the first bundle id has an app and profiles, the third a profile only. */
async function aTeam() {
  const key = await sandbox.registerKey({ program: "app-store" });
  const team = sandbox.team(key.teamId);
  const [withApp = "", , withoutApp = ""] = team.bundleIds.map(({ id }) => id);
  const states = (bundleId: string) =>
    team.profiles
      .filter(({ relationships }) => relationships.bundleId === bundleId)
      .map(({ attributes }) => attributes.profileState);
  return { key, team, withApp, withoutApp, states };
}

describe("a bundle id", () => {
  test("is registered with the prefix of its team, and renamed", async () => {
    const { key } = await aTeam();
    const { status, body } = await register(key, "com.example.new");
    const { id } = body.data;
    const change = entity("bundleIds", { name: "Renamed" }, undefined, id);
    const renamed = await send(sandbox.url, key, "PATCH", `/v1/bundleIds/${id}`, change);

    expect(status).toBe(201);
    expect(body.data.attributes).toEqual({
      name: "New",
      identifier: "com.example.new",
      platform: "IOS",
      seedId: key.teamId,
    });
    expect(renamed.status).toBe(200);
    expect(names(await call(sandbox.url, key, "/v1/bundleIds?filter[identifier]=com.example.new"))).toEqual([
      "Renamed",
    ]);
  });

  test("is UNIVERSAL where it was asked for as IOS, if the sandbox is told so", async () => {
    const { key } = await aTeam();
    sandbox.configure({ universalBundleIds: true });
    const ios = await register(key, "com.example.ios");
    const mac = await register(key, "com.example.mac", { platform: "MAC_OS" });
    expect([ios, mac].map(({ body }) => body.data.attributes["platform"])).toEqual(["UNIVERSAL", "MAC_OS"]);
  });

  test("is not UNIVERSAL in the enterprise program, which has no such platform", async () => {
    const key = await sandbox.registerKey({ program: "enterprise" });
    const refused = await register(key, "com.example.new", { platform: "UNIVERSAL" }, "enterprise");
    const allowed = await register(key, "com.example.new", { platform: "IOS" }, "enterprise");
    expect([refused.status, allowed.status]).toEqual([409, 201]);
  });

  test("is there once only", async () => {
    const { key } = await aTeam();
    const statuses = [await register(key, "com.example.new"), await register(key, "com.example.new")];
    expect(statuses.map(({ status }) => status)).toEqual([201, 409]);
    expect(statuses[1]?.body.errors[0]).toMatchObject({
      code: "ENTITY_ERROR.ATTRIBUTE.INVALID",
      detail: "An App ID with Identifier 'com.example.new' is not available. Please enter a different string.",
    });
  });

  test.each([
    ["com.example.*", 201],
    ["*", 201],
    ["single", 201],
    ["com.exa_mple", 409],
    ["com.example.", 409],
    ["com.*.example", 409],
    ["com.exämple", 409],
  ])("with the identifier %s is answered with %d", async (identifier, status) => {
    expect((await register((await aTeam()).key, identifier)).status).toBe(status);
  });

  test("is deleted with its capabilities, and makes its profiles invalid", async () => {
    const { key, team, withoutApp, states } = await aTeam();
    const { status, body } = await send(sandbox.url, key, "DELETE", `/v1/bundleIds/${withoutApp}`);

    expect([status, body]).toEqual([204, ""]);
    expect(team.bundleIds.some(({ id }) => id === withoutApp)).toBe(false);
    expect(team.bundleIdCapabilities.some(({ relationships }) => relationships.bundleId === withoutApp)).toBe(false);
    expect(new Set(states(withoutApp))).toEqual(new Set(["INVALID"]));
    expect((await call(sandbox.url, key, `/v1/bundleIds/${withoutApp}`)).status).toBe(404);
    expect((await send(sandbox.url, key, "DELETE", `/v1/bundleIds/${withoutApp}`)).status).toBe(404);
  });

  test("that an app uses stays", async () => {
    const { key, team, withApp } = await aTeam();
    const { status, body } = await send(sandbox.url, key, "DELETE", `/v1/bundleIds/${withApp}`);
    expect(status).toBe(409);
    expect(body.errors[0]?.detail).toBe("The bundle cannot be deleted.");
    expect(team.bundleIds[0]?.id).toBe(withApp);
  });
});

describe("a capability", () => {
  test("is enabled, shown with its bundle id, and disabled", async () => {
    const { key, withApp } = await aTeam();
    const settings = [{ key: "ICLOUD_VERSION", options: [{ key: "XCODE_6", enabled: true }] }];
    const { status, body } = await enable(key, withApp, { capabilityType: "ICLOUD", settings });
    const list = `/v1/bundleIds/${withApp}/bundleIdCapabilities`;
    const during = await call(sandbox.url, key, list);
    const removed = await send(sandbox.url, key, "DELETE", `/v1/bundleIdCapabilities/${body.data.id}`);
    const after = await call(sandbox.url, key, list);

    expect(status).toBe(201);
    expect(body.data.attributes).toEqual({ capabilityType: "ICLOUD", settings });
    expect(during.body.data.map(({ id }) => id)).toContain(body.data.id);
    expect(removed.status).toBe(204);
    expect(after.body.data.map(({ id }) => id)).not.toContain(body.data.id);
  });

  test.each(["enabled", "disabled"])(
    "that is %s makes the profiles of its bundle id invalid, and no other",
    async (how) => {
      const { key, team, withApp, withoutApp, states } = await aTeam();
      const before = states(withoutApp);
      const { status } =
        how === "enabled"
          ? await enable(key, withApp, { capabilityType: "SIRIKIT" })
          : await send(
              sandbox.url,
              key,
              "DELETE",
              `/v1/bundleIdCapabilities/${team.bundleIdCapabilities[0]?.id ?? ""}`,
            );

      expect(status).toBe(how === "enabled" ? 201 : 204);
      expect(new Set(states(withApp))).toEqual(new Set(["INVALID"]));
      expect(states(withoutApp)).toEqual(before);
      const profile = team.profiles.find(({ relationships }) => relationships.bundleId === withApp);
      const shown = await call<Single>(sandbox.url, key, `/v1/profiles/${profile?.id ?? ""}`);
      expect(shown.body.data.attributes).toMatchObject({ profileState: "INVALID", profileContent: null });
    },
  );

  test.each([
    ["that Apple does not have", "TELEPATHY", {}, "ENTITY_ERROR.ATTRIBUTE.TYPE"],
    ["that is there already", "PUSH_NOTIFICATIONS", {}, "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE"],
    ["with settings that are none", "ICLOUD", { settings: [{ key: "X" }] }, "ENTITY_ERROR.ATTRIBUTE.TYPE"],
    ["with settings that are no list", "ICLOUD", { settings: "X" }, "ENTITY_ERROR.ATTRIBUTE.TYPE"],
  ])("%s is refused", async (_what, capabilityType, more, code) => {
    const { key, withApp } = await aTeam();
    const { status, body } = await enable(key, withApp, { capabilityType, ...more });
    expect([status, body.errors[0]?.code]).toEqual([409, code]);
  });

  test("of a bundle id of another team is refused", async () => {
    const { key } = await aTeam();
    const stranger = await aTeam();
    const refused = await enable(key, stranger.withApp, { capabilityType: "SIRIKIT" });
    const allowed = await enable(stranger.key, stranger.withApp, { capabilityType: "SIRIKIT" });
    expect([refused.status, allowed.status]).toEqual([409, 201]);
  });
});
