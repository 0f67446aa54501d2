import { rm } from "node:fs/promises";
import pg from "pg";
import { TEMPLATE_URL_VARIABLE, type Provisioned } from "./global-setup.js";

/** Drops what the tests made, and stops the embedded PostgreSQL. */
export default async function tearDown(): Promise<void> {
  const { provisioned } = globalThis as { provisioned?: Provisioned };
  const templateUrl = process.env[TEMPLATE_URL_VARIABLE];
  if (templateUrl !== undefined && provisioned?.embedded === null) {
    const url = new URL(templateUrl);
    const prefix = url.pathname.slice(1).replace(/template$/, "");
    url.pathname = "/postgres";
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query<{ datname: string }>(
      "SELECT datname FROM pg_database WHERE starts_with(datname, $1)",
      [prefix],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
    await client.end();
  }
  await provisioned?.embedded?.stop();
  if (typeof provisioned?.dataDir === "string") await rm(provisioned.dataDir, { recursive: true, force: true });
}
