import { once } from "node:events";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";

import { identify } from "../../../src/database/embedded/process.js";
import {
  ask,
  cleanUp,
  makeDataDir,
  messageOf,
  passwordsIn,
  postmasterPid,
  start,
  startInChild,
  testDir,
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

describe("alone", () => {
  test("it says that it prepares, and keeps its data and its passwords from one start to the next", async () => {
    const fresh = join(await testDir(), "data");
    const lines: string[] = [];
    const first = await start({ dataDir: fresh, onProgress: (line) => lines.push(line) });
    expect(first.startedHere).toBe(true);
    expect(lines[0]).toMatch(/^First start/);
    await ask(first.ownerUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();

    lines.length = 0;
    const second = await start({ dataDir: fresh, onProgress: (line) => lines.push(line) });
    expect(second).toMatchObject({ startedHere: true, ownerUrl: first.ownerUrl, serverUrl: first.serverUrl });
    expect(lines).toEqual([]);
    expect(await ask(second.ownerUrl, "SELECT answer FROM kept")).toBe(42);
  });

  test("it takes another port where the last one is in use", async () => {
    const first = await start({ dataDir });
    const { port } = new URL(first.ownerUrl);
    await first.stop();
    const other = createServer().listen(Number(port), "127.0.0.1");
    await once(other, "listening");
    undoLater(() => new Promise((resolve) => other.close(resolve)));
    const second = await start({ dataDir });
    expect(new URL(second.ownerUrl).port).not.toBe(port);
    expect(await ask(second.ownerUrl, "SELECT 1")).toBe(1);
  });

  test("it runs on when its folder was moved while it was stopped", async () => {
    const moved = inData("..", "moved");
    await rename(dataDir, moved);
    undoLater(() => rename(moved, dataDir));
    const { ownerUrl } = await start({ dataDir: moved });
    expect(await ask(ownerUrl, "SHOW data_directory")).toBe(join(moved, "postgres"));
  });

  test("its owner is superuser of a UTF-8 database with the order of code points", async () => {
    const { ownerUrl, serverUrl } = await start({ dataDir });
    expect(await ask(ownerUrl, "SELECT usesuper FROM pg_user WHERE usename = current_user")).toBe(true);
    const locale = "SELECT concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, datlocale, datdba::regrole)";
    expect(await ask(ownerUrl, `${locale} FROM pg_database WHERE datname = current_database()`)).toBe(
      "UTF8 b C.UTF-8 countersign_owner",
    );
    expect(serverUrl).toMatch(/^postgres:\/\/countersign_server:[\w-]{43}@127\.0\.0\.1:\d+\/countersign$/);
  });

  test("only who knows the password gets in, over the loopback address and by no socket file", async () => {
    const { ownerUrl } = await start({ dataDir });
    expect(await ask(ownerUrl, "SHOW listen_addresses")).toBe("127.0.0.1");
    expect(await ask(ownerUrl, "SHOW unix_socket_directories")).toBe("");
    expect(await ask(ownerUrl, "SHOW max_connections")).toBe("200");
    const methods = "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules";
    expect(await ask(ownerUrl, methods)).toBe("scram-sha-256");
    const stranger = new URL(ownerUrl);
    stranger.password = "guess";
    await expect(ask(stranger.href, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test.each([
    [true, "on"],
    [false, "off"],
  ])("with durable %s, waiting for the disk is %s", async (durable, expected) => {
    const { ownerUrl } = await start({ dataDir, durable });
    for (const name of ["fsync", "synchronous_commit", "full_page_writes"])
      expect(await ask(ownerUrl, `SHOW ${name}`)).toBe(expected);
  });

  test("only its owner may read what it writes, and its log holds no password", async () => {
    const { ownerUrl, stop } = await start({ dataDir });
    const modeOf = async (name: string): Promise<number> => (await stat(inData(name))).mode & 0o777;
    expect(await modeOf("postgres")).toBe(0o700);
    expect(await modeOf("postgres.json")).toBe(0o600);
    expect(await modeOf("postgres.log")).toBe(0o600);
    expect((await modeOf(".")) & 0o066).toBe(0);
    expect((await readdir(dataDir)).sort()).toEqual(["postgres", "postgres.json", "postgres.log"]);

    const [owner = "", server = ""] = await passwordsIn(dataDir);
    await messageOf(ask(ownerUrl, `CREATE ROLE countersign_server PASSWORD '${server}' NONSENSE`));
    await messageOf(ask(ownerUrl, `CREATE ROLE countersign_owner PASSWORD '${owner}'`));
    await stop();
    const log = await readFile(inData("postgres.log"), "utf8");
    expect(log).toContain("already exists");
    for (const password of [owner, server]) expect(log).not.toContain(password);
  });

  test("it has a process group of its own, ends at stop with clients connected, and stop may come twice", async () => {
    const { ownerUrl, stop } = await start({ dataDir });
    const client = new pg.Client({ connectionString: ownerUrl });
    client.on("error", () => undefined);
    await client.connect();
    const pid = await postmasterPid(inData("postgres"));
    expect(process.kill(-pid, 0)).toBe(true);
    await Promise.all([stop(), stop()]);
    expect(identify(pid)).toBeNull();
    expect(await readFile(inData("postgres.log"), "utf8")).toMatch(/database system is shut down\n$/);
    await client.end();
  });
});

describe("among others", () => {
  test("a second start in the same process attaches, and its stop leaves it running", async () => {
    const first = await start({ dataDir });
    const second = await start({ dataDir });
    expect(second).toMatchObject({ startedHere: false, ownerUrl: first.ownerUrl });
    await second.stop();
    expect(await ask(first.ownerUrl, "SELECT 1")).toBe(1);
  });

  test("another process attaches, and its stop leaves it running", async () => {
    const first = await start({ dataDir });
    const child = await startInChild({ dataDir });
    expect(child).toMatchObject({ startedHere: false, ownerUrl: first.ownerUrl });
    await child.stop();
    expect(await ask(first.ownerUrl, "SELECT 1")).toBe(1);
  });

  test("processes that start for the first time at the same instant share one PostgreSQL", async () => {
    const fresh = { dataDir: join(await testDir(), "data") };
    const all = await Promise.all([startInChild(fresh), startInChild(fresh), start(fresh), start(fresh)]);
    expect(all.filter(({ startedHere }) => startedHere)).toHaveLength(1);
    expect(new Set(all.map(({ ownerUrl }) => ownerUrl)).size).toBe(1);
  });

  test("who starts while it stops waits for its end", async () => {
    const first = await start({ dataDir });
    const stopping = first.stop();
    const second = await start({ dataDir });
    await stopping;
    expect(second.startedHere).toBe(true);
    expect(await ask(second.ownerUrl, "SELECT 1")).toBe(1);
  });

  test("what a killed process left running is adopted: the data is there, and stop stops it", async () => {
    const child = await startInChild({ dataDir });
    await ask(child.ownerUrl, "CREATE TABLE left_running AS SELECT 42 AS answer");
    child.process.kill("SIGKILL");
    await once(child.process, "exit");
    const pid = await postmasterPid(inData("postgres"));
    const adopted = await start({ dataDir });
    expect(adopted).toMatchObject({ startedHere: true, ownerUrl: child.ownerUrl });
    expect(await postmasterPid(inData("postgres"))).toBe(pid);
    expect(await ask(adopted.ownerUrl, "SELECT answer FROM left_running")).toBe(42);
    await adopted.stop();
    expect(identify(pid)).toBeNull();
  });
});
