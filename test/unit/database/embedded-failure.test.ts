import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";

import { findPackage } from "../../../src/database/embedded/binaries.js";
import { identify, isAlive } from "../../../src/database/embedded/process.js";
import {
  ask,
  cleanUp,
  makeDataDir,
  messageOf,
  passwordsIn,
  postmasterPid,
  start,
  tamper,
  undoLater,
} from "./embedded-fixture.js";

// A first start takes long: but for the tests of it, all use this one folder, and leave a database there that is stopped.
let dataDir: string;
beforeAll(async () => {
  dataDir = await makeDataDir();
});
afterEach(cleanUp);
afterAll(() => rm(join(dataDir, ".."), { recursive: true, force: true }));

const inData = (...names: string[]): string => join(dataDir, ...names);

describe("after a crash", () => {
  test("a PostgreSQL that was killed starts again with what was committed", async () => {
    const first = await start({ dataDir, durable: true });
    await ask(first.ownerUrl, "CREATE TABLE committed AS SELECT 42 AS answer");
    process.kill(await postmasterPid(inData("postgres")), "SIGKILL");
    const second = await start({ dataDir });
    expect(second.startedHere).toBe(true);
    expect(await ask(second.ownerUrl, "SELECT answer FROM committed")).toBe(42);
  });

  test("a postmaster.pid whose number another program was given is no hindrance", async () => {
    const first = await start({ dataDir });
    const left = await readFile(inData("postgres", "postmaster.pid"), "utf8");
    await first.stop();
    await writeFile(inData("postgres", "postmaster.pid"), left.replace(/^\d+/, String(process.pid)));
    expect(await start({ dataDir })).toMatchObject({ startedHere: true });
  });

  test.each([
    ["is dead", { pid: 2 ** 22 + 1, startedAt: "1" }],
    ["had the number of another process now", { pid: process.pid, startedAt: "1" }],
  ])("the lock of a process that %s is taken over", async (_title, holder) => {
    await writeFile(inData("postgres.lock"), JSON.stringify(holder));
    await writeFile(inData("postgres.lock.break"), JSON.stringify(holder));
    expect(await start({ dataDir })).toMatchObject({ startedHere: true });
    await expect(stat(inData("postgres.lock"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(stat(inData("postgres.lock.break"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a first start that was cut short is begun again", async () => {
    const state = await readFile(inData("postgres.json"), "utf8");
    await writeFile(inData("postgres.json"), state.replace(/"port": \d+/, '"port": null'));
    await rename(inData("postgres"), inData("postgres.new-1"));
    await writeFile(inData("postgres.new-1.password"), "left");
    const { ownerUrl } = await start({ dataDir });
    expect(await ask(ownerUrl, "SELECT 1")).toBe(1);
    expect((await readdir(dataDir)).sort()).toEqual(["postgres", "postgres.json", "postgres.log"]);
  });
});

describe("when it cannot start", () => {
  test("the error holds the end of the log and no password", async () => {
    await tamper(inData("postgres", "postgresql.conf"), () => "shared_preload_libraries = 'missing_library'\n");
    const message = await messageOf(start({ dataDir }));
    expect(message).toContain('could not access file "missing_library"');
    for (const password of await passwordsIn(dataDir)) expect(message).not.toContain(password);
  });

  test("a wrong password is an error that does not show it, and nothing is left running", async () => {
    await tamper(inData("postgres.json"), (text) => text.replace(/(?<="ownerPassword": ")[^"]+/, "not-the-password"));
    const message = await messageOf(start({ dataDir }));
    expect(message).toMatch(/does not let its owner in.*password authentication failed/);
    expect(message).not.toContain("not-the-password");
    await expect(postmasterPid(inData("postgres"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a damaged postgres.json is said, and not shown", async () => {
    const [owner = ""] = await passwordsIn(dataDir);
    await tamper(inData("postgres.json"), (text) => text.slice(0, 60));
    const message = await messageOf(start({ dataDir }));
    expect(message).toMatch(/postgres\.json is damaged/);
    expect(message).not.toContain(owner.slice(0, 10));
  });

  test.each([
    ["passwords", "postgres.json", /passwords, .*postgres\.json, are gone/],
    ["data", "postgres", /The database in .* is gone/],
  ])("lost %s are said, and nothing is made anew", async (_what, name, said) => {
    const away = inData("..", `away-${name}`);
    await rename(inData(name), away);
    undoLater(() => rename(away, inData(name)));
    expect(await messageOf(start({ dataDir }))).toMatch(said);
    await expect(stat(inData(name))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a platform without binaries is named, and DATABASE_URL as the way out", () => {
    expect(() => findPackage("linux", "riscv64")).toThrow(/linux riscv64.*DATABASE_URL/);
    expect(() => findPackage("sunos", "x64")).toThrow(/DATABASE_URL/);
  });
});

test("a process is not taken for the one that had its number before", () => {
  const here = identify(process.pid);
  expect(here !== null && isAlive(here)).toBe(true);
  expect(isAlive({ pid: process.pid, startedAt: "1" })).toBe(false);
});
