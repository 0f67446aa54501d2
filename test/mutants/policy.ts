import pg from "pg";
import type { Mutant } from "./mutant.js";

interface Policy {
  readonly name: string;
  readonly table: string;
  readonly command: "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "ALL";
}

/** The policies of a migrated database. */
export async function policiesOf(url: string): Promise<Policy[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const text = `SELECT policyname AS name, tablename AS "table", cmd AS command FROM pg_policies
      WHERE schemaname = 'public' ORDER BY tablename, policyname`;
    return (await client.query<Policy>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Lets everybody do what a policy decides on. */
function opened({ name, table, command }: Policy): string {
  const using = command === "INSERT" ? "" : "USING (true)";
  const check = command === "SELECT" || command === "DELETE" ? "" : "WITH CHECK (true)";
  return `ALTER POLICY ${name} ON ${table} ${using} ${check};`;
}

/** Opens every policy, so that the clauses of the statements are alone. */
export const allOpened = (policies: readonly Policy[]): string => policies.map(opened).join("\n");

/** Each policy by itself, opened to everybody. */
export const policyMutants = (policies: readonly Policy[]): Mutant[] =>
  policies.map((policy) => ({
    kind: "policy",
    place: `${policy.table}.${policy.name}`,
    what: `the policy for ${policy.command}`,
    source: null,
    sql: opened(policy),
    tests: [{ file: "test/policies.test", title: null }],
  }));
