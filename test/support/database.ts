import { randomBytes } from "node:crypto";
import pg from "pg";
import { SERVER_PASSWORD, SERVER_ROLE, TEMPLATE_URL_VARIABLE } from "./global-setup.js";

/** A database of a test file's own, migrated. */
export interface TestDatabase {
  /** Connects as the owner, whom row-level security does not bind. For setting up and looking, never for serving. */
  readonly ownerUrl: string;
  /** Connects as the server does. */
  readonly serverUrl: string;
  drop(): Promise<void>;
}

/** Copies the migrated template. */
export async function makeDatabase(): Promise<TestDatabase> {
  const templateUrl = new URL(process.env[TEMPLATE_URL_VARIABLE] ?? "");
  const template = templateUrl.pathname.slice(1);
  const name = template.replace(/template$/, randomBytes(6).toString("hex"));
  const admin = new URL(templateUrl);
  admin.pathname = "/postgres";
  await run(admin, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  // A test's database outlives no power cut: commits need not wait for the disk.
  await run(admin, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  const owner = new URL(templateUrl);
  owner.pathname = `/${name}`;
  const server = new URL(owner);
  server.username = SERVER_ROLE;
  server.password = SERVER_PASSWORD;
  return {
    ownerUrl: owner.href,
    serverUrl: server.href,
    drop: () => run(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function run(url: URL, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Runs statements on one connection and returns the rows of the last. */
export async function query<Row extends object>(
  url: string,
  ...statements: (string | [text: string, values: unknown[]])[]
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const statement of statements) {
      const [text, values] = typeof statement === "string" ? [statement, []] : statement;
      rows = (await client.query<Row & pg.QueryResultRow>(text, values)).rows;
    }
    return rows;
  } finally {
    await client.end();
  }
}

/** Runs a statement in a transaction that stays open while the work goes on. */
export async function holding<T>(url: string, statement: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`BEGIN; ${statement}`);
    return await work();
  } finally {
    await client.end();
  }
}
