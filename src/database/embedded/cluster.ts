import { randomUUID } from "node:crypto";
import { lchown, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { makeFolder, type Account } from "./account.js";
import type { Binaries } from "./binaries.js";
import { isErrorCode, run, type SpawnPlace } from "./process.js";

/** A cluster of PostgreSQL on this machine, and what runs it. */
export interface Cluster {
  dir: string;
  logPath: string;
  binaries: Binaries;
  /** Null: this process's own. */
  account: Account | null;
}

/** The cluster's superuser, who owns everything in it. */
export const OWNER_ROLE = "countersign_owner";

/** Between the name of the cluster and that of a draft of it. */
const DRAFT = ".new-";

/** Makes the cluster: beside its place first, so that one that is there is whole. */
export async function createCluster(cluster: Cluster, password: string, durable: boolean): Promise<void> {
  const draft = `${cluster.dir}${DRAFT}${randomUUID()}`;
  const passwordFile = `${draft}.password`;
  try {
    await makeFolder(draft, 0o700, cluster.account);
    await writeFile(passwordFile, password, { flag: "wx", mode: 0o600 });
    if (cluster.account !== null) await lchown(passwordFile, cluster.account.uid, cluster.account.gid);
    const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const access = [`--username=${OWNER_ROLE}`, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
    const sync = durable ? [] : ["--no-sync"];
    const args = [`--pgdata=${draft}`, ...locale, ...access, ...sync, "--no-instructions"];
    await run(cluster.binaries.initdb, args, placeOf(cluster)).catch(explainSpawn(cluster));
    await rename(draft, cluster.dir);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

/** Removes what first starts that were killed left. An initdb that outlived its start may still write: next time, then. */
export async function removeDrafts({ dir }: Cluster): Promise<void> {
  const parent = dirname(dir);
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(`${basename(dir)}${DRAFT}`));
  for (const name of drafts) await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
}

/** Who runs the programs of the cluster, and where. */
export function placeOf({ account, dir }: Cluster): SpawnPlace {
  const cwd = dirname(dir);
  return account === null ? { cwd } : { uid: account.uid, gid: account.gid, cwd };
}

/** The system says only ENOENT where a program is there but its C library is not (musl instead of glibc). */
export function explainSpawn({ binaries, account }: Cluster): (error: unknown) => never {
  return (error) => {
    if (!isErrorCode(error, "ENOENT", "EACCES", "EPERM", "EINVAL", "ENOEXEC")) throw error;
    const who = account === null ? "" : ` as ${account.name}`;
    throw new Error(
      `The embedded PostgreSQL (${dirname(binaries.postgres)}) cannot be run here${who}. On Alpine Linux, on a volume mounted noexec or without the right to change the user it cannot: set DATABASE_URL to a PostgreSQL database of your own.`,
      { cause: error },
    );
  };
}
