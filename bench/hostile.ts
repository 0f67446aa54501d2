import "reflect-metadata";
import { HOSTILE, times } from "../test/api/hostile.js";
import setUp from "../test/support/global-setup.js";
import tearDown from "../test/support/global-teardown.js";
import { seed } from "../test/support/seed.js";
import { startTestServer } from "../test/support/server.js";

/** How long hostile requests take to be refused, each sent ten times while another client asks for something sound. */
const ROUNDS = 10;
const SOUND = "{ viewer { tenants(first: 1) { nodes { id } } } }";

await setUp();
const server = await startTestServer();
const { owner } = await seed(server);

/** Milliseconds until the answer has come whole, and its status. */
async function timed(query: string, variables: object = {}): Promise<{ ms: number; status: number }> {
  const from = performance.now();
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${owner}` },
    body: JSON.stringify({ query, variables }),
  });
  await response.text();
  return { ms: performance.now() - from, status: response.status };
}

const cases: [name: string, query: string, variables?: object][] = [
  ...HOSTILE.map(([name, , query]): [string, string] => [name, query]),
  ["a literal of 1 MB", `{ node(id: "${"x".repeat(1024 * 1024)}") { id } }`],
  ["a variable of 1 MB", "query ($id: ID!) { node(id: $id) { id } }", { id: "x".repeat(1024 * 1024) }],
  ["400,000 values", "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: new Array(400_000).fill("") }],
  ["fields that conflict in every pair", `{ ${times(320, () => "viewer { actor { __typename } }")} }`],
];
await timed(SOUND);
const rows: Record<string, { "slowest, ms": number; "beside it, slowest, ms": number; status: string }> = {};
for (const [name, query, variables] of cases) {
  const hostile: { ms: number; status: number }[] = [];
  const sound: typeof hostile = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [refused, served] = await Promise.all([timed(query, variables), timed(SOUND)]);
    hostile.push(refused);
    sound.push(served);
  }
  const slowest = (of: typeof hostile): number => Math.round(Math.max(...of.map(({ ms }) => ms)));
  const status = [...new Set([...hostile, ...sound].map((each) => each.status))].join();
  rows[name] = { "slowest, ms": slowest(hostile), "beside it, slowest, ms": slowest(sound), status };
}
console.table(rows);
await server.close();
await tearDown();
