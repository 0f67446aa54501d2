import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { ASKS } from "./rules/asks.js";
import { TABLE_LINES } from "./rules/table.js";
import { makeWorld, type World } from "./rules/world.js";
import { query } from "./support/database.js";
import { multiply } from "./support/multitude.js";
import { startTestServer } from "./support/server.js";
import { plainName, watchStatements, type SentStatement } from "./support/statements.js";

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

/** Statements of what an answer of Apple's goes through, all of keys that are named. */
const OF_NAMED_KEYS = ["credentials_usable", "apple_standing", "apple_lock_keys", "apple_note_health"];

/** Statements of the keys of tenants, in the forms in which they are asked again and again. */
const OF_TENANTS = ["credentials_by_tenant", "credentials_by_tenant_in_brief"].flatMap((name) => [
  `${name}_if_new`,
  `${name}_mark`,
]);

/** So often all is asked at most, until no list is new any more: it takes three, and more while what Apple said is kept. */
const ROUNDS_MOST = 12;
/** What is new at any time: by what is denied, the log grows; and things by their ids are several at one time and one at another. */
const NEVER_STEADY = /_by_id$|^audit_events_by_tenant$/;

interface Reference {
  readonly constraint: string;
  readonly table: string;
  readonly columns: readonly string[];
}

const REFERENCES = `
  SELECT conname AS constraint, confrelid::regclass::text AS table,
    (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS key (attnum, place)
      JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = key.attnum) AS columns
  FROM pg_constraint
  WHERE contype = 'f' AND connamespace = 'public'::regnamespace
  ORDER BY conname`;

let world: World;
/** The foreign keys, which are gone when there are thousands of organizations. */
let references: readonly Reference[] = [];
/** What the server sent, by the names of the statements. */
const sent = new Map<string, SentStatement>();
/** Lists whose rows were asked for in the last round. */
const asNew = new Set<string>();

beforeAll(async () => {
  const server = await startTestServer();
  watchStatements(server.platform.readPool, (statement) => {
    sent.set(statement.name, statement);
    const plain = plainName(statement.name);
    if (statement.name.endsWith("_if_new") && !NEVER_STEADY.test(plain)) asNew.add(plain);
  });
  world = await makeWorld(server);
  // That they work is noted anew.
  await query(server.database.ownerUrl, "UPDATE credentials SET health_checked_at = now() - interval '1 day'");
  const lines = TABLE_LINES.filter(({ field }) => !field.startsWith("Mutation."));
  for (const name of WHO) {
    const actor = world.actors.get(name);
    if (actor === undefined) throw new Error(`There is no ${name}`);
    for (let round = 1; round === 1 || (asNew.size > 0 && round <= ROUNDS_MOST); round += 1) {
      asNew.clear();
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
  }
  references = await query<Reference>(server.database.ownerUrl, REFERENCES);
  await multiply(server.database.ownerUrl, world.acme.organizationId);
});
afterAll(() => world.server.close());

/** Has one row, by a constraint: there is nothing to look up. */
const ONE_ROW = "vault_sentinels";

interface Plan {
  readonly "Node Type": string;
  readonly "Index Cond"?: string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** The tables that statements read from end to end, as the server runs them: by one plan for all values. */
async function readWhole(url: string, statements: Iterable<SentStatement>): Promise<string[]> {
  const found: string[] = [];
  for (const [name, nodes] of await plansOf(url, statements)) {
    const scans = nodes.filter((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] !== ONE_ROW);
    found.push(...new Set(scans.map((scan) => `${name} reads all of ${scan["Relation Name"] ?? ""}`)));
  }
  return found;
}

/** The nodes of the plans of statements, by their names. */
async function plansOf(url: string, statements: Iterable<SentStatement>): Promise<Map<string, Plan[]>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const plans = new Map<string, Plan[]>();
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
      plans.set(
        name,
        rows.flatMap((row) => nodesOf(row["QUERY PLAN"][0].Plan)),
      );
    }
  } finally {
    await client.end();
  }
  return plans;
}

test("no statement that a read sends goes through a whole table, where there are thousands of organizations", async () => {
  expect(await readWhole(world.server.database.serverUrl, sent.values())).toEqual([]);
});

test("a statement that no index serves is found", async () => {
  // As the owner: the policies of the server's role bring the index of the organization in by themselves.
  const unserved = { name: "unserved", text: "SELECT id FROM credentials WHERE name = $1", values: ["Key"] };
  expect(await readWhole(world.server.database.ownerUrl, [unserved])).toEqual(["unserved reads all of credentials"]);
});

test("keys that are named are looked up, and not sought among all of the organization", async () => {
  const named = OF_NAMED_KEYS.flatMap((name) => sent.get(name) ?? []);
  expect(named.map(({ name }) => name)).toEqual(OF_NAMED_KEYS);
  for (const [name, nodes] of await plansOf(world.server.database.serverUrl, named)) {
    const onKeys = nodes.filter((node) => node["Relation Name"] === "credentials" && "Index Cond" in node);
    expect([name, onKeys.length]).toEqual([name, 1]);
    for (const node of onKeys) expect([name, node["Index Cond"]]).toEqual([name, expect.stringContaining("(id = ")]);
  }
});

test("a key that is shared with a tenant is looked up, and not sought among all of the organization", async () => {
  const lists = OF_TENANTS.flatMap((name) => sent.get(name) ?? []);
  expect(lists.map(({ name }) => name)).toEqual(OF_TENANTS);
  for (const [name, nodes] of await plansOf(world.server.database.serverUrl, lists)) {
    const read = nodes.filter((node) => node["Relation Name"] === "credentials" && "Index Cond" in node);
    const [, shared] = read.map((node) => node["Index Cond"]);
    expect([name, read.length, shared]).toEqual([name, 2, expect.stringContaining("(id = ")]);
  }
});

test("what a row refers to is looked up by its id, and not among all that its owner has", async () => {
  const client = new pg.Client({ connectionString: world.server.database.ownerUrl });
  await client.connect();
  try {
    await client.query("SET plan_cache_mode = force_generic_plan");
    expect(references.length).toBeGreaterThan(20);
    const slow: string[] = [];
    for (const { constraint, table, columns } of references) {
      // As PostgreSQL itself asks for each row that is written.
      const where = columns.map((column, index) => `${column} = $${index + 1}`).join(" AND ");
      await client.query(`PREPARE ${constraint} AS SELECT 1 FROM ONLY ${table} x WHERE ${where} FOR KEY SHARE OF x`);
      const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
        `EXPLAIN (FORMAT JSON) EXECUTE ${constraint}(${columns.map(() => "NULL").join(", ")})`,
      );
      const conditions = rows.flatMap((row) => nodesOf(row["QUERY PLAN"][0].Plan)).map((node) => node["Index Cond"]);
      const id = columns.at(-1) ?? "";
      if (!conditions.some((condition) => condition?.includes(`(${id} =`) === true))
        slow.push(`${constraint}: ${table}`);
    }
    expect(slow).toEqual([]);
  } finally {
    await client.end();
  }
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
  const plain = new Set([...sent.keys()].map(plainName));
  expect(names.filter((name) => !plain.has(name))).toEqual([]);
});

test("every list that is as it was is told by its mark alone", () => {
  const lists = [...sent.keys()].filter((name) => name !== plainName(name) && !NEVER_STEADY.test(plainName(name)));
  const inForm = (form: RegExp) => lists.filter((name) => form.test(name)).map(plainName);
  expect(inForm(/_mark$/).sort()).toEqual(inForm(/_if_new$/).sort());
  expect(lists.length).toBeGreaterThan(40);
  expect([...asNew]).toEqual([]);
});
