import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Pool } from "pg";
import { readConfig } from "../../src/config.js";
import { migrate } from "../../src/database/migrate.js";
import { makeReadPool } from "../../src/database/read-pool.js";
import { openPlatform, type OpenPlatform } from "../../src/platform.js";
import { found } from "../../src/services/organization.js";
import { dataKeyStore, readyToSeal } from "../../src/services/vault/data-key.js";
import { rotateDataKeys } from "../../src/services/vault/data-key-rotation.js";
import { deleteOrganization } from "../../src/services/vault/deletion.js";
import * as keyEncryptionKey from "../../src/services/vault/key-encryption-key.js";
import { KeyRing } from "../../src/vault/key-ring.js";
import { Vault } from "../../src/vault/vault.js";
import { makeDatabase, query, type TestDatabase } from "../support/database.js";
import { keyOf } from "../support/vault.js";

const [oldKey, newKey] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")];
const role = `countersign_test_owner_${randomBytes(4).toString("hex")}`;

let admin: TestDatabase;
let database: string;
let ownerUrl: string;
let opened: OpenPlatform;
let owner: Pool;

beforeAll(async () => {
  admin = await makeDatabase();
  database = `${new URL(admin.ownerUrl).pathname.slice(1)}_owned`;
  await query(
    admin.ownerUrl,
    `CREATE ROLE ${role} LOGIN CREATEROLE PASSWORD 'owner'`,
    `CREATE DATABASE ${database} OWNER ${role}`,
  );
  // That it may give the role to the server, which others have made on this PostgreSQL server.
  await query(admin.ownerUrl, `GRANT countersign_app TO ${role} WITH ADMIN OPTION`);
  const [ownerAt, serverAt] = [new URL(admin.ownerUrl), new URL(admin.serverUrl)];
  Object.assign(ownerAt, { pathname: `/${database}`, username: role, password: "owner" });
  Object.assign(serverAt, { pathname: `/${database}` });
  ownerUrl = ownerAt.href;
  await migrate(ownerUrl, serverAt.href);
  const environment = {
    DATABASE_URL: serverAt.href,
    COUNTERSIGN_KEY: oldKey,
    LOG_LEVEL: "silent",
    APPLE_SYNC_SECONDS: "0",
  };
  opened = await openPlatform(readConfig(environment), () => undefined);
  owner = makeReadPool(ownerUrl, 2);
}, 60_000);
afterAll(async () => {
  await owner.end();
  await opened.close();
  await query(
    admin.ownerUrl,
    `DROP DATABASE ${database} WITH (FORCE)`,
    `DROP OWNED BY ${role} CASCADE`,
    `DROP ROLE ${role}`,
  );
  await admin.drop();
});

test("an owner whom row-level security binds replaces all keys, and deletes an organization", async () => {
  const { platform } = opened;
  const roots = [];
  for (const name of ["Acme", "Globex", "Initech"]) {
    const { organizationId } = await found(platform, name);
    await readyToSeal(platform, organizationId);
    roots.push(organizationId);
  }
  const ring = new KeyRing(keyOf(newKey), [keyOf(oldKey)]);
  expect(await keyEncryptionKey.rotate(owner, ring)).toMatchObject({ rewrapped: 3, broken: [] });
  const sources = { pool: owner, vault: new Vault(ring, dataKeyStore) };
  const done = await rotateDataKeys(sources, { organizationId: null, graceSeconds: 0 });
  expect(done).toMatchObject({ organizations: 3, made: 3, destroyed: 3, broken: [] });
  const [acme = "", ...others] = roots;
  expect(await deleteOrganization(owner, acme)).toMatchObject({ name: "Acme", dataKeys: 1 });
  const left = await query<{ id: string }>(
    Object.assign(new URL(admin.ownerUrl), { pathname: `/${database}` }).href,
    "SELECT id FROM tenants ORDER BY id",
  );
  expect(left.map(({ id }) => id)).toEqual(others.sort());
}, 60_000);
