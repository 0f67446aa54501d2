import "reflect-metadata";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DataSource } from "typeorm";
import { readConfig } from "../src/config.js";
import { makeDataSource } from "../src/database/data-source.js";
import { migrate, UnfitDatabase } from "../src/database/migrate.js";
import { openPlatform } from "../src/platform.js";
import { makeDatabase, query, type TestDatabase } from "./support/database.js";

const MAIN = fileURLToPath(new URL("../src/main.js", import.meta.url));
const FILES = readdirSync("migrations").sort();
const KEY = randomBytes(32).toString("base64");

let database: TestDatabase;
let owner: DataSource;
/** The catalog of the migrated database. */
let migrated: string[];
/** An empty database beside the migrated one. */
let empty: { readonly ownerUrl: string; readonly serverUrl: string };

/** The same URL for another database, or for another role. */
function urlWith(url: string, parts: { database?: string; role?: string; password?: string }): string {
  const changed = new URL(url);
  if (parts.database !== undefined) changed.pathname = `/${parts.database}`;
  if (parts.role !== undefined) changed.username = encodeURIComponent(parts.role);
  if (parts.password !== undefined) changed.password = encodeURIComponent(parts.password);
  return changed.href;
}

const admin = (sql: string): Promise<object[]> => query(urlWith(database.ownerUrl, { database: "postgres" }), sql);

beforeAll(async () => {
  database = await makeDatabase();
  const name = `${new URL(database.ownerUrl).pathname.slice(1)}_empty`;
  await admin(`CREATE DATABASE ${name}`);
  empty = {
    ownerUrl: urlWith(database.ownerUrl, { database: name }),
    serverUrl: urlWith(database.serverUrl, { database: name }),
  };
  owner = await makeDataSource(database.ownerUrl, 2).initialize();
  migrated = await catalogOf(database.ownerUrl);
});
afterAll(async () => {
  await owner.destroy();
  await admin(`DROP DATABASE ${new URL(empty.ownerUrl).pathname.slice(1)} WITH (FORCE)`);
  await database.drop();
});

/** What PostgreSQL knows of the schema: each thing as a line. */
async function catalogOf(url: string): Promise<string[]> {
  const rows = await query<{ line: string }>(
    url,
    `SELECT concat_ws(' ', 'column', table_name, column_name, data_type, udt_name, is_nullable, column_default, collation_name) AS line
       FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace
     UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT concat_ws(' ', 'policy', tablename, policyname, permissive, roles, cmd, qual, with_check) FROM pg_policies
     UNION ALL SELECT concat_ws(' ', 'table', relname, relkind, relrowsecurity, relforcerowsecurity, relowner::regrole)
       FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S', 'm', 'p')
     UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     UNION ALL SELECT concat_ws(' ', 'grant', table_name, column_name, grantee, privilege_type)
       FROM information_schema.column_privileges WHERE table_schema = 'public' AND grantee = 'countersign_app'
     UNION ALL SELECT concat_ws(' ', 'grant', table_name, grantee, privilege_type)
       FROM information_schema.table_privileges WHERE table_schema = 'public' AND grantee = 'countersign_app'
     UNION ALL SELECT concat_ws(' ', 'grant schema', privilege_type)
       FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee = 'countersign_app'::regrole
     UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
     ORDER BY 1`,
  );
  return rows.map(({ line }) => line);
}
const withoutJournal = (lines: readonly string[]): string[] => lines.filter((line) => !line.includes("migrations"));

describe("the files of the migrations", () => {
  test("are named by time, verb and thing", () => {
    expect(FILES.length).toBeGreaterThan(0);
    expect(FILES.filter((name) => !/^\d{13}-[a-z]+(-[a-z]+)+\.ts$/.test(name))).toEqual([]);
    const times = FILES.map((name) => Number(name.slice(0, 13)));
    expect(new Set(times).size).toBe(times.length);
  });

  test("hold each the class of their name, in their order", () => {
    const names = owner.migrations.map((migration) => migration.name ?? migration.constructor.name);
    const expected = FILES.map((file) => {
      const [time = "", ...words] = file.replace(".ts", "").split("-");
      return words.map((word) => word.replace(/^./, (letter) => letter.toUpperCase())).join("") + time;
    });
    expect(names.sort((a, b) => a.slice(-13).localeCompare(b.slice(-13)))).toEqual(expected);
  });
});

describe("the migrations", () => {
  test("taken back leave nothing, and done again leave the same schema", async () => {
    expect(migrated.length).toBeGreaterThan(100);
    for (let left = FILES.length; left > 0; left -= 1) await owner.undoLastMigration({ transaction: "all" });
    expect(withoutJournal(await catalogOf(database.ownerUrl))).toEqual([]);
    await owner.runMigrations({ transaction: "all" });
    expect(await catalogOf(database.ownerUrl)).toEqual(migrated);
  });

  test("are done once each by processes that start together", async () => {
    const run = promisify(execFile);
    const env = {
      DATABASE_URL: empty.serverUrl,
      DATABASE_OWNER_URL: empty.ownerUrl,
      COUNTERSIGN_KEY: KEY,
    };
    const migrating = Array.from({ length: 3 }, () => run(process.execPath, [MAIN, "migrate"], { env }));
    for (const { stdout } of await Promise.all(migrating)) expect(stdout).toBe("The database is up to date.\n");
    const done = await query<{ name: string }>(empty.ownerUrl, "SELECT name FROM migrations ORDER BY id");
    expect(done).toHaveLength(FILES.length);
    expect(await catalogOf(empty.ownerUrl)).toEqual(migrated);
  });

  test("make the server's role whatever its name and password hold", async () => {
    const role = `o'neil "${randomBytes(4).toString("hex")}"`;
    const password = `it's a "password" \\ $1; -- %`;
    const serverUrl = urlWith(database.serverUrl, { role, password });
    await migrate(database.ownerUrl, serverUrl);
    try {
      const [who] = await query<{ who: string; rows: string }>(
        serverUrl,
        "SELECT current_user AS who, (SELECT count(*) FROM tenants) AS rows",
      );
      expect(who).toEqual({ who: role, rows: "0" });
      await migrate(database.ownerUrl, serverUrl);
    } finally {
      const quoted = `"${role.replaceAll('"', '""')}"`;
      await query(database.ownerUrl, `DROP OWNED BY ${quoted}`, `DROP ROLE ${quoted}`);
    }
  });
});

describe("the entities", () => {
  /** A type as both sides call it. */
  const typeOf = (type: unknown): string =>
    ({ timestamptz: "timestamp with time zone", Boolean: "boolean" })[String(type)] ?? String(type);

  test("have the columns that the tables have, with the same type and the same nulls", async () => {
    const rows = await query<{ table: string; column: string; type: string; element: string; nullable: boolean }>(
      database.ownerUrl,
      `SELECT table_name AS table, column_name AS column, data_type AS type, udt_name AS element, is_nullable = 'YES' AS nullable
       FROM information_schema.columns WHERE table_schema = 'public'`,
    );
    const stored = new Map(
      rows.map((row) => [
        `${row.table}.${row.column}`,
        { type: row.type === "ARRAY" ? `${row.element.slice(1)}[]` : row.type, nullable: row.nullable },
      ]),
    );
    const declared = owner.entityMetadatas.flatMap((entity) =>
      entity.columns.map((column): [string, { type: string; nullable: boolean }] => [
        `${entity.tableName}.${column.databaseName}`,
        { type: `${typeOf(column.type)}${column.isArray ? "[]" : ""}`, nullable: column.isNullable },
      ]),
    );
    expect(declared.length).toBeGreaterThan(40);
    for (const [path, column] of declared) expect([path, stored.get(path)]).toEqual([path, column]);
    // And no table of an entity has a column more.
    const tables = new Set(owner.entityMetadatas.map((entity) => entity.tableName));
    const known = new Set(declared.map(([path]) => path));
    const unknown = [...stored.keys()].filter((path) => tables.has(path.split(".")[0] ?? "") && !known.has(path));
    expect(unknown).toEqual([]);
  });

  test("want no column and no table made or dropped", async () => {
    const { upQueries } = await owner.driver.createSchemaBuilder().log();
    const wanted = upQueries
      .map(({ query: text }) => text)
      .filter((text) => /\b(CREATE|DROP) TABLE\b|\bDROP COLUMN\b|\bADD (?!CONSTRAINT)/.test(text));
    expect(wanted).toEqual([]);
  });
});

describe("the start of a server", () => {
  const open = async (environment: Record<string, string>): Promise<void> => {
    const config = readConfig({ COUNTERSIGN_KEY: KEY, LOG_LEVEL: "silent", APPLE_SYNC_SECONDS: "0", ...environment });
    const { close } = await openPlatform(config, () => undefined);
    await close();
  };

  test("goes on with a role that row-level security binds", async () => {
    await expect(open({ DATABASE_URL: database.serverUrl })).resolves.toBeUndefined();
  });

  test("is refused where the database is not migrated", async () => {
    const bare = `${new URL(database.ownerUrl).pathname.slice(1)}_bare`;
    await admin(`CREATE DATABASE ${bare}`);
    try {
      const url = urlWith(database.serverUrl, { database: bare });
      await expect(open({ DATABASE_URL: url })).rejects.toThrow(/not migrated: set DATABASE_OWNER_URL/);
      await expect(open({ DATABASE_URL: url })).rejects.toThrow(UnfitDatabase);
    } finally {
      await admin(`DROP DATABASE ${bare} WITH (FORCE)`);
    }
  });

  test("is refused where a migration is missing", async () => {
    await query(
      database.ownerUrl,
      "CREATE TABLE kept AS SELECT * FROM migrations",
      "DELETE FROM migrations WHERE id = (SELECT max(id) FROM migrations)",
    );
    try {
      await expect(open({ DATABASE_URL: database.serverUrl })).rejects.toThrow(/not migrated/);
    } finally {
      await query(
        database.ownerUrl,
        "INSERT INTO migrations SELECT * FROM kept ON CONFLICT DO NOTHING",
        "DROP TABLE kept",
      );
    }
    await expect(open({ DATABASE_URL: database.serverUrl })).resolves.toBeUndefined();
  });

  test("is refused where the server would be the owner", async () => {
    await expect(open({ DATABASE_URL: database.ownerUrl })).rejects.toThrow(/row-level security does not bind/);
    const both = { DATABASE_URL: database.ownerUrl, DATABASE_OWNER_URL: database.ownerUrl };
    await expect(open(both)).rejects.toThrow(/name the same role/);
  });

  test.each([
    ["bypasses row-level security", "BYPASSRLS"],
    ["is a superuser", "SUPERUSER"],
  ])("is refused where the role %s", async (_, attribute) => {
    const role = `countersign_test_${randomBytes(4).toString("hex")}`;
    await query(
      database.ownerUrl,
      `CREATE ROLE ${role} LOGIN PASSWORD 'x' ${attribute} IN ROLE countersign_app`,
      `GRANT SELECT ON migrations TO ${role}`,
    );
    const url = urlWith(database.serverUrl, { role, password: "x" });
    try {
      await expect(open({ DATABASE_URL: url })).rejects.toThrow(/row-level security does not bind/);
      await query(database.ownerUrl, `ALTER ROLE ${role} NO${attribute}`);
      await expect(open({ DATABASE_URL: url })).resolves.toBeUndefined();
    } finally {
      await query(database.ownerUrl, `DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
    }
  });

  test("is refused where the role may become the owner", async () => {
    const role = `countersign_test_${randomBytes(4).toString("hex")}`;
    const lord = `${role}_lord`;
    await query(
      database.ownerUrl,
      `CREATE ROLE ${lord} NOLOGIN`,
      `CREATE ROLE ${role} LOGIN PASSWORD 'x' IN ROLE countersign_app, ${lord}`,
      `GRANT SELECT ON migrations TO ${role}`,
    );
    const url = urlWith(database.serverUrl, { role, password: "x" });
    try {
      await expect(open({ DATABASE_URL: url })).resolves.toBeUndefined();
      await query(database.ownerUrl, `ALTER TABLE tenants OWNER TO ${lord}`);
      await expect(open({ DATABASE_URL: url })).rejects.toThrow(/row-level security does not bind/);
    } finally {
      await query(
        database.ownerUrl,
        "ALTER TABLE tenants OWNER TO CURRENT_USER",
        `DROP OWNED BY ${role}`,
        `DROP ROLE ${role}`,
        `DROP ROLE ${lord}`,
      );
    }
  });
});
