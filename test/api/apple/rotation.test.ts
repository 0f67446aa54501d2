import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { appleKey, readList, type AppleKey, type ListName } from "../../support/apple.js";
import { query } from "../../support/database.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

const LISTS: readonly ListName[] = ["devices", "certificates", "bundleIds", "provisioningProfiles"];
const TABLES = [
  ...["snapshots", "devices", "certificates", "bundle_ids", "provisioning_profiles"],
  ...["profile_devices", "profile_certificates", "budgets"],
];

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

const read = ({ id }: AppleKey, list: ListName, maxAgeSeconds = 300) =>
  readList(server.ask, acme.owner, id, { list, maxAgeSeconds });

/** A key of which all lists were read, with profiles that hold devices and certificates. */
async function readKey(): Promise<AppleKey> {
  const key = await appleKey(server, acme, { devices: 4, certificates: 4, profiles: 4, bundleIds: 2, apps: 0 });
  for (const list of LISTS) expect((await read(key, list)).ids).not.toEqual([]);
  return key;
}

/** Rotates a key to another one: of the team that is named, or of a team of its own. */
async function rotate({ id, issuerId }: AppleKey, verify: boolean, team?: string) {
  const next = await server.sandbox.registerKey({ program: "app-store", ...(team !== undefined && { team }) });
  const { keyId, privateKey } = next;
  const input = {
    credentialId: id,
    keyId,
    privateKey,
    verify,
    issuerId: team === undefined ? next.issuerId : issuerId,
  };
  const { payload } = await mutate<{ credential: object }>(
    server,
    acme.owner,
    "rotateCredential",
    "credential { keyId }",
    input,
  );
  expect(payload?.credential).toEqual({ keyId });
  return { keyId, team: server.sandbox.team(next.teamId) };
}

/** How many rows there are of a key, in each table of what Apple said. */
async function rowsOf({ id }: AppleKey): Promise<number[]> {
  const counts = TABLES.map((table) => `(SELECT count(*)::int FROM apple_${table} WHERE credential_id = $1)`);
  const [row] = await query<{ counts: number[] }>(server.database.ownerUrl, [
    `SELECT ARRAY[${counts.join(", ")}] AS counts`,
    [id],
  ]);
  return row?.counts ?? [];
}

describe("a key that is rotated", () => {
  test("to one of another team shows nothing of the team that it was of, whatever Apple does", async () => {
    const key = await readKey();
    expect(await rowsOf(key)).not.toContain(0);
    const { keyId, team } = await rotate(key, false);
    expect(await rowsOf(key)).toEqual(TABLES.map(() => 0));

    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "bad-json" } });
    for (const list of LISTS) {
      expect(await read(key, list, 86_400)).toEqual({ ids: null, freshness: null, codes: ["APPLE_UNEXPECTED_ANSWER"] });
    }
    server.sandbox.clearFailures();
    expect((await read(key, "devices")).ids).toEqual(team.devices.map(({ id }) => id));
    const { data } = await server.ask<{ credential: { driftEvents: { nodes: object[] } } }>(
      acme.owner,
      "query ($id: ID!) { credential(id: $id) { driftEvents { nodes { id } } } }",
      { id: key.id },
    );
    expect(data.credential.driftEvents.nodes).toEqual([]);
  });

  test("to another one of its team keeps what Apple said of the team", async () => {
    const key = await readKey();
    const before = await read(key, "devices");
    const { keyId } = await rotate(key, false, key.teamId);
    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "503" } });
    expect(await read(key, "devices")).toEqual(before);
    expect(await read(key, "devices", 0)).toMatchObject({ ids: before.ids, freshness: { stale: true } });
  });

  test("has the budget of the new one, though the old one has to wait for its own", async () => {
    const key = await readKey();
    const failure = { kind: "429", retryAfterSeconds: 600 } as const;
    server.sandbox.failNext({ match: { keyId: key.keyId }, failure });
    const stale = { stale: true, problem: { code: "APPLE_RATE_LIMITED" } };
    for (let n = 0; n < 2; n += 1) expect(await read(key, "devices", 0)).toMatchObject({ freshness: stale });
    await rotate(key, true, key.teamId);
    expect(await read(key, "devices", 0)).toMatchObject({ freshness: { stale: false, problem: null } });
  });
});
