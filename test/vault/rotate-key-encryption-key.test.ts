import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../support/database.js";
import { startProcess, startReplica, type Replica } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../support/server.js";
import { furnish, keyOf, openAll, operate } from "../support/vault.js";

const [oldKey, newKey] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
const [OLD, NEW] = [keyOf(oldKey).label, keyOf(newKey).label];
const BOTH = { COUNTERSIGN_KEY: newKey, COUNTERSIGN_FORMER_KEYS: oldKey };

interface World {
  readonly server: TestServer;
  readonly acme: Story;
  readonly globex: Story;
  /** Those of acme. */
  readonly keys: readonly string[];
}

const worlds: World[] = [];
afterAll(() => Promise.all(worlds.map(({ server }) => server.close())));

/** A server with the old key alone, and two organizations on it. */
async function begin(): Promise<World> {
  const server = await startTestServer({ COUNTERSIGN_KEY: oldKey });
  const [acme, globex] = [await seed(server), await seed(server, "Globex")];
  const { keys } = await furnish(server, acme, { keys: 3, certificates: 1, requests: 1 });
  await furnish(server, globex, { keys: 2 });
  const world = { server, acme, globex, keys };
  worlds.push(world);
  return world;
}

/** Whether a server signs with a key of an organization: it has to open it for that. */
async function signs(ask: Ask, story: Story, id: string): Promise<true | string | undefined> {
  const { errors } = await ask(
    story.owner,
    "query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { devices { nodes { appleId } } } } }",
    { id },
  );
  return errors === undefined ? true : errors[0]?.extensions.code;
}

/** The labels of the keys that wrap data keys. */
async function labels({ server }: World): Promise<Set<string>> {
  const rows = await query<{ label: string }>(server.database.ownerUrl, "SELECT key_label AS label FROM data_keys");
  return new Set(rows.map(({ label }) => label));
}

const startWith = ({ server }: World, changes: Record<string, string>): Promise<Replica> =>
  startReplica({ ...server, environment: { ...server.environment, COUNTERSIGN_FORMER_KEYS: "", ...changes } });

/** An organization with one key, made through another server. */
async function newcomer({ server }: World, at: Replica, name: string) {
  const story = await seed({ ...server, ask: at.ask, platform: at.platform }, name);
  return [story, await story.credential(story.organizationId, { verify: false })] as const;
}

async function beforeTheRotation(world: World, both: Replica): Promise<void> {
  const { server, acme, keys } = world;
  await expect(startWith(world, { COUNTERSIGN_KEY: newKey })).rejects.toThrow(`start with ${OLD}`);
  const refused = await operate(server, ["vault", "rotate"], { COUNTERSIGN_KEY: newKey });
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toContain(`start with ${OLD}`);
  // Each opens what the other has sealed; what is made now is wrapped with the key in force, which both have.
  const [initech, made] = await newcomer(world, both, "Initech");
  expect(await signs(server.ask, initech, made)).toBe(true);
  expect(await signs(both.ask, acme, keys[0] ?? "")).toBe(true);
  expect(await labels(world)).toEqual(new Set([OLD]));
}

async function theRotation(world: World, both: Replica): Promise<void> {
  const { server, acme, keys } = world;
  for (const id of keys) expect(await signs(server.ask, acme, id)).toBe(true);
  const done = await operate(server, ["vault", "rotate"], BOTH);
  expect(done).toMatchObject({ status: 0, stderr: "" });
  expect(done.stdout).toContain(`3 data keys wrapped anew with ${NEW}.`);
  expect(done.stdout).toContain(`No longer needed, once every process has ${NEW}: ${OLD}.`);
  for (const key of [oldKey, newKey]) expect(done.stdout).not.toContain(key.slice(0, 8));
  expect(await labels(world)).toEqual(new Set([NEW]));
  for (const id of keys) {
    expect(await signs(both.ask, acme, id)).toBe(true);
    // With the old key alone, by what it has unwrapped before.
    expect(await signs(server.ask, acme, id)).toBe(true);
  }
}

async function afterTheRotation(world: World): Promise<void> {
  const { server, acme, keys } = world;
  const { right, wrong } = await openAll(server.database.ownerUrl, keyOf(newKey));
  expect([right.length, wrong]).toEqual([10, []]);
  await expect(startWith(world, { COUNTERSIGN_KEY: oldKey })).rejects.toThrow(`start with ${NEW}`);
  const alone = await startWith(world, { COUNTERSIGN_KEY: newKey });
  try {
    for (const id of keys) expect(await signs(alone.ask, acme, id)).toBe(true);
    // The old process has never unwrapped this one, and cannot: a coded error, and the others keep working.
    const [hooli, late] = await newcomer(world, alone, "Hooli");
    expect(await signs(alone.ask, hooli, late)).toBe(true);
    expect(await signs(server.ask, hooli, late)).toBe("INTERNAL");
    expect(await signs(server.ask, acme, keys[0] ?? "")).toBe(true);
  } finally {
    await alone.close();
  }
}

test("the key-encryption key is replaced, in the order of the documentation, without a pause and without a loss", async () => {
  const world = await begin();
  const { server, acme } = world;
  const both = await startWith(world, BOTH);
  try {
    await beforeTheRotation(world, both);
    await theRotation(world, both);
  } finally {
    await both.close();
  }
  await afterTheRotation(world);
  const again = await operate(server, ["vault", "rotate", "--json"], { COUNTERSIGN_KEY: newKey });
  expect(JSON.parse(again.stdout)).toEqual({ from: NEW, to: NEW, rewrapped: 0, broken: [] });
  const { stdout } = await operate(server, ["audit", "export", "--organization", acme.organizationId]);
  const entries = stdout.split("\n").filter((line) => line.includes("data_key.rewrapped"));
  expect(entries.map((line) => JSON.parse(line) as object)).toMatchObject([
    { actorId: "operator", details: { from: OLD, to: NEW } },
  ]);
  expect((await operate(server, ["audit", "verify"])).status).toBe(0);
}, 120_000);

test("the old key stays in force while a data key does not unwrap, which is named; mended, the rotation goes on", async () => {
  const world = await begin();
  const { server, globex } = world;
  const { ownerUrl } = server.database;
  const [kept] = await query<{ id: string; wrapped: Buffer }>(ownerUrl, [
    "SELECT id, wrapped FROM data_keys WHERE root_id = $1",
    [globex.organizationId],
  ]);
  if (kept === undefined) throw new Error("The organization has no data key");
  const put = (wrapped: Buffer) =>
    query(ownerUrl, ["UPDATE data_keys SET wrapped = $2 WHERE id = $1", [kept.id, wrapped]]);
  await put(randomBytes(60));
  const refused = await operate(server, ["vault", "rotate"], BOTH);
  expect(refused.status).toBe(1);
  expect(refused.stdout).toContain(`✗ ${kept.id} of ${globex.organizationId} does not unwrap with ${OLD}`);
  expect(refused.stdout).toContain(`${OLD} stays in force`);
  // Half of it is wrapped with the other key: whoever starts now needs both.
  await expect(startWith(world, { COUNTERSIGN_KEY: oldKey })).rejects.toThrow(`to ${NEW}`);
  await put(kept.wrapped);
  expect((await operate(server, ["vault", "rotate"], BOTH)).status).toBe(0);
  expect((await openAll(ownerUrl, keyOf(newKey))).wrong).toEqual([]);
}, 60_000);

describe("a rotation", () => {
  let world: World;
  beforeAll(async () => {
    world = await begin();
  });

  test("needs the owner of the tables, and the options that belong together", async () => {
    const { server, acme } = world;
    const asServer = await operate(server, ["vault", "rotate"], { DATABASE_OWNER_URL: "" });
    expect(asServer.status).toBe(1);
    expect(asServer.stderr).toContain("DATABASE_OWNER_URL is missing");
    const astray = await operate(server, ["vault", "rotate", "--organization", acme.organizationId]);
    expect(astray.status).toBe(1);
    expect(astray.stderr).toContain("--organization goes with --data-keys");
  }, 60_000);

  test("cannot be done by the server's role", async () => {
    const { server, acme } = world;
    const statements = [
      "UPDATE data_keys SET wrapped = wrapped",
      "DELETE FROM data_keys",
      "UPDATE vault_sentinels SET label = label",
      "DELETE FROM tenants WHERE kind = 'ORGANIZATION' RETURNING id",
      "SELECT * FROM deleted_organizations",
    ];
    for (const statement of statements) {
      const scope = `SELECT set_config('countersign.roots', '${acme.organizationId}', true),
        set_config('countersign.tenants', '${acme.organizationId}', true), set_config('countersign.operator', 'on', true)`;
      const outcome = await query(server.database.serverUrl, "BEGIN", scope, statement).catch(
        (error: unknown) => (error as { code: string }).code,
      );
      expect([statement, outcome]).toEqual([statement, statement.startsWith("DELETE FROM tenants") ? [] : "42501"]);
    }
  });
});

test("a process of its own, with the old key alone, keeps serving what it has opened while another rotates", async () => {
  const { server, acme, keys } = await begin();
  const [id = ""] = keys;
  const process = await startProcess(server, { COUNTERSIGN_KEY: oldKey });
  try {
    expect(await signs(process.ask, acme, id)).toBe(true);
    expect((await operate(server, ["vault", "rotate"], BOTH)).status).toBe(0);
    expect(await signs(process.ask, acme, id)).toBe(true);
  } finally {
    expect(await process.end("SIGTERM")).toBe(0);
  }
}, 60_000);
