// Starts servers together on an empty database, with one more that is killed at a random instant of its start, and counts
// what was done more than once. It runs a PostgreSQL of its own.
// node dist/bench/first-starts.js [rounds]
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { request } from "undici";
import { startEmbeddedPostgres } from "../src/database/embedded/postgres.js";
import { query } from "./harness/database.js";
import { stopAll } from "./harness/program.js";
import { countersignEnvironment, startCountersign } from "./harness/servers.js";

const rounds = Number(process.argv[2] ?? 5);
const REPLICAS = 4;
/** A start with its migrations takes about so long. */
const KILLED_WITHIN_MS = 2_500;
const MIGRATIONS = readdirSync("migrations").length;

const dataDir = await mkdtemp(join(tmpdir(), "countersign-starts-"));
await chmod(dataDir, 0o755); // As root, PostgreSQL runs as another account.
const postgres = await startEmbeddedPostgres({ dataDir });
const rows: Record<string, object> = {};
try {
  for (let round = 1; round <= rounds; round += 1) {
    const name = `first_${round}`;
    await query(postgres.ownerUrl, `CREATE DATABASE ${name}`);
    const [owner, server] = [new URL(postgres.ownerUrl), new URL(postgres.serverUrl)];
    owner.pathname = server.pathname = `/${name}`;
    const database = { ownerUrl: owner.href, serverUrl: server.href };
    const key = randomBytes(32).toString("base64");
    const environment = { ...countersignEnvironment(database, key), DATABASE_OWNER_URL: owner.href };

    const start = performance.now();
    const dying = spawn(process.execPath, ["dist/src/main.js", "serve"], {
      env: { PATH: process.env["PATH"], ...environment },
      stdio: "ignore",
    });
    const killed = delay(Math.random() * KILLED_WITHIN_MS).then(() => dying.kill("SIGKILL"));
    const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startCountersign(environment)));
    const statuses = await Promise.all(
      replicas.map(async ({ url }) => {
        const { statusCode, body } = await request(`${url}/readyz`);
        await body.dump();
        return statusCode;
      }),
    );
    const seconds = (performance.now() - start) / 1000;
    await killed;

    const client = new pg.Client({ connectionString: owner.href });
    await client.connect();
    const count = async (text: string): Promise<number> =>
      (await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${text}`)).rows[0]?.count ?? 0;
    const row = {
      ready: statuses.filter((status) => status === 200).length,
      "seconds until all were": Number(seconds.toFixed(2)),
      "rows of migrations": await count("migrations"),
      "different ones": await count("(SELECT DISTINCT name FROM migrations) AS names"),
      organizations: await count("tenants"),
      "owner tokens": await count("access_tokens"),
    };
    await client.end();
    rows[`round ${round}`] = row;
    const isWell =
      row.ready === REPLICAS &&
      row["rows of migrations"] === MIGRATIONS &&
      row["different ones"] === MIGRATIONS &&
      row.organizations === 1 &&
      row["owner tokens"] === 1;
    if (!isWell) process.exitCode = 1;
    await stopAll();
  }
  console.table(rows);
} finally {
  await stopAll();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
