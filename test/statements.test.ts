import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { ASKS } from "./rules/asks.js";
import { TABLE_LINES } from "./rules/table.js";
import { makeWorld, type World } from "./rules/world.js";
import { multiply } from "./support/multitude.js";
import { startTestServer } from "./support/server.js";
import { watchStatements, type SentStatement } from "./support/statements.js";

/** Of loaders that nothing of the graph leads to. */
const NEVER_SENT = ["apple_device_by_id"];

/** Who asks: a token of the root, and a user who sees by shares. */
const WHO = ["OWNER token of the root", "OWNER of Web"];

/** What no line of the table of rules leads to, by the target. */
const FURTHER: Readonly<Record<string, string>> = {
  "the root's key for Web": `... on Credential { lastUsedAt impact { provisioningProfiles { id } }
    appStoreConnect { rateLimit { remaining } certificates { nodes { provisioningProfiles { name } } }
      devices { nodes { provisioningProfiles { name } } } bundleIds { nodes { provisioningProfiles { name } } }
      provisioningProfiles { nodes { bundleId { identifier } certificates { name } devices { udid } } } } }`,
  "the root's profile for Web": "... on ProvisioningProfile { viewerCanDownload certificates { id } }",
  "the root's certificate for Web": "... on Certificate { viewerCanDownload }",
  "Web's own key": "... on Credential { owner { credentials { nodes { createdAt } } } }",
};

let world: World;
/** What the server sent, by the names of the statements. */
const sent = new Map<string, SentStatement>();

beforeAll(async () => {
  const server = await startTestServer();
  watchStatements(server.platform.readPool, (statement) => sent.set(statement.name, statement));
  world = await makeWorld(server);
  const lines = TABLE_LINES.filter(({ field }) => !field.startsWith("Mutation."));
  for (const name of WHO) {
    const actor = world.actors.get(name);
    if (actor === undefined) throw new Error(`There is no ${name}`);
    await Promise.all(
      lines.map(async ({ field, on }) => {
        const asked = ASKS[field];
        if (asked === undefined) throw new Error(`Nothing says how to ask ${field}`);
        const id = await world.target(on, actor);
        await server.ask(actor.token, asked.document, asked.variables(id, world, actor));
      }),
    );
    for (const [on, selection] of Object.entries(FURTHER)) {
      const id = await world.target(on, actor);
      const { errors } = await server.ask(actor.token, `query ($id: ID!) { node(id: $id) { ${selection} } }`, { id });
      expect(errors).toBeUndefined();
    }
  }
  await multiply(server.database.ownerUrl, world.acme.organizationId);
}, 180_000);
afterAll(() => world.server.close());

/** Has one row, by a constraint: there is nothing to look up. */
const ONE_ROW = "vault_sentinels";

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The tables that statements read from end to end, as the server runs them: by one plan for all values. */
async function readWhole(url: string, statements: Iterable<SentStatement>): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const found: string[] = [];
  try {
    const root = world.acme.organizationId;
    await client.query("BEGIN");
    await client.query(
      "SELECT set_config('countersign.roots', $1, true), set_config('countersign.tenants', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true)",
      [root],
    );
    for (const { name, text, values } of statements) {
      const prepared = pg.escapeIdentifier(name);
      await client.query(`PREPARE ${prepared} AS ${text}`);
      const nulls = values.length === 0 ? "" : `(${values.map(() => "NULL").join(", ")})`;
      const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
        `EXPLAIN (FORMAT JSON) EXECUTE ${prepared}${nulls}`,
      );
      const nodes = rows.flatMap((row) => nodesOf(row["QUERY PLAN"][0].Plan));
      const scans = nodes.filter((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] !== ONE_ROW);
      found.push(...new Set(scans.map((scan) => `${name} reads all of ${scan["Relation Name"] ?? ""}`)));
    }
  } finally {
    await client.end();
  }
  return found;
}

test("no statement that a read sends goes through a whole table, where there are thousands of organizations", async () => {
  expect(await readWhole(world.server.database.serverUrl, sent.values())).toEqual([]);
});

test("a statement that no index serves is found", async () => {
  // As the owner: the policies of the server's role bring the index of the organization in by themselves.
  const unserved = { name: "unserved", text: "SELECT id FROM credentials WHERE name = $1", values: ["Key"] };
  expect(await readWhole(world.server.database.ownerUrl, [unserved])).toEqual(["unserved reads all of credentials"]);
});

test("every statement of the loaders and of signing in was sent", () => {
  const files = readdirSync("src/loaders", { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const sources = [...files.map((name) => join("src/loaders", name)), "src/services/sign-in.ts"];
  const names = sources.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/(?:\bname: |Statement\(\s*)"(\w+)"/g)].map(([, name = ""]) => name),
  );
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !sent.has(name) && !NEVER_SENT.includes(name))).toEqual([]);
});
