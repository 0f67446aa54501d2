import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { mutate } from "../../support/mutation.js";
import type { Permission, ShareInput } from "../../support/operations.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import type { HeldKey } from "../apple/held-key.js";
import { open, prepare, type Preparation } from "./kit.js";
import { Maker } from "./maker.js";

const BUILD: Permission[] = ["SIGNING_MANAGE", "SIGNING_DOWNLOAD"];
const MADE = ["CREATE_CERTIFICATE", "CREATE_PROFILE"];

let server: TestServer;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(() => server.close());

let below = 0;
/** A sub-organization of its own, with a token that builds there. */
async function newTenant() {
  const tenantId = await acme.subOrganization(`Sub ${(below += 1)}`);
  const token = await acme.token(tenantId, BUILD);
  return { tenantId, ask: (input: object = {}) => prepare(server, token, { tenantId, ...input }) };
}

/** A key of the root that is shared with a sub-organization. */
async function sharedKey(tenantId: string, terms: Omit<ShareInput, "subjectId"> = {}): Promise<HeldKey> {
  const key = await make.key();
  await acme.share(key.id, { subOrganizationIds: [tenantId], uses: ["SIGN"], ...terms });
  return key;
}

const rename = (credentialId: string, name: string) =>
  mutate(server, acme.owner, "updateCredential", "credential { id }", { credentialId, name });

describe("a kit is handed out", () => {
  test("to whoever holds both SIGNING_MANAGE and SIGNING_DOWNLOAD there", async () => {
    const key = await make.key();
    const { organizationId: tenantId } = acme;
    const input = { tenantId, credentialId: key.id };
    for (const permission of BUILD) {
      const others: Permission[] = ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_REVOKE", permission];
      const prepared = await prepare(server, await acme.token(tenantId, others), input);
      expect([permission, prepared.code, prepared.kit]).toEqual([permission, "FORBIDDEN", null]);
    }
    expect(make.changes(key)).toEqual([]);
    const both = await prepare(server, await acme.token(tenantId, BUILD), input);
    expect(both.actions).toEqual(MADE);
    expect((await open(both)).isPair).toBe(true);
  });

  test("below the root, as the sub-organization's own, and what a sibling has is not reused", async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const key = await sharedKey(one.tenantId, { subOrganizationIds: [one.tenantId, other.tenantId] });
    const first = await one.ask({ credentialId: key.id });
    const second = await other.ask({ credentialId: key.id });
    expect([first.actions, second.actions]).toEqual([MADE, MADE]);
    expect(first.kit?.certificate.owner).toEqual({ id: one.tenantId });
    expect(second.kit?.certificate.owner).toEqual({ id: other.tenantId });
    expect((await open(second)).isPair).toBe(true);
    const there = await prepare(server, acme.owner, { tenantId: one.tenantId, credentialId: key.id });
    expect(there.kit?.certificate.id).toBe(first.kit?.certificate.id);
  });

  test("to nobody of another organization, to whom keys and tenants are not there", async () => {
    const globex = await seed(server, "Globex");
    const key = await make.key();
    const ask = (tenantId: string, credentialId: string | null) =>
      prepare(server, globex.owner, { tenantId, credentialId });
    expect(await ask(globex.organizationId, key.id)).toMatchObject({ code: "NOT_FOUND", kit: null });
    expect(await ask(acme.organizationId, null)).toMatchObject({ code: "NOT_FOUND", kit: null });
    expect(await ask(newId("organization"), null)).toMatchObject({ code: "NOT_FOUND", kit: null });
    expect(make.changes(key)).toEqual([]);
  });
});

describe("the terms of a share bind a kit", () => {
  test.each([
    [["SIGN"], null],
    [["VIEW", "PUBLISH"], "FORBIDDEN"],
  ] as const)("the uses %j: %j", async (uses, code) => {
    const { tenantId, ask } = await newTenant();
    const key = await sharedKey(tenantId, { uses: [...uses] });
    for (const dryRun of [true, false]) {
      expect((await ask({ credentialId: key.id, dryRun })).code).toBe(code);
    }
    expect(make.changes(key)).toHaveLength(code === null ? 2 : 0);
  });

  test("the bundle identifiers: one that is outside refuses all", async () => {
    const { tenantId, ask } = await newTenant();
    const key = await sharedKey(tenantId, { bundleIdentifiers: ["com.acme.shop.*"] });
    const credentialId = key.id;
    const mixed = { bundleIdentifiers: ["com.acme.shop.widget", "com.acme.shop"] };
    expect(await ask({ credentialId, ...mixed })).toMatchObject({ code: "FORBIDDEN", kit: null });
    expect(await ask(mixed)).toMatchObject({ code: "NOT_FOUND", field: ["credentialId"], kit: null });
    expect(make.changes(key)).toEqual([]);
    expect((await ask({ bundleIdentifiers: ["com.acme.shop.widget"] })).actions).toEqual(MADE);
  });

  test("and end with it, also for a kit that was handed out under an idempotency key", async () => {
    const { tenantId, ask } = await newTenant();
    const key = await sharedKey(tenantId);
    expect((await ask({ credentialId: key.id })).code).toBeNull();
    await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: key.id });
    expect(await ask({ credentialId: key.id })).toMatchObject({ code: "NOT_FOUND", kit: null });
    expect(await ask()).toMatchObject({ code: "NOT_FOUND", field: ["credentialId"], kit: null });
  });
});

describe("without a key that is named", () => {
  test("the tenant's own is taken before those shared with it, and the plan says which", async () => {
    const { tenantId, ask } = await newTenant();
    const shared = await sharedKey(tenantId);
    await rename(shared.id, "The root's");
    expect((await ask({ dryRun: true })).labels[0]).toBe('DISTRIBUTION through the key "The root\'s"');
    const own = await make.key({ tenantId });
    await rename(own.id, "Our own");
    const prepared = await ask();
    expect(prepared.labels[0]).toBe('DISTRIBUTION through the key "Our own"');
    expect([make.changes(own).length, make.changes(shared)]).toEqual([2, []]);
  });

  test("one whose team has the bundle identifiers is taken before others", async () => {
    const { tenantId, ask } = await newTenant();
    const without = await make.key({ tenantId, contents: { bundleIds: [] } });
    const having = await sharedKey(tenantId);
    expect((await ask()).actions).toEqual(MADE);
    expect([make.changes(having).length, make.changes(without)]).toEqual([2, []]);
  });

  test("one of the program that the type takes is taken, and no individual key", async () => {
    const { tenantId, ask } = await newTenant();
    await make.key({ tenantId, keyType: "individual" });
    const [enterprise, none] = [await make.key({ tenantId, program: "enterprise" }), "NOT_FOUND"];
    expect(await ask()).toMatchObject({ code: none, field: ["credentialId"] });
    expect((await ask({ type: "IOS_APP_INHOUSE" })).actions).toEqual(MADE);
    expect(make.changes(enterprise)).toHaveLength(2);
  });
});

describe("what the root shares to sign", () => {
  /** The root's kit, its key shared with a tenant. */
  async function rootKit(terms: Omit<ShareInput, "subjectId"> | null, profileToo = false) {
    const { tenantId, ask } = await newTenant();
    const key = await sharedKey(tenantId);
    const root = await prepare(server, acme.owner, { tenantId: acme.organizationId, credentialId: key.id });
    const subOrganizationIds = [tenantId];
    const { kit } = root;
    if (terms !== null) await acme.share(kit?.certificate.id ?? "", { subOrganizationIds, ...terms });
    if (profileToo) await acme.share(kit?.provisioningProfiles[0]?.id ?? "", { subOrganizationIds, uses: ["SIGN"] });
    return { root, again: (): Promise<Preparation> => ask({ credentialId: key.id }), tenantId };
  }

  test("a certificate is used below with its private key, in a profile of the sub-organization's own", async () => {
    const { root, again, tenantId } = await rootKit({ uses: ["SIGN"] });
    const prepared = await again();
    expect(prepared.kit?.certificate.id).toBe(root.kit?.certificate.id);
    expect((await open(prepared)).privateKey.equals((await open(root)).privateKey)).toBe(true);
    expect(prepared.kit?.provisioningProfiles).toMatchObject([{ owner: { id: tenantId } }]);
  });

  test("a profile is used below too, and nothing is made", async () => {
    const { root, again } = await rootKit({ uses: ["SIGN"] }, true);
    const prepared = await again();
    expect(prepared.actions).toEqual(["REUSE_CERTIFICATE", "REUSE_PROFILE"]);
    expect(prepared.kit?.provisioningProfiles).toMatchObject([{ id: root.kit?.provisioningProfiles[0]?.id }]);
  });

  test.each<[string, Omit<ShareInput, "subjectId"> | null]>([
    ["not shared", null],
    ["shared to be seen", { uses: ["VIEW"] }],
    ["shared for other bundle identifiers", { uses: ["SIGN"], bundleIdentifiers: ["com.acme.news"] }],
  ])("and a certificate that is %s is not: another is made", async (_, terms) => {
    const { root, again, tenantId } = await rootKit(terms);
    const prepared = await again();
    expect(prepared.actions).toEqual(MADE);
    expect(prepared.kit?.certificate.id).not.toBe(root.kit?.certificate.id);
    expect(prepared.kit?.certificate.owner).toEqual({ id: tenantId });
  });
});
