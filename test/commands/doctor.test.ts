import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { keysTable } from "../../src/commands/doctor-table.js";
import type { ServerCheck } from "../../src/commands/doctor.js";
import { startSandbox, type Sandbox } from "../../src/sandbox/server.js";
import type { KeyReport } from "../../src/services/doctor.js";
import { makeDatabase, query } from "../support/database.js";
import { CreateCredentialDocument } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));
const KEY = randomBytes(32).toString("base64");

interface Report {
  readonly server: ServerCheck[];
  readonly keys: KeyReport[];
}

let server: TestServer;
let acme: Story;
let dataDir: string;
/** Every .p8 and token that was made: none of it may ever be printed. */
const secrets: string[] = [KEY];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "countersign-doctor-"));
  server = await startTestServer({ COUNTERSIGN_KEY: KEY });
});
afterEach(() => {
  server.sandbox.clearFailures();
});
afterAll(async () => {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Runs the built command line with nothing of this process's environment, and looks for secrets in what it prints. */
async function doctor(args: readonly string[], environment: Record<string, string> = {}) {
  const env = {
    PATH: process.env["PATH"],
    DATA_DIR: dataDir,
    DATABASE_URL: server.database.serverUrl,
    COUNTERSIGN_KEY: KEY,
    APPLE_BASE_URL: server.sandbox.url,
    APPLE_ENTERPRISE_BASE_URL: server.sandbox.enterpriseUrl,
    ...environment,
  };
  const child = spawn(process.execPath, [MAIN, "doctor", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  const all = output.stdout + output.stderr;
  for (const secret of secrets) expect(all).not.toContain(secret);
  expect(all).not.toMatch(/cs_[A-Za-z0-9_-]{43}|PRIVATE KEY|eyJ/);
  expect(all).not.toContain(new URL(env.DATABASE_URL).password);
  return { status, ...output };
}

async function report(args: readonly string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = await doctor([...args, "--json"], environment);
  expect(stderr).toBe("");
  return { status, ...(JSON.parse(stdout) as Report) };
}

interface Added {
  readonly id: string;
  readonly keyId: string;
}

/** Adds a key that the sandbox knows, unseen by Apple until the doctor comes. */
async function add(
  { owner, organizationId }: Story,
  key: Parameters<Sandbox["registerKey"]>[0],
  input: {
    name?: string;
    program?: "APP_STORE" | "ENTERPRISE";
    keyType?: "TEAM" | "INDIVIDUAL";
    tenantId?: string;
  } = {},
): Promise<Added> {
  const { keyId, issuerId, privateKey } = await server.sandbox.registerKey(key);
  secrets.push(...privateKey.split("\n").filter((line) => line !== "" && !line.startsWith("---")));
  const keyType = key.keyType === "individual" ? ("INDIVIDUAL" as const) : ("TEAM" as const);
  const program = key.program === "enterprise" ? ("ENTERPRISE" as const) : ("APP_STORE" as const);
  const { data } = await server.ask(owner, CreateCredentialDocument, {
    input: {
      ...{ tenantId: organizationId, name: "Main", program, keyType, keyId, issuerId, privateKey, verify: false },
      ...input,
    },
  });
  return { id: data.createCredential.credential?.id ?? "", keyId };
}

/** What the database keeps of a key's health. */
const healthOf = async (id: string) =>
  (
    await query<{ health_status: string }>(server.database.ownerUrl, [
      "SELECT health_status, health_advice, health_checked_at IS NOT NULL AS checked FROM credentials WHERE id = $1",
      [id],
    ])
  )[0];

const only = async (key: Added) => {
  const { status, keys } = await report(["--key", key.id]);
  const [found, ...others] = keys;
  expect(others).toEqual([]);
  if (found === undefined) throw new Error("The key is not in the report");
  return { status, key: found, resources: Object.fromEntries(found.resources.map((r) => [r.resource, r.status])) };
};

const ALL_WORK = {
  CERTIFICATES: "WORKING",
  PROFILES: "WORKING",
  BUNDLE_IDS: "WORKING",
  DEVICES: "WORKING",
  APPS: "WORKING",
};

describe("a key", () => {
  beforeAll(async () => {
    acme = await seed(server);
  });

  test("that works is said to, with all that it is for, and the exit status is 0", async () => {
    const web = await acme.subOrganization("Web");
    const added = await add(acme, { program: "app-store" }, { name: "App Store" });
    await acme.share(added.id, { subOrganizationIds: [web] });
    const { status, server: checks, keys } = await report(["--key", added.id]);
    expect(status).toBe(0);
    expect(keys).toEqual([
      {
        organization: { id: acme.organizationId, name: "Acme" },
        owner: { id: acme.organizationId, name: "Acme" },
        id: added.id,
        name: "App Store",
        keyId: added.keyId,
        program: "APP_STORE",
        keyType: "TEAM",
        works: true,
        status: "WORKING",
        advice: null,
        clockSkewSeconds: null,
        vault: { opens: true, advice: null },
        resources: Object.entries(ALL_WORK).map(([resource, found]) => ({ resource, status: found, advice: null })),
        budget: { limitPerHour: 3600, remaining: 3595, asOf: expect.stringMatching(/^20.*Z$/) as unknown },
        lists: [],
        share: { withAllSubOrganizations: false, subOrganizations: 1, expiresAt: null, isOver: false },
      },
    ]);
    expect(checks).toEqual([
      { check: "DATABASE", ok: true, detail: expect.stringMatching(/^PostgreSQL \d/) as unknown, ...NO_ADVICE },
      { check: "MIGRATIONS", ok: true, detail: expect.any(String) as unknown, ...NO_ADVICE },
      { check: "VAULT", ok: true, detail: expect.stringMatching(/^local:[0-9a-f]{12} /) as unknown, ...NO_ADVICE },
      {
        ...{ check: "APP_STORE", ok: true, advice: null },
        ...{
          detail: "answers; this server's clock agrees with Apple's",
          clockSkewSeconds: expect.any(Number) as unknown,
        },
      },
    ]);
    expect(await healthOf(added.id)).toEqual({ health_status: "WORKING", health_advice: null, checked: true });
  });

  test("is only read with: Apple meets no other method", async () => {
    const added = await add(acme, { program: "app-store" });
    server.sandbox.clearJournal();
    await only(added);
    expect(new Set(server.sandbox.journal.map(({ method }) => method))).toEqual(new Set(["GET"]));
    expect(server.sandbox.journal.filter(({ keyId }) => keyId === added.keyId)).toHaveLength(5);
  });

  test("that was revoked is rejected, with advice, and the exit status is 1", async () => {
    const added = await add(acme, { program: "app-store" });
    server.sandbox.revokeKey(added.keyId);
    const { status, key } = await only(added);
    expect(status).toBe(1);
    expect(key).toMatchObject({ works: false, status: "KEY_REJECTED", resources: [], vault: { opens: true } });
    expect(key.advice).toContain("not revoked");
    expect(await healthOf(added.id)).toMatchObject({ health_status: "KEY_REJECTED", checked: true });
  });

  test("of the other program is found there", async () => {
    const added = await add(acme, { program: "enterprise" }, { program: "APP_STORE" });
    const { status, key } = await only(added);
    expect({ status, found: key.status }).toEqual({ status: 1, found: "WRONG_PROGRAM" });
    expect(key.advice).toContain("ENTERPRISE");
    const right = await only(await add(acme, { program: "enterprise" }));
    expect(right).toMatchObject({ status: 0, key: { status: "WORKING" } });
    expect(Object.keys(right.resources)).toEqual(["CERTIFICATES", "PROFILES", "BUNDLE_IDS", "DEVICES"]);
  });

  test("whose role is narrow is said to be, for each thing that it may not do", async () => {
    const narrow = await only(await add(acme, { program: "app-store", role: "MARKETING" }));
    expect(narrow).toMatchObject({ status: 1, key: { works: false, status: "ROLE_TOO_NARROW" } });
    expect(narrow.resources).toEqual({
      ...{ CERTIFICATES: "ROLE_TOO_NARROW", PROFILES: "ROLE_TOO_NARROW", BUNDLE_IDS: "ROLE_TOO_NARROW" },
      ...{ DEVICES: "ROLE_TOO_NARROW", APPS: "WORKING" },
    });
    expect(narrow.key.advice).toContain("role Admin");

    // One thing alone: the key is accepted, and still does not work.
    const added = await add(acme, { program: "app-store" });
    server.sandbox.failNext({ match: { path: "/v1/devices" }, failure: { kind: "403-role" } });
    const one = await only(added);
    expect(one).toMatchObject({ status: 1, key: { works: false, status: "WORKING", advice: null } });
    expect(one.resources).toEqual({ ...ALL_WORK, DEVICES: "ROLE_TOO_NARROW" });
    expect(await only(added)).toMatchObject({ status: 0, key: { works: true } });
  });

  test("whose team has an agreement to accept is said to", async () => {
    const added = await add(acme, { program: "app-store" });
    const match = { keyId: added.keyId };
    server.sandbox.failNext({ match, times: "always", failure: { kind: "403-agreement" } });
    const { status, key, resources } = await only(added);
    expect(status).toBe(1);
    expect(key).toMatchObject({
      status: "AGREEMENT_MISSING",
      advice: expect.stringContaining("Account Holder") as unknown,
    });
    expect(new Set(Object.values(resources))).toEqual(new Set(["AGREEMENT_MISSING"]));
  });

  test("that is refused since the clock is off says by how many seconds", async () => {
    const added = await add(acme, { program: "app-store" });
    const failure = { kind: "clock-skew" as const, skewSeconds: -300 };
    server.sandbox.failNext({ match: { keyId: added.keyId }, times: "always", failure });
    const { status, key } = await only(added);
    expect({ status, found: key.status }).toEqual({ status: 1, found: "CLOCK_SKEW" });
    expect(Math.abs((key.clockSkewSeconds ?? 0) + 300)).toBeLessThanOrEqual(2);
    expect(key.advice).toMatch(/(298|299|300|301|302) seconds ahead of Apple's/);
  });

  test("whose budget is spent is said to, and asked no more", async () => {
    const added = await add(acme, { program: "app-store" });
    const failure = { kind: "429" as const, retryAfterSeconds: 60 };
    server.sandbox.failNext({ match: { keyId: added.keyId }, times: "always", failure });
    const { status, key } = await only(added);
    expect({ status, found: key.status, resources: key.resources }).toEqual({
      ...{ status: 1, found: "RATE_LIMITED", resources: [] },
    });
  });

  test("of one person is asked for apps alone", async () => {
    const { status, resources } = await only(await add(acme, { program: "app-store", keyType: "individual" }));
    expect({ status, resources }).toEqual({ status: 0, resources: { APPS: "WORKING" } });
  });

  test("that the vault does not open is said not to, and the others are still looked at", async () => {
    const [moved, intact] = [await add(acme, { program: "app-store" }), await add(acme, { program: "app-store" })];
    await query(server.database.ownerUrl, ["UPDATE credentials SET key_version = 7 WHERE id = $1", [moved.id]]);
    const { keys } = await report(["--organization", acme.organizationId]);
    expect(keys.find(({ id }) => id === moved.id)).toMatchObject({
      ...{ works: false, status: "UNVERIFIED", resources: [] },
      vault: { opens: false, advice: expect.stringContaining("Rotate the key") as unknown },
    });
    expect(keys.find(({ id }) => id === intact.id)).toMatchObject({ works: true, vault: { opens: true } });
    expect(await healthOf(moved.id)).toMatchObject({ health_status: "UNVERIFIED", checked: false });
  });
});

const NO_ADVICE = { advice: null, clockSkewSeconds: null };

describe("what is kept of a key", () => {
  test("is said with its age, its last problem and a share that is over", async () => {
    const story = await seed(server, "Kept");
    await story.subOrganization("Web");
    const added = await add(story, { program: "app-store" });
    await story.share(added.id);
    const { ownerUrl } = server.database;
    await query(
      ownerUrl,
      ["UPDATE shares SET expires_at = now() - interval '1 day' WHERE credential_id = $1", [added.id]],
      [
        `INSERT INTO apple_snapshots (root_id, owner_id, credential_id, list, as_of, problem_code, problem_message) VALUES
         ($1, $1, $2, 'DEVICES', NULL, NULL, NULL), ($1, $1, $2, 'CERTIFICATES', now() - interval '3 hours', 'APPLE_UNAVAILABLE', 'Down.')`,
        [story.organizationId, added.id],
      ],
    );
    const { key, status } = await only(added);
    expect(status).toBe(0);
    expect(key.share).toEqual({
      ...{ withAllSubOrganizations: true, subOrganizations: 1, isOver: true },
      expiresAt: expect.stringMatching(/^20/) as unknown,
    });
    expect(key.lists).toEqual([
      {
        ...{ list: "CERTIFICATES", asOf: expect.stringMatching(/^20/) as unknown },
        ...{ ageSeconds: expect.any(Number) as unknown, problem: { code: "APPLE_UNAVAILABLE", message: "Down." } },
      },
      { list: "DEVICES", asOf: null, ageSeconds: null, problem: null },
    ]);
    expect(Math.floor((key.lists[0]?.ageSeconds ?? 0) / 60)).toBe(180);
    const { stdout } = await doctor(["--key", added.id]);
    expect(stdout).toMatch(/certificates +WORKING +kept list 3 h old; then APPLE_UNAVAILABLE/);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("its share with all 1 sub-organization is over");
  });
});

describe("which keys", () => {
  test("are those of every organization, or of one; another's key is not found there", async () => {
    const [one, other] = [await seed(server, "One"), await seed(server, "Other")];
    const web = await one.subOrganization("Web");
    const ones = await add(one, { program: "app-store" });
    const webs = await add(one, { program: "app-store" }, { tenantId: web });
    const others = await add(other, { program: "app-store" });
    const all = await report([]);
    const ids = all.keys.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([ones.id, webs.id, others.id]));
    expect(new Set(ids).size).toBe(ids.length);

    const ofOne = await report(["--organization", one.organizationId]);
    expect(ofOne.status).toBe(0);
    expect(ofOne.keys.map(({ id, owner }) => [id, owner.name])).toEqual([
      [ones.id, "One"],
      [webs.id, "Web"],
    ]);
    const there = await doctor(["--organization", other.organizationId, "--key", others.id]);
    expect(there.status).toBe(0);
    const absent = await doctor(["--organization", one.organizationId, "--key", others.id]);
    expect(absent).toMatchObject({ status: 1, stdout: "", stderr: "Denial: There is no such key.\n" });
    const nowhere = await doctor(["--organization", "org_01h455vb4pex5vsknk084sn02q"]);
    expect(nowhere).toMatchObject({ status: 1, stdout: "", stderr: "Denial: There is no such organization.\n" });
    const below = await doctor(["--organization", web]);
    expect(below).toMatchObject({ status: 1, stdout: "" });
  });

  test("are none in an empty database, which is said", async () => {
    const database = await makeDatabase();
    try {
      const empty = await doctor([], { DATABASE_URL: database.serverUrl });
      expect(empty).toMatchObject({ status: 0, stderr: "" });
      expect(empty.stdout).toContain("There is no key yet");
      expect(empty.stdout).toContain("nothing is sealed yet");
      expect(await report([], { DATABASE_URL: database.serverUrl })).toMatchObject({ status: 0, keys: [] });
      // Nothing was set by looking.
      expect(await query(database.ownerUrl, "SELECT 1 FROM vault_sentinels")).toEqual([]);
    } finally {
      await database.drop();
    }
  });
});

describe("the server itself", () => {
  const failing = async (environment: Record<string, string>) => {
    const { status, server: checks, keys } = await report([], environment);
    expect({ status, keys }).toEqual({ status: 1, keys: [] });
    return checks.filter(({ ok }) => !ok);
  };

  test("is said to have no database, and nothing more of the URL than that", async () => {
    const url = Object.assign(new URL(server.database.serverUrl), { port: "1" }).href;
    expect(await failing({ DATABASE_URL: url })).toMatchObject([
      { check: "DATABASE", detail: "cannot be used: ECONNREFUSED", advice: expect.stringContaining("DATABASE_URL") },
    ]);
    const { stdout } = await doctor([], { DATABASE_URL: url });
    expect(stdout).toContain("The keys were not looked at");
  });

  test("is said to lack migrations", async () => {
    const database = await makeDatabase();
    try {
      await query(database.ownerUrl, "DELETE FROM migrations");
      const [first] = await failing({ DATABASE_URL: database.serverUrl });
      expect(first).toMatchObject({ check: "MIGRATIONS", advice: expect.stringContaining("countersign migrate") });
    } finally {
      await database.drop();
    }
  });

  test("is said to have another key than the database is sealed with", async () => {
    const other = randomBytes(32).toString("base64");
    secrets.push(other);
    expect(await failing({ COUNTERSIGN_KEY: other })).toMatchObject([
      { check: "VAULT", advice: expect.stringMatching(/sealed with .* local:\w{12}, but local:\w{12} was given/) },
    ]);
  });

  test("is said not to reach Apple: that host's keys are unreachable, and the other's are looked at", async () => {
    const story = await seed(server, "Unreached");
    const [appStore, enterprise] = [
      await add(story, { program: "app-store" }),
      await add(story, { program: "enterprise" }),
    ];
    const gone = await startSandbox();
    await gone.close();
    const args = ["--organization", story.organizationId];
    const { status, server: checks, keys } = await report(args, { APPLE_BASE_URL: gone.url });
    expect(status).toBe(1);
    expect(checks.filter(({ ok }) => !ok)).toMatchObject([{ check: "APP_STORE", detail: "does not answer" }]);
    expect(keys.map(({ id, status: found, works }) => [id, found, works])).toEqual([
      [appStore.id, "UNREACHABLE", false],
      [enterprise.id, "WORKING", true],
    ]);
    expect(await healthOf(appStore.id)).toMatchObject({ health_status: "UNREACHABLE" });
    expect((await report(args)).status).toBe(0);
  });

  test("is told that Apple hangs for one key within the deadline, while others are looked at", async () => {
    const story = await seed(server, "Hanging");
    const [stuck, fine] = [await add(story, { program: "app-store" }), await add(story, { program: "app-store" })];
    server.sandbox.failNext({ match: { keyId: stuck.keyId }, times: "always", failure: { kind: "hang" } });
    const args = ["--organization", story.organizationId];
    const { keys } = await report(args, { APPLE_DEADLINE_MS: "500" });
    expect(keys.map(({ id, status }) => [id, status])).toEqual([
      [stuck.id, "UNREACHABLE"],
      [fine.id, "WORKING"],
    ]);
  });

  test("is said to have a clock that is off, and also one that is not", async () => {
    const story = await seed(server, "Late");
    const added = await add(story, { program: "app-store" });
    server.sandbox.failNext({ match: { path: "/v1/apps" }, failure: { kind: "clock-skew", skewSeconds: -90 } });
    const off = await report(["--key", added.id]);
    expect(off.status).toBe(1);
    expect(off.server.at(-1)).toMatchObject({
      check: "APP_STORE",
      ok: false,
      advice: expect.stringContaining("(NTP)"),
    });
    expect(off.server.at(-1)?.detail).toMatch(/clock is (89|90|91) s ahead of Apple's$/);
    const right = await report(["--key", added.id]);
    expect(right).toMatchObject({ status: 0 });
    expect(Math.abs(right.server.at(-1)?.clockSkewSeconds ?? Infinity)).toBeLessThanOrEqual(2);
  });
});

describe("what is printed", () => {
  const ESCAPE = "\u001B[2J\u009B31m\u202Eevil\n";

  test("is a table of 100 columns at most, aligned, in which names cannot act on the terminal", async () => {
    const story = await seed(server, "Table");
    const added = await add(story, { program: "app-store" });
    const wide = await add(story, { program: "enterprise" }, { name: "東京オフィス 🔑" });
    const revoked = await add(story, { program: "app-store" }, { name: "A name that is much longer than its column" });
    server.sandbox.revokeKey(revoked.keyId);
    await query(
      server.database.ownerUrl,
      ["UPDATE credentials SET name = $2 WHERE id = $1", [added.id, ESCAPE]],
      ["UPDATE tenants SET name = $2 WHERE id = $1", [story.organizationId, `Table ${ESCAPE}`]],
    );
    const args = ["--organization", story.organizationId];
    const { status, stdout } = await doctor(args);
    expect(status).toBe(1);
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    const lines = stdout.split("\n");
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    const head = lines.find((line) => line.startsWith("KEY ")) ?? "";
    for (const { keyId } of [added, revoked]) {
      expect(lines.find((line) => line.includes(keyId))?.indexOf(keyId)).toBe(head.indexOf("KEY ID"));
    }
    // Five letters and a picture of two columns each, which JavaScript counts as less.
    expect(lines.find((line) => line.includes(wide.keyId))?.indexOf(wide.keyId)).toBe(head.indexOf("KEY ID") - 6);
    expect(stdout).toMatch(/^A name that is much lon… +Table/m);
    expect(stdout).toMatch(/^ {4}→ Apple does not accept this key/m);
    expect(stdout).toContain("2 of 3 keys work.");

    const { stdout: json } = await doctor([...args, "--json"]);
    expect(json).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect((JSON.parse(json) as Report).keys[0]?.name).toBe(ESCAPE);
  });

  test("has colours only where they are asked for", async () => {
    const added = await add(acme, { program: "app-store" });
    const { keys } = await report(["--key", added.id]);
    expect(keysTable(keys, false)).not.toContain("\u001B");
    expect(keysTable(keys, true)).toContain("\u001B[32mWORKING\u001B[39m");
  });

  test("is the usage where an option is wrong, with an exit status of its own", async () => {
    const wrong = await doctor(["--organisation", "x"]);
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(wrong.stderr).toContain("unknown option");
    expect(await doctor(["--help"])).toMatchObject({ status: 0, stderr: "" });
  });
});
