import "reflect-metadata";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../src/database/embedded/postgres.js";
import { migrate } from "../../src/database/migrate.js";

/** What the tests find in their environment: the owner's URL of the migrated template, and the server's password. */
export const TEMPLATE_URL_VARIABLE = "COUNTERSIGN_TEST_TEMPLATE_URL";
/** The role that tests connect as, like the server. */
export const SERVER_ROLE = "countersign_test_server";
export const SERVER_PASSWORD = "countersign-test";

/** SQL that is run on the template once it is migrated: how `npm run test:mutants` takes a policy away. Read here alone. */
export const TEMPLATE_SQL_VARIABLE = "COUNTERSIGN_TEST_TEMPLATE_SQL";

/** What the teardown ends. */
export interface Provisioned {
  embedded: EmbeddedPostgres | null;
  dataDir: string | null;
}

/**
 * Makes one migrated database that every test file copies: on the PostgreSQL server of TEST_DATABASE_OWNER_URL, or
 * on the embedded one.
 */
export default async function setUp(): Promise<void> {
  const provisioned: Provisioned = { embedded: null, dataDir: null };
  (globalThis as { provisioned?: Provisioned }).provisioned = provisioned;
  let ownerUrl = process.env["TEST_DATABASE_OWNER_URL"];
  if (ownerUrl === undefined || ownerUrl === "") {
    console.log("Tests run on the embedded PostgreSQL (TEST_DATABASE_OWNER_URL names another).");
    provisioned.dataDir = await mkdtemp(join(tmpdir(), "countersign-test-"));
    await chmod(provisioned.dataDir, 0o755); // As root, the database runs as another account.
    provisioned.embedded = await startEmbeddedPostgres({ dataDir: provisioned.dataDir, durable: false });
    ownerUrl = provisioned.embedded.ownerUrl;
  } else {
    console.log("Tests run on the PostgreSQL server of TEST_DATABASE_OWNER_URL.");
  }
  const template = `countersign_test_${process.pid}_template`;
  await run(new URL(ownerUrl), `CREATE DATABASE ${template}`);
  const templateUrl = new URL(ownerUrl);
  templateUrl.pathname = `/${template}`;
  const serverUrl = new URL(templateUrl);
  serverUrl.username = SERVER_ROLE;
  serverUrl.password = SERVER_PASSWORD;
  await migrate(templateUrl.href, serverUrl.href);
  const sql = process.env[TEMPLATE_SQL_VARIABLE];
  if (sql !== undefined && sql !== "") await run(templateUrl, sql);
  process.env[TEMPLATE_URL_VARIABLE] = templateUrl.href;
}

async function run(url: URL, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
