import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import { create, keyOf, type Wish } from "./profile-maker.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

describe("a type of profiles", () => {
  const fine: [string, string, Partial<Wish>][] = [
    ["IOS_APP_DEVELOPMENT", "DEVELOPMENT", { devices: ["IPHONE", "MAC"] }],
    ["IOS_APP_DEVELOPMENT", "IOS_DEVELOPMENT", { devices: ["IPAD"], bundleId: "IOS" }],
    ["IOS_APP_ADHOC", "IOS_DISTRIBUTION", { devices: ["IPHONE"] }],
    ["IOS_APP_STORE", "DISTRIBUTION", {}],
    ["IOS_APP_STORE", "IOS_DISTRIBUTION", { devices: [] }],
    ["TVOS_APP_DEVELOPMENT", "DEVELOPMENT", { devices: ["APPLE_TV"] }],
    ["TVOS_APP_STORE", "DISTRIBUTION", {}],
    ["MAC_APP_DEVELOPMENT", "MAC_APP_DEVELOPMENT", { devices: ["MAC"], bundleId: "MAC_OS" }],
    ["MAC_APP_STORE", "MAC_APP_DISTRIBUTION", {}],
    ["MAC_APP_DIRECT", "DEVELOPER_ID_APPLICATION_G2", {}],
    ["MAC_CATALYST_APP_DEVELOPMENT", "DEVELOPMENT", { devices: ["MAC"], bundleId: "IOS" }],
    ["MAC_CATALYST_APP_STORE", "DISTRIBUTION", { bundleId: "MAC_OS" }],
  ];
  test.each(fine)("%s takes %s", async (profileType, id, more) => {
    const { status, body } = await create(sandbox, await keyOf(sandbox), { profileType, certificates: [id], ...more });
    expect([status, body.errors]).toEqual([201, undefined]);
    expect(body.data.attributes["platform"]).toBe(profileType.startsWith("MAC_") ? "MAC_OS" : "IOS");
  });

  const NOT_FITTING = /^There are no current certificates on this team matching the provided certificate IDs/;
  const NOT_ELIGIBLE = /^You are not allowed to create '\w+' profile with App ID '\w+'\.$/;
  const refused: [string, Wish, string, RegExp][] = [
    ["no certificate", { profileType: "IOS_APP_STORE", certificates: [] }, "ENTITY_ERROR", NOT_FITTING],
    ["an unknown one", { profileType: "IOS_APP_STORE", certificates: ["X"] }, "ENTITY_ERROR", NOT_FITTING],
    ["an expired one", { profileType: "IOS_APP_STORE", certificates: ["EXPIRED"] }, "ENTITY_ERROR", NOT_FITTING],
    [
      "one of another kind",
      { profileType: "IOS_APP_STORE", certificates: ["DEVELOPMENT"] },
      "ENTITY_ERROR",
      NOT_FITTING,
    ],
    [
      "a second one that does not fit",
      { profileType: "IOS_APP_DEVELOPMENT", certificates: ["DEVELOPMENT", "DISTRIBUTION"], devices: ["IPHONE"] },
      "ENTITY_ERROR",
      NOT_FITTING,
    ],
    [
      "a Mac's certificate",
      { profileType: "TVOS_APP_DEVELOPMENT", certificates: ["MAC_APP_DEVELOPMENT"], devices: ["APPLE_TV"] },
      "ENTITY_ERROR",
      NOT_FITTING,
    ],
    [
      "two of them",
      { profileType: "IOS_APP_STORE", certificates: ["DISTRIBUTION", "SECOND"] },
      "ENTITY_ERROR.RELATIONSHIP.INVALID",
      /one certificate only/,
    ],
    [
      "a TV",
      { profileType: "IOS_APP_DEVELOPMENT", certificates: ["DEVELOPMENT"], devices: ["IPHONE", "APPLE_TV"] },
      "ENTITY_ERROR",
      /^Invalid deviceClass for profile type\.$/,
    ],
    [
      "a phone",
      { profileType: "MAC_APP_DEVELOPMENT", certificates: ["DEVELOPMENT"], devices: ["IPHONE"] },
      "ENTITY_ERROR",
      /^Invalid deviceClass for profile type\.$/,
    ],
    [
      "an unknown device",
      { profileType: "IOS_APP_ADHOC", certificates: ["DISTRIBUTION"], devices: ["X"] },
      "ENTITY_ERROR",
      /^There is no device with ID 'X' on this team\.$/,
    ],
    [
      "a Mac's App ID",
      { profileType: "IOS_APP_STORE", bundleId: "MAC_OS", certificates: [] },
      "ENTITY_ERROR",
      NOT_ELIGIBLE,
    ],
    [
      "a phone's App ID",
      { profileType: "MAC_APP_STORE", bundleId: "IOS", certificates: [] },
      "ENTITY_ERROR",
      NOT_ELIGIBLE,
    ],
    ["in-house apps", { profileType: "IOS_APP_INHOUSE", certificates: [] }, "ENTITY_ERROR", NOT_ELIGIBLE],
  ];
  test.each(refused)("refuses %s", async (_what, wish, code, detail) => {
    const key = await keyOf(sandbox);
    const { status, body } = await create(sandbox, key, wish);
    expect([status, body.errors[0]?.code]).toEqual([409, code]);
    expect(body.errors[0]?.detail).toMatch(detail);
    expect(sandbox.team(key.teamId).profiles).toEqual([]);
  });

  test("is in-house in the enterprise program, where nothing goes to the App Store", async () => {
    const key = await keyOf(sandbox, "enterprise");
    const made = await create(
      sandbox,
      key,
      { profileType: "IOS_APP_INHOUSE", certificates: ["IOS_DISTRIBUTION"] },
      "enterprise",
    );
    const store = await create(
      sandbox,
      key,
      { profileType: "IOS_APP_STORE", certificates: ["IOS_DISTRIBUTION"] },
      "enterprise",
    );
    const apple = await create(
      sandbox,
      key,
      { profileType: "TVOS_APP_INHOUSE", certificates: ["DISTRIBUTION"] },
      "enterprise",
    );
    expect([made.status, store.status, apple.status]).toEqual([201, 409, 409]);
  });
});
