import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { DEFAULT_SETTINGS } from "../../../src/sandbox/settings.js";
import { CAPABILITIES_MOST } from "../../../src/services/apple/bundle-id.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { heldKey, postsOf, refusalsOf, type HeldKey } from "./held-key.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.configure(DEFAULT_SETTINGS);
  server.sandbox.clearFailures();
});

const held = (options: Parameters<typeof heldKey>[2] = {}): Promise<HeldKey> => heldKey(server, acme, options);

interface BundleId {
  readonly appleId: string;
  readonly identifier: string;
  readonly name: string;
  readonly platform: string;
  readonly capabilities: readonly string[];
}

const FIELDS = "appleId identifier name platform capabilities";

/** Registers a bundle id with a key; by default the owner of the root does, with a name and an identifier. */
async function register(key: HeldKey, input: object = {}, bearer = acme.owner) {
  const answer = await refusalsOf<{ bundleId: BundleId | null }>(
    server,
    bearer,
    `mutation ($input: RegisterBundleIdInput!) { registerBundleId(input: $input) {
      bundleId { ${FIELDS} } userErrors { code field message } } }`,
    { tenantId: acme.organizationId, credentialId: key.id, identifier: "com.acme.shop", name: "Shop", ...input },
  );
  const [refusal] = answer.refusals;
  return { ...answer, bundleId: answer.payload?.bundleId ?? null, code: answer.denied ?? refusal?.code ?? null };
}

/** The bundle ids of a key as the graph has them. */
async function listed(key: HeldKey, maxAgeSeconds = 300, bearer = acme.owner): Promise<BundleId[]> {
  const { data, errors } = await server.ask<{
    credential: { appStoreConnect: { bundleIds: { nodes: BundleId[] } } };
  }>(
    bearer,
    `query ($id: ID!, $age: Int) { credential(id: $id) { appStoreConnect(maxAgeSeconds: $age) {
      bundleIds { nodes { ${FIELDS} } } } } }`,
    { id: key.id, age: maxAgeSeconds },
  );
  expect(errors).toBeUndefined();
  return data.credential.appStoreConnect.bundleIds.nodes;
}

/** The capabilities that a team's bundle id has at Apple. */
const capabilitiesOf = ({ team }: HeldKey, appleId: string | undefined): string[] =>
  team.bundleIdCapabilities
    .filter(({ relationships }) => relationships.bundleId === appleId)
    .map(({ attributes }) => attributes.capabilityType)
    .sort();

const identifiers = ({ team }: HeldKey): string[] => team.bundleIds.map(({ attributes }) => attributes.identifier);

describe("registerBundleId", () => {
  test("registers it at Apple, and the list has it at once, even when Apple's own lags behind", async () => {
    const key = await held();
    const before = await listed(key);
    server.sandbox.configure({ listLagMs: 3_600_000 });
    const { bundleId, refusals } = await register(key, { name: " Shop ", capabilities: ["PUSH_NOTIFICATIONS"] });
    expect(refusals).toEqual([]);
    expect(bundleId).toMatchObject({ identifier: "com.acme.shop", name: "Shop", platform: "IOS" });
    expect(key.team.bundleIds.find(({ id }) => id === bundleId?.appleId)?.attributes).toMatchObject({
      ...{ identifier: "com.acme.shop", name: "Shop", platform: "IOS" },
    });
    server.sandbox.clearJournal();
    expect(await listed(key)).toEqual([...before, bundleId]);
    expect(server.sandbox.journal).toEqual([]);
    expect(await listed(key, 0)).toEqual([...before, bundleId]);
    expect(server.sandbox.journal).toHaveLength(1);
  });

  test("registers it though nobody has listed any yet", async () => {
    const key = await held();
    const { bundleId } = await register(key);
    const all = await listed(key);
    expect(all).toHaveLength(key.team.bundleIds.length);
    expect(all).toContainEqual(bundleId);
  });

  test("refuses what the team has already, and sends nothing; one that contains it is another", async () => {
    const key = await held();
    const [identifier = ""] = identifiers(key);
    const before = identifiers(key);
    expect(await register(key, { identifier })).toMatchObject({
      bundleId: null,
      refusals: [{ code: "ALREADY_EXISTS", field: ["identifier"] }],
    });
    expect(postsOf(server, key)).toEqual([]);
    expect((await register(key, { identifier: `${identifier}.other` })).refusals).toEqual([]);
    expect(identifiers(key)).toEqual([...before, `${identifier}.other`]);
  });

  test("gives it the capabilities that are asked for, each once", async () => {
    const key = await held();
    const capabilities = ["PUSH_NOTIFICATIONS", "HEALTHKIT", "PUSH_NOTIFICATIONS", "APP_GROUPS"];
    const { bundleId, refusals } = await register(key, { capabilities });
    expect(refusals).toEqual([]);
    expect([...(bundleId?.capabilities ?? [])].sort()).toEqual(["APP_GROUPS", "HEALTHKIT", "PUSH_NOTIFICATIONS"]);
    expect(capabilitiesOf(key, bundleId?.appleId)).toEqual(["APP_GROUPS", "HEALTHKIT", "PUSH_NOTIFICATIONS"]);
    expect(postsOf(server, key)).toHaveLength(4);
  });

  test("leaves the bundle id where Apple refuses a capability, and says which", async () => {
    const key = await held();
    const capabilities = ["HEALTHKIT", "TELEPATHY", "APP_GROUPS", "TIME_TRAVEL"];
    const { bundleId, refusals } = await register(key, { capabilities });
    expect(refusals).toEqual([
      { code: "APPLE_REFUSED", field: ["capabilities", "1"], message: expect.stringContaining("TELEPATHY") },
      { code: "APPLE_REFUSED", field: ["capabilities", "3"], message: expect.stringContaining("TIME_TRAVEL") },
    ]);
    expect([...(bundleId?.capabilities ?? [])].sort()).toEqual(["APP_GROUPS", "HEALTHKIT"]);
    expect(await listed(key)).toContainEqual(bundleId);
    expect(identifiers(key)).toContain("com.acme.shop");
  });

  test("names a refused capability by its place, also behind one that was named twice", async () => {
    const key = await held();
    const { refusals } = await register(key, { capabilities: ["HEALTHKIT", "HEALTHKIT", "TELEPATHY"] });
    expect(refusals).toMatchObject([{ code: "APPLE_REFUSED", field: ["capabilities", "2"] }]);
  });

  test("leaves the bundle id where Apple fails at a capability, and says that", async () => {
    const key = await held();
    const match = { keyId: key.keyId, method: "POST", path: "/v1/bundleIdCapabilities" };
    server.sandbox.failNext({ match, failure: { kind: "403-agreement" } });
    server.sandbox.failNext({ match, failure: { kind: "500" } });
    server.sandbox.failNext({ match, failure: { kind: "500-after" } });
    const capabilities = ["HEALTHKIT", "HOMEKIT", "APP_GROUPS"];
    const { bundleId, refusals } = await register(key, { capabilities });
    expect(refusals).toMatchObject([
      { code: "APPLE_AGREEMENT_MISSING", field: ["capabilities", "0"] },
      { code: "OUTCOME_UNKNOWN", field: ["capabilities", "1"] },
    ]);
    expect(bundleId?.capabilities).toEqual(["APP_GROUPS"]);
    expect(capabilitiesOf(key, bundleId?.appleId)).toEqual(["APP_GROUPS"]);
  });

  test.each(["com.acme.*", "*", "com.acme-shop.App2", "shop"])("takes the identifier %s", async (identifier) => {
    const key = await held();
    expect((await register(key, { identifier: ` ${identifier} ` })).bundleId).toMatchObject({ identifier });
    expect(identifiers(key)).toContain(identifier);
  });

  test.each<[what: string, wrong: object, field: string]>([
    ["an empty identifier", { identifier: "" }, "identifier"],
    ["a star that is not the last part", { identifier: "com.*.shop" }, "identifier"],
    ["a star within the last part", { identifier: "com.acme.shop*" }, "identifier"],
    ["an identifier with a space", { identifier: "com.acme shop" }, "identifier"],
    ["an identifier with an underscore", { identifier: "com.acme_shop" }, "identifier"],
    ["an identifier with an empty part", { identifier: "com..shop" }, "identifier"],
    ["an identifier that ends with a dot", { identifier: "com.acme." }, "identifier"],
    ["an identifier that is too long", { identifier: `com.${"x".repeat(252)}` }, "identifier"],
    ["an empty name", { name: " " }, "name"],
    ["a platform that Apple does not have", { platform: "ANDROID" }, "platform"],
    ["a capability that is no word of Apple's", { capabilities: ["push notifications"] }, "capabilities"],
    ["too many capabilities", { capabilities: Array(CAPABILITIES_MOST + 1).fill("HEALTHKIT") }, "capabilities"],
  ])("refuses %s without a word to Apple", async (_, wrong, field) => {
    const key = await held();
    server.sandbox.clearJournal();
    const { bundleId, refusals } = await register(key, wrong);
    expect(refusals).toMatchObject([{ code: "INVALID_INPUT", field: [field] }]);
    expect(bundleId).toBeNull();
    expect(server.sandbox.journal).toEqual([]);
    expect((await register(key)).refusals).toEqual([]);
  });

  test.each(["IOS", "MAC_OS", "UNIVERSAL"])("takes the platform %s", async (platform) => {
    const key = await held();
    expect((await register(key, { platform })).bundleId).toMatchObject({ platform });
  });

  test("says UNIVERSAL where Apple makes that of IOS", async () => {
    const key = await held();
    server.sandbox.configure({ universalBundleIds: true });
    const { bundleId } = await register(key, { platform: "IOS" });
    expect(bundleId).toMatchObject({ platform: "UNIVERSAL" });
    expect(await listed(key)).toContainEqual(bundleId);
  });

  test("registers with a key of the Enterprise Program at its own host", async () => {
    const key = await held({ program: "enterprise" });
    const { bundleId, refusals } = await register(key, { capabilities: ["HEALTHKIT"] });
    expect(refusals).toEqual([]);
    expect(bundleId).toMatchObject({ identifier: "com.acme.shop", capabilities: ["HEALTHKIT"] });
    expect(new Set(postsOf(server, key).map(({ program }) => program))).toEqual(new Set(["enterprise"]));
  });

  test("registers with no individual key, with which Apple is not even asked", async () => {
    const key = await held({ keyType: "individual" });
    server.sandbox.clearJournal();
    const { refusals } = await register(key);
    expect(refusals).toMatchObject([{ code: "INDIVIDUAL_KEY_CANNOT_SIGN", field: ["credentialId"] }]);
    expect(server.sandbox.journal).toEqual([]);
    expect((await register(await held())).refusals).toEqual([]);
  });
});
