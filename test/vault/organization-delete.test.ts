import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { inPreparedTransaction } from "../../src/database/tenancy.js";
import { dataKeyStore } from "../../src/services/vault/data-key.js";
import { placeIn, SEALED } from "../../src/services/vault/sealed-column.js";
import { SealBroken } from "../../src/vault/envelope.js";
import { KeyRing } from "../../src/vault/key-ring.js";
import { Vault } from "../../src/vault/vault.js";
import { query } from "../support/database.js";
import { mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { furnish, keyOf, openAll, operate } from "../support/vault.js";

let server: TestServer;
let globex: Story;

beforeAll(async () => {
  server = await startTestServer();
  globex = await seed(server, "Globex");
  await furnish(server, globex, { keys: 2, certificates: 1 });
});
afterAll(() => server.close());

const key = () => keyOf(server.environment["COUNTERSIGN_KEY"] ?? "");
/** How many rows of each table belong to an organization. */
async function rowsOf(rootId: string): Promise<Record<string, number>> {
  const tables = await query<{ table: string }>(
    server.database.ownerUrl,
    `SELECT c.relname AS table FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'root_id' AND NOT a.attisdropped`,
  );
  const counts: Record<string, number> = {};
  for (const { table } of tables) {
    const statement = `SELECT count(*)::int AS rows FROM ${table} WHERE root_id = $1`;
    const [row] = await query<{ rows: number }>(server.database.ownerUrl, [statement, [rootId]]);
    if (row !== undefined && row.rows > 0) counts[table] = row.rows;
  }
  return counts;
}

describe("deleting an organization", () => {
  test("takes everything that is its own, and leaves every other as it was", async () => {
    const acme = await seed(server);
    const web = await acme.subOrganization("Web");
    const { keys } = await furnish(server, acme, { keys: 2, certificates: 1, requests: 1 });
    await acme.share(keys[0] ?? "");
    await acme.credential(web, { verify: false });
    const exported = await operate(server, ["audit", "export", "--organization", acme.organizationId]);
    const others = await rowsOf(globex.organizationId);
    expect(Object.keys(await rowsOf(acme.organizationId)).length).toBeGreaterThan(10);
    const done = await operate(server, ["organization", "delete", acme.organizationId], {}, "Acme\n");
    expect(done.status).toBe(0);
    expect(await rowsOf(acme.organizationId)).toEqual({});
    expect(await rowsOf(globex.organizationId)).toEqual(others);
    // An export that was made before is shown to be whole by what is left.
    const last = JSON.parse(exported.stdout.trim().split("\n").at(-1) ?? "{}") as { seq: number; hash: string };
    expect(done.stdout).toContain(`Its log had ${last.seq} entries; the last hash was ${last.hash}.`);
    expect(await query(server.database.ownerUrl, "SELECT name, log_hash AS hash FROM deleted_organizations")).toEqual([
      { name: "Acme", hash: last.hash },
    ]);
    expect((await operate(server, ["audit", "verify"])).status).toBe(0);
    expect((await server.ask(acme.owner, "{ __typename }")).status).toBe(401);
    expect((await openAll(server.database.ownerUrl, key())).wrong).toEqual([]);
    const tenantId = globex.organizationId;
    const input = { tenantId, commonName: "Web", email: "ci@acme.example", country: "DE" };
    const made = await mutate(server, globex.owner, "createSigningRequest", "signingRequest { id }", input);
    expect([made.refused, made.denied]).toEqual([null, null]);
  }, 120_000);

  test("leaves sealed values that nothing opens, though somebody kept a copy of their rows and has the key", async () => {
    const acme = await seed(server);
    const { keys } = await furnish(server, acme, { keys: 1 });
    const { organizationId: rootId } = acme;
    const statement = `SELECT id, owner_id AS "ownerId", key_version AS version, sealed_key AS sealed FROM credentials WHERE id = $1`;
    const [copy] = await query<{ id: string; ownerId: string; version: number; sealed: Buffer }>(
      server.database.ownerUrl,
      [statement, keys.slice(0, 1)],
    );
    if (copy === undefined) throw new Error("There is no such row");
    const open = () =>
      inPreparedTransaction(server.platform.readPool, { roots: [rootId], tenants: [rootId] }, (unit) =>
        new Vault(new KeyRing(key()), dataKeyStore).open(
          unit,
          copy.sealed,
          placeIn(SEALED.credentialKey, copy, copy.version),
        ),
      );
    await expect(open()).resolves.toBeDefined();
    expect((await operate(server, ["organization", "delete", rootId, "--yes"])).status).toBe(0);
    await expect(open()).rejects.toThrow(SealBroken);
  }, 60_000);

  test("asks for its name, and does nothing without, for another, or without the rights of the owner", async () => {
    const acme = await seed(server, "Acme Labs");
    const before = await rowsOf(acme.organizationId);
    const remove = ["organization", "delete", acme.organizationId];
    const refusals = await Promise.all([
      operate(server, remove, {}, "Acme\n"),
      operate(server, remove),
      operate(server, [...remove, "--yes"], { DATABASE_OWNER_URL: "" }),
      operate(server, ["organization", "delete", "org_00000000000000000000000000", "--yes"]),
    ]);
    expect(refusals.map(({ status }) => status)).toEqual([1, 1, 1, 1]);
    const said = refusals.map(({ stderr }) => stderr.trim().split("\n").at(-1) ?? "");
    expect(said[0]).toContain("nothing was deleted");
    expect(said[1]).toContain("nothing was deleted");
    expect(said[2]).toContain("DATABASE_OWNER_URL is missing");
    expect(said[3]).toContain("There is no such organization");
    expect(await rowsOf(acme.organizationId)).toEqual(before);
  }, 60_000);
});
