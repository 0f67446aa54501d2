import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { lstat, open, readFile, rename, rm, type FileHandle } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Account } from "./account.js";
import { explainSpawn, placeOf, type Cluster } from "./cluster.js";
import { CHILD_ENV, identify, isErrorCode, lastLines, run, waitForEnd, type ProcessIdentity } from "./process.js";

/** A postmaster, the first process of a running PostgreSQL, as its postmaster.pid tells. */
export interface Postmaster {
  process: ProcessIdentity;
  port: number;
  /** "starting", "ready" or "stopping". */
  status: string;
}

const START_LIMIT_MS = 120_000;
const FAST_STOP_LIMIT_MS = 30_000;
const START_TRIES = 5;
const LOG_LIMIT_BYTES = 10_000_000;

const SETTINGS = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=200",
  "password_encryption=scram-sha-256",
  "timezone=UTC",
  "log_timezone=UTC",
  // Statements here are short: parallel plans and jit would only cost, and small containers have no /dev/shm for them.
  "max_parallel_workers_per_gather=0",
  "max_parallel_maintenance_workers=0",
  "jit=off",
  // A statement that fails may hold a password, and the detail of its error a row: neither belongs in a log.
  "log_min_error_statement=panic",
  "log_error_verbosity=terse",
];
const UNDURABLE_SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/** Starts PostgreSQL on a port of its choice, best the preferred one, and waits until it takes connections. */
export async function startPostmaster(
  cluster: Cluster,
  preferredPort: number | null,
  durable: boolean,
): Promise<Postmaster> {
  for (let attempt = 1; ; attempt++) {
    const port = await findPort(attempt === 1 ? preferredPort : null);
    const log = await openLog(cluster.logPath);
    try {
      return await startOn(cluster, port, durable, log);
    } catch (error) {
      // Somebody took the port meanwhile, or the last processes of a killed PostgreSQL are about to end.
      const passing = error instanceof Error && /Address already in use|still in use/.test(error.message);
      if (!passing || attempt === START_TRIES) throw error;
      await delay(200 * attempt);
    } finally {
      await log.close();
    }
  }
}

/** The postmaster that runs on the cluster, ready or not; null where there is none. Clears away what a crash left. */
export async function findPostmaster(cluster: Cluster): Promise<Postmaster | null> {
  const path = join(cluster.dir, "postmaster.pid");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (isErrorCode(error, "ENOENT")) return "";
    throw error;
  });
  const [pid, , , port, , , , status] = text.split("\n");
  const number = Number(pid);
  // The pid of a PostgreSQL in single-user mode is negative.
  if (!Number.isInteger(number) || number <= 0) return null;
  const identity = identify(number);
  if (identity !== null && (await mayBePostgres(number, cluster.account)))
    return { process: identity, port: Number(port ?? 0), status: (status ?? "starting").trim() };
  // PostgreSQL replaces the file of a dead one itself, but takes any process or zombie with that pid for a live one.
  if (pidExists(number)) await rm(path, { force: true });
  return null;
}

/** Ends PostgreSQL fast: transactions are rolled back, connections closed, everything is written to disk. */
export async function stopPostmaster(cluster: Cluster, postmaster: Postmaster): Promise<void> {
  const { pid } = postmaster.process;
  if (process.platform === "win32") {
    // There SIGINT would kill it outright; pg_ctl knows another way.
    await run(cluster.binaries.pgCtl, ["stop", `--pgdata=${cluster.dir}`, "--mode=fast", "--wait"], placeOf(cluster));
    return;
  }
  signal(pid, "SIGINT");
  if (await waitForEnd(postmaster.process, FAST_STOP_LIMIT_MS)) return;
  // Immediate: the next start recovers from the write-ahead log.
  signal(pid, "SIGQUIT");
  if (!(await waitForEnd(postmaster.process, FAST_STOP_LIMIT_MS)))
    throw new Error(`The embedded PostgreSQL (process ${pid}) does not end: see ${cluster.logPath}.`);
}

async function startOn(cluster: Cluster, port: number, durable: boolean, log: FileHandle): Promise<Postmaster> {
  const { size: logStart } = await log.stat();
  const settings = [...SETTINGS, ...(durable ? [] : UNDURABLE_SETTINGS)].flatMap((setting) => ["-c", setting]);
  // A process group of its own: the terminal's Ctrl-C is for us, who stop it after the last request is answered.
  const child = spawn(cluster.binaries.postgres, ["-D", cluster.dir, "-p", String(port), ...settings], {
    ...placeOf(cluster),
    env: CHILD_ENV,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    windowsHide: true,
  });
  const ended = new Promise<Error>((resolve) => {
    child.once("error", resolve);
    child.once("exit", (code, name) => {
      resolve(new Error(`The embedded PostgreSQL ended with ${name ?? `code ${String(code)}`}`));
    });
  });
  child.unref();
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const failure = await Promise.race([ended, delay(20)]);
    if (failure !== undefined) {
      if (child.pid === undefined) return explainSpawn(cluster)(failure);
      throw new Error(
        `${failure.message}. The end of its log, ${cluster.logPath}:\n${await readEnd(cluster, logStart)}`,
      );
    }
    const postmaster = await findPostmaster(cluster);
    if (postmaster?.process.pid === child.pid && postmaster?.status === "ready") return postmaster;
    if (Date.now() > deadline) {
      child.kill("SIGQUIT");
      throw new Error(`The embedded PostgreSQL was not ready in time: see ${cluster.logPath}.`);
    }
  }
}

/** A port of the loopback address that is free now: the preferred one if it can be had. */
async function findPort(preferred: number | null): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (preferred === null) reject(error);
      else resolve(findPort(null));
    });
    server.listen({ port: preferred ?? 0, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}

/** Opens the log to append to; the log before it is kept once, so that both stay small. */
async function openLog(path: string): Promise<FileHandle> {
  const before = await lstat(path).catch(() => null);
  if (before !== null && before.size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`);
  const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW } = constants;
  return await open(path, O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW, 0o600);
}

async function readEnd(cluster: Cluster, start: number): Promise<string> {
  return lastLines((await readFile(cluster.logPath)).subarray(start).toString("utf8"));
}

/** False only where it is surely another program, or another user's, that was given the pid. */
async function mayBePostgres(pid: number, account: Account | null): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => null);
  if (status === null) return true;
  const uid = /^Uid:\t(\d+)/m.exec(status)?.[1];
  return status.startsWith("Name:\tpostgres\n") && Number(uid) === (account?.uid ?? process.getuid?.());
}

function pidExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return isErrorCode(error, "EPERM");
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isErrorCode(error, "ESRCH")) throw error;
  }
}
