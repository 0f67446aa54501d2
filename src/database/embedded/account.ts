import { chmod, lchown, lstat, mkdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { isErrorCode } from "./process.js";

/** The unprivileged account that PostgreSQL runs as when this process is root, which it refuses to be. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Permission bits as in a mode, of one class. */
const ENTER = 0o1;
const READ_AND_ENTER = 0o5;

/** The account for a cluster: of whoever owns it already, else postgres, else nobody; null where this process is not root. */
export async function chooseAccount(clusterDir: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const accounts = await readAccounts();
  const owner = await lstat(clusterDir).catch(() => null);
  if (owner !== null && owner.uid !== 0) {
    const known = accounts.find(({ uid }) => uid === owner.uid);
    return { name: known?.name ?? `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  }
  for (const name of ["postgres", "nobody"]) {
    const account = accounts.find((one) => one.name === name && one.uid !== 0);
    if (account !== undefined) return account;
  }
  throw new Error(
    "PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it as: start as an ordinary user, or set DATABASE_URL.",
  );
}

/** Tells whether the account may go into the folder, by the modes of it and of all above it. */
export async function canEnter(account: Account, dir: string): Promise<boolean> {
  for (const folder of ancestors(await realpath(dir))) if (!(await allows(account, folder, ENTER))) return false;
  return true;
}

/** Tells whether the account may read and run these files, or list these folders; whoever is no account may. */
export async function canUse(account: Account | null, paths: readonly string[]): Promise<boolean> {
  if (account === null) return true;
  for (const path of paths) {
    if (!(await allows(account, path, READ_AND_ENTER)) || !(await canEnter(account, dirname(path)))) return false;
  }
  return true;
}

/** Makes a folder, if it is missing, of that mode whatever the umask; root gives it to the account. */
export async function makeFolder(path: string, mode: number, owner: Account | null = null): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (isErrorCode(error, "EEXIST")) return;
    throw error;
  }
  await chmod(path, mode);
  if (owner !== null) await lchown(path, owner.uid, owner.gid);
}

/**
 * The first of the folders that root alone may write and the account may enter, made when missing: for what the account
 * cannot reach where it is (`unreachable`).
 */
export async function chooseSystemDir(
  candidates: readonly string[],
  account: Account,
  unreachable: string,
): Promise<string> {
  for (const path of candidates) {
    try {
      await makeFolder(path, 0o755);
      if ((await isRootOnly(path)) && (await canEnter(account, path))) return await realpath(path);
    } catch (error) {
      if (!isErrorCode(error, "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR")) throw error;
    }
  }
  throw new Error(
    `PostgreSQL refuses to be root, the account ${account.name} cannot get to ${unreachable}, and ${candidates.join(" and ")} cannot be used instead: start as an ordinary user, open the folders to it (chmod o+x), or set DATABASE_URL.`,
  );
}

/** Tells whether nobody but root could have put the folder, or what is in it, there. */
async function isRootOnly(path: string): Promise<boolean> {
  if (!(await lstat(path)).isDirectory()) return false;
  const folders = ancestors(await realpath(path));
  for (const [index, folder] of folders.entries()) {
    const { uid, gid, mode } = await stat(folder);
    const writers = mode & (gid === 0 ? 0o002 : 0o022);
    // In a sticky folder such as /tmp others may add, but not replace what is root's.
    const sticky = index > 0 && (mode & 0o1000) !== 0;
    if (uid !== 0 || (writers !== 0 && !sticky)) return false;
  }
  return true;
}

/** By the modes alone; children are given no further groups. */
async function allows(account: Account, path: string, bits: number): Promise<boolean> {
  const { uid, gid, mode } = await stat(path);
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** The folder and all above it, nearest first. */
function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...ancestors(parent)];
}

async function readAccounts(): Promise<Account[]> {
  const text = await readFile(join("/etc", "passwd"), "utf8");
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = ""] = line.split(":");
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}
