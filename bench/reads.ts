import "reflect-metadata";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { startEmbeddedPostgres } from "../src/database/embedded/postgres.js";
import { migrate } from "../src/database/migrate.js";
import { agent, CONNECTIONS, measure, median, start, text, type Ask } from "./load.js";
import { fill, type Rows } from "./rows.js";

const ROUNDS = 5;
const ROUND_SECONDS = 3;
const WARM_UP_SECONDS = 2;

interface Read {
  readonly name: string;
  readonly query: string;
  readonly variables: (rows: Rows) => Record<string, string>;
  readonly limitIds: (rows: Rows) => string[];
}

const READS: readonly Read[] = [
  {
    name: "nested",
    query: `query ($id: ID!) { organization(id: $id) { id name subOrganizations(first: 20) { nodes { id name
      credentials(first: 20) { nodes { id name program owner { id name } } } } } } }`,
    variables: ({ organizationId }) => ({ id: organizationId }),
    limitIds: ({ organizationId }) => [organizationId],
  },
  {
    name: "one",
    query: `query ($id: ID!) { credential(id: $id) { id name program owner { id name } } }`,
    variables: ({ credentialId }) => ({ id: credentialId }),
    limitIds: ({ organizationId, credentialId }) => [organizationId, credentialId],
  },
  {
    name: "list",
    query: `query ($id: ID!) { subOrganization(id: $id) { credentials(first: 20) { nodes { id name program keyId } } } }`,
    variables: ({ subOrganizationId }) => ({ id: subOrganizationId }),
    limitIds: ({ organizationId, subOrganizationId }) => [organizationId, subOrganizationId],
  },
];

const dataDir = await mkdtemp(join(tmpdir(), "countersign-bench-"));
await chmod(dataDir, 0o755);
const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
const children: ChildProcess[] = [];
try {
  await migrate(postgres.ownerUrl, postgres.serverUrl);
  console.log("Filling the database …");
  const rows = await fill(postgres.ownerUrl);
  const server = await start(["dist/src/main.js", "serve"], {
    PORT: "0",
    DATABASE_URL: postgres.serverUrl,
    COUNTERSIGN_KEY: randomBytes(32).toString("base64"),
    LOG_LEVEL: "warn",
  });
  const limit = await start(["dist/bench/limit.js", postgres.ownerUrl], {});
  children.push(server.child, limit.child);

  console.log(`Requests a second, ${CONNECTIONS} connections, medians of ${ROUNDS} interleaved rounds\n`);
  console.log("| read | Countersign | the limit | of the limit |\n|---|--:|--:|--:|");
  for (const read of READS) {
    const body = JSON.stringify({ query: read.query, variables: read.variables(rows) });
    const headers = { "content-type": "application/json", authorization: `Bearer ${rows.token}` };
    const ours: Ask = () => text(`${server.url}/graphql`, { method: "POST", headers, body });
    const query = new URLSearchParams(read.limitIds(rows).map((id): [string, string] => ["id", id]));
    const theirs: Ask = () => text(`${limit.url}/${read.name}?${query.toString()}`, {});
    const [answer, bound] = await Promise.all([ours(), theirs()]);
    if (!isDeepStrictEqual(JSON.parse(answer), JSON.parse(bound)))
      throw new Error(`The answers to "${read.name}" differ:\n${answer.slice(0, 500)}\n${bound.slice(0, 500)}`);
    await measure(ours, WARM_UP_SECONDS);
    await measure(theirs, WARM_UP_SECONDS);
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      rates[0].push(await measure(ours, ROUND_SECONDS));
      rates[1].push(await measure(theirs, ROUND_SECONDS));
    }
    const [a, b] = [median(rates[0]), median(rates[1])];
    console.log(`| ${read.name} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} |`);
  }
} finally {
  for (const child of children) child.removeAllListeners("exit").kill();
  await agent.close();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
