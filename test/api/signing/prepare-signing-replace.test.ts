import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeOld } from "../../support/apple.js";
import { query } from "../../support/database.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import type { HeldKey } from "../apple/held-key.js";
import { open, prepare as prepareOn, type Preparation } from "./kit.js";
import { Maker } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(() => server.close());

const prepare = (key: HeldKey, input: object = {}): Promise<Preparation> =>
  prepareOn(server, acme.owner, { tenantId: acme.organizationId, credentialId: key.id, ...input });

const REUSED = ["REUSE_CERTIFICATE", "REUSE_PROFILE"];
const REPLACED = ["REUSE_CERTIFICATE", "REPLACE_PROFILE"];

const SETTLE = ["apple_certificates", "apple_provisioning_profiles"].map(
  (table) => `UPDATE ${table} SET written_at = written_at - interval '1 hour' WHERE credential_id = $1`,
);

/** Lets an hour go by since Apple's lists were asked for, and since something was made from here. */
async function later({ id }: HeldKey): Promise<void> {
  await makeOld(server, [id]);
  await query(server.database.ownerUrl, ...SETTLE.map((text): [string, unknown[]] => [text, [id]]));
}

/** What a second call does when something has happened since the first; the profile it gives is checked to serve. */
async function after(happened: (key: HeldKey, first: Preparation) => Promise<unknown>, input: object = {}) {
  const key = await make.key();
  const first = await prepare(key, input);
  await happened(key, first);
  const second = await prepare(key, input);
  const { certificate, profiles } = await open(second);
  expect(profiles[0]?.certificates.map(({ sha1 }) => sha1)).toContain(certificate.sha1);
  return { key, first, second };
}

describe("a kept profile is replaced, in its place, where it", () => {
  test.each<[string, (key: HeldKey) => Promise<void>]>([
    ["an hour ago", later],
    ["just now, a moment after it was made", ({ id }) => makeOld(server, [id])],
  ])("has become invalid at Apple, %s", async (_, look) => {
    const { key, first, second } = await after(async (at) => {
      const [profile] = at.team.profiles;
      if (profile !== undefined) {
        at.team.profiles[0] = { ...profile, attributes: { ...profile.attributes, profileState: "INVALID" } };
      }
      await look(at);
    });
    expect(second.actions).toEqual(REPLACED);
    expect(second.kit?.provisioningProfiles[0]).toMatchObject({
      ...{ id: first.kit?.provisioningProfiles[0]?.id, state: "ACTIVE" },
    });
    expect(key.team.profiles).toHaveLength(1);
    expect((await prepare(key, { dryRun: true })).actions).toEqual(REUSED);
  });

  test("lacks a device that was registered since", async () => {
    const type = "IOS_APP_ADHOC";
    const udid = randomBytes(20).toString("hex");
    const { key, first, second } = await after(
      (at) =>
        mutate(server, acme.owner, "registerDevices", "devices { appleId }", {
          ...{ tenantId: acme.organizationId, credentialId: at.id, devices: [{ name: "New", udid }] },
        }),
      { type },
    );
    expect(first.kit?.provisioningProfiles[0]?.deviceUdids).not.toContain(udid);
    expect(second.actions).toEqual(REPLACED);
    expect(second.kit?.provisioningProfiles[0]?.deviceUdids).toContain(udid);
    expect((await prepare(key, { type, dryRun: true })).actions).toEqual(REUSED);
  });

  test("holds another certificate than one that can sign: that one was revoked", async () => {
    const { key, first, second } = await after((_, { kit }) =>
      mutate(server, acme.owner, "revokeCertificate", "certificate { id }", { certificateId: kit?.certificate.id }),
    );
    expect(second.actions).toEqual(["CREATE_CERTIFICATE", "REPLACE_PROFILE"]);
    expect(second.kit?.certificate.id).not.toBe(first.kit?.certificate.id);
    expect(second.kit?.provisioningProfiles[0]?.id).toBe(first.kit?.provisioningProfiles[0]?.id);
    expect(key.team.profiles).toHaveLength(1);
  });

  test("holds one that was revoked at Apple by somebody else, and there is another that can sign", async () => {
    const key = await make.key();
    const first = await prepare(key);
    const other = await make.certificate(key);
    key.team.certificates.splice(0, 1);
    await later(key);
    const second = await prepare(key);
    expect(second.actions).toEqual(REPLACED);
    expect(second.kit?.certificate.id).toBe(other.id);
    expect(second.kit?.provisioningProfiles[0]?.id).toBe(first.kit?.provisioningProfiles[0]?.id);
  });

  test("ends sooner than is wanted, and not where it lasts as long", async () => {
    const key = await make.key();
    const { id, appleId } = await make.uploaded(key);
    const [kept] = await make.kept(key, [make.profileAtApple(key, { certificates: [appleId], expiresInDays: 5 })]);
    const enough = await prepare(key, { minimumValidDays: 4 });
    expect([enough.actions, enough.kit?.certificate.id]).toEqual([REUSED, id]);
    expect(enough.kit?.provisioningProfiles[0]?.id).toBe(kept?.id);
    const longer = await prepare(key, { minimumValidDays: 6 });
    expect(longer.actions).toEqual(REPLACED);
    expect(longer.kit?.provisioningProfiles[0]?.id).toBe(kept?.id);
    expect((await prepare(key, { minimumValidDays: 6, dryRun: true })).actions).toEqual(REUSED);
  });
});

describe("a certificate is made where the one that is kept", () => {
  test("ends sooner than is wanted, and not where it lasts as long", async () => {
    const key = await make.key();
    const { id } = await make.uploaded(key, { expiresInDays: 5 });
    const enough = await prepare(key, { minimumValidDays: 4 });
    expect([enough.actions, enough.kit?.certificate.id]).toEqual([["REUSE_CERTIFICATE", "CREATE_PROFILE"], id]);
    const longer = await prepare(key, { minimumValidDays: 6 });
    expect(longer.actions).toEqual(["CREATE_CERTIFICATE", "REPLACE_PROFILE"]);
    expect(longer.kit?.certificate.id).not.toBe(id);
  });

  test("is of another team, or of a type that does not fit", async () => {
    const [key, elsewhere] = [await make.key(), await make.key()];
    await make.uploaded(elsewhere);
    await make.certificate(key, { type: "DEVELOPMENT" });
    expect((await prepare(key, { dryRun: true })).actions).toEqual(["CREATE_CERTIFICATE", "CREATE_PROFILE"]);
    expect((await prepare(key, { type: "IOS_APP_DEVELOPMENT", dryRun: true })).actions).toEqual([
      ...["REUSE_CERTIFICATE", "CREATE_PROFILE"],
    ]);
  });

  test("is not: what Apple holds without its private key here does not sign", async () => {
    const key = await make.key({ contents: { certificates: [{ attributes: { certificateType: "DISTRIBUTION" } }] } });
    expect((await prepare(key)).actions).toEqual(["CREATE_CERTIFICATE", "CREATE_PROFILE"]);
    expect(key.team.certificates).toHaveLength(2);
  });
});

describe("a profile that somebody made at Apple", () => {
  test("is kept where it serves, and Apple makes nothing", async () => {
    const key = await make.key();
    const { appleId, sha1 } = await make.uploaded(key);
    const atApple = make.profileAtApple(key, { certificates: [appleId] });
    expect((await prepare(key, { dryRun: true })).actions).toEqual(REUSED);
    const prepared = await prepare(key);
    expect(prepared.actions).toEqual(REUSED);
    expect(prepared.labels[1]).toContain("which Apple holds");
    expect(prepared.kit?.provisioningProfiles).toMatchObject([{ appleId: atApple, source: "FETCHED" }]);
    expect((await open(prepared)).profiles[0]?.certificates.map((each) => each.sha1)).toEqual([sha1]);
    expect(make.changes(key)).toEqual([]);
    expect((await prepare(key)).kit?.provisioningProfiles).toEqual(prepared.kit?.provisioningProfiles);
  });

  test.each<[string, (appleId: string) => Parameters<Maker["profileAtApple"]>[1]]>([
    ["holds another certificate", () => ({ certificates: [] })],
    ["ends too soon", (appleId) => ({ certificates: [appleId], expiresInDays: 3 })],
    ["is of another type", (appleId) => ({ certificates: [appleId], profileType: "TVOS_APP_STORE" })],
    ["is for another bundle identifier", (appleId) => ({ certificates: [appleId], bundleId: "WIDGET" })],
  ])("is left alone where it %s: one is made beside it", async (_, words) => {
    const key = await make.key();
    const { appleId } = await make.uploaded(key);
    const there = make.profileAtApple(key, words(appleId));
    expect((await prepare(key)).actions).toEqual(["REUSE_CERTIFICATE", "CREATE_PROFILE"]);
    expect(key.team.profiles.map(({ id }) => id)).toContain(there);
    expect(key.team.profiles).toHaveLength(2);
  });

  test("ad hoc is kept where it has every device, and left alone where it lacks one", async () => {
    const type = "IOS_APP_ADHOC";
    const words = { profileType: type, devices: ["PHONE", "TABLET", "MAC"] };
    const [whole, lacking] = [await make.key(), await make.key()];
    make.profileAtApple(whole, { ...words, certificates: [(await make.uploaded(whole)).appleId] });
    const certificates = [(await make.uploaded(lacking)).appleId];
    make.profileAtApple(lacking, { ...words, certificates, devices: ["PHONE"] });
    expect((await prepare(whole, { type, dryRun: true })).actions).toEqual(REUSED);
    expect((await prepare(lacking, { type, dryRun: true })).actions).toEqual(["REUSE_CERTIFICATE", "CREATE_PROFILE"]);
  });
});
