import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { readProvisioningProfile } from "../../../src/files/mobileprovision.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf } from "../../support/signing.js";
import { lookAgain } from "../apple/drift.js";
import type { HeldKey } from "../apple/held-key.js";
import { anew, CERT, Maker, PROFILE, withCertificate, type ProfileNode } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.configure({ listLagMs: 0 });
});

/** The file of a kept profile, read. */
async function fileOf(provisioningProfileId: string) {
  const { payload } = await mutate<{ download: { fileName: string; content: string } | null }>(
    ...[server, acme.owner, "downloadProvisioningProfile", "download { fileName content }"],
    { provisioningProfileId },
  );
  const { fileName = "", content = "" } = payload?.download ?? {};
  return { fileName, ...(await readProvisioningProfile(Buffer.from(content, "base64"))) };
}

/** The profiles of a tenant, and those that Apple holds for a key. */
const LISTS = `query ($tenantId: ID!, $key: ID!, $maxAgeSeconds: Int!) {
  node(id: $tenantId) { ... on Tenant { provisioningProfiles(first: 200) { nodes { id } } } }
  credential(id: $key) { appStoreConnect(maxAgeSeconds: $maxAgeSeconds) { provisioningProfiles {
    nodes { appleId bundleId { identifier } certificates { appleId } devices { appleId } keptAs(tenantId: $tenantId) { id } } } } }
}`;

const udidOf = (key: HeldKey, id: string) => key.team.devices.find((device) => device.id === id)?.attributes.udid ?? "";

describe("a profile is made", () => {
  test("with all of its fields, and its file can be had", async () => {
    const key = await make.key();
    const certificate = await make.certificate(key);
    const profile = await make.profile(key, [certificate], { name: " Shop App Store " });
    const [atApple] = key.team.profiles;
    expect(profile).toEqual({
      id: expect.stringMatching(/^prof_/) as unknown,
      ...{ name: "Shop App Store", uuid: atApple?.attributes.uuid, type: "IOS_APP_STORE", state: "ACTIVE" },
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
      ...{ platforms: ["iOS", "xrOS", "visionOS"], teamId: key.team.id, bundleIdentifier: "com.acme.shop" },
      ...{ deviceUdids: [], source: "CREATED", appleId: atApple?.id, owner: { id: acme.organizationId } },
      ...{ credential: { id: key.id }, certificates: [{ id: certificate.id }], certificateSha1s: [certificate.sha1] },
    });
    const file = await fileOf(profile.id);
    expect(file).toMatchObject({ fileName: "Shop-App-Store.mobileprovision", uuid: profile.uuid });
    expect(file.certificates.map(({ sha1 }) => sha1)).toEqual([certificate.sha1]);
    expect((await entriesOf(server, profile.id)).at(0)).toMatchObject({ action: "provisioning_profile.created" });
  });

  test.each<[string, string, readonly string[]]>([
    ["IOS_APP_STORE", "DISTRIBUTION", []],
    ["IOS_APP_STORE", "IOS_DISTRIBUTION", []],
    ["IOS_APP_ADHOC", "DISTRIBUTION", ["PHONE", "TABLET"]],
    ["IOS_APP_DEVELOPMENT", "DEVELOPMENT", ["PHONE", "MAC"]],
    ["TVOS_APP_STORE", "DISTRIBUTION", []],
    ["TVOS_APP_ADHOC", "DISTRIBUTION", ["TV"]],
    ["MAC_APP_STORE", "MAC_APP_DISTRIBUTION", []],
    ["MAC_APP_DEVELOPMENT", "MAC_APP_DEVELOPMENT", ["MAC"]],
    ["MAC_CATALYST_APP_DEVELOPMENT", "IOS_DEVELOPMENT", ["MAC"]],
    ["MAC_CATALYST_APP_STORE", "DISTRIBUTION", []],
  ])("of the type %s, with a certificate of the type %s and the devices %j", async (type, certificateType, devices) => {
    const key = await make.key({ contents: withCertificate(certificateType) });
    const profile = await make.profile(key, [CERT], { type, deviceAppleIds: devices });
    expect(profile).toMatchObject({ type, deviceUdids: devices.map((id) => udidOf(key, id)) });
    const file = await fileOf(profile.id);
    expect(file.deviceUdids).toEqual(profile.deviceUdids);
    expect(file.fileName.endsWith(type.startsWith("MAC_") ? ".provisionprofile" : ".mobileprovision")).toBe(true);
  });

  test("for development with several certificates", async () => {
    const key = await make.key();
    const certificates = [
      await make.certificate(key, { type: "DEVELOPMENT" }),
      await make.certificate(key, { type: "IOS_DEVELOPMENT" }),
    ];
    const words = { type: "IOS_APP_DEVELOPMENT", deviceAppleIds: ["PHONE"] };
    const profile = await make.profile(key, certificates, words);
    expect([...profile.certificateSha1s].sort()).toEqual(certificates.map(({ sha1 }) => sha1).sort());
  });

  test("for in-house apps, with a key of the Enterprise Program", async () => {
    const key = await make.key({ program: "enterprise", contents: withCertificate("IOS_DISTRIBUTION") });
    const profile = await make.profile(key, [CERT], { type: "IOS_APP_INHOUSE" });
    expect(profile).toMatchObject({ type: "IOS_APP_INHOUSE", state: "ACTIVE" });
    expect((await fileOf(profile.id)).fileName).toMatch(/\.mobileprovision$/);
  });

  test("with a certificate that was made elsewhere a moment ago, which no list of here has yet", async () => {
    const key = await make.key({ contents: withCertificate() });
    await make.profile(key, [CERT]);
    const { appleId } = await make.uploaded(key);
    expect(await make.profile(key, [{ appleId }])).toMatchObject({ state: "ACTIVE" });
  });

  test("and is in both lists at once, and stays there while Apple's list does not show it yet", async () => {
    const key = await make.key();
    const certificate = await make.certificate(key);
    await lookAgain(server, acme.owner, key);
    server.sandbox.configure({ listLagMs: 60_000 });
    const { id, appleId } = await make.profile(key, [certificate], {
      ...{ type: "IOS_APP_ADHOC", deviceAppleIds: ["PHONE"] },
    });
    for (const maxAgeSeconds of [300, 0]) {
      const { data } = await server.ask<{
        node: { provisioningProfiles: { nodes: { id: string }[] } };
        credential: { appStoreConnect: { provisioningProfiles: { nodes: object[] } } };
      }>(acme.owner, LISTS, { tenantId: acme.organizationId, key: key.id, maxAgeSeconds });
      expect(data.node.provisioningProfiles.nodes).toContainEqual({ id });
      expect(data.credential.appStoreConnect.provisioningProfiles.nodes).toEqual([
        {
          ...{ appleId, bundleId: { identifier: "com.acme.shop" }, keptAs: { id } },
          ...{ certificates: [{ appleId: certificate.appleId }], devices: [{ appleId: "PHONE" }] },
        },
      ]);
    }
  });

  test("below the root through a shared key, as the sub-organization's own", async () => {
    const key = await make.key();
    const web = await acme.subOrganization("Web");
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["SIGN"] });
    const token = await acme.token(web, ["SIGNING_MANAGE", "SIGNING_VIEW"]);
    const certificate = await make.certificate(key, { tenantId: web, token });
    const profile = await make.profile(key, [certificate], { tenantId: web, token });
    expect(profile.owner).toEqual({ id: web });
    expect(await make.profileNow(profile.id)).toMatchObject({ owner: { id: web } });
  });
});

describe("the same idempotency key", () => {
  const create = async (key: HeldKey, words: object) =>
    mutate<{ provisioningProfile: ProfileNode | null }>(
      ...([server, acme.owner, "createProvisioningProfile", `provisioningProfile { ${PROFILE} }`] as const),
      {
        ...{ tenantId: acme.organizationId, credentialId: key.id, type: "IOS_APP_STORE" },
        ...{ bundleIdentifier: "com.acme.shop", certificateAppleIds: [CERT.appleId], ...words },
      },
    );

  test("makes one profile, however many ask at the same time, and again later", async () => {
    const key = await make.key({ contents: withCertificate() });
    const words = { name: anew("Once"), idempotencyKey: "the-build" };
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => create(key, words)));
    expect(new Set(outcomes.map(({ text }) => text)).size).toBe(1);
    expect((await create(key, words)).text).toBe(outcomes[0]?.text);
    expect(outcomes[0]?.payload?.provisioningProfile).not.toBeNull();
    expect(key.team.profiles).toHaveLength(1);
    const refused = { code: "INVALID_INPUT", field: ["idempotencyKey"] };
    expect((await create(key, { ...words, name: anew("Other") })).refused).toEqual(refused);
  });

  test("is no way around the name, which Apple has once", async () => {
    const key = await make.key({ contents: withCertificate() });
    const name = anew("Twice");
    expect((await create(key, { name, idempotencyKey: "one" })).refused).toBeNull();
    const refused = { code: "ALREADY_EXISTS", field: ["name"] };
    expect((await create(key, { name, idempotencyKey: "two" })).refused).toEqual(refused);
    expect(key.team.profiles).toHaveLength(1);
  });
});
