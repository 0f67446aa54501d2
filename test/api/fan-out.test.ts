import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { LEASE_MS } from "../../src/apple/signer.js";
import type { Contents } from "../../src/sandbox/team/seed.js";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { observeStatements } from "../support/statements.js";

const KEYS = 50;
const CONTENTS: Contents = { certificates: 2, profiles: 2, devices: 3, bundleIds: 2, apps: 0 };

let server: TestServer;
let acme: Story;
/** Names of the prepared statements that the server sent to read, since they were last forgotten. */
const statements: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  observeStatements(server.platform.readPool, statements);
  acme = await seed(server);
});
afterAll(() => server.close());
beforeEach(forget);

function forget(): void {
  server.sandbox.clearJournal();
  statements.length = 0;
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
  const document = `query ($id: ID!, $age: Int) {
    organization(id: $id) {
      credentials(first: ${KEYS}) {
        nodes {
          appStoreConnect(maxAgeSeconds: $age) {
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

  test("makes one list call a key and list, one signature a key and one key query in all", async () => {
    const keys = await withKeys(KEYS);
    forget();
    const before = server.platform.tokens.signatures;
    const begunAt = performance.now();

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
    // One, where Apple and this machine are fast; further ones confirm all the keys once in a lease's time.
    expect(keyQueries()).toBeLessThanOrEqual(1 + Math.floor((performance.now() - begunAt) / LEASE_MS));
    expect(server.platform.tokens.signatures - before).toBe(KEYS);
    expect(tokensSeen()).toBe(KEYS);
    for (const path of Object.keys(calls())) {
      const keyIds = server.sandbox.journal.filter((call) => call.path === path).map(({ keyId }) => keyId);
      expect(new Set(keyIds).size).toBe(KEYS);
    }
  });

  test("confirms all keys in one query a lease's time, where Apple is slow", async () => {
    const keys = await withKeys(20);
    forget();
    server.sandbox.configure({ pageDelayMs: 250 });
    const begunAt = performance.now();
    const { errors } = await server.ask(keys.owner, document, { id: keys.organizationId });
    const leases = Math.floor((performance.now() - begunAt) / LEASE_MS);
    server.sandbox.configure({ pageDelayMs: 0 });
    expect(errors).toBeUndefined();
    expect(leases).toBeGreaterThan(1);
    expect(keyQueries()).toBeGreaterThan(1);
    expect(keyQueries()).toBeLessThanOrEqual(1 + leases);
  });

  test("asks nothing and signs nothing where what is kept is young enough, and asks all of it where that has no age", async () => {
    const keys = await withKeys(10);
    const ask = async (age: number | null) => {
      forget();
      const { data, errors } = await server.ask(keys.owner, document, { id: keys.organizationId, age });
      expect(errors).toBeUndefined();
      return data;
    };
    await ask(0);
    const signatures = server.platform.tokens.signatures;
    const kept = await ask(3_600);
    expect(calls()).toEqual({});
    expect(keyQueries()).toBe(0);

    const asked = await ask(0);
    expect(calls()).toEqual({ "/v1/certificates": 10, "/v1/profiles": 10, "/v1/bundleIds": 10, "/v1/devices": 10 });
    expect(keyQueries()).toBe(1);
    expect(server.platform.tokens.signatures).toBe(signatures);
    const withoutBudget = (data: unknown): string => JSON.stringify(data).replaceAll(/"remaining":\d+/g, "");
    expect(withoutBudget(asked)).toBe(withoutBudget(kept));
  });

  test("has a number of database statements that does not grow with the keys", async () => {
    const keys = await withKeys(20);
    const page = async (first: number): Promise<string[]> => {
      forget();
      const { errors } = await server.ask(keys.owner, document.replace(`first: ${KEYS}`, `first: ${first}`), {
        id: keys.organizationId,
        age: 3_600,
      });
      expect(errors).toBeUndefined();
      return [...statements].sort();
    };
    await page(20); // From here on all of it is kept.
    const few = await page(2);
    expect(few).toContain("apple_snapshots_by_key");
    expect(few).not.toContain("credentials_usable");
    expect(new Set(few).size).toBe(few.length);
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

  test("profiles: whole, with all that they hold, in one call and without their contents", async () => {
    for (const selection of ["name", "bundleId { identifier }", "certificates { serialNumber } devices { udid }"]) {
      forget();
      await askOne(await key(), `appStoreConnect { provisioningProfiles { nodes { ${selection} } } }`);
      expect(calls()).toEqual({ "/v1/profiles": 1 });
      expect(parametersOf("/v1/profiles")).toEqual({
        limit: "200",
        include: "bundleId,certificates,devices",
        "fields[profiles]": "name,uuid,profileType,profileState,expirationDate,bundleId,certificates,devices",
        "fields[bundleIds]": "identifier,name,platform",
        "fields[certificates]": "name,displayName,certificateType,serialNumber,expirationDate",
        "limit[certificates]": "50",
        "fields[devices]": "name,udid,model,deviceClass,platform,status,addedDate",
        "limit[devices]": "50",
      });
    }
  });

  test("bundle ids: with their capabilities, in one call", async () => {
    await askOne(await key(), "appStoreConnect { bundleIds { nodes { identifier } } }");
    expect(calls()).toEqual({ "/v1/bundleIds": 1 });
    expect(parametersOf("/v1/bundleIds")).toEqual({
      limit: "200",
      include: "bundleIdCapabilities",
      "fields[bundleIds]": "identifier,name,platform,bundleIdCapabilities",
      "limit[bundleIdCapabilities]": "50",
    });
  });

  test.each([
    ["certificates", "provisioningProfiles { name }", ["/v1/certificates", "/v1/profiles"]],
    ["devices", "provisioningProfiles { name }", ["/v1/devices", "/v1/profiles"]],
    ["bundleIds", "provisioningProfiles { name }", ["/v1/bundleIds", "/v1/profiles"]],
    ["provisioningProfiles", "bundleId { capabilities }", ["/v1/bundleIds", "/v1/profiles"]],
    ["provisioningProfiles", "devices { provisioningProfiles { name } }", ["/v1/profiles"]],
    ["devices", "provisioningProfiles { bundleId { capabilities } }", ["/v1/bundleIds", "/v1/devices", "/v1/profiles"]],
  ])("%s with %s: the lists that it takes, each once", async (list, selection, paths) => {
    for (const shape of [`nodes { ${selection} }`, `edges { node { ${selection} } }`]) {
      forget();
      await askOne(await key(), `appStoreConnect { ${list} { ${shape} } }`);
      expect(calls()).toEqual(Object.fromEntries(paths.map((path) => [path, 1])));
    }
  });

  test("through fragments: what they select", async () => {
    await askOne(
      await key(),
      "appStoreConnect { devices { nodes { ...InProfiles } } }",
      "fragment InProfiles on AppleDevice { udid ...Deeper } fragment Deeper on AppleDevice { provisioningProfiles { name } }",
    );
    expect(calls()).toEqual({ "/v1/devices": 1, "/v1/profiles": 1 });
  });

  test("fields that directives leave out are not asked for, and those that they let in are", async () => {
    const selection = (included: boolean): string =>
      `appStoreConnect { devices { nodes { udid provisioningProfiles @include(if: ${included}) { name } } } }`;
    await askOne(await key(), selection(false));
    expect(calls()).toEqual({ "/v1/devices": 1 });
    forget();
    await askOne(await key(), selection(true));
    expect(calls()).toEqual({ "/v1/devices": 1, "/v1/profiles": 1 });
  });
});
