// Ends servers with SIGTERM, one after another, while clients ask over connections that are kept; each is replaced by another,
// and a load balancer sends requests to those that say they are ready. Then the same without a load balancer, for clients that
// ask one server until it takes no connection any more. It runs a PostgreSQL of its own.
// node dist/bench/drain.js [rounds]
import { execFile } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import { startBenchPostgres } from "./harness/database.js";
import { median } from "./harness/load.js";
import { stopAll, type Program } from "./harness/program.js";
import { countersignEnvironment, startCountersign } from "./harness/servers.js";

const rounds = Number(process.argv[2] ?? 10);
const CLIENTS = 32;
/** How often the load balancer looks: below the DRAIN_SECONDS of the servers. */
const PROBED_EVERY_MS = 1_000;
const DRAIN_SECONDS = "5";
const READ = "{ viewer { tenants(first: 20) { nodes { id name } } } }";
const RENAME = `mutation ($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { userErrors { code } } }`;

const postgres = await startBenchPostgres();
const programs = new Set<Program>();
const ready = new Set<Program>();
const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
let [answered, closing] = [0, 0];
const failures: string[] = [];
const state = { isOver: false };

/** What a load balancer does: it asks each whether it is ready, and believes that until it asks again. */
async function balance(): Promise<void> {
  while (!state.isOver) {
    await Promise.all(
      [...programs].map(async (program) => {
        try {
          const { statusCode, body } = await request(`${program.url}/readyz`, { dispatcher: new Agent() });
          await body.dump();
          if (statusCode === 200) ready.add(program);
          else ready.delete(program);
        } catch {
          ready.delete(program);
        }
      }),
    );
    await delay(PROBED_EVERY_MS);
  }
}

/** Asks one that is ready, again and again; every tenth time for a change. */
async function client(token: string, organizationId: string): Promise<void> {
  for (let n = 0; !state.isOver; n += 1) {
    const [program] = [...ready].sort(() => Math.random() - 0.5);
    if (program === undefined) {
      failures.push("none is ready");
      await delay(100);
      continue;
    }
    const input = { organizationId, name: `Name ${n}` };
    try {
      const answer = await request(`${program.url}/graphql`, {
        method: "POST",
        dispatcher: agent,
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify(n % 10 === 0 ? { query: RENAME, variables: { input } } : { query: READ }),
      });
      const { errors } = (await answer.body.json()) as { errors?: unknown };
      answered += 1;
      if (answer.headers["connection"] === "close") closing += 1;
      if (answer.statusCode !== 200 || errors !== undefined) failures.push(`status ${answer.statusCode}`);
    } catch (error) {
      failures.push(String(error));
    }
  }
}

/** Asks one server until it takes no connection; gives how many answers there were, and what had none. */
async function askUntilRefused({ url }: Program, token: string): Promise<{ answers: number; lost: string[] }> {
  const lost: string[] = [];
  let answers = 0;
  const own = new Agent({ connections: CLIENTS, pipelining: 1 });
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query: READ });
  const loop = async (): Promise<void> => {
    for (;;) {
      try {
        const answer = await request(`${url}/graphql`, { method: "POST", dispatcher: own, headers, body });
        const { errors } = (await answer.body.json()) as { errors?: unknown };
        if (answer.statusCode === 200 && errors === undefined) answers += 1;
        else lost.push(`status ${answer.statusCode}`);
      } catch (error) {
        if ((error as { code?: unknown }).code === "ECONNREFUSED") return;
        lost.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, loop));
  await own.close();
  return { answers, lost };
}

try {
  const environment = {
    ...countersignEnvironment(postgres, randomBytes(32).toString("base64")),
    ...{ DRAIN_SECONDS },
  };
  const init = ["dist/src/main.js", "init", "--organization", "Bench", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, init, { env: { ...process.env, ...environment } });
  const { organizationId, token } = JSON.parse(stdout) as { organizationId: string; token: string };
  const add = async (): Promise<void> => {
    programs.add(await startCountersign(environment));
  };
  await Promise.all([add(), add()]);
  const balancing = balance();
  while (ready.size < 2) await delay(50);
  const clients = Array.from({ length: CLIENTS }, () => client(token, organizationId));

  const seconds: number[] = [];
  const statuses: unknown[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await delay(1_000);
    const [oldest] = programs;
    if (oldest === undefined) break;
    const start = performance.now();
    const ended = once(oldest.child, "exit");
    oldest.child.kill("SIGTERM");
    const [exit] = await Promise.all([ended, add()]);
    const [status, signal] = exit as [number | null, string | null];
    seconds.push((performance.now() - start) / 1000);
    statuses.push(status ?? signal);
    programs.delete(oldest);
    ready.delete(oldest);
    while (ready.size < 2) await delay(50);
  }
  state.isOver = true;
  await Promise.all([...clients, balancing]);

  const alone = { rounds: 0, answers: 0, lost: [] as string[] };
  for (; alone.rounds < rounds; alone.rounds += 1) {
    const program = await startCountersign({ ...environment, DRAIN_SECONDS: "1" });
    const asking = askUntilRefused(program, token);
    await delay(1_000);
    program.child.kill("SIGTERM");
    const { answers, lost } = await asking;
    alone.answers += answers;
    alone.lost.push(...lost);
    await program.stop();
  }
  console.table({
    "servers ended": statuses.length,
    "exit statuses": [...new Set(statuses)].join(", "),
    answered,
    "of them closing their connection": closing,
    failed: failures.length,
    "seconds from signal to end, median": Number(median(seconds).toFixed(2)),
    "seconds from signal to end, at most": Number(Math.max(...seconds).toFixed(2)),
  });
  console.table({
    "servers ended, without a load balancer": alone.rounds,
    answered: alone.answers,
    "sent and not answered": alone.lost.length,
  });
  for (const failure of new Set([...failures, ...alone.lost])) console.log(failure);
  if (failures.length + alone.lost.length > 0 || statuses.some((status) => status !== 0)) process.exitCode = 1;
} finally {
  await agent.close();
  await stopAll();
  await postgres.stop();
}
