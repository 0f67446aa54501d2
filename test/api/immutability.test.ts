import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DataSource } from "typeorm";
import { grantOfRoles, Viewer } from "../../src/auth/viewer.js";
import { createContext, type Context, type Platform } from "../../src/context.js";
import { makeDataSource } from "../../src/database/data-source.js";
import { makeReadPool } from "../../src/database/read-pool.js";
import { newId } from "../../src/ids.js";
import * as credentials from "../../src/services/credential.js";
import * as shares from "../../src/services/share.js";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let web: string;
/** Bearer of a person who owns the sub-organization, and nothing above it. */
let subOwner: string;
let spareKey: { keyId: string; issuerId: string | null; privateKey: string };

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  subOwner = await acme.member(web, "owner@web.example", ["OWNER"]);
  const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
  spareKey = { keyId, issuerId, privateKey };
});
afterAll(() => server.close());

/** A key of the root, shared with the sub-organization by name. */
async function sharedKey(): Promise<string> {
  const key = await acme.credential(acme.organizationId, { verify: false });
  await acme.share(key, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
  return key;
}

/** Everything that is stored of a key and of how it is shared, as the owner of the tables sees it. */
async function storedOf(key: string): Promise<string> {
  const rows = await query<{ row: string }>(server.database.ownerUrl, [
    `SELECT c::text AS row FROM credentials c WHERE id = $1
     UNION ALL SELECT s::text FROM shares s WHERE credential_id = $1
     UNION ALL SELECT t::text FROM share_targets t JOIN shares s ON s.id = t.share_id WHERE s.credential_id = $1`,
    [key],
  ]);
  return rows.map(({ row }) => row).join("\n");
}

/** What changes a key or its sharing, as a client writes it and as a service takes it. */
const changes = [
  {
    name: "updateCredential",
    input: (key: string) => ({ credentialId: key, name: "Taken over" }),
    act: (ctx: Context, key: string) => credentials.rename(ctx, { credentialId: key, name: "Taken over" }),
  },
  {
    name: "rotateCredential",
    input: (key: string) => ({ credentialId: key, ...spareKey, keyId: idOf(key), verify: false }),
    act: (ctx: Context, key: string) =>
      credentials.rotate(ctx, { credentialId: key, ...spareKey, keyId: idOf(key), verify: false }),
  },
  {
    name: "verifyCredential",
    input: (key: string) => ({ credentialId: key }),
    act: (ctx: Context, key: string) => credentials.verify(ctx, { credentialId: key }),
  },
  {
    name: "deleteCredential",
    input: (key: string) => ({ credentialId: key, force: true }),
    act: (ctx: Context, key: string) => credentials.remove(ctx, { credentialId: key, force: true }),
  },
  {
    name: "share",
    input: (key: string) => ({ subjectId: key, withAllSubOrganizations: true }),
    act: (ctx: Context, key: string) =>
      shares.share(ctx, {
        subjectId: key,
        withAllSubOrganizations: true,
        subOrganizationIds: [],
        uses: ["VIEW", "SIGN", "PUBLISH"],
        bundleIdentifiers: [],
      }),
  },
  {
    name: "unshare",
    input: (key: string) => ({ subjectId: key }),
    act: (ctx: Context, key: string) => shares.unshare(ctx, { subjectId: key }),
  },
] as const;

/** A key id that no other key of the organization has. */
const idOf = (key: string): string => key.slice(-10).toUpperCase();

const inputType = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;

describe("by the rules, a sub-organization's owner", () => {
  test.each(changes)("cannot $name what the root shared; the root's owner can", async ({ name, input }) => {
    const key = await sharedKey();
    const before = await storedOf(key);
    const mutation = `mutation ($input: ${inputType(name)}) { ${name}(input: $input) { userErrors { code message } } }`;

    const refused = await server.ask(subOwner, mutation, { input: input(key) });
    expect(refused.errors?.map((error) => error.extensions.code)).toEqual(["SHARED_FROM_ROOT"]);
    expect(await storedOf(key)).toBe(before);

    const done = await server.ask(acme.owner, mutation, { input: input(key) });
    expect(done.errors).toBeUndefined();
    expect(done.data).toEqual({ [name]: { userErrors: [] } });
    expect(await storedOf(key)).not.toBe(before);
  });

  test("is not told by viewerCan… that the key could be changed, and the root's owner is", async () => {
    const key = await sharedKey();
    const document = `query ($id: ID!) { credential(id: $id) { viewerCanUpdate viewerCanDelete viewerCanShare } }`;
    const below = await server.ask(subOwner, document, { id: key });
    expect(below.data).toEqual({
      credential: { viewerCanUpdate: false, viewerCanDelete: false, viewerCanShare: false },
    });
    const above = await server.ask(acme.owner, document, { id: key });
    expect(above.data).toEqual({ credential: { viewerCanUpdate: true, viewerCanDelete: true, viewerCanShare: true } });
  });

  test("changes a key of the sub-organization's own", async () => {
    const key = await acme.credential(web, { verify: false });
    const document = `mutation ($input: UpdateCredentialInput!) { updateCredential(input: $input) { credential { name } } }`;
    const answer = await server.ask(subOwner, document, { input: { credentialId: key, name: "Ours" } });
    expect(answer.data).toEqual({ updateCredential: { credential: { name: "Ours" } } });
  });
});

describe("by the WHERE clauses, with no rules before and no row-level security behind, a sub-organization's owner", () => {
  let dataSource: DataSource;
  let platform: Platform;

  beforeAll(async () => {
    dataSource = await makeDataSource(server.database.ownerUrl, 2).initialize();
    platform = { ...server.platform, dataSource, readPool: makeReadPool(server.database.ownerUrl, 2) };
  });
  afterAll(async () => {
    await platform.readPool.end();
    await dataSource.destroy();
  });

  /** The context of an owner of a tenant, on connections that see and write everything. */
  function ownerOf(tenantId: string): Context {
    const user = { id: newId("user"), email: "owner@acme.example", name: null };
    const viewer = new Viewer({ kind: "user", user }, [grantOfRoles(acme.organizationId, tenantId, ["OWNER"])]);
    return createContext(platform, viewer, { requestId: randomUUID(), ipAddress: null });
  }

  test("is on connections that row-level security does not bind", async () => {
    const [row] = await dataSource.query<{ keys: number }[]>("SELECT count(*)::int AS keys FROM credentials");
    await acme.credential(acme.organizationId, { verify: false });
    const [more] = await dataSource.query<{ keys: number }[]>("SELECT count(*)::int AS keys FROM credentials");
    expect(more?.keys).toBe((row?.keys ?? 0) + 1);
  });

  test.each(changes)("changes nothing by the service of $name; the root's owner does", async ({ act }) => {
    const key = await sharedKey();
    const before = await storedOf(key);

    await expect(act(ownerOf(web), key)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await storedOf(key)).toBe(before);

    await act(ownerOf(acme.organizationId), key);
    expect(await storedOf(key)).not.toBe(before);
  });

  test("cannot rename a key by sharing it", async () => {
    const key = await sharedKey();
    const before = await storedOf(key);
    const input = {
      subjectId: key,
      name: "Taken over",
      withAllSubOrganizations: false,
      subOrganizationIds: [web],
      uses: ["VIEW"] as const,
      bundleIdentifiers: [],
    };
    await expect(shares.share(ownerOf(web), input)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await storedOf(key)).toBe(before);
    await shares.share(ownerOf(acme.organizationId), input);
    expect(await storedOf(key)).toContain("Taken over");
  });

  test("changes nothing of an organization that it does not belong to", async () => {
    const key = await sharedKey();
    const before = await storedOf(key);
    const stranger = await seed(server, "Globex");
    const user = { id: newId("user"), email: "owner@globex.example", name: null };
    const grant = grantOfRoles(stranger.organizationId, stranger.organizationId, ["OWNER"]);
    for (const { act } of changes) {
      const ctx = createContext(platform, new Viewer({ kind: "user", user }, [grant]), {
        requestId: randomUUID(),
        ipAddress: null,
      });
      await expect(act(ctx, key)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    expect(await storedOf(key)).toBe(before);
  });
});

describe("by row-level security, with no rules and no WHERE, the server standing in a sub-organization", () => {
  /** Runs one statement as the server does, in a transaction that stands in a tenant and is rolled back. */
  function standingIn<Row extends object>(tenantId: string, statement: string, values: unknown[] = []): Promise<Row[]> {
    return query<Row>(
      server.database.serverUrl,
      "BEGIN",
      [
        "SELECT set_config('countersign.roots', $1, true), set_config('countersign.tenants', $2, true)",
        [acme.organizationId, tenantId],
      ],
      [statement, values],
    );
  }

  test.each([
    ["renames", "UPDATE credentials SET name = 'Taken over'"],
    ["rotates", "UPDATE credentials SET sealed_key = '\\x00', key_version = key_version + 1"],
    ["reports the health of", "UPDATE credentials SET health_status = 'KEY_REJECTED'"],
    ["deletes", "DELETE FROM credentials"],
  ])("%s no key of the root, and standing in the root every key", async (_, statement) => {
    const key = await sharedKey();
    const own = await acme.credential(web, { verify: false });
    const below = await standingIn<{ id: string }>(web, `${statement} RETURNING id`);
    expect(below.map(({ id }) => id)).toContain(own);
    expect(below.map(({ id }) => id)).not.toContain(key);
    const above = await standingIn<{ id: string }>(acme.organizationId, `${statement} RETURNING id`);
    expect(above.map(({ id }) => id)).toEqual(expect.arrayContaining([own, key]));
  });

  test.each([
    [
      "extends no share",
      "UPDATE shares SET with_all = true, uses = ARRAY['VIEW', 'SIGN', 'PUBLISH'], expires_at = NULL",
    ],
    ["ends no share", "DELETE FROM shares"],
  ])("%s, and standing in the root every share", async (_, statement) => {
    const key = await sharedKey();
    const seen = await standingIn<{ credential_id: string }>(web, "SELECT credential_id FROM shares");
    expect(seen.map((share) => share.credential_id)).toContain(key);
    expect(await standingIn(web, `${statement} RETURNING credential_id`)).toEqual([]);
    const above = await standingIn<{ credential_id: string }>(
      acme.organizationId,
      `${statement} RETURNING credential_id`,
    );
    expect(above.map((share) => share.credential_id)).toContain(key);
  });

  test("takes no sub-organization out of a share, and standing in the root does", async () => {
    await sharedKey();
    const statement = "DELETE FROM share_targets RETURNING sub_organization_id AS target";
    expect(await standingIn(web, "SELECT share_id FROM share_targets")).not.toEqual([]);
    expect(await standingIn(web, statement)).toEqual([]);
    expect(await standingIn<{ target: string }>(acme.organizationId, statement)).toContainEqual({ target: web });
  });

  test("makes no share, not even of its own key, and standing in the root does", async () => {
    const insert = `INSERT INTO shares (root_id, id, owner_id, credential_id, with_all, uses)
      VALUES ($1, $2, $1, $3, true, ARRAY['VIEW']) RETURNING credential_id`;
    const key = await acme.credential(acme.organizationId, { verify: false });
    const values = [acme.organizationId, newId("share"), key];
    await expect(standingIn(web, insert, values)).rejects.toMatchObject({ code: "42501" });
    const own = await acme.credential(web, { verify: false });
    await expect(standingIn(web, insert, [acme.organizationId, newId("share"), own])).rejects.toMatchObject({
      code: "42501",
    });
    expect(await standingIn(acme.organizationId, insert, values)).toEqual([{ credential_id: key }]);
  });

  test("adds itself to no share, and standing in the root adds it", async () => {
    const key = await acme.credential(acme.organizationId, { verify: false });
    const apps = await acme.subOrganization(`Apps ${key}`);
    const share = await acme.share(key, { subOrganizationIds: [apps] });
    const insert = `INSERT INTO share_targets (root_id, share_id, sub_organization_id) VALUES ($1, $2, $3)
      RETURNING sub_organization_id AS target`;
    const values = [acme.organizationId, share, web];
    await expect(standingIn(web, insert, values)).rejects.toMatchObject({ code: "42501" });
    expect(await standingIn(acme.organizationId, insert, values)).toEqual([{ target: web }]);
  });

  test("adds no key to the root, and adds one to itself", async () => {
    const insert = `INSERT INTO credentials (root_id, id, owner_id, name, program, key_type, key_id, issuer_id, fingerprint, sealed_key)
      VALUES ($1, $2, $3, 'Slipped in', 'APP_STORE', 'TEAM', $2, 'issuer', 'none', '\\x00') RETURNING id`;
    const id = newId("credential");
    await expect(standingIn(web, insert, [acme.organizationId, id, acme.organizationId])).rejects.toMatchObject({
      code: "42501",
    });
    expect(await standingIn(web, insert, [acme.organizationId, id, web])).toEqual([{ id }]);
  });

  test("cannot make a key its own: the owner of a row is in no UPDATE that the server may do", async () => {
    const key = await sharedKey();
    for (const tenant of [web, acme.organizationId]) {
      await expect(
        standingIn(tenant, "UPDATE credentials SET owner_id = $1 WHERE id = $2 RETURNING id", [web, key]),
      ).rejects.toMatchObject({ code: "42501" });
    }
  });
});
