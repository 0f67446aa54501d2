import { chmod, mkdtemp, rm } from "node:fs/promises";
import { freemem, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../src/database/embedded/postgres.js";
import { migrate } from "../../src/database/migrate.js";
import { parentOf, usageOfTree, type Usage } from "./usage.js";

/** A database of the benchmarks. */
export interface Database {
  /** As its owner, who is superuser and whom row-level security does not bind. */
  readonly ownerUrl: string;
  /** As the role that Countersign runs as. */
  readonly serverUrl: string;
}

/** The PostgreSQL of the benchmarks. */
export interface BenchPostgres extends Database {
  /** Of all of PostgreSQL; null where the system does not tell. */
  readonly usage: () => Usage | null;
  /** `PostgreSQL 18.1`. */
  readonly version: string;
  /** One more database, migrated and empty. */
  readonly makeDatabase: (name: string) => Promise<Database>;
  readonly stop: () => Promise<void>;
}

const MB = 1024 * 1024;

/** As a server of this size would be set up: the embedded one is set up for a small machine. Commits wait for the disk. */
function settings(): Record<string, string> {
  const memory = Math.floor(Math.min(totalmem() / 4, freemem() / 2) / MB);
  return {
    shared_buffers: `${Math.max(128, Math.min(4096, memory))}MB`,
    effective_cache_size: `${Math.floor(totalmem() / MB / 2)}MB`,
    work_mem: "16MB",
    maintenance_work_mem: "256MB",
    random_page_cost: "1.1",
    effective_io_concurrency: "200",
    wal_buffers: "16MB",
    max_wal_size: "8GB",
    checkpoint_timeout: "30min",
    checkpoint_completion_target: "0.9",
  };
}

/** Starts a PostgreSQL of its own in a folder of its own, tuned and migrated. */
export async function startBenchPostgres(): Promise<BenchPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), "countersign-bench-"));
  await chmod(dataDir, 0o755);
  try {
    const untuned = await startEmbeddedPostgres({ dataDir });
    const tuning = Object.entries(settings()).map(([name, value]) => `ALTER SYSTEM SET ${name} = '${value}'`);
    await query(untuned.ownerUrl, ...tuning);
    await untuned.stop(); // The size of the shared buffers is taken at the start.
    const postgres = await startEmbeddedPostgres({ dataDir });
    await migrate(postgres.ownerUrl, postgres.serverUrl);
    return { ...postgres, ...(await about(postgres)), stop: () => end(postgres, dataDir) };
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}

async function about(postgres: EmbeddedPostgres) {
  const client = new pg.Client({ connectionString: postgres.ownerUrl });
  await client.connect();
  const { rows } = await client.query<{ pid: number; version: string }>(
    "SELECT pg_backend_pid() AS pid, current_setting('server_version') AS version",
  );
  // Looked up while the connection, and so its process, lives.
  const postmaster = parentOf(rows[0]?.pid ?? 0);
  await client.end();
  return {
    version: `PostgreSQL ${rows[0]?.version ?? ""}`,
    usage: () => (postmaster === null ? null : usageOfTree(postmaster)),
    makeDatabase: async (name: string): Promise<Database> => {
      await query(postgres.ownerUrl, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
      const [owner, server] = [new URL(postgres.ownerUrl), new URL(postgres.serverUrl)];
      owner.pathname = server.pathname = `/${name}`;
      await migrate(owner.href, server.href);
      return { ownerUrl: owner.href, serverUrl: server.href };
    },
  };
}

async function end(postgres: EmbeddedPostgres, dataDir: string): Promise<void> {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}

/** Runs statements, on a connection of its own. */
export async function query(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
