import { createHash } from "node:crypto";
import { access, chmod, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";

import { canEnter, chooseAccount, chooseSystemDir, makeFolder, type Account } from "./account.js";
import { findPackage, prepareBinaries } from "./binaries.js";
import { createCluster, OWNER_ROLE, removeDrafts, type Cluster } from "./cluster.js";
import { withLock } from "./lock.js";
import { identify, isAlive, isErrorCode, waitForEnd } from "./process.js";
import { findPostmaster, startPostmaster, stopPostmaster, type Postmaster } from "./postmaster.js";
import { createState, readState, writeState, type EmbeddedState } from "./state.js";

/** A PostgreSQL that runs on this machine, for this project only. */
export interface EmbeddedPostgres {
  /** URL of the database as its owner, who is superuser. */
  ownerUrl: string;
  /** URL of the database as the role that the server connects as; the migrations make the role, with this password. */
  serverUrl: string;
  /** False where another living process started it: this one is attached, and its `stop` does nothing. */
  startedHere: boolean;
  /** Stops what was started here, or adopted from a process that died; resolves once it has ended. */
  stop: () => Promise<void>;
}

/** Where and how the embedded PostgreSQL runs. */
export interface EmbeddedOptions {
  /** Holds postgres.json (the passwords), postgres.log and, where PostgreSQL's account can go there, the data. */
  dataDir: string;
  /** Is told, in a line, what takes time or is good to know. */
  onProgress?: (line: string) => void;
  /** False: nothing is waited for to be on disk, for tests. */
  durable?: boolean;
  /** Folder of the package with PostgreSQL; that of this platform if left out. */
  packageDir?: string;
  /** Where root keeps what PostgreSQL's account cannot reach elsewhere; /var/lib/countersign if left out. */
  systemDir?: string;
}

const SERVER_ROLE = "countersign_server";
const DATABASE = "countersign";
const ATTACH_LIMIT_MS = 60_000;
const DEATH_LIMIT_MS = 2_000;

/**
 * Starts the PostgreSQL of a data folder, making it at first, or attaches to it where another process runs it already.
 * Where the process that started it has died (SIGKILL) and it has not, this one adopts it, and is the one to stop it.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const made = await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // Root's folder lets others pass, not look around: PostgreSQL's account has to.
  if (made !== undefined && process.getuid?.() === 0) await chmod(dataDir, 0o711);
  return await withLock(join(dataDir, "postgres.lock"), () => startLocked(dataDir, options));
}

async function startLocked(dataDir: string, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { onProgress = () => undefined, durable = true, systemDir = "/var/lib/countersign" } = options;
  const { packageDir = findPackage() } = options;
  const statePath = join(dataDir, "postgres.json");
  const stored = await readState(statePath);
  const account = await chooseAccount(stored?.clusterDir ?? join(dataDir, "postgres"));
  const state = stored ?? createState(await chooseClusterDir(dataDir, account, systemDir));
  const cluster: Cluster = {
    dir: state.clusterDir ?? join(dataDir, "postgres"),
    logPath: join(dataDir, "postgres.log"),
    account,
    binaries: await prepareBinaries(packageDir, account, () =>
      account === null
        ? Promise.resolve(dataDir)
        : chooseSystemDir([systemDir, join(tmpdir(), "countersign")], account, packageDir),
    ),
  };
  await ensureCluster(cluster, state, stored === null, statePath, durable, onProgress);

  let postmaster = await attach(cluster, state, onProgress);
  let startedHere = false;
  if (postmaster === null) {
    postmaster = await start(cluster, state, durable);
    startedHere = true;
  } else if (state.starter === null || !isAlive(state.starter)) {
    onProgress("The database was still running, left by a process that died: it is ours now.");
    startedHere = true;
  }
  if (startedHere) await writeState(statePath, { ...state, port: postmaster.port, starter: identify(process.pid) });
  return {
    ownerUrl: ownerUrl(state, postmaster).href,
    serverUrl: databaseUrl(SERVER_ROLE, state.serverPassword, postmaster).href,
    startedHere,
    stop: startedHere ? stopOnce(cluster, postmaster, join(dataDir, "postgres.lock")) : () => Promise.resolve(),
  };
}

/** As root, where PostgreSQL's account cannot pass, the data lies in a folder named for the data folder; else null. */
async function chooseClusterDir(dataDir: string, account: Account | null, systemDir: string): Promise<string | null> {
  if (account === null || (await canEnter(account, dataDir))) return null;
  const clusters = join(await chooseSystemDir([systemDir], account, dataDir), "clusters");
  const own = join(clusters, createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
  for (const folder of [clusters, own]) await makeFolder(folder, 0o755);
  return join(own, "postgres");
}

/** Makes the cluster at the first start; refuses to begin anew where one was and data or passwords are gone. */
async function ensureCluster(
  cluster: Cluster,
  state: EmbeddedState,
  isNew: boolean,
  statePath: string,
  durable: boolean,
  onProgress: (line: string) => void,
): Promise<void> {
  const { dir, account } = cluster;
  await removeDrafts(cluster);
  const found = await access(dir).then(
    () => true,
    (error: unknown) => !isErrorCode(error, "ENOENT"),
  );
  if (found && isNew)
    throw new Error(
      `${dir} holds a database, but its passwords, ${statePath}, are gone: restore them, or move it away.`,
    );
  if (found) return;
  if (state.port !== null)
    throw new Error(`The database in ${dir} is gone: restore it, or delete ${statePath} to begin with an empty one.`);
  onProgress("First start: preparing the database (about 2 s).");
  if (account !== null)
    onProgress(`PostgreSQL refuses to be root: it runs as ${account.name}, with its data in ${dir}.`);
  // Passwords first: a cluster without them would be lost.
  await writeState(statePath, state);
  await createCluster(cluster, state.ownerPassword, durable);
}

/** The postmaster that runs already, once it is ready; null where there is none, or it was about to end. */
async function attach(
  cluster: Cluster,
  state: EmbeddedState,
  onProgress: (line: string) => void,
): Promise<Postmaster | null> {
  const deadline = Date.now() + ATTACH_LIMIT_MS;
  let told = "";
  while (Date.now() < deadline) {
    const postmaster = await findPostmaster(cluster);
    if (postmaster === null) return null;
    if (postmaster.status === "ready") {
      try {
        await ensureDatabase(ownerUrl(state, postmaster));
        return postmaster;
      } catch (error) {
        // One that was just killed looks alive for a moment.
        if (!(await waitForEnd(postmaster.process, DEATH_LIMIT_MS))) throw error;
      }
    } else {
      if (told !== postmaster.status) onProgress(`The database is ${postmaster.status}: waiting for it.`);
      told = postmaster.status;
      await delay(50);
    }
  }
  throw new Error(`The embedded PostgreSQL that runs on ${cluster.dir} does not get ready: see ${cluster.logPath}.`);
}

async function start(cluster: Cluster, state: EmbeddedState, durable: boolean): Promise<Postmaster> {
  const postmaster = await startPostmaster(cluster, state.port, durable);
  try {
    await ensureDatabase(ownerUrl(state, postmaster));
    return postmaster;
  } catch (error) {
    await stopPostmaster(cluster, postmaster);
    throw error;
  }
}

/** Proves that it is our PostgreSQL, by its password, and makes the database if it is missing. */
async function ensureDatabase(owner: URL): Promise<void> {
  const maintenance = new URL(owner);
  maintenance.pathname = "postgres";
  const client = new pg.Client({ connectionString: maintenance.href, connectionTimeoutMillis: 10_000, ssl: false });
  // A connection that breaks fails the query too; unheard, the event would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } catch (error) {
    // A start that was killed a moment ago may have had it made after we looked.
    if (isErrorCode(error, "42P04", "23505")) return;
    throw new Error(`The embedded PostgreSQL on port ${owner.port} does not let its owner in.`, { cause: error });
  } finally {
    await client.end();
  }
}

function ownerUrl(state: EmbeddedState, postmaster: Postmaster): URL {
  return databaseUrl(OWNER_ROLE, state.ownerPassword, postmaster);
}

function databaseUrl(role: string, password: string, { port }: Postmaster): URL {
  return new URL(`postgres://${role}:${password}@127.0.0.1:${port}/${DATABASE}`);
}

/** A stop that may be called again and again. Under the lock: whoever starts meanwhile waits for the end. */
function stopOnce(cluster: Cluster, postmaster: Postmaster, lockPath: string): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () =>
    (stopped ??= withLock(lockPath, async () => {
      if (isAlive(postmaster.process)) await stopPostmaster(cluster, postmaster);
    }));
}
