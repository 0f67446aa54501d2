// Restarts PostgreSQL at once, again and again, under a load of reads and writes, then cuts, freezes, strands and refuses
// the connections to it; counts what that cost. It runs a PostgreSQL of its own.
// node dist/bench/database-faults.js [restarts]
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../src/database/embedded/postgres.js";
import { layLine } from "../test/support/faults/line.js";
import { clientOf } from "./harness/client.js";
import { FaultLoad } from "./harness/fault-load.js";
import { stopAll, type Program } from "./harness/program.js";
import { startSandboxProgram } from "./harness/sandbox.js";
import { startCountersign } from "./harness/servers.js";

const restarts = Number(process.argv[2] ?? 10);
const LOAD = { readers: 6, writers: 4, makers: 2 };
/** Of sound service between two faults. */
const BETWEEN_MS = 1_500;
const READY_WITHIN_SECONDS = 5;

const dataDir = await mkdtemp(join(tmpdir(), "countersign-faults-"));
await chmod(dataDir, 0o755); // As root, PostgreSQL runs as another account.
let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir });

/** Rows that a statement gives, asked as the owner. */
async function ask<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: postgres.ownerUrl });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Ends PostgreSQL as a crash does, and starts it again. */
async function restart(): Promise<void> {
  const [row] = await ask<{ data_directory: string }>("SHOW data_directory");
  const pid = Number((await readFile(join(row?.data_directory ?? "", "postmaster.pid"), "utf8")).split("\n")[0]);
  process.kill(pid, "SIGQUIT");
  for (let isThere = true; isThere;) {
    await delay(20);
    try {
      process.kill(pid, 0);
    } catch {
      isThere = false;
    }
  }
  const { ownerUrl, ...rest } = await startEmbeddedPostgres({ dataDir });
  if (ownerUrl !== postgres.ownerUrl) throw new Error("PostgreSQL came back on another port");
  postgres = { ownerUrl, ...rest };
}

const rows: Record<string, object> = {};
const outcome = { exits: 0, isLate: false };
try {
  const sandbox = await startSandboxProgram();
  const line = await layLine(postgres.serverUrl);
  const environment = {
    ...{ PORT: "0", COUNTERSIGN_KEY: randomBytes(32).toString("base64"), LOG_LEVEL: "fatal", DRAIN_SECONDS: "0" },
    ...{ APPLE_BASE_URL: sandbox.url, APPLE_ENTERPRISE_BASE_URL: sandbox.url, APPLE_SYNC_SECONDS: "10" },
    ...{ RATE_REQUESTS_PER_MINUTE: "2000000000", RATE_COST_PER_MINUTE: "2000000000" },
    DATABASE_OWNER_URL: postgres.ownerUrl,
    DATABASE_URL: postgres.serverUrl,
  };
  const init = ["dist/src/main.js", "init", "--organization", "Bench", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, init, { env: { ...process.env, ...environment } });
  const { organizationId, token } = JSON.parse(stdout) as { organizationId: string; token: string };

  let isStopping = false;
  const serve = async (url: string): Promise<Program> => {
    const program = await startCountersign({ ...environment, DATABASE_URL: url });
    program.child.once("exit", () => {
      if (!isStopping) outcome.exits += 1;
    });
    return program;
  };
  let server = await serve(postgres.serverUrl);
  const { keyId, issuerId, privateKey } = await sandbox.makeKey(0);
  const key = { tenantId: organizationId, name: "Key", keyId, issuerId, privateKey, verify: false };
  const credentialId = await clientOf(server.url, token).addKey(key);
  const load = new FaultLoad(() => server.url, { token, organizationId, credentialId });

  /** Makes trouble; `trouble` ends when the database is back. */
  const suffer = async (name: string, times: number, trouble: () => Promise<void>): Promise<void> => {
    const before = new Map(load.answers);
    const seconds: number[] = [];
    for (let time = 0; time < times; time += 1) {
      await delay(BETWEEN_MS);
      await trouble();
      const back = performance.now();
      while (!(await load.isServed()) && performance.now() - back < 60_000) await delay(20);
      seconds.push((performance.now() - back) / 1000);
    }
    const since = (code: string): number => (load.answers.get(code) ?? 0) - (before.get(code) ?? 0);
    const others = [...load.answers.keys()].filter((code) => !["ok", "UNAVAILABLE", "ALREADY_EXISTS"].includes(code));
    rows[name] = {
      ...{ times, "ready after, s, at most": Number(Math.max(...seconds).toFixed(2)), served: since("ok") },
      UNAVAILABLE: since("UNAVAILABLE"),
      others: others.flatMap((code) => (since(code) > 0 ? [`${code} ${since(code)}`] : [])).join(", "),
    };
    outcome.isLate ||= Math.max(...seconds) > READY_WITHIN_SECONDS;
    console.error(`${name}: done`);
  };

  load.start(LOAD);
  await suffer("restarted at once", restarts, restart);
  // The same load goes on, with another server whose connections all go over the line.
  const direct = server;
  server = await serve(line.through(postgres.serverUrl));
  isStopping = true;
  await direct.stop();
  isStopping = false;
  await suffer("half of the connections cut", 20, () => {
    line.cut(0.5);
    return Promise.resolve();
  });
  await suffer("frozen for 5 s", 3, async () => {
    line.freeze();
    await delay(5_000);
    line.thaw();
  });
  await suffer("refused for 3 s", 3, async () => {
    await line.refuse();
    await delay(3_000);
    await line.take();
  });
  await load.stop();

  const kept = new Set((await ask<{ name: string }>("SELECT name FROM tenants")).map(({ name }) => name));
  const certificates = await ask<{ id: string }>("SELECT id FROM certificates WHERE sealed_key IS NOT NULL");
  const held = new Set(certificates.map(({ id }) => id));
  const [open] = await ask<{ count: number }>(
    "SELECT count(*)::int AS count FROM signing_intents WHERE state IN ('INTENT', 'SENT')",
  );
  const made = [...load.certificates.values()];
  const lost = load.names.filter((name) => !kept.has(name)).length + made.filter((id) => !held.has(id)).length;
  const twice = made.length - new Set(made).size;
  console.table(rows);
  console.table({
    "sub-organizations acknowledged": load.names.length,
    "certificates acknowledged, by idempotency key": made.length,
    "acknowledged and lost": lost,
    "keys that got another's certificate": twice,
    "certificates here beside those": held.size - new Set(made).size,
    "intents open at the end": open?.count ?? 0,
    "times the server's process ended": outcome.exits,
  });
  isStopping = true;
  if (outcome.isLate || lost + twice + outcome.exits > 0) process.exitCode = 1;
  await stopAll();
  await line.close();
} finally {
  await stopAll();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
