import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf } from "../../support/signing.js";
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

const prepare = (key: Pick<HeldKey, "id">, input: object = {}, token = acme.owner): Promise<Preparation> =>
  prepareOn(server, token, { tenantId: acme.organizationId, credentialId: key.id, ...input });

const SEVERAL = { bundleIdentifiers: ["com.acme.shop", "com.acme.shop.widget", "com.acme.news"] };

describe("all that a build needs", () => {
  test("is made where nothing is there: the certificate, the bundle id, and a profile for each identifier", async () => {
    const key = await make.key();
    const prepared = await prepare(key, { ...SEVERAL, password: "open sesame" });
    expect(prepared.code).toBeNull();
    expect(prepared.actions).toEqual([
      ...["CREATE_CERTIFICATE", "CREATE_PROFILE", "CREATE_PROFILE", "REGISTER_BUNDLE_ID", "CREATE_PROFILE"],
    ]);
    expect(prepared.done).toEqual([true, true, true, true, true]);
    expect(make.changes(key)).toEqual([
      ...["POST /v1/certificates", "POST /v1/profiles", "POST /v1/profiles", "POST /v1/bundleIds", "POST /v1/profiles"],
    ]);
    expect(key.team.bundleIds.map(({ attributes }) => attributes.identifier)).toContain("com.acme.news");

    const { kit } = prepared;
    expect(kit?.certificate).toMatchObject({ type: "DISTRIBUTION", source: "CREATED", state: "VALID" });
    expect(kit?.provisioningProfiles.map((profile) => profile)).toMatchObject(
      SEVERAL.bundleIdentifiers.map((bundleIdentifier) => ({ bundleIdentifier, state: "ACTIVE", source: "CREATED" })),
    );
    expect(kit?.download).toMatchObject({ password: "open sesame" });
    expect(kit?.download.fileName).toMatch(/^DISTRIBUTION-\d{4}-\d\d-\d\d\.p12$/);
    const { certificate, isPair, profiles } = await open(prepared);
    expect([certificate.sha1, isPair]).toEqual([kit?.certificate.sha1, true]);
    expect(profiles.map(({ bundleIdentifier }) => bundleIdentifier)).toEqual(SEVERAL.bundleIdentifiers);
    for (const profile of profiles) expect(profile.certificates.map(({ sha1 }) => sha1)).toEqual([certificate.sha1]);
  });

  test("is found the second time: the same, and Apple is asked for nothing new", async () => {
    const key = await make.key();
    const first = await prepare(key, SEVERAL);
    const before = make.changes(key);
    const second = await prepare(key, { ...SEVERAL, bundleIdentifiers: [...SEVERAL.bundleIdentifiers].reverse() });
    expect(second.actions).toEqual(["REUSE_CERTIFICATE", "REUSE_PROFILE", "REUSE_PROFILE", "REUSE_PROFILE"]);
    expect(second.kit?.certificate).toEqual(first.kit?.certificate);
    expect(second.kit?.provisioningProfiles).toEqual([...(first.kit?.provisioningProfiles ?? [])].reverse());
    expect(second.kit?.download.password).not.toBe(first.kit?.download.password);
    expect((await open(second)).isPair).toBe(true);
    expect(make.changes(key)).toEqual(before);
  });

  test("is only said in a dry run, which makes nothing and hands out nothing", async () => {
    const key = await make.key();
    const dry = await prepare(key, { ...SEVERAL, dryRun: true });
    expect(dry).toMatchObject({ kit: null, code: null, done: [false, false, false, false, false] });
    expect(dry.labels[0]).toBe('DISTRIBUTION through the key "Main"');
    expect(make.changes(key)).toEqual([]);
    const real = await prepare(key, SEVERAL);
    expect([real.actions, real.labels]).toEqual([dry.actions, dry.labels]);
    const again = await prepare(key, { ...SEVERAL, dryRun: true });
    expect(again.actions).toEqual(["REUSE_CERTIFICATE", "REUSE_PROFILE", "REUSE_PROFILE", "REUSE_PROFILE"]);
    expect(again.kit).toBeNull();
    expect((await entriesOf(server, real.kit?.certificate.id ?? "")).map(({ action }) => action)).toEqual([
      ...["certificate.created", "signing.prepared"],
    ]);
  });

  test("of an identifier that comes twice is one profile, and spaces around it do not count", async () => {
    const key = await make.key();
    const prepared = await prepare(key, { bundleIdentifiers: ["com.acme.shop", " com.acme.shop "] });
    expect(prepared.kit?.provisioningProfiles).toHaveLength(1);
  });

  test("of a wildcard is a profile for any app", async () => {
    const key = await make.key();
    const prepared = await prepare(key, { bundleIdentifiers: ["com.acme.*"] });
    expect(prepared.kit?.provisioningProfiles).toMatchObject([{ bundleIdentifier: "com.acme.*" }]);
    expect((await prepare(key, { bundleIdentifiers: ["com.acme.*"], dryRun: true })).actions).toEqual([
      ...["REUSE_CERTIFICATE", "REUSE_PROFILE"],
    ]);
  });

  test.each<[string, string, readonly string[]]>([
    ["IOS_APP_ADHOC", "DISTRIBUTION", ["PHONE", "TABLET", "MAC"]],
    ["IOS_APP_DEVELOPMENT", "DEVELOPMENT", ["PHONE", "TABLET", "MAC"]],
    ["TVOS_APP_ADHOC", "DISTRIBUTION", ["TV"]],
    ["MAC_APP_STORE", "DISTRIBUTION", []],
    ["MAC_APP_DEVELOPMENT", "DEVELOPMENT", ["MAC"]],
    ["MAC_CATALYST_APP_DEVELOPMENT", "DEVELOPMENT", ["MAC"]],
  ])("for %s is a certificate of the type %s, and a profile with every device that fits", async (type, of, devices) => {
    const key = await make.key();
    const prepared = await prepare(key, { type });
    const udids = key.team.devices.flatMap(({ id, attributes }) => (devices.includes(id) ? [attributes.udid] : []));
    expect(prepared.kit?.certificate).toMatchObject({ type: of });
    const [profile] = (await open(prepared)).profiles;
    expect([...(profile?.deviceUdids ?? [])].sort()).toEqual([...udids].sort());
    expect((await prepare(key, { type, dryRun: true })).actions).toEqual(["REUSE_CERTIFICATE", "REUSE_PROFILE"]);
  });

  test("for in-house apps comes with a key of the Enterprise Program, and with no other", async () => {
    const [enterprise, store] = [await make.key({ program: "enterprise" }), await make.key()];
    const type = "IOS_APP_INHOUSE";
    const prepared = await prepare(enterprise, { type });
    expect(prepared.kit?.certificate).toMatchObject({ type: "IOS_DISTRIBUTION" });
    expect((await open(prepared)).isPair).toBe(true);
    expect(await prepare(store, { type })).toMatchObject({ code: "PROFILE_TYPE_NOT_ALLOWED", field: ["type"] });
    expect(await prepare(enterprise)).toMatchObject({ code: "PROFILE_TYPE_NOT_ALLOWED", field: ["type"] });
    expect(make.changes(store)).toEqual([]);
  });

  test("comes once for an idempotency key, and each time with a .p12 of its own", async () => {
    const key = await make.key();
    const ask = (input: object = {}) => prepare(key, { idempotencyKey: "build-7", ...input });
    const first = await ask();
    const [second, third] = [await ask(), await ask({ password: "another" })];
    expect([second.actions, third.actions]).toEqual([first.actions, first.actions]);
    expect([second.kit?.certificate, third.kit?.certificate]).toEqual([first.kit?.certificate, first.kit?.certificate]);
    expect([(await open(second)).isPair, (await open(third)).isPair]).toEqual([true, true]);
    expect(third.kit?.download.password).toBe("another");
    expect(await ask(SEVERAL)).toMatchObject({ code: "INVALID_INPUT", field: ["idempotencyKey"] });
    expect(make.changes(key)).toHaveLength(2);
  });
});

describe("a kit is refused", () => {
  test.each<[string, object, string, readonly string[]]>([
    ["for no identifier", { bundleIdentifiers: [] }, "INVALID_INPUT", ["bundleIdentifiers"]],
    [
      "for more than twenty",
      { bundleIdentifiers: Array.from({ length: 21 }, (_, n) => `com.acme.app${n}`) },
      ...(["INVALID_INPUT", ["bundleIdentifiers"]] as const),
    ],
    [
      "for one that is none",
      { bundleIdentifiers: ["com.acme.shop", "com.*.shop"] },
      ...(["INVALID_INPUT", ["bundleIdentifiers", "1"]] as const),
    ],
    ["that is valid less than no time", { minimumValidDays: -1 }, "INVALID_INPUT", ["minimumValidDays"]],
    ["that is valid longer than any", { minimumValidDays: 301 }, "INVALID_INPUT", ["minimumValidDays"]],
    ["under an empty password", { password: "" }, "INVALID_INPUT", ["password"]],
    ["of a type that has no name here", { type: "OTHER" }, "PROFILE_TYPE_NOT_ALLOWED", ["type"]],
    ["for the web's Developer ID", { type: "MAC_APP_DIRECT" }, "CERTIFICATE_NOT_FITTING", ["type"]],
    ["for Catalyst's Developer ID", { type: "MAC_CATALYST_APP_DIRECT" }, "CERTIFICATE_NOT_FITTING", ["type"]],
  ])("%s", async (_, input, code, field) => {
    const key = await make.key();
    for (const dryRun of [true, false]) {
      expect(await prepare(key, { ...input, dryRun })).toMatchObject({ kit: null, actions: [], code, field });
    }
    expect(make.changes(key)).toEqual([]);
  });

  test("for Developer ID until its certificate is here, which Apple makes at its site alone", async () => {
    const key = await make.key();
    const { id } = await make.uploaded(key, { type: "DEVELOPER_ID_APPLICATION", expiresInDays: 900 });
    const prepared = await prepare(key, { type: "MAC_APP_DIRECT" });
    expect(prepared.actions).toEqual(["REUSE_CERTIFICATE", "CREATE_PROFILE"]);
    expect(prepared.kit?.certificate.id).toBe(id);
  });

  test("for devices where none is enabled that fits", async () => {
    const phones = await make.key({ contents: { devices: [{ id: "LOST", attributes: { status: "DISABLED" } }] } });
    const noDevices = { kit: null, code: "NO_DEVICES", field: ["type"] };
    for (const type of ["IOS_APP_ADHOC", "IOS_APP_DEVELOPMENT"]) {
      expect(await prepare(phones, { type })).toMatchObject(noDevices);
    }
    expect(make.changes(phones)).toEqual([]);
    expect((await prepare(phones)).code).toBeNull();
    expect((await prepare(await make.key(), { type: "IOS_APP_ADHOC" })).code).toBeNull();
  });

  test("with one person's own key, and with one that is not there", async () => {
    const own = await make.key({ keyType: "individual" });
    expect(await prepare(own)).toMatchObject({ code: "INDIVIDUAL_KEY_CANNOT_SIGN", field: ["credentialId"] });
    expect(await prepare({ id: newId("credential") })).toMatchObject({ code: "NOT_FOUND" });
  });
});
