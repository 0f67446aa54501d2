import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Failure } from "../../src/sandbox/failure.js";
import type { KeyOptions } from "../../src/sandbox/team/key.js";
import type { Team } from "../../src/sandbox/team/team.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type ClientError, type TestServer } from "../support/server.js";

const DAY_MS = 86_400_000;

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
});

/** A key of the root, and what its team holds at Apple. */
interface Held {
  readonly id: string;
  readonly keyId: string;
  readonly team: Team;
}

async function held(options: Partial<KeyOptions> = {}): Promise<Held> {
  const program = options.program ?? "app-store";
  const { keyId, issuerId, privateKey, teamId } = await server.sandbox.registerKey({ program, ...options });
  const id = await acme.credential(acme.organizationId, {
    keyId,
    issuerId,
    privateKey,
    keyType: issuerId === null ? "INDIVIDUAL" : "TEAM",
    program: program === "enterprise" ? "ENTERPRISE" : "APP_STORE",
    verify: false,
  });
  return { id, keyId, team: server.sandbox.team(teamId) };
}

interface Connection {
  readonly nodes: Record<string, unknown>[];
  readonly pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string | null };
  readonly freshness: { asOf: string; stale: boolean; problem: object | null };
}

/** Asks for what Apple holds for a key. */
async function ask(id: string, selection: string, bearer = acme.owner) {
  const { data, errors, text } = await server.ask<{
    credential: { appStoreConnect: Record<string, Connection | null> } | null;
  }>(bearer, `query ($id: ID!) { credential(id: $id) { appStoreConnect { ${selection} } } }`, { id });
  return { lists: data.credential?.appStoreConnect ?? {}, errors, text };
}

/** The one list that is asked for, which has to come. */
async function list(id: string, selection: string): Promise<Connection> {
  const { lists, errors } = await ask(id, selection);
  expect(errors).toBeUndefined();
  const [connection] = Object.values(lists);
  if (connection === undefined || connection === null) throw new Error("The list did not come");
  return connection;
}

const codesOf = (errors: readonly ClientError[] | undefined): string[] =>
  (errors ?? []).map((error) => error.extensions.code);

const day = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

describe("certificates", () => {
  test("come with all of their fields, as Apple has them", async () => {
    const expirationDate = "2100-02-12T13:17:50.000+0000";
    const { id } = await held({
      contents: {
        certificates: [
          {
            id: "CERT1",
            attributes: {
              name: "Apple Distribution: Acme",
              certificateType: "DISTRIBUTION",
              serialNumber: "1A2B",
              expirationDate,
            },
          },
        ],
      },
    });
    const { nodes, freshness } = await list(
      id,
      "certificates { nodes { appleId name type appleType serialNumber expiresAt state } freshness { asOf stale problem { code } } }",
    );
    expect(nodes).toEqual([
      {
        appleId: "CERT1",
        name: "Apple Distribution: Acme",
        type: "DISTRIBUTION",
        appleType: "DISTRIBUTION",
        serialNumber: "1A2B",
        expiresAt: "2100-02-12T13:17:50.000Z",
        state: "VALID",
      },
    ]);
    expect(freshness).toMatchObject({ stale: false, problem: null });
    expect(Math.abs(Date.parse(freshness.asOf) - Date.now())).toBeLessThan(60_000);
  });

  const typed = (certificateType: string, days = 100) => ({
    id: certificateType,
    attributes: { certificateType, expirationDate: day(days) },
  });

  test("of types and variants that this schema has no word for keep Apple's word", async () => {
    const { id } = await held({
      contents: {
        certificates: [
          typed("DEVELOPER_ID_APPLICATION_G2"),
          typed("APPLE_PAY_RSA"),
          typed("PASS_TYPE_ID_WITH_NFC"),
          typed("DEVELOPMENTAL"),
          typed("IDENTITY_ACCESS"),
          typed("OTHER"),
        ],
      },
    });
    const { nodes } = await list(id, "certificates { nodes { type appleType } }");
    expect(nodes).toEqual([
      { type: "DEVELOPER_ID_APPLICATION", appleType: "DEVELOPER_ID_APPLICATION_G2" },
      { type: "APPLE_PAY", appleType: "APPLE_PAY_RSA" },
      { type: "PASS_TYPE_ID", appleType: "PASS_TYPE_ID_WITH_NFC" },
      { type: "OTHER", appleType: "DEVELOPMENTAL" },
      { type: "OTHER", appleType: "IDENTITY_ACCESS" },
      { type: "OTHER", appleType: "OTHER" },
    ]);
  });

  test("are filtered by type, OTHER too, and are EXPIRED by their date", async () => {
    const { id } = await held({
      contents: { certificates: [typed("DISTRIBUTION"), typed("IOS_DISTRIBUTION", -1), typed("IDENTITY_ACCESS")] },
    });
    const of = async (type: string) =>
      (await list(id, `certificates(type: ${type}) { nodes { appleId state } }`)).nodes;
    expect(await of("DISTRIBUTION")).toEqual([{ appleId: "DISTRIBUTION", state: "VALID" }]);
    expect(await of("IOS_DISTRIBUTION")).toEqual([{ appleId: "IOS_DISTRIBUTION", state: "EXPIRED" }]);
    expect(await of("OTHER")).toEqual([{ appleId: "IDENTITY_ACCESS", state: "VALID" }]);
    expect(await of("APPLE_PAY")).toEqual([]);
  });

  test("come page by page, in Apple's order and with nothing left out or twice", async () => {
    const { id, team } = await held({ contents: { certificates: 7 } });
    const seen: unknown[] = [];
    let after = "";
    for (const [count, hasNextPage] of [
      [3, true],
      [3, true],
      [1, false],
    ] as const) {
      const page = await list(
        id,
        `certificates(first: 3${after}) { nodes { appleId } pageInfo { hasNextPage hasPreviousPage endCursor } }`,
      );
      expect(page.nodes).toHaveLength(count);
      expect(page.pageInfo).toMatchObject({ hasNextPage, hasPreviousPage: seen.length > 0 });
      seen.push(...page.nodes.map(({ appleId }) => appleId));
      after = `, after: ${JSON.stringify(page.pageInfo.endCursor)}`;
    }
    expect(seen).toEqual(team.certificates.map((certificate) => certificate.id));
  });

  test("refuse a page size that is none, and a cursor that is none", async () => {
    const { id } = await held();
    for (const args of ["first: 0", "first: -1", "first: 201", 'after: "no cursor"', 'after: "Z29uZQ"']) {
      expect(codesOf((await ask(id, `certificates(${args}) { nodes { appleId } }`)).errors)).toEqual(["INVALID_INPUT"]);
    }
    expect((await ask(id, "certificates(first: 200) { nodes { appleId } }")).errors).toBeUndefined();
  });

  test("of more than one of Apple's pages come whole, however many are shown", async () => {
    const { id, team } = await held({ contents: { certificates: 450 } });
    server.sandbox.clearJournal();
    const seen: unknown[] = [];
    let after = "";
    for (const [count, hasNextPage] of [
      [200, true],
      [200, true],
      [50, false],
    ] as const) {
      const page = await list(
        id,
        `certificates(first: 200${after}) { nodes { appleId } pageInfo { hasNextPage endCursor } }`,
      );
      expect([page.nodes.length, page.pageInfo.hasNextPage]).toEqual([count, hasNextPage]);
      seen.push(...page.nodes.map(({ appleId }) => appleId));
      after = `, after: ${JSON.stringify(page.pageInfo.endCursor)}`;
    }
    expect(seen).toEqual(team.certificates.map((certificate) => certificate.id));
    expect(server.sandbox.journal).toHaveLength(3);
  });
});

describe("provisioning profiles", () => {
  const everything = `provisioningProfiles { nodes { appleId name uuid type appleType state expiresAt
    bundleId { appleId identifier name platform }
    certificates { appleId type } devices { appleId udid } } }`;

  test("come with all of their fields and relations", async () => {
    const { id } = await held({
      contents: {
        bundleIds: [{ id: "BUNDLE", attributes: { identifier: "com.acme.shop", name: "Shop", platform: "IOS" } }],
        certificates: [{ id: "CERT", attributes: { certificateType: "DEVELOPMENT" } }],
        devices: [
          { id: "DEVICE1", attributes: { udid: "0001" } },
          { id: "DEVICE2", attributes: { udid: "0002" } },
        ],
        profiles: [
          {
            id: "PROFILE",
            attributes: {
              name: "Shop Development",
              uuid: "4ec5ba50-3b8e-4b9a-8b43-9c0c1a5e8d63",
              profileType: "IOS_APP_DEVELOPMENT",
              profileState: "ACTIVE",
              expirationDate: "2100-01-01T00:00:00.000+00:00",
            },
            relationships: { bundleId: "BUNDLE", certificates: ["CERT"], devices: ["DEVICE1", "DEVICE2"] },
          },
        ],
      },
    });
    expect((await list(id, everything)).nodes).toEqual([
      {
        appleId: "PROFILE",
        name: "Shop Development",
        uuid: "4ec5ba50-3b8e-4b9a-8b43-9c0c1a5e8d63",
        type: "IOS_APP_DEVELOPMENT",
        appleType: "IOS_APP_DEVELOPMENT",
        state: "ACTIVE",
        expiresAt: "2100-01-01T00:00:00.000Z",
        bundleId: { appleId: "BUNDLE", identifier: "com.acme.shop", name: "Shop", platform: "IOS" },
        certificates: [{ appleId: "CERT", type: "DEVELOPMENT" }],
        devices: [
          { appleId: "DEVICE1", udid: "0001" },
          { appleId: "DEVICE2", udid: "0002" },
        ],
      },
    ]);
  });

  test("are EXPIRED by their date though Apple says ACTIVE, INVALID as Apple says, and OTHER by type", async () => {
    const profile = (name: string, profileState: string, days: number, profileType = "IOS_APP_STORE") => ({
      attributes: { name, profileState, profileType, expirationDate: day(days) },
    });
    const { id } = await held({
      contents: {
        profiles: [
          profile("good", "ACTIVE", 10),
          profile("old", "ACTIVE", -1),
          profile("broken", "INVALID", 10),
          profile("old and broken", "INVALID", -1),
          profile("said to be old", "EXPIRED", 10),
          profile("new word", "PENDING", 10, "VISION_APP_STORE"),
        ],
      },
    });
    expect((await list(id, "provisioningProfiles { nodes { name state type appleType } }")).nodes).toEqual([
      { name: "good", state: "ACTIVE", type: "IOS_APP_STORE", appleType: "IOS_APP_STORE" },
      { name: "old", state: "EXPIRED", type: "IOS_APP_STORE", appleType: "IOS_APP_STORE" },
      { name: "broken", state: "INVALID", type: "IOS_APP_STORE", appleType: "IOS_APP_STORE" },
      { name: "old and broken", state: "EXPIRED", type: "IOS_APP_STORE", appleType: "IOS_APP_STORE" },
      { name: "said to be old", state: "EXPIRED", type: "IOS_APP_STORE", appleType: "IOS_APP_STORE" },
      { name: "new word", state: "INVALID", type: "OTHER", appleType: "VISION_APP_STORE" },
    ]);
    expect((await list(id, "provisioningProfiles(type: OTHER) { nodes { name } }")).nodes).toEqual([
      { name: "new word" },
    ]);
  });

  test("are filtered by type and by exactly one bundle identifier", async () => {
    const bundleId = (id: string, identifier: string) => ({ id, attributes: { identifier } });
    const profile = (name: string, profileType: string, of: string) => ({
      attributes: { name, profileType },
      relationships: { bundleId: of },
    });
    const { id } = await held({
      contents: {
        bundleIds: [bundleId("SHOP", "com.acme.shop"), bundleId("WIDGET", "com.acme.shop.widget")],
        profiles: [
          profile("Shop store", "IOS_APP_STORE", "SHOP"),
          profile("Shop test", "IOS_APP_ADHOC", "SHOP"),
          profile("Widget store", "IOS_APP_STORE", "WIDGET"),
        ],
      },
    });
    const names = async (args: string) =>
      (await list(id, `provisioningProfiles(${args}) { nodes { name } }`)).nodes.map(({ name }) => name);
    expect(await names('bundleIdentifier: "com.acme.shop"')).toEqual(["Shop store", "Shop test"]);
    expect(await names('bundleIdentifier: "com.acme.shop", type: IOS_APP_STORE')).toEqual(["Shop store"]);
    expect(await names("type: IOS_APP_STORE")).toEqual(["Shop store", "Widget store"]);
    expect(await names('bundleIdentifier: "com.acme"')).toEqual([]);
  });

  test("with more than 50 devices are whole, by one more call for each of those alone", async () => {
    const devices = Array.from({ length: 120 }, (_, index) => ({ id: `DEVICE${index}` }));
    const ids = devices.map((device) => device.id);
    const { id, team } = await held({
      contents: {
        devices,
        profiles: [
          { id: "LARGE", attributes: { profileType: "IOS_APP_ADHOC" }, relationships: { devices: ids } },
          { id: "SMALL", attributes: { profileType: "IOS_APP_ADHOC" }, relationships: { devices: ids.slice(0, 50) } },
        ],
      },
    });
    server.sandbox.clearJournal();
    const { nodes } = await list(id, "provisioningProfiles { nodes { appleId devices { appleId udid } } }");
    expect(nodes.map(({ appleId }) => appleId)).toEqual(["LARGE", "SMALL"]);
    const udids = team.devices.map((device) => ({ appleId: device.id, udid: device.attributes.udid }));
    expect(nodes[0]?.["devices"]).toEqual(udids);
    expect(nodes[1]?.["devices"]).toEqual(udids.slice(0, 50));
    expect(server.sandbox.journal.map(({ path }) => path)).toEqual(["/v1/profiles", "/v1/profiles/LARGE/devices"]);
  });

  test("of more than one of Apple's pages come whole, each with its relations", async () => {
    const { id } = await held({ contents: { profiles: 230, certificates: 2, devices: 2, bundleIds: 2 } });
    server.sandbox.clearJournal();
    const { nodes } = await list(
      id,
      "provisioningProfiles(first: 200, after: null) { nodes { name certificates { serialNumber } bundleId { identifier } } pageInfo { hasNextPage } }",
    );
    expect(nodes).toHaveLength(200);
    expect(nodes.every(({ bundleId }) => bundleId !== null)).toBe(true);
    expect(server.sandbox.journal).toHaveLength(2);
  });
});

describe("bundle ids", () => {
  const identified = (identifier: string) => ({ attributes: { identifier, name: identifier, platform: "IOS" } });

  test("come with all of their fields and capabilities", async () => {
    const { id, team } = await held({ contents: { bundleIds: [{ id: "B1", ...identified("com.acme.shop") }] } });
    const { nodes } = await list(id, "bundleIds { nodes { appleId identifier name platform capabilities } }");
    const capabilities = team.bundleIdCapabilities.map(({ attributes }) => attributes.capabilityType);
    expect(capabilities).not.toEqual([]);
    expect(nodes).toEqual([
      { appleId: "B1", identifier: "com.acme.shop", name: "com.acme.shop", platform: "IOS", capabilities },
    ]);
  });

  test("are filtered by exactly one identifier, though Apple finds every one that holds the text", async () => {
    const { id } = await held({
      contents: {
        bundleIds: [identified("com.acme.shop.widget"), identified("com.acme.shop"), identified("acme.shop")],
      },
    });
    const of = async (identifier: string) =>
      (await list(id, `bundleIds(identifier: "${identifier}") { nodes { identifier } }`)).nodes;
    expect(await of("com.acme.shop")).toEqual([{ identifier: "com.acme.shop" }]);
    expect(await of("acme.shop")).toEqual([{ identifier: "acme.shop" }]);
    expect(await of("shop")).toEqual([]);
    expect(await of("COM.ACME.SHOP")).toEqual([]);
  });
});

describe("devices", () => {
  test("come with all of their fields, and are filtered by status, OTHER too", async () => {
    const device = (id: string, status: string) => ({
      id,
      attributes: {
        name: id,
        udid: `udid of ${id}`,
        model: id === "ENABLED" ? "iPhone 15 Pro" : null,
        deviceClass: "IPHONE",
        platform: "IOS",
        status,
        addedDate: "2024-05-06T07:08:09.000+0000",
      },
    });
    const { id } = await held({
      contents: {
        devices: [
          device("ENABLED", "ENABLED"),
          device("DISABLED", "DISABLED"),
          device("PROCESSING", "PROCESSING"),
          device("INELIGIBLE", "INELIGIBLE"),
        ],
      },
    });
    const { nodes } = await list(
      id,
      "devices { nodes { appleId name udid model deviceClass platform status addedAt } }",
    );
    expect(nodes[0]).toEqual({
      appleId: "ENABLED",
      name: "ENABLED",
      udid: "udid of ENABLED",
      model: "iPhone 15 Pro",
      deviceClass: "IPHONE",
      platform: "IOS",
      status: "ENABLED",
      addedAt: "2024-05-06T07:08:09.000Z",
    });
    expect(nodes.map(({ model, status }) => [model, status])).toEqual([
      ["iPhone 15 Pro", "ENABLED"],
      [null, "DISABLED"],
      [null, "PROCESSING"],
      [null, "OTHER"],
    ]);
    for (const [status, appleId] of [
      ["ENABLED", "ENABLED"],
      ["DISABLED", "DISABLED"],
      ["PROCESSING", "PROCESSING"],
      ["OTHER", "INELIGIBLE"],
    ]) {
      const only = await list(id, `devices(status: ${status ?? ""}) { nodes { appleId } }`);
      expect(only.nodes).toEqual([{ appleId }]);
    }
  });
});

describe("the budget of a key", () => {
  const budget = "rateLimit { limitPerHour remaining asOf }";

  test("is null before the first call, and afterwards what Apple last said", async () => {
    const { id } = await held();
    expect((await ask(id, budget)).lists).toEqual({ rateLimit: null });
    await list(id, "devices { nodes { udid } }");
    const { lists } = await ask(id, budget);
    expect(lists).toMatchObject({ rateLimit: { limitPerHour: 3600, remaining: 3599 } });
  });

  test("is that after the lists of the same query, wherever it stands in it", async () => {
    const { id } = await held();
    const { lists } = await ask(id, `${budget} devices { nodes { udid } } certificates { nodes { appleId } }`);
    expect(lists).toMatchObject({ rateLimit: { limitPerHour: 3600, remaining: 3598 } });
  });

  test("comes where Apple refuses for want of it", async () => {
    const { id, keyId } = await held();
    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "429" } });
    const { lists, errors } = await ask(id, `${budget} devices { nodes { udid } }`);
    expect(codesOf(errors)).toEqual(["APPLE_RATE_LIMITED"]);
    expect(lists).toMatchObject({ devices: null, rateLimit: { limitPerHour: 3600 } });
  });
});

describe("what Apple holds", () => {
  test("comes through keys of the Enterprise Program from its own host", async () => {
    const { id, team } = await held({ program: "enterprise" });
    const { lists, errors } = await ask(
      id,
      "provisioningProfiles { nodes { type } } certificates { nodes { appleId } } devices { nodes { udid } } bundleIds { nodes { identifier capabilities } }",
    );
    expect(errors).toBeUndefined();
    expect(lists["certificates"]?.nodes).toHaveLength(team.certificates.length);
    expect(lists["provisioningProfiles"]?.nodes).toContainEqual({ type: "IOS_APP_INHOUSE" });
  });

  test("comes through no individual key, which is not even asked with", async () => {
    const { id } = await held({ keyType: "individual" });
    server.sandbox.clearJournal();
    for (const selection of ["certificates", "provisioningProfiles", "bundleIds", "devices"]) {
      const { lists, errors } = await ask(id, `${selection} { nodes { appleId } }`);
      expect(codesOf(errors)).toEqual(["INDIVIDUAL_KEY_CANNOT_SIGN"]);
      expect(lists).toEqual({ [selection]: null });
    }
    expect(server.sandbox.journal).toEqual([]);
  });

  test("is refused to a viewer without SIGNING_VIEW, and comes to one who has it", async () => {
    const { id } = await held();
    const without = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "CREDENTIALS_MANAGE"]);
    const having = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
    expect(codesOf((await ask(id, "devices { nodes { udid } }", without)).errors)).toEqual(["FORBIDDEN"]);
    expect((await ask(id, "devices { nodes { udid } }", having)).errors).toBeUndefined();
  });

  test("refuses an age that is negative", async () => {
    const { id } = await held();
    const document = (age: number): string =>
      `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: ${age}) { devices { nodes { udid } } } } }`;
    expect(codesOf((await server.ask(acme.owner, document(-1), { id })).errors)).toEqual(["INVALID_INPUT"]);
    expect((await server.ask(acme.owner, document(0), { id })).errors).toBeUndefined();
  });

  test("has enums that Apple has added: they are OTHER and fail nothing", async () => {
    const { id, keyId } = await held();
    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "unknown-enum" } });
    const { lists, errors } = await ask(
      id,
      `certificates { nodes { type appleType } } provisioningProfiles { nodes { type appleType state } }
       devices { nodes { status deviceClass } } bundleIds { nodes { platform capabilities } }`,
    );
    expect(errors).toBeUndefined();
    expect(lists["certificates"]?.nodes[0]).toEqual({ type: "OTHER", appleType: "SOMETHING_NEW" });
    expect(lists["provisioningProfiles"]?.nodes[0]).toEqual({
      type: "OTHER",
      appleType: "SOMETHING_NEW",
      state: "INVALID",
    });
    expect(lists["devices"]?.nodes[0]).toMatchObject({ status: "OTHER" });
  });

  test("is asked for with GET alone, whatever is selected", async () => {
    const { id } = await held();
    server.sandbox.clearJournal();
    await ask(
      id,
      `certificates { nodes { appleId } } devices { nodes { appleId } } bundleIds { nodes { capabilities } }
       provisioningProfiles { nodes { certificates { appleId } devices { appleId } bundleId { appleId } } }`,
    );
    expect(server.sandbox.journal.map(({ method }) => method)).toEqual(["GET", "GET", "GET", "GET"]);
  });
});

describe("the failure of one key leaves the others, and says where and why:", () => {
  const failures: [failure: Failure, code: string][] = [
    [{ kind: "401" }, "APPLE_KEY_REJECTED"],
    [{ kind: "clock-skew", skewSeconds: 900 }, "APPLE_KEY_REJECTED"],
    [{ kind: "403-role" }, "APPLE_FORBIDDEN"],
    [{ kind: "403-membership" }, "APPLE_FORBIDDEN"],
    [{ kind: "403-agreement" }, "APPLE_AGREEMENT_MISSING"],
    [{ kind: "429" }, "APPLE_RATE_LIMITED"],
    [{ kind: "429", retryAfterSeconds: 3_600 }, "APPLE_RATE_LIMITED"],
    [{ kind: "500" }, "APPLE_UNAVAILABLE"],
    [{ kind: "502-html" }, "APPLE_UNAVAILABLE"],
    [{ kind: "503" }, "APPLE_UNAVAILABLE"],
    [{ kind: "504" }, "APPLE_UNAVAILABLE"],
    [{ kind: "drop" }, "APPLE_UNAVAILABLE"],
    [{ kind: "truncated" }, "APPLE_UNAVAILABLE"],
    [{ kind: "bad-json" }, "APPLE_UNEXPECTED_ANSWER"],
    [{ kind: "empty" }, "APPLE_UNEXPECTED_ANSWER"],
    [{ kind: "huge" }, "APPLE_UNEXPECTED_ANSWER"],
    [{ kind: "redirect" }, "APPLE_UNEXPECTED_ANSWER"],
  ];

  /** Asks for the devices of three keys, of which the one in the middle fails. */
  async function askThree(failure: Failure, times: number | "always") {
    const contents = { devices: 2, certificates: 0, profiles: 0, bundleIds: 0, apps: 0 };
    const [left, failing, right] = [await held({ contents }), await held({ contents }), await held({ contents })];
    server.sandbox.clearJournal();
    server.sandbox.failNext({ match: { keyId: failing.keyId }, times, failure });
    const answer = await server.ask<{ nodes: { appStoreConnect: { devices: { nodes: object[] } | null } }[] }>(
      acme.owner,
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Credential { appStoreConnect { devices { nodes { udid } } } } } }`,
      { ids: [left.id, failing.id, right.id] },
    );
    const counts = answer.data.nodes.map(({ appStoreConnect }) => appStoreConnect.devices?.nodes.length ?? null);
    const calls = server.sandbox.journal.filter(({ keyId }) => keyId === failing.keyId);
    return { ...answer, counts, calls };
  }

  test.each(failures)("%j", async (failure, code) => {
    const { errors, counts, calls } = await askThree(failure, "always");
    expect(counts).toEqual([2, null, 2]);
    expect(errors).toMatchObject([{ path: ["nodes", 1, "appStoreConnect", "devices"], extensions: { code } }]);
    expect(errors?.[0]?.message).toMatch(/Apple|agreements|role of this key|membership/);
    expect(new Set(calls.map(({ method }) => method))).toEqual(new Set(["GET"]));
    expect(calls.length).toBeLessThanOrEqual(4);
  });

  test("attributes that are all null fail nothing: texts are empty, dates null, enums OTHER", async () => {
    const { id, keyId } = await held();
    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "null-attributes" } });
    const { lists, errors } = await ask(
      id,
      `certificates { nodes { name type appleType serialNumber expiresAt state } }
       devices { nodes { name udid model deviceClass status addedAt } }
       bundleIds { nodes { identifier capabilities } }
       provisioningProfiles { nodes { name type state expiresAt bundleId { identifier } } }`,
    );
    expect(errors).toBeUndefined();
    const certificate = { name: "", type: "OTHER", appleType: "", serialNumber: "", expiresAt: null, state: "VALID" };
    expect(lists["certificates"]?.nodes[0]).toEqual(certificate);
    const device = { name: "", udid: "", model: null, deviceClass: "", status: "OTHER", addedAt: null };
    expect(lists["devices"]?.nodes[0]).toEqual(device);
    expect(lists["provisioningProfiles"]?.nodes[0]).toMatchObject({ name: "", type: "OTHER", expiresAt: null });
  });

  test.each<[Failure, number]>([
    [{ kind: "401" }, 1],
    [{ kind: "500" }, 3],
    [{ kind: "502-html" }, 1],
    [{ kind: "503" }, 1],
    [{ kind: "504" }, 1],
    [{ kind: "drop" }, 3],
    [{ kind: "truncated" }, 1],
  ])("%j that passes is not seen at all", async (failure, times) => {
    const { errors, counts, calls } = await askThree(failure, times);
    expect(errors).toBeUndefined();
    expect(counts).toEqual([2, 2, 2]);
    expect(calls).toHaveLength(times + 1);
  });

  test("a next page on another host is not asked for, and fails the list that needs it", async () => {
    const foreign: Failure = { kind: "foreign-next", origin: server.sandbox.enterpriseUrl };
    const { id, keyId } = await held({ contents: { devices: 250 } });
    server.sandbox.failNext({ match: { keyId }, failure: foreign });
    server.sandbox.clearJournal();
    const { lists, errors } = await ask(id, "devices { nodes { udid } }");
    expect(errors).toMatchObject([
      { path: ["credential", "appStoreConnect", "devices"], extensions: { code: "APPLE_UNEXPECTED_ANSWER" } },
    ]);
    expect(lists).toEqual({ devices: null });
    expect(server.sandbox.journal).toHaveLength(1);

    // Where everything was on this page, nobody needs the next.
    const { errors: none, counts, calls } = await askThree(foreign, "always");
    expect(none).toBeUndefined();
    expect(counts).toEqual([2, 2, 2]);
    expect(calls).toHaveLength(1);
  });

  test("one list's failure leaves the other lists of the same key", async () => {
    const { id, keyId } = await held();
    server.sandbox.failNext({ match: { keyId, path: "/v1/profiles" }, times: "always", failure: { kind: "403-role" } });
    const { lists, errors } = await ask(id, "provisioningProfiles { nodes { name } } devices { nodes { udid } }");
    expect(errors).toMatchObject([
      { path: ["credential", "appStoreConnect", "provisioningProfiles"], extensions: { code: "APPLE_FORBIDDEN" } },
    ]);
    expect(lists["provisioningProfiles"]).toBeNull();
    expect(lists["devices"]?.nodes.length).toBeGreaterThan(0);
  });

  test("a page that fails fails its list: nothing comes that could be taken for the whole", async () => {
    const { id, keyId } = await held({ contents: { certificates: 250 } });
    server.sandbox.failNext({ match: { keyId }, failure: { kind: "slow", delayMs: 1 } });
    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "429" } });
    const { lists, errors } = await ask(id, "certificates { nodes { appleId } }");
    expect(codesOf(errors)).toEqual(["APPLE_RATE_LIMITED"]);
    expect(lists).toEqual({ certificates: null });
  });
});
