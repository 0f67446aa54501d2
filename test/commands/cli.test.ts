import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { makeDatabase, query, type TestDatabase } from "../support/database.js";

const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));
const KEY = randomBytes(32).toString("base64");
const TOKEN = /cs_[A-Za-z0-9_-]{43}/g;

type Environment = Readonly<Record<string, string>>;

let dataDir: string;
const databases: TestDatabase[] = [];
const running = new Set<ChildProcess>();

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "countersign-cli-"));
  await chmod(dataDir, 0o755); // As root, the embedded database runs as another account.
});
afterEach(async () => {
  // Those that a failed test left behind.
  await Promise.all([...running].map((child) => stop(child, "SIGKILL")));
});
afterAll(async () => {
  for (const database of databases) await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

/** The environment of a process on a database of its own, migrated and with nothing in it. */
async function onOwnDatabase(): Promise<Environment> {
  const database = await makeDatabase();
  databases.push(database);
  return { DATABASE_URL: database.serverUrl, COUNTERSIGN_KEY: KEY };
}

interface Process {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
}

/** Starts the built command line with nothing of this process's environment. */
function start(args: readonly string[], environment: Environment): Process {
  const env = {
    PATH: process.env["PATH"],
    DATA_DIR: dataDir,
    LOG_LEVEL: "warn",
    PORT: "0",
    DRAIN_SECONDS: "0",
    ...environment,
  };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  running.add(child);
  child.once("close", () => running.delete(child));
  return { child, output };
}

/** Runs to the end. */
async function run(args: readonly string[], environment: Environment = {}) {
  const { child, output } = start(args, environment);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...output };
}

/** Starts, and waits for a line; gives what the line says. */
async function startUntil(pattern: RegExp, args: readonly string[], environment: Environment) {
  const started = start(args, environment);
  const { child, output } = started;
  const said = (): string | null => pattern.exec(output.stdout)?.[1] ?? null;
  while (said() === null && child.exitCode === null) {
    await Promise.race([child.stdout && once(child.stdout, "data"), once(child, "close")]);
  }
  const found = said();
  if (found === null) throw new Error(`The process ended early: ${output.stderr}`);
  return { ...started, found };
}

/** Ends a process; gives its exit status, or the signal that ended it. */
async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<unknown> {
  const closed = once(child, "close");
  child.kill(signal);
  const [status, endedBy] = (await closed) as [number | null, string | null];
  return status ?? endedBy;
}

const LISTENING = /Countersign is listening at (http:\S+)\/graphql/;

describe("countersign init", () => {
  test("makes an organization, and prints its id and its owner token as JSON and nothing else", async () => {
    const environment = await onOwnDatabase();
    const first = await run(["init", "--organization", "Acme", "--json"], environment);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    const acme = JSON.parse(first.stdout) as { organizationId: string; token: string };
    expect(acme).toEqual({
      organizationId: expect.stringMatching(/^org_[0-9a-z]{26}$/) as unknown,
      token: expect.stringMatching(/^cs_[A-Za-z0-9_-]{43}$/) as unknown,
    });

    const second = await run(["init", "--organization", "Globex"], environment);
    expect(second.status).toBe(0);
    expect(second.stdout.match(TOKEN)).toHaveLength(1);
    const names = await query(databases.at(-1)?.ownerUrl ?? "", "SELECT name FROM tenants ORDER BY name");
    expect(names).toEqual([{ name: "Acme" }, { name: "Globex" }]);

    const server = await startUntil(LISTENING, ["serve"], environment);
    const response = await fetch(`${server.found}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${acme.token}` },
      body: JSON.stringify({ query: "{ viewer { tenants { nodes { id name } } } }" }),
    });
    expect(await response.json()).toEqual({
      data: { viewer: { tenants: { nodes: [{ id: acme.organizationId, name: "Acme" }] } } },
    });
    // Whoever has made an organization gets no other with the first start.
    expect(server.output.stdout).not.toMatch(TOKEN);
    expect(await stop(server.child)).toBe(0);
  });

  test("without a name is refused", async () => {
    expect((await run(["init"])).status).toBe(1);
    const empty = await run(["init", "--organization", " "], await onOwnDatabase());
    expect(empty).toMatchObject({ status: 1, stdout: "" });
    expect(empty.stderr).toContain("The name is empty.");
  });
});

describe("countersign serve", () => {
  test("prints the owner token with the first start and never again, and ends in order on SIGTERM", async () => {
    const environment = await onOwnDatabase();
    const first = await startUntil(LISTENING, ["serve"], environment);
    expect(first.output.stdout.match(TOKEN)).toHaveLength(1);
    expect(await (await fetch(`${first.found}/readyz`)).json()).toEqual({ status: "ok" });
    expect(await stop(first.child, "SIGTERM")).toBe(0);

    const second = await startUntil(LISTENING, [], environment); // What runs where no command is named.
    expect(second.output.stdout + second.output.stderr).not.toMatch(TOKEN);
    expect((await fetch(`${second.found}/readyz`)).status).toBe(200);
    expect(await stop(second.child, "SIGINT")).toBe(0);
  });

  test("started twice at once on an empty database makes one organization", async () => {
    const environment = await onOwnDatabase();
    const both = await Promise.all([1, 2].map(() => startUntil(LISTENING, ["serve"], environment)));
    expect(both.flatMap(({ output }) => output.stdout.match(TOKEN) ?? [])).toHaveLength(1);
    expect(await Promise.all(both.map(({ child }) => stop(child)))).toEqual([0, 0]);
  });

  test("runs on the embedded PostgreSQL where no database is named, and finds it again", async () => {
    const first = await startUntil(LISTENING, ["serve"], {});
    expect(first.output.stdout.match(TOKEN)).toHaveLength(1);
    expect((await fetch(`${first.found}/readyz`)).status).toBe(200);
    expect(await stop(first.child)).toBe(0);
    const second = await startUntil(LISTENING, ["serve"], {});
    expect(second.output.stdout).not.toMatch(TOKEN);
    expect(await stop(second.child)).toBe(0);
  }, 120_000);

  test("with another key than the database is sealed with is refused, naming both by their labels", async () => {
    const environment = await onOwnDatabase();
    expect((await run(["init", "--organization", "Acme"], environment)).status).toBe(0);
    const otherKey = randomBytes(32).toString("base64");
    const refused = await run(["serve"], { ...environment, COUNTERSIGN_KEY: otherKey });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(new Set(refused.stderr.match(/local:[0-9a-f]{12}/g)).size).toBe(2);
    for (const key of [KEY, otherKey]) expect(refused.stderr).not.toContain(key.slice(0, 8));
    expect((await run(["init", "--organization", "Globex"], environment)).status).toBe(0);
  });
});

describe("the configuration", () => {
  test("is refused with every fault at once, by name and without the values", async () => {
    const marker = "s3cr3t-value";
    const refused = await run(["serve"], {
      PORT: `${marker}-port`,
      DATABASE_URL: `mysql://${marker}@127.0.0.1/x`,
      COUNTERSIGN_KEY: `${marker}-key`,
      APPLE_BASE_URL: `https://${marker}.example`,
      OIDC_ISSUER: `${marker}-issuer`,
      GRAPHQL_INTROSPECTION: marker,
      LOG_LEVEL: marker,
    });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    const names = ["PORT", "DATABASE_URL", "APPLE_BASE_URL", "OIDC_ISSUER", "GRAPHQL_INTROSPECTION", "LOG_LEVEL"];
    for (const name of names) expect(refused.stderr).toContain(`  ${name} `);
    expect(refused.stderr).not.toContain("s3cr3t");
    expect(refused.stderr).not.toMatch(/^ +at /m);
  });

  test("with a database of one's own and no key is refused", async () => {
    const { DATABASE_URL = "" } = await onOwnDatabase();
    const refused = await run(["serve"], { DATABASE_URL });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("COUNTERSIGN_KEY is missing");
  });

  test("with a database that does not answer is refused without its password", async () => {
    const refused = await run(["serve"], {
      DATABASE_URL: "postgres://server:s3cr3t-value@127.0.0.1:1/none",
      COUNTERSIGN_KEY: KEY,
    });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr.trim()).not.toBe("");
    expect(refused.stderr).not.toContain("s3cr3t");
  });

  test("with a port that is taken is refused, and the process ends", async () => {
    const environment = await onOwnDatabase();
    const first = await startUntil(LISTENING, ["serve"], environment);
    const { port } = new URL(first.found);
    const second = await run(["serve"], { ...environment, PORT: port });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain("EADDRINUSE");
    expect(await stop(first.child)).toBe(0);
  });
});

describe("countersign migrate", () => {
  test("without an owner is refused, and with one is done", async () => {
    const environment = await onOwnDatabase();
    const refused = await run(["migrate"], environment);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("DATABASE_OWNER_URL is missing");
    const DATABASE_OWNER_URL = databases.at(-1)?.ownerUrl ?? "";
    const done = await run(["migrate"], { ...environment, DATABASE_OWNER_URL });
    expect(done).toEqual({ status: 0, stdout: "The database is up to date.\n", stderr: "" });
  });
});

describe("countersign sandbox", () => {
  const SANDBOX = /The sandbox is listening at (http:\S+)/;
  const KEY_PRINTED = {
    keyId: expect.stringMatching(/^[A-Z0-9]{10}$/) as unknown,
    issuerId: expect.stringMatching(/^\S{36}$/) as unknown,
    privateKey: expect.stringMatching(/^-----BEGIN PRIVATE KEY-----\n/) as unknown,
  };

  test("runs until it is stopped, and `sandbox key` finds it, or is told its port", async () => {
    const sandbox = await startUntil(SANDBOX, ["sandbox", "--port", "0"], {});
    const found = await run(["sandbox", "key", "--json"]);
    expect(found).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(found.stdout)).toEqual(KEY_PRINTED);

    const { port } = new URL(sandbox.found);
    const elsewhere = { DATA_DIR: join(dataDir, "elsewhere") };
    const told = await run(["sandbox", "key", "--program", "enterprise", "--port", port, "--json"], elsewhere);
    expect(JSON.parse(told.stdout)).toEqual(KEY_PRINTED);
    const named = await run(["sandbox", "key", "--individual", "--json"], {
      ...elsewhere,
      APPLE_BASE_URL: sandbox.found,
    });
    expect(JSON.parse(named.stdout)).toEqual({ ...KEY_PRINTED, issuerId: null });

    expect(await stop(sandbox.child)).toBe(0);
    const gone = await run(["sandbox", "key", "--port", port]);
    expect(gone).toMatchObject({ status: 1, stdout: "" });
    expect(gone.stderr.trim()).not.toBe("");
  });

  test("with a port that is none is refused", async () => {
    expect((await run(["sandbox", "--port", "x"])).status).toBe(1);
    expect((await run(["sandbox", "key", "--program", "other"])).status).toBe(1);
  });
});
