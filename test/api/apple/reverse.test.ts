import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { appleKey, type AppleKey } from "../../support/apple.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let acme: Story;
let key: AppleKey;

const profile = (id: string, bundleId: string, certificates: string[], devices: string[]) => ({
  id,
  attributes: { profileType: "IOS_APP_DEVELOPMENT" },
  relationships: { bundleId, certificates, devices },
});

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  key = await appleKey(server, acme, {
    bundleIds: [
      { id: "SHOP", attributes: { identifier: "com.acme.shop" } },
      { id: "BANK", attributes: { identifier: "com.acme.bank" } },
      { id: "NONE", attributes: { identifier: "com.acme.none" } },
    ],
    certificates: [{ id: "ONE" }, { id: "TWO" }, { id: "THREE" }],
    devices: [{ id: "PHONE" }, { id: "TABLET" }],
    profiles: [
      profile("SHOP1", "SHOP", ["ONE"], ["PHONE", "TABLET"]),
      profile("BANK1", "BANK", ["ONE", "TWO"], ["PHONE"]),
      profile("SHOP2", "SHOP", ["TWO"], []),
    ],
  });
});
afterAll(() => server.close());

/** Who is in which profiles, of one of the lists. */
async function profilesOf(list: string, bearer = acme.owner): Promise<Record<string, string[]>> {
  const { data, errors } = await server.ask<{
    credential: {
      appStoreConnect: { list: { nodes: { appleId: string; provisioningProfiles: { appleId: string }[] }[] } };
    };
  }>(
    bearer,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect { list: ${list} { nodes { appleId provisioningProfiles { appleId } } } } } }`,
    { id: key.id },
  );
  expect(errors).toBeUndefined();
  const { nodes } = data.credential.appStoreConnect.list;
  return Object.fromEntries(
    nodes.map(({ appleId, provisioningProfiles }) => [appleId, provisioningProfiles.map((each) => each.appleId)]),
  );
}

describe("the profiles that hold it are known of each", () => {
  test("certificate", async () => {
    expect(await profilesOf("certificates")).toEqual({ ONE: ["SHOP1", "BANK1"], TWO: ["BANK1", "SHOP2"], THREE: [] });
  });

  test("device", async () => {
    expect(await profilesOf("devices")).toEqual({ PHONE: ["SHOP1", "BANK1"], TABLET: ["SHOP1"] });
  });

  test("bundle id", async () => {
    expect(await profilesOf("bundleIds")).toEqual({ SHOP: ["SHOP1", "SHOP2"], BANK: ["BANK1"], NONE: [] });
  });
});

test("a share for some bundle identifiers shows the profiles for these alone, from whichever side", async () => {
  const team = await acme.subOrganization("Shop team");
  await acme.share(key.id, { subOrganizationIds: [team], bundleIdentifiers: ["com.acme.shop"], uses: ["VIEW"] });
  const bearer = await acme.token(team, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
  expect(await profilesOf("certificates", bearer)).toEqual({ ONE: ["SHOP1"], TWO: ["SHOP2"], THREE: [] });
  expect(await profilesOf("devices", bearer)).toEqual({ PHONE: ["SHOP1"], TABLET: ["SHOP1"] });
  expect(await profilesOf("bundleIds", bearer)).toEqual({ SHOP: ["SHOP1", "SHOP2"] });
});

test("Apple is asked for the list and for the profiles, once each", async () => {
  const own = await appleKey(server, acme);
  const { errors } = await server.ask(
    acme.owner,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect {
      devices { nodes { provisioningProfiles { appleId devices { provisioningProfiles { name } } } } } } } }`,
    { id: own.id },
  );
  expect(errors).toBeUndefined();
  expect(
    own
      .calls()
      .map(({ path }) => path)
      .sort(),
  ).toEqual(["/v1/devices", "/v1/profiles"]);
});
