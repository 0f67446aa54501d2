import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { found } from "../../src/services/organization.js";
import { readyToSeal } from "../../src/services/vault/data-key.js";
import type { KeyProvider } from "../../src/vault/key-provider.js";
import { startPostgresProxy, type OnCommit, type PostgresProxy } from "../support/crash/postgres-proxy.js";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { furnish, keyOf, openAll, operatorOf, start, type Run } from "../support/vault.js";

/** The statements by which the steps of a rotation are known. */
const STEPS = [
  ...["key_rotation_begin", "key_rotation_rewrap", "key_rotation_move"],
  ...["data_keys_begin", "data_key_succeed", "data_key_retire", "data_keys_done", "data_key_destroy"],
  ...["credentials", "certificates", "signing_requests", "signing_intents"].map(
    (table) => `reseal_replace_${table}_sealed_key`,
  ),
];

const [oldKey, newKey] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
/** After how many steps a rotation of data keys is killed: 6 for more kills, as `KILLED_AFTER=6 npm test -- vault/rotation-killed`. */
const KILLED_AFTER = Number(process.env["KILLED_AFTER"] ?? 12);
/** Data keys that are wrapped anew in one transaction are 100: so many organizations take three. */
const ORGANIZATIONS = 210;

let server: TestServer;
let proxy: PostgresProxy;
let onCommit: OnCommit;
let stories: Story[];
let keys: [KeyProvider, ...KeyProvider[]];

beforeAll(async () => {
  server = await startTestServer({ COUNTERSIGN_KEY: oldKey });
  const { hostname, port } = new URL(server.database.ownerUrl);
  proxy = await startPostgresProxy({ host: hostname, port: Number(port) }, STEPS, (...at) => onCommit(...at));
  stories = [await seed(server), await seed(server, "Globex"), await seed(server, "Initech")];
  for (const story of stories) await furnish(server, story, { keys: 70, certificates: 3, requests: 3 });
  keys = [keyOf(oldKey)];
}, 120_000);
afterAll(async () => {
  await proxy.close();
  await server.close();
});

/** Runs a command that is killed before or after the so manieth step is committed, if there are so many. */
async function run(args: readonly string[], changes: Record<string, string>, step: number, when: "before" | "after") {
  const owner = Object.assign(new URL(server.database.ownerUrl), { port: String(proxy.port) });
  let [steps, isKilled] = [0, false];
  onCommit = (_, at) => {
    if (at === "before") steps += 1;
    isKilled ||= steps === step && at === when;
    if (isKilled) running.child.kill("SIGKILL");
    return isKilled;
  };
  const running = start(operatorOf(server, { DATABASE_OWNER_URL: owner.href, ...changes }), args);
  const ended: Run = await running.ended;
  return { ...ended, isKilled };
}

/**
 * Runs a command that is killed again and again, each time a few steps (`from` or one more) after it has begun where the
 * last run stood, until one goes through. At every point everything opens. Gives how often it was killed.
 */
async function untilDone(args: readonly string[], from: number, changes: Record<string, string> = {}): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    const { isKilled, status, stderr } = await run(
      args,
      changes,
      from + (kills % 2),
      kills % 4 < 2 ? "before" : "after",
    );
    const { wrong } = await openAll(server.database.ownerUrl, ...keys);
    expect(wrong).toEqual([]);
    if (isKilled) continue;
    expect([status, stderr]).toEqual([0, ""]);
    return kills;
  }
}

const dataKeys = () =>
  query<{ id: string; label: string }>(
    server.database.ownerUrl,
    "SELECT id, key_label AS label FROM data_keys ORDER BY root_id, id",
  );

test("a rotation of the data keys that is killed again and again loses nothing, and leaves no old key", async () => {
  const before = await dataKeys();
  const { right } = await openAll(server.database.ownerUrl, ...keys);
  const kills = await untilDone(["vault", "rotate", "--data-keys", "--wait", "0"], KILLED_AFTER);
  expect(kills).toBeGreaterThanOrEqual(KILLED_AFTER > 6 ? 2 : 4);
  const after = await dataKeys();
  expect(after).toHaveLength(before.length);
  expect(after.filter(({ id }) => before.some((old) => old.id === id))).toEqual([]);
  expect((await openAll(server.database.ownerUrl, ...keys)).right).toEqual(right);
  console.log(
    `data keys: killed ${kills} times, ${right.length} secrets open, ${before.length} old data keys are gone`,
  );
}, 600_000);

test("a rotation of the key-encryption key that is killed again and again loses nothing, and ends with the new key alone", async () => {
  for (let n = stories.length; n < ORGANIZATIONS; n += 1) {
    const { organizationId } = await found(server.platform, `Organization ${n}`);
    await readyToSeal(server.platform, organizationId);
  }
  const { right } = await openAll(server.database.ownerUrl, ...keys);
  keys = [keyOf(newKey), keyOf(oldKey)];
  const both = { COUNTERSIGN_KEY: newKey, COUNTERSIGN_FORMER_KEYS: oldKey };
  const kills = await untilDone(["vault", "rotate"], 2, both);
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(new Set((await dataKeys()).map(({ label }) => label))).toEqual(new Set([keyOf(newKey).label]));
  expect((await openAll(server.database.ownerUrl, keyOf(newKey))).right).toEqual(right);
  console.log(`key-encryption key: killed ${kills} times, ${ORGANIZATIONS} data keys are wrapped with the new one`);
}, 600_000);
