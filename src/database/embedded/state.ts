import { randomBytes, randomUUID } from "node:crypto";
import { lchown, lstat, open, readFile, rename, rm } from "node:fs/promises";

import { isErrorCode, type ProcessIdentity } from "./process.js";

/** What postgres.json keeps between starts: the passwords, and where the cluster is. */
export interface EmbeddedState {
  ownerPassword: string;
  serverPassword: string;
  /** Folder of the cluster's data; null where it is beside this file, so that the data folder may be moved. */
  clusterDir: string | null;
  /** Its port at the last start, tried first at the next; null before the first. */
  port: number | null;
  /** The process that started PostgreSQL, or adopted it, and is to stop it; null while it is stopped. */
  starter: ProcessIdentity | null;
}

/** A state with new passwords, of a cluster that was never started. */
export function createState(clusterDir: string | null): EmbeddedState {
  const password = (): string => randomBytes(32).toString("base64url");
  return { ownerPassword: password(), serverPassword: password(), clusterDir, port: null, starter: null };
}

/** Reads postgres.json; null where there is none. */
export async function readState(path: string): Promise<EmbeddedState | null> {
  let text: string;
  let uid: number;
  try {
    [text, { uid }] = await Promise.all([readFile(path, "utf8"), lstat(path)]);
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return null;
    if (isErrorCode(error, "EACCES"))
      throw new Error(`${path} belongs to another user: start as that user, or set DATABASE_URL.`, { cause: error });
    throw error;
  }
  const state = parse(text);
  // Root follows no path that another user wrote.
  const isForeign = process.getuid?.() === 0 && uid !== 0;
  if (state === null || (isForeign && state.clusterDir !== null))
    throw new Error(`${path} is damaged: restore it, it holds the passwords of the database.`);
  return state;
}

/** Writes postgres.json whole or not at all, readable by its owner only. */
export async function writeState(path: string, state: EmbeddedState): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(state, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await keepOwner(path, draft);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Root that serves a user's folder must not lock the user out of it. */
async function keepOwner(path: string, draft: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const before = await lstat(path).catch(() => null);
  if (before !== null) await lchown(draft, before.uid, before.gid);
}

/** No error of JSON.parse gets out: it would quote the text, and a password with it. */
function parse(text: string): EmbeddedState | null {
  try {
    const state = JSON.parse(text) as Partial<EmbeddedState> | null;
    const passwords = [state?.ownerPassword, state?.serverPassword];
    const isWhole = passwords.every((value) => typeof value === "string" && /^[\w-]+$/.test(value));
    return isWhole && state?.clusterDir !== undefined ? (state as EmbeddedState) : null;
  } catch {
    return null;
  }
}
