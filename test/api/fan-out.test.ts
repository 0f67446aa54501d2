import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { PoolClient } from "pg";
import type { Contents } from "../../src/sandbox/team/seed.js";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const KEYS = 50;
const CONTENTS: Contents = { certificates: 2, profiles: 2, devices: 3, bundleIds: 2, apps: 0 };

let server: TestServer;
let acme: Story;
/** Names of the prepared statements that the server sent to read, since they were last forgotten. */
const statements: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  observe(server.platform.readPool, statements);
  acme = await seed(server);
});
afterAll(() => server.close());
beforeEach(forget);

function forget(): void {
  server.sandbox.clearJournal();
  statements.length = 0;
}

/** Notes the name of every statement that goes out on the connections of a pool, and sends it on as it is. */
function observe(pool: TestServer["platform"]["readPool"], names: string[]): void {
  const observed = new WeakSet<PoolClient>();
  pool.on("acquire", (client) => {
    if (observed.has(client)) return;
    observed.add(client);
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [config] = args;
      if (typeof config === "object" && config !== null && "name" in config) names.push(String(config.name));
      return send(...args);
    }) as typeof client.query;
  });
}

/** How often the server asked the database for keys to sign with. */
const keyQueries = (): number => statements.filter((name) => name === "credentials_usable").length;

/** The calls that Apple got, as `path` → how many. */
function calls(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { path } of server.sandbox.journal) counts[path] = (counts[path] ?? 0) + 1;
  return counts;
}

/** The parameters of the one call of a path. */
function parametersOf(path: string): Record<string, string> {
  const found = server.sandbox.journal.filter((call) => call.path === path);
  expect(found).toHaveLength(1);
  return Object.fromEntries(new URLSearchParams(found[0]?.query));
}

/** How many different tokens Apple saw. */
const tokensSeen = (): number => new Set(server.sandbox.journal.map(({ tokenId }) => tokenId)).size;

const key = (): Promise<string> => acme.credential(acme.organizationId, { verify: false }, { contents: CONTENTS });

/** Asks for what Apple holds for one key. */
async function askOne(id: string, selection: string, fragments = ""): Promise<unknown> {
  const document = `query ($id: ID!) { credential(id: $id) { ${selection} } } ${fragments}`;
  const { data, errors } = await server.ask(acme.owner, document, { id });
  expect(errors).toBeUndefined();
  return data;
}

describe(`one query over ${KEYS} keys`, () => {
  const document = `query ($id: ID!) {
    organization(id: $id) {
      credentials(first: ${KEYS}) {
        nodes {
          appStoreConnect {
            certificates { nodes { serialNumber } }
            provisioningProfiles { nodes { name certificates { serialNumber } devices { udid } bundleId { identifier } } }
            bundleIds { nodes { identifier capabilities } }
            devices { nodes { udid } }
            rateLimit { remaining }
          }
        }
      }
    }
  }`;

  /** An organization of its own for a test, since tokens are kept. */
  async function withKeys(count: number): Promise<Story> {
    const story = await seed(server, "Many keys");
    const add = (): Promise<string> =>
      story.credential(story.organizationId, { verify: false }, { contents: CONTENTS });
    await Promise.all(Array.from({ length: count }, add));
    return story;
  }

  test("makes one list call a key and list, one signature a key and one key query in all; a second signs nothing", async () => {
    const keys = await withKeys(KEYS);
    forget();
    const before = server.platform.tokens.signatures;

    const first = await server.ask<{ organization: { credentials: { nodes: unknown[] } } }>(keys.owner, document, {
      id: keys.organizationId,
    });
    expect(first.errors).toBeUndefined();
    expect(first.data.organization.credentials.nodes).toHaveLength(KEYS);
    expect(calls()).toEqual({
      "/v1/certificates": KEYS,
      "/v1/profiles": KEYS,
      "/v1/bundleIds": KEYS,
      "/v1/devices": KEYS,
    });
    expect(keyQueries()).toBe(1);
    expect(server.platform.tokens.signatures - before).toBe(KEYS);
    expect(tokensSeen()).toBe(KEYS);
    for (const path of Object.keys(calls())) {
      const keyIds = server.sandbox.journal.filter((call) => call.path === path).map(({ keyId }) => keyId);
      expect(new Set(keyIds).size).toBe(KEYS);
    }

    forget();
    const second = await server.ask<typeof first.data>(keys.owner, document, { id: keys.organizationId });
    expect(second.errors).toBeUndefined();
    expect(calls()["/v1/profiles"]).toBe(KEYS);
    expect(keyQueries()).toBe(1);
    expect(server.platform.tokens.signatures - before).toBe(KEYS);
  });

  test("has a number of database statements that does not grow with the keys", async () => {
    const keys = await withKeys(20);
    const page = async (first: number): Promise<string[]> => {
      forget();
      const { errors } = await server.ask(keys.owner, document.replace(`first: ${KEYS}`, `first: ${first}`), {
        id: keys.organizationId,
      });
      expect(errors).toBeUndefined();
      return [...statements].sort();
    };
    await page(20); // From here on every key has its token.
    const few = await page(2);
    expect(few).toContain("credentials_usable");
    expect(await page(20)).toEqual(few);
  });
});

describe("a process that has just started", () => {
  test("asks for an organization's data key once, however many keys it opens", async () => {
    const story = await seed(server, "Cold");
    const add = (): Promise<string> =>
      story.credential(story.organizationId, { verify: false }, { contents: CONTENTS });
    const ids = await Promise.all(Array.from({ length: 10 }, add));
    const dataKeys = await query<{ id: string }>(server.database.ownerUrl, [
      "SELECT id FROM data_keys WHERE root_id = $1",
      [story.organizationId],
    ]);
    expect(dataKeys).toHaveLength(1);
    for (const { id } of dataKeys) server.platform.vault.forget(id);
    forget();
    const { errors } = await server.ask(
      story.owner,
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Credential { appStoreConnect { devices { nodes { udid } } } } } }`,
      { ids },
    );
    expect(errors).toBeUndefined();
    expect(calls()).toEqual({ "/v1/devices": 10 });
    expect(statements.filter((name) => name === "data_key_by_id")).toHaveLength(1);
  });
});

describe("what is asked more than once in a query", () => {
  test("by aliases and fragments is one call, with what all of them select", async () => {
    const data = await askOne(
      await key(),
      `appStoreConnect {
        plain: provisioningProfiles { nodes { name } }
        stores: provisioningProfiles(type: IOS_APP_STORE) { nodes { certificates { serialNumber } } }
        ...Devices
        ... on AppStoreConnect { more: provisioningProfiles(first: 1) { edges { node { bundleId { identifier } } } } }
      }`,
      "fragment Devices on AppStoreConnect { provisioningProfiles { nodes { ...Udids } } } fragment Udids on AppleProvisioningProfile { devices { udid } }",
    );
    expect(calls()).toEqual({ "/v1/profiles": 1 });
    expect(parametersOf("/v1/profiles")["include"]).toBe("bundleId,certificates,devices");
    expect(keyQueries()).toBe(1);
    expect(data).toMatchObject({
      credential: {
        appStoreConnect: {
          plain: { nodes: [{}, {}] },
          stores: { nodes: [{ certificates: [{}] }] },
          more: { edges: [{ node: { bundleId: {} } }] },
        },
      },
    });
  });

  test("by aliases of the key itself is one call", async () => {
    await askOne(
      await key(),
      `one: appStoreConnect { devices { nodes { udid } } }
       two: appStoreConnect(maxAgeSeconds: 10) { devices(status: ENABLED) { nodes { name } } }`,
    );
    expect(calls()).toEqual({ "/v1/devices": 1 });
    expect(keyQueries()).toBe(1);
  });

  test("by ids that repeat, and through different fields, is one call", async () => {
    const id = await key();
    const { errors } = await server.ask(
      acme.owner,
      `query ($id: ID!, $ids: [ID!]!) {
        credential(id: $id) { ...Apple }
        node(id: $id) { ...Apple }
        nodes(ids: $ids) { ...Apple }
      }
      fragment Apple on Credential { appStoreConnect { certificates { nodes { serialNumber } } } }`,
      { id, ids: [id, id] },
    );
    expect(errors).toBeUndefined();
    expect(calls()).toEqual({ "/v1/certificates": 1 });
    expect(keyQueries()).toBe(1);
  });

  test("at different depths of the query is one call a key", async () => {
    const story = await seed(server, "Depths");
    const id = await story.credential(story.organizationId, { verify: false }, { contents: CONTENTS });
    forget();
    const { errors } = await server.ask(
      story.owner,
      `query ($id: ID!, $organization: ID!) {
        credential(id: $id) { ...Apple }
        organization(id: $organization) { shares { nodes { id } } credentials { nodes { ...Apple } } }
      }
      fragment Apple on Credential { appStoreConnect { certificates { nodes { serialNumber } } } }`,
      { id, organization: story.organizationId },
    );
    expect(errors).toBeUndefined();
    expect(calls()).toEqual({ "/v1/certificates": 1 });
    expect(keyQueries()).toBe(1);
  });
});

describe("what a query selects decides what is asked", () => {
  test("nothing of Apple's: no call, no signature, no key query", async () => {
    const before = server.platform.tokens.signatures;
    await askOne(await key(), "name health { status } appStoreConnect { rateLimit { remaining } }");
    expect(calls()).toEqual({});
    expect(keyQueries()).toBe(0);
    expect(server.platform.tokens.signatures).toBe(before);
  });

  test("one list: that list alone, without what is heavy", async () => {
    await askOne(await key(), "appStoreConnect { certificates { nodes { serialNumber } } }");
    expect(calls()).toEqual({ "/v1/certificates": 1 });
    const { "fields[certificates]": fields, ...others } = parametersOf("/v1/certificates");
    expect(others).toEqual({ limit: "200" });
    expect(fields).toContain("serialNumber");
    expect(fields).not.toContain("certificateContent");
  });

  test("profiles alone: no include, and no contents", async () => {
    await askOne(await key(), "appStoreConnect { provisioningProfiles { nodes { name uuid type state } } }");
    const { "fields[profiles]": fields, ...others } = parametersOf("/v1/profiles");
    expect(others).toEqual({ limit: "200" });
    expect(fields).toBe("name,uuid,profileType,profileState,expirationDate");
  });

  test.each([
    ["bundleId", "bundleId { identifier }", ["fields[bundleIds]"]],
    ["certificates", "certificates { serialNumber }", ["fields[certificates]", "limit[certificates]"]],
    ["devices", "devices { udid }", ["fields[devices]", "limit[devices]"]],
  ])("profiles with %s: that relation, in the same call", async (relation, selection, parameters) => {
    for (const shape of [`nodes { ${selection} }`, `edges { node { ${selection} } }`]) {
      forget();
      await askOne(await key(), `appStoreConnect { provisioningProfiles { ${shape} } }`);
      expect(calls()).toEqual({ "/v1/profiles": 1 });
      const asked = parametersOf("/v1/profiles");
      expect(asked["include"]).toBe(relation);
      expect(asked["fields[profiles]"]?.split(",")).toContain(relation);
      expect(Object.keys(asked).sort()).toEqual(["fields[profiles]", "include", "limit", ...parameters].sort());
    }
  });

  test("profiles for a bundle identifier: the bundle id too, though it is not selected", async () => {
    await askOne(
      await key(),
      `appStoreConnect { provisioningProfiles(bundleIdentifier: "com.example") { nodes { name } } }`,
    );
    expect(parametersOf("/v1/profiles")["include"]).toBe("bundleId");
  });

  test("bundle ids: capabilities only where they are selected", async () => {
    await askOne(await key(), "appStoreConnect { bundleIds { nodes { identifier } } }");
    expect(parametersOf("/v1/bundleIds")).toEqual({ limit: "200", "fields[bundleIds]": "identifier,name,platform" });
    forget();
    await askOne(await key(), "appStoreConnect { bundleIds { nodes { capabilities } } }");
    expect(parametersOf("/v1/bundleIds")).toMatchObject({ include: "bundleIdCapabilities" });
  });

  test("fields that directives leave out are not asked for", async () => {
    await askOne(
      await key(),
      `appStoreConnect { provisioningProfiles { nodes { name devices @include(if: false) { udid } } } }`,
    );
    expect(parametersOf("/v1/profiles")["include"]).toBeUndefined();
  });
});
