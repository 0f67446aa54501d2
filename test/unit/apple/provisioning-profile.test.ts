import { createPrivateKey } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { AppleClient } from "../../../src/apple/client.js";
import { list, type KnownRelations } from "../../../src/apple/provisioning-profile.js";
import { authorize, TokenCache, type Authorization } from "../../../src/apple/signer.js";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { Contents } from "../../../src/sandbox/team/seed.js";
import type { Team } from "../../../src/sandbox/team/team.js";
import { Secret } from "../../../src/vault/secret.js";

let sandbox: Sandbox;
let client: AppleClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  client = new AppleClient({ APP_STORE: sandbox.url, ENTERPRISE: sandbox.enterpriseUrl });
});
afterEach(() => {
  sandbox.clearFailures();
});
afterAll(async () => {
  await client.close();
  await sandbox.close();
});

/** A key of a team that holds this, and what Apple was asked with it since. */
async function holding(contents: Contents): Promise<{ key: Authorization; team: Team; asked: () => string[] }> {
  const { keyId, issuerId, privateKey, teamId } = await sandbox.registerKey({ program: "app-store", contents });
  const der = createPrivateKey(privateKey).export({ type: "pkcs8", format: "der" });
  const key = authorize(
    {
      ...{ credentialId: keyId, version: 1, program: "APP_STORE", keyType: "TEAM", keyId, issuerId },
      privateKey: () => Promise.resolve(Secret.of(Buffer.from(der))),
    },
    new TokenCache(),
  );
  const asked = () => sandbox.journal.filter((call) => call.keyId === keyId).map(({ path }) => path);
  return { key, team: sandbox.team(teamId), asked };
}

const devices = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `DEVICE${index}` }));
const idsOf = (things: readonly { readonly id: string }[]): string[] => things.map(({ id }) => id);
const adHoc = (id: string, held: string[], uuid = `uuid of ${id}`) => ({
  id,
  attributes: { profileType: "IOS_APP_ADHOC", uuid },
  relationships: { devices: held },
});

describe("the profiles of a team", () => {
  test("come with their relations in one request, without their contents", async () => {
    const { key, asked } = await holding({
      bundleIds: [{ id: "B1", attributes: { identifier: "com.acme.shop", name: "Shop", platform: "IOS" } }],
      certificates: [{ id: "C1", attributes: { certificateType: "DISTRIBUTION", serialNumber: "1A" } }],
      devices: [{ id: "D1", attributes: { udid: "0001" } }, { id: "D2" }],
      profiles: [
        {
          id: "P1",
          attributes: { name: "Shop", uuid: "uuid", profileType: "IOS_APP_ADHOC", profileState: "ACTIVE" },
          relationships: { bundleId: "B1", certificates: ["C1"], devices: ["D1"] },
        },
      ],
    });
    const found = await list(client, key);
    expect(found.profiles).toMatchObject([
      {
        ...{ appleId: "P1", name: "Shop", uuid: "uuid", appleType: "IOS_APP_ADHOC", appleState: "ACTIVE" },
        ...{ bundleId: "B1", certificates: ["C1"], devices: ["D1"] },
      },
    ]);
    expect(found.bundleIds).toEqual([
      { appleId: "B1", identifier: "com.acme.shop", name: "Shop", platform: "IOS", capabilities: [] },
    ]);
    expect(found.certificates).toMatchObject([{ appleId: "C1", appleType: "DISTRIBUTION", serialNumber: "1A" }]);
    expect(found.devices).toMatchObject([{ appleId: "D1", udid: "0001" }]);
    expect(asked()).toEqual(["/v1/profiles"]);
    const { query } = sandbox.journal.findLast(({ path }) => path === "/v1/profiles") ?? { query: "" };
    expect(Object.fromEntries(new URLSearchParams(query))).toMatchObject({
      include: "bundleId,certificates,devices",
      limit: "200",
      "limit[certificates]": "50",
      "limit[devices]": "50",
      "fields[profiles]": "name,uuid,profileType,profileState,expirationDate,bundleId,certificates,devices",
    });
    expect(query).not.toMatch(/profileContent|certificateContent/);
  });

  test("come whole from more than one page, each thing that several hold once", async () => {
    const { key, asked } = await holding({ profiles: 230, certificates: 2, devices: 4, bundleIds: 2 });
    const found = await list(client, key);
    expect(found.profiles).toHaveLength(230);
    expect(found.bundleIds).toHaveLength(2);
    expect(new Set(found.certificates.map(({ appleId }) => appleId)).size).toBe(found.certificates.length);
    expect(new Set(found.devices.map(({ appleId }) => appleId)).size).toBe(found.devices.length);
    expect(asked()).toEqual(["/v1/profiles", "/v1/profiles"]);
  });

  test("are none where the team has none", async () => {
    const { key } = await holding({ profiles: 0 });
    expect(await list(client, key)).toEqual({ profiles: [], bundleIds: [], certificates: [], devices: [] });
  });
});

describe("a profile that holds more than Apple includes", () => {
  const LARGE = 120;
  const held = idsOf(devices(LARGE));

  test("is asked for its own list, and those that hold no more than that are not", async () => {
    const { key, asked } = await holding({
      devices: devices(LARGE),
      profiles: [adHoc("LARGE", held), adHoc("SMALL", held.slice(0, 50))],
    });
    const { profiles, devices: found } = await list(client, key);
    expect(profiles.map((profile) => profile.devices)).toEqual([held, held.slice(0, 50)]);
    expect(found.map(({ appleId }) => appleId).sort()).toEqual([...held].sort());
    expect(asked()).toEqual(["/v1/profiles", "/v1/profiles/LARGE/devices"]);
  });

  test("is asked for each relation that is so large", async () => {
    const certificates = Array.from({ length: 51 }, (_, index) => ({
      id: `CERT${index}`,
      attributes: { certificateType: "DEVELOPMENT" },
    }));
    const { key, asked } = await holding({
      certificates,
      devices: devices(51),
      profiles: [
        {
          id: "LARGE",
          attributes: { profileType: "IOS_APP_DEVELOPMENT" },
          relationships: { certificates: idsOf(certificates), devices: held.slice(0, 51) },
        },
      ],
    });
    const { profiles, certificates: found } = await list(client, key);
    expect(profiles).toMatchObject([{ certificates: idsOf(certificates), devices: held.slice(0, 51) }]);
    expect(found).toHaveLength(51);
    expect(asked().sort()).toEqual(["/v1/profiles", "/v1/profiles/LARGE/certificates", "/v1/profiles/LARGE/devices"]);
  });

  test("is not asked where what it holds is known, by its uuid and in the same number", async () => {
    const { key, asked } = await holding({ devices: devices(LARGE), profiles: [adHoc("LARGE", held, "known")] });
    const known: KnownRelations = (uuid, relation) => (uuid === "known" && relation === "devices" ? held : null);
    const { profiles, devices: included } = await list(client, key, known);
    expect(profiles).toMatchObject([{ devices: held }]);
    expect(included).toHaveLength(50);
    expect(asked()).toEqual(["/v1/profiles"]);
  });

  test.each<[string, KnownRelations]>([
    ["fewer are known", () => held.slice(0, LARGE - 1)],
    ["more are known", () => [...held, "DEVICE"]],
    ["it was replaced: its uuid is another", (uuid) => (uuid === "uuid of another" ? held : null)],
    ["another relation is known", (_, relation) => (relation === "certificates" ? held : null)],
  ])("is asked where %s", async (_, known) => {
    const { key, asked } = await holding({ devices: devices(LARGE), profiles: [adHoc("LARGE", held)] });
    expect((await list(client, key, known)).profiles).toMatchObject([{ devices: held }]);
    expect(asked()).toEqual(["/v1/profiles", "/v1/profiles/LARGE/devices"]);
  });

  test("fails the whole where its own list fails: nothing comes that could be taken for all", async () => {
    const { key } = await holding({ devices: devices(LARGE), profiles: [adHoc("LARGE", held), adHoc("SMALL", [])] });
    sandbox.failNext({ match: { path: "/v1/profiles/LARGE/devices" }, times: "always", failure: { kind: "403-role" } });
    await expect(list(client, key)).rejects.toMatchObject({ code: "APPLE_FORBIDDEN" });
  });
});
