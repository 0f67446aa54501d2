import { chmod, chown, lstat, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";

import { chooseAccount } from "../../../src/database/embedded/account.js";
import { prepareBinaries } from "../../../src/database/embedded/binaries.js";
import {
  ask,
  cleanUp,
  copyPackageWithoutLinks,
  isRoot,
  makeTempDir,
  postmasterPid,
  readLinks,
  start,
  startInChild,
  testDir,
  undoLater,
  whyNotNobody,
} from "./embedded-fixture.js";

const NOBODY = 65_534;
const skipRoot = isRoot ? null : "this process is not root";
const skipUser = await whyNotNobody();

/** Below it, PostgreSQL's package as npm leaves it when it runs no scripts. */
let packageHome: string;
let packageDir: string;
beforeAll(async () => {
  packageHome = await makeTempDir();
  packageDir = await copyPackageWithoutLinks(packageHome);
});
afterEach(cleanUp);
afterAll(() => rm(packageHome, { recursive: true, force: true }));

const describeUnless = (reason: string | null, title: string, tests: () => void): void => {
  if (reason === null) describe(title, tests);
  else describe.skip(`${title} (skipped: ${reason})`, tests);
};

const userOf = async (clusterDir: string): Promise<number> =>
  (await stat(`/proc/${await postmasterPid(clusterDir)}`)).uid;

const clusterDirOf = async (dataDir: string): Promise<string | null> => {
  const state = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")) as { clusterDir: string | null };
  return state.clusterDir;
};

const giveTree = async (path: string, uid: number): Promise<void> => {
  for (const entry of ["", ...(await readdir(path, { recursive: true }))]) await chown(join(path, entry), uid, uid);
};

describeUnless(skipRoot, "as root", () => {
  test("in an open folder it runs as an unprivileged account, with its data in that folder", async () => {
    const dataDir = join(await testDir(), "data");
    const { ownerUrl } = await start({ dataDir });
    expect(await ask(ownerUrl, "SELECT 1")).toBe(1);
    const account = await chooseAccount("/");
    expect(account?.uid).toBeGreaterThan(0);
    expect(await userOf(join(dataDir, "postgres"))).toBe(account?.uid);
    expect(await stat(join(dataDir, "postgres"))).toMatchObject({ uid: account?.uid, gid: account?.gid });
    expect((await stat(join(dataDir, "postgres.json"))).uid).toBe(0);
    expect(await clusterDirOf(dataDir)).toBeNull();
  });

  test("below a closed home the programs are copied and the data put where the account can go", async () => {
    await chmod(packageHome, 0o700);
    undoLater(() => chmod(packageHome, 0o755));
    const dataDir = join(await testDir(0o700), "data");
    const systemDir = join(await testDir(), "system");
    const lines: string[] = [];
    const options = { dataDir, systemDir, packageDir, onProgress: (line: string) => lines.push(line) };
    const first = await start(options);
    await ask(first.ownerUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();

    const clusterDir = (await clusterDirOf(dataDir)) ?? "";
    expect(clusterDir.startsWith(systemDir)).toBe(true);
    expect(lines.join("\n")).toContain(clusterDir);
    expect((await stat(clusterDir)).mode & 0o777).toBe(0o700);
    for (let dir = join(clusterDir, ".."); dir !== join(systemDir, ".."); dir = join(dir, ".."))
      expect(await stat(dir)).toMatchObject({ uid: 0, mode: 0o40755 });
    expect((await stat(join(dataDir, "postgres.log"))).mode & 0o777).toBe(0o600);

    const second = await start(options);
    expect(await ask(second.ownerUrl, "SELECT answer FROM kept")).toBe(42);
    expect(await userOf(clusterDir)).toBe((await chooseAccount("/"))?.uid);
  });

  test.each([
    ["is another's", (dir: string) => chown(dir, NOBODY, NOBODY)],
    ["others may write", (dir: string) => chmod(dir, 0o777)],
  ])("a folder for copies that %s is not trusted", async (_title, spoil) => {
    const systemDir = join(await testDir(), "system");
    await mkdir(systemDir);
    await spoil(systemDir);
    const dataDir = join(await testDir(0o700), "data");
    await expect(start({ dataDir, systemDir })).rejects.toThrow(/cannot get to.*DATABASE_URL/);
  });

  test("a user's cluster is run as that user, and stays the user's", async () => {
    const dataDir = await testDir(0o711);
    await (await start({ dataDir })).stop();
    // Whose it was: another account than root would choose now.
    await giveTree(join(dataDir, "postgres"), NOBODY);
    await chown(join(dataDir, "postgres.json"), NOBODY, NOBODY);
    await start({ dataDir });
    expect(await userOf(join(dataDir, "postgres"))).toBe(NOBODY);
    expect((await stat(join(dataDir, "postgres.json"))).uid).toBe(NOBODY);
  });
});

describeUnless(skipUser, "as an ordinary user", () => {
  test("it runs as that user with everything in the user's folder, also when the package is read-only and lacks its links", async () => {
    const dataDir = await testDir(0o700);
    await chown(dataDir, NOBODY, NOBODY);
    const { ownerUrl, startedHere } = await startInChild({ dataDir, packageDir }, "nobody");
    expect(startedHere).toBe(true);
    expect(await ask(ownerUrl, "SELECT 1")).toBe(1);
    expect(await userOf(join(dataDir, "postgres"))).toBe(NOBODY);
    expect(await readdir(dataDir)).toContainEqual(expect.stringMatching(/^postgres-18\./));
  });

  test("a data folder that was root's is refused in plain words", async () => {
    const dataDir = join(await testDir(), "data");
    await (await start({ dataDir })).stop();
    await chown(dataDir, NOBODY, NOBODY);
    await expect(startInChild({ dataDir }, "nobody")).rejects.toThrow(/belongs to another user.*DATABASE_URL/);
  });
});

test("links that npm did not make are made, by however many starts at once", async () => {
  const noCopy = (): Promise<string> => Promise.reject(new Error("needs no copy"));
  await Promise.all([1, 2, 3].map(() => prepareBinaries(packageDir, null, noCopy)));
  for (const { target } of await readLinks(packageDir))
    expect((await lstat(join(packageDir, target))).isSymbolicLink()).toBe(true);
});
