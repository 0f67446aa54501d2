import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as pkijs from "pkijs";
import { parse } from "plist";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import { call, send, type Single } from "../caller.js";
import { create, keyOf } from "./profile-maker.js";

const DAY_MS = 86_400_000;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

describe("a profile", () => {
  test("is made, shown, and deleted", async () => {
    const key = await keyOf(sandbox);
    const wish = { profileType: "IOS_APP_DEVELOPMENT", certificates: ["DEVELOPMENT", "IOS_DEVELOPMENT"] };
    const { status, headers, body } = await create(sandbox, key, { ...wish, devices: ["IPHONE", "IPAD"] });
    const address = `/v1/profiles/${body.data.id}`;
    const shown = await call<Single>(sandbox.url, key, address);
    const devices = await call(sandbox.url, key, `${address}/devices`);
    const deleted = await send(sandbox.url, key, "DELETE", address);

    expect([status, headers.get("location")]).toEqual([201, sandbox.url + address]);
    expect(body.data.attributes).toMatchObject({ name: "Mine", profileState: "ACTIVE", platform: "IOS" });
    expect(shown.body.data).toEqual(body.data);
    expect(devices.body.data.map(({ id }) => id)).toEqual(["IPHONE", "IPAD"]);
    expect([deleted.status, (await call(sandbox.url, key, address)).status]).toEqual([204, 404]);
  });

  test("holds its certificates and devices in what is signed", async () => {
    const key = await keyOf(sandbox);
    const wish = { profileType: "IOS_APP_ADHOC", certificates: ["DISTRIBUTION"], devices: ["IPHONE"] };
    const { body } = await create(sandbox, key, wish);
    const content = Buffer.from(body.data.attributes["profileContent"] ?? "", "base64");
    const signed = new pkijs.SignedData({ schema: pkijs.ContentInfo.fromBER(content).content });
    const plist = Buffer.from(signed.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0)).toString();
    const said = parse(plist) as { DeveloperCertificates: Uint8Array[]; ProvisionedDevices: string[]; UUID: string };
    const team = sandbox.team(key.teamId);

    expect(await signed.verify({ signer: 0, checkChain: false })).toBe(true);
    expect(said.UUID).toBe(body.data.attributes["uuid"]);
    expect(said.ProvisionedDevices).toEqual([team.devices[0]?.attributes.udid]);
    const serials = said.DeveloperCertificates.map((der) => new X509Certificate(der).serialNumber.replace(/^0+/, ""));
    expect(serials).toEqual([team.certificates[0]?.attributes.serialNumber]);
  });

  test.each([
    ["DISTRIBUTION", 365],
    ["SHORT", 30],
  ])("with the certificate %s lives %d days", async (id, days) => {
    const { body } = await create(sandbox, await keyOf(sandbox), { profileType: "IOS_APP_STORE", certificates: [id] });
    const lifetimeMs = Date.parse(body.data.attributes["expirationDate"] ?? "") - Date.now();
    expect(Math.abs(lifetimeMs - days * DAY_MS)).toBeLessThan(60_000);
  });

  test("leaves out devices that are not ready, and disabled ones, without a word", async () => {
    const key = await keyOf(sandbox);
    const devices = ["WAITING", "IPHONE", "LOST"];
    const wish = { profileType: "IOS_APP_DEVELOPMENT", certificates: ["DEVELOPMENT"], devices };
    const { status } = await create(sandbox, key, wish);
    expect(status).toBe(201);
    expect(sandbox.team(key.teamId).profiles[0]?.relationships.devices).toEqual(["IPHONE"]);
  });
});

describe("a developer's key", () => {
  test("makes and deletes profiles for development, and none for distribution", async () => {
    const key = await keyOf(sandbox, "app-store", { role: "DEVELOPER" });
    const admin = await sandbox.registerKey({ program: "app-store", team: key.teamId });
    const wish = { profileType: "IOS_APP_STORE", certificates: ["DISTRIBUTION"] };
    const development = await create(sandbox, key, {
      profileType: "IOS_APP_DEVELOPMENT",
      certificates: ["DEVELOPMENT"],
      devices: ["IPHONE"],
    });
    const refused = await create(sandbox, key, { ...wish, name: "Store" });
    const store = await create(sandbox, admin, { ...wish, name: "Store" });
    const remove = (id: string) => send(sandbox.url, key, "DELETE", `/v1/profiles/${id}`);

    expect([development.status, refused.status, store.status]).toEqual([201, 403, 201]);
    expect((await remove(store.body.data.id)).status).toBe(403);
    expect((await remove(development.body.data.id)).status).toBe(204);
  });
});
