import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { readProvisioningProfile } from "../../../src/files/mobileprovision.js";
import { keepIn } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf, profileFilesOf } from "../../support/signing.js";
import { lookAgain } from "../apple/drift.js";
import type { HeldKey } from "../apple/held-key.js";
import { CERT, Maker, PROFILE, withCertificate, type ProfileNode } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  web = await acme.subOrganization("Web");
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
  server.sandbox.configure({ listLagMs: 0 });
});

const renew = (provisioningProfileId: string, input: object = {}, token = acme.owner) =>
  mutate<{ provisioningProfile: ProfileNode | null; userErrors: object[] }>(
    ...([
      server,
      token,
      "renewProvisioningProfile",
      `provisioningProfile { ${PROFILE} } userErrors { message }`,
    ] as const),
    { provisioningProfileId, ...input },
  );

/** A key with a profile that is made and kept. */
async function kept(words: Parameters<Maker["profile"]>[2] = {}) {
  const key = await make.key({ contents: withCertificate() });
  return { key, profile: await make.profile(key, [CERT], words) };
}

const udidsOf = (key: HeldKey, ids: readonly string[]): string[] =>
  key.team.devices.filter(({ id }) => ids.includes(id)).map(({ attributes }) => attributes.udid);

async function contentOf(provisioningProfileId: string) {
  const { payload } = await mutate<{ download: { content: string } }>(
    ...[server, acme.owner, "downloadProvisioningProfile", "download { content }"],
    { provisioningProfileId },
  );
  return readProvisioningProfile(Buffer.from(payload?.download.content ?? "", "base64"));
}

describe("a profile is renewed", () => {
  test("in its place: the id and the share stay, the file is another, and the old one is gone at Apple", async () => {
    const { key, profile } = await kept({ name: "Shop" });
    const share = await acme.share(profile.id, { subOrganizationIds: [web] });
    const { payload, refused } = await renew(profile.id);
    expect(refused).toBeNull();
    const renewed = payload?.provisioningProfile;
    expect(renewed).toMatchObject({
      ...{ id: profile.id, state: "ACTIVE", owner: profile.owner, certificateSha1s: profile.certificateSha1s },
      name: expect.stringMatching(/^Shop \d{8}-\d{6}$/) as unknown,
    });
    expect(renewed?.uuid).not.toBe(profile.uuid);
    expect((await contentOf(profile.id)).uuid).toBe(renewed?.uuid);
    expect(key.team.profiles.map(({ id, attributes }) => [id, attributes.uuid])).toEqual([
      [renewed?.appleId, renewed?.uuid],
    ]);
    expect(make.changes(key).slice(-2)).toEqual(["POST /v1/profiles", `DELETE /v1/profiles/${profile.appleId ?? ""}`]);
    const { data } = await server.ask<{ provisioningProfile: { share: { id: string } } }>(
      ...[acme.owner, `query ($id: ID!) { provisioningProfile(id: $id) { share { id } } }`, { id: profile.id }],
    );
    expect(data.provisioningProfile.share).toEqual({ id: share });
    expect((await entriesOf(server, profile.id)).map(({ action }) => action)).toEqual([
      ...["provisioning_profile.created", "provisioning_profile.renewed", "provisioning_profile.downloaded"],
    ]);
  });

  test.each([0, 60_000])("as often as one wants on one day, where Apple's lists lag by %d ms", async (listLagMs) => {
    const { key, profile } = await kept({ name: "Daily" });
    server.sandbox.configure({ listLagMs });
    const uuids = [profile.uuid];
    for (let time = 0; time < 3; time += 1) {
      const { payload, refused } = await renew(profile.id);
      expect(refused).toBeNull();
      uuids.push(payload?.provisioningProfile?.uuid ?? "");
      expect(payload?.provisioningProfile?.name).toMatch(/^Daily \d{8}-\d{6}(-\d)?$/);
    }
    expect(new Set(uuids).size).toBe(4);
    expect(key.team.profiles).toHaveLength(1);
  });

  test("at the same time by two: both have the new one, and one is left at Apple", async () => {
    const { key, profile } = await kept();
    const outcomes = await Promise.all([renew(profile.id), renew(profile.id)]);
    expect(outcomes.map(({ refused, denied }) => refused ?? denied)).toEqual([null, null]);
    expect(key.team.profiles).toHaveLength(1);
    expect((await make.profileNow(profile.id))?.appleId).toBe(key.team.profiles[0]?.id);
  });

  test("once for an idempotency key, however many ask", async () => {
    const { key, profile } = await kept();
    const ask = () => renew(profile.id, { idempotencyKey: "weekly" });
    const outcomes = await Promise.all(Array.from({ length: 5 }, ask));
    expect(new Set([...outcomes, await ask()].map(({ text }) => text)).size).toBe(1);
    expect(make.changes(key).filter((change) => change === "POST /v1/profiles")).toHaveLength(2);
  });

  test("with the devices it had, as far as they are still enabled", async () => {
    const { key, profile } = await kept({ type: "IOS_APP_ADHOC", deviceAppleIds: ["PHONE", "TABLET"] });
    await mutate(server, acme.owner, "updateDevice", "device { appleId }", {
      ...{ tenantId: acme.organizationId, credentialId: key.id, appleId: "TABLET", status: "DISABLED" },
    });
    const { payload } = await renew(profile.id);
    expect(payload?.provisioningProfile?.deviceUdids).toEqual(udidsOf(key, ["PHONE"]));
  });

  test("with other devices, where these are named", async () => {
    const { key, profile } = await kept({ type: "IOS_APP_ADHOC", deviceAppleIds: ["PHONE"] });
    const { payload } = await renew(profile.id, { deviceAppleIds: ["TABLET", "MAC"] });
    expect([...(payload?.provisioningProfile?.deviceUdids ?? [])].sort()).toEqual(
      udidsOf(key, ["TABLET", "MAC"]).sort(),
    );
  });

  test.each([
    [["LOST"], "INVALID_INPUT", ["deviceAppleIds", "0"]],
    [["PHONE", "ABSENT"], "NOT_FOUND", ["deviceAppleIds", "1"]],
    [[], "NO_DEVICES", ["deviceAppleIds"]],
  ])("and not with the devices %j: the old one stays", async (deviceAppleIds, code, field) => {
    const { key, profile } = await kept({ type: "IOS_APP_ADHOC", deviceAppleIds: ["PHONE"] });
    const before = make.changes(key);
    expect((await renew(profile.id, { deviceAppleIds })).refused).toMatchObject({ code, field });
    expect(make.changes(key)).toEqual(before);
    expect(await make.profileNow(profile.id)).toEqual(profile);
  });

  test("with all the certificates of the old one that can still sign", async () => {
    const key = await make.key();
    const several = [
      await make.certificate(key, { type: "DEVELOPMENT" }),
      await make.certificate(key, { type: "IOS_DEVELOPMENT" }),
    ];
    const words = { type: "IOS_APP_DEVELOPMENT", deviceAppleIds: ["PHONE"] };
    const profile = await make.profile(key, several, words);
    const sha1s = async () =>
      [...((await renew(profile.id)).payload?.provisioningProfile?.certificateSha1s ?? [])].sort();
    expect(await sha1s()).toEqual(several.map(({ sha1 }) => sha1).sort());
    const [first, second] = several;
    await mutate(server, acme.owner, "revokeCertificate", "certificate { id }", { certificateId: first?.id });
    expect(await sha1s()).toEqual([second?.sha1]);
  });

  test("with another kept certificate that fits, where its own can sign no more", async () => {
    const key = await make.key();
    const certificate = await make.certificate(key);
    const profile = await make.profile(key, [certificate]);
    await mutate(server, acme.owner, "revokeCertificate", "certificate { id }", { certificateId: certificate.id });
    const none = { code: "CERTIFICATE_NOT_FITTING", field: ["provisioningProfileId"] };
    expect((await renew(profile.id)).refused).toMatchObject(none);
    const other = await make.certificate(key);
    const { payload } = await renew(profile.id);
    expect(payload?.provisioningProfile).toMatchObject({ state: "ACTIVE", certificateSha1s: [other.sha1] });
  });
});

describe("a profile that was kept", () => {
  test("from Apple is renewed through the key it was fetched with", async () => {
    const key = await make.key({ contents: withCertificate() });
    const fetched = make.profileAtApple(key, { certificates: ["CERT"], expiresInDays: 2 });
    const [profile] = await make.kept(key, [fetched]);
    expect((await renew(profile?.id ?? "")).payload?.provisioningProfile).toMatchObject({ id: profile?.id });
    expect(key.team.profiles.map(({ id }) => id)).not.toContain(fetched);
  });

  test("out of a file is renewed where a key reaches its team, and is NOT_RENEWABLE where none does", async () => {
    const key = await make.key({ contents: withCertificate() });
    const atApple = make.profileAtApple(key, { certificates: ["CERT"] });
    const file = (await profileFilesOf(key.team)).get(atApple);
    const { payload } = await mutate<{ provisioningProfiles: { id: string }[] }>(
      ...[server, acme.owner, "uploadProvisioningProfiles", "provisioningProfiles { id }"],
      { tenantId: acme.organizationId, profiles: [file] },
    );
    const id = payload?.provisioningProfiles[0]?.id ?? "";
    const refused = { code: "NOT_RENEWABLE", field: ["provisioningProfileId"] };
    expect((await renew(id)).refused).toMatchObject(refused);
    await lookAgain(server, acme.owner, key);
    expect((await renew(id)).payload?.provisioningProfile).toMatchObject({ id, credential: { id: key.id } });
    const alone = await keepIn(server, acme.organizationId).profile(acme.organizationId);
    expect((await renew(alone)).refused).toMatchObject(refused);
  });
});

describe("where Apple does not do its part", () => {
  test("and the old one cannot be deleted, the new one is kept and it is said what is left to do", async () => {
    const { key, profile } = await kept();
    const match = { keyId: key.keyId, method: "DELETE" };
    server.sandbox.failNext({ match, failure: { kind: "403-role" } });
    const { payload } = await renew(profile.id);
    expect(payload?.userErrors).toEqual([
      {
        ...{ code: "APPLE_FORBIDDEN", field: ["provisioningProfileId"] },
        message: expect.stringContaining(profile.appleId ?? "-") as unknown,
      },
    ]);
    expect(payload?.provisioningProfile).toMatchObject({ id: profile.id, state: "ACTIVE" });
    expect(payload?.provisioningProfile?.uuid).not.toBe(profile.uuid);
    expect(key.team.profiles).toHaveLength(2);
  });

  test("and makes no new one, the old one stays as it is, there and here", async () => {
    const { key, profile } = await kept();
    const match = { keyId: key.keyId, method: "POST" };
    server.sandbox.failNext({ match, failure: { kind: "403-role" } });
    expect((await renew(profile.id)).denied).toBe("APPLE_FORBIDDEN");
    expect(await make.profileNow(profile.id)).toEqual(profile);
    expect(key.team.profiles.map(({ id }) => id)).toEqual([profile.appleId]);
    expect((await renew(profile.id)).refused).toBeNull();
  });
});

describe("a profile is renewed by", () => {
  test("whoever holds SIGNING_MANAGE where it is kept", async () => {
    const { profile } = await kept();
    const looks = await acme.token(acme.organizationId, ["SIGNING_VIEW", "SIGNING_DOWNLOAD", "SIGNING_REVOKE"]);
    const makes = await acme.token(acme.organizationId, ["SIGNING_MANAGE"]);
    expect((await renew(profile.id, {}, looks)).denied).toBe("FORBIDDEN");
    expect((await renew(profile.id, {}, makes)).refused).toBeNull();
  });

  test("the root that shared it, and nobody below", async () => {
    const { key, profile } = await kept();
    await acme.share(key.id, { subOrganizationIds: [web] });
    await acme.share(profile.id, { subOrganizationIds: [web] });
    const owner = await acme.member(web, "owner@renewal.example", ["OWNER"]);
    expect((await renew(profile.id, {}, owner)).denied).toBe("SHARED_FROM_ROOT");
    expect(await make.profileNow(profile.id)).toEqual(profile);
    const stranger = await seed(server, "Globex");
    expect((await renew(profile.id, {}, stranger.owner)).denied).toBe("NOT_FOUND");
    expect((await renew(profile.id)).refused).toBeNull();
  });
});
