import { randomUUID } from "node:crypto";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { identify, isAlive, isErrorCode, type ProcessIdentity } from "./process.js";

const WAIT_LIMIT_MS = 180_000;
const POLL_MS = 40;
/** A lock file is created and then filled: one that is still empty after this was left by a crash in between. */
const EMPTY_LIMIT_MS = 5_000;

/** Runs the work while this process, and no other, holds the lock file. A lock whose holder died is taken over. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await acquire(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string): Promise<void> {
  const content = JSON.stringify({ ...identify(process.pid), token: randomUUID() });
  const deadline = Date.now() + WAIT_LIMIT_MS;
  for (;;) {
    try {
      await writeFile(path, content, { flag: "wx" });
      return;
    } catch (error) {
      if (!isErrorCode(error, "EEXIST")) throw error;
    }
    const stale = await readStale(path);
    if (stale !== null) await remove(path, stale);
    else if (Date.now() > deadline)
      throw new Error(`Another process has held ${path} for long. If none uses this folder, delete that file.`);
    else await delay(POLL_MS);
  }
}

/** Removes a stale lock. Under a lock of its own: or a second remover would hit the lock taken after the first one's. */
async function remove(path: string, stale: string): Promise<void> {
  await withLock(`${path}.break`, async () => {
    if ((await readStale(path)) === stale) await rm(path, { force: true });
  });
}

/** The lock's content where its holder is dead, else null. */
async function readStale(path: string): Promise<string | null> {
  try {
    const content = await readFile(path, "utf8");
    if (content === "") return Date.now() - (await stat(path)).mtimeMs > EMPTY_LIMIT_MS ? content : null;
    return isAlive(JSON.parse(content) as ProcessIdentity) ? null : content;
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return null;
    if (error instanceof SyntaxError) throw new Error(`${path} is damaged: delete it.`, { cause: error });
    throw error;
  }
}
