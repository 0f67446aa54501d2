import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import pg from "pg";

import { canUse, type Account } from "../../../src/database/embedded/account.js";
import { findPackage } from "../../../src/database/embedded/binaries.js";
import {
  startEmbeddedPostgres,
  type EmbeddedOptions,
  type EmbeddedPostgres,
} from "../../../src/database/embedded/postgres.js";
import type { ChildAnswer } from "./embedded-child.js";

/** A PostgreSQL that another process of Node started. */
interface ChildDatabase {
  process: ChildProcess;
  ownerUrl: string;
  startedHere: boolean;
  /** Lets the child stop it and end. */
  stop: () => Promise<void>;
}

export const isRoot = process.getuid?.() === 0;
const childPath = fileURLToPath(new URL("./embedded-child.js", import.meta.url));
const nobody: Account = { name: "nobody", uid: 65_534, gid: 65_534 };
const cleanups: (() => Promise<unknown>)[] = [];

/** Undoes after the test what it does now; the last thing first. */
export function undoLater(undo: () => Promise<unknown>): void {
  cleanups.push(undo);
}

/** Stops and removes all that the test made. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A folder; others may go into it unless a mode says otherwise. */
export async function makeTempDir(mode = 0o755): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "countersign-embedded-"));
  await chmod(dir, mode);
  return dir;
}

/** A folder that is removed after the test. */
export async function testDir(mode?: number): Promise<string> {
  const dir = await makeTempDir(mode);
  undoLater(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A data folder, in a folder of its own, whose database is made and stopped. */
export async function makeDataDir(): Promise<string> {
  const dataDir = join(await makeTempDir(), "data");
  const { stop } = await startEmbeddedPostgres({ dataDir, durable: false });
  await stop();
  return dataDir;
}

/** The passwords of the owner and of the server. */
export async function passwordsIn(dataDir: string): Promise<string[]> {
  const state = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")) as Record<string, string>;
  return [state["ownerPassword"] ?? "", state["serverPassword"] ?? ""];
}

/** What a promise is rejected with, as a log would show it: the message with that of its cause. */
export async function messageOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => Promise.reject(new Error("It was not refused.")),
    (error: unknown) => `${String(error)} ${String((error as Error).cause)}`,
  );
}

/** Changes a file until the test is over. */
export async function tamper(path: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(path, "utf8");
  await writeFile(path, change(before));
  undoLater(() => writeFile(path, before));
}

/** Starts one that never waits for the disk; it is stopped after the test. */
export async function start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const database = await startEmbeddedPostgres({ durable: false, ...options });
  undoLater(database.stop);
  return database;
}

/** Starts one from another process; as the account nobody where that is asked for. */
export async function startInChild(options: EmbeddedOptions, as?: "nobody"): Promise<ChildDatabase> {
  const account = as === undefined ? {} : { uid: nobody.uid, gid: nobody.gid };
  const child = fork(childPath, [JSON.stringify({ durable: false, ...options })], {
    ...account,
    execArgv: [],
    cwd: "/",
  });
  const exited = once(child, "exit");
  const [answer] = (await Promise.race([once(child, "message"), exited])) as [ChildAnswer | number | null];
  if (answer === null || typeof answer === "number") throw new Error(`The child ended with code ${String(answer)}.`);
  if ("error" in answer) throw new Error(answer.error);
  const stop = async (): Promise<void> => {
    if (child.connected) child.send("stop");
    await exited;
  };
  undoLater(stop);
  return { process: child, ...answer, stop };
}

/** Why a test cannot run as the account nobody; null where it can. */
export async function whyNotNobody(): Promise<string | null> {
  if (!isRoot) return "only root can start a process as nobody";
  if (await canUse(nobody, [process.execPath, dirname(childPath), findPackage()])) return null;
  return "nobody cannot reach Node or this project";
}

/** A copy of the package with PostgreSQL as npm leaves it when it runs no install scripts: without links. */
export async function copyPackageWithoutLinks(dir: string): Promise<string> {
  const copy = join(dir, "package");
  await cp(findPackage(), copy, { recursive: true, verbatimSymlinks: true });
  for (const { target } of await readLinks(copy)) await rm(join(copy, target), { force: true });
  return copy;
}

/** The links that the package lists. */
export async function readLinks(packageDir: string): Promise<{ target: string }[]> {
  const text = await readFile(join(packageDir, "native", "pg-symlinks.json"), "utf8");
  return JSON.parse(text) as { target: string }[];
}

/** Runs a statement over a connection of its own; the first column of its first row. */
export async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    const { rows } = await client.query({ text: sql, rowMode: "array" });
    return (rows as unknown[][])[0]?.[0];
  } finally {
    await client.end();
  }
}

/** What runs on a folder, from its postmaster.pid. */
export async function postmasterPid(clusterDir: string): Promise<number> {
  return parseInt(await readFile(join(clusterDir, "postmaster.pid"), "utf8"), 10);
}
