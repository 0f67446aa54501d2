import { appendFileSync } from "node:fs";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { pino, type Logger } from "pino";
import { readConfig } from "../../src/config.js";
import { withoutSecrets } from "../../src/log.js";
import { keyRingOf } from "../../src/platform/key-ring.js";
import type { WrappedDataKey } from "../../src/vault/key-ring.js";
import { query, type TestDatabase } from "./database.js";
import { logEverything, type DatabaseLog } from "./database-log.js";
import { Windows } from "./window.js";

/** What was looked through when a server of the suite ended, and what was found. */
export interface LeakReport {
  readonly secrets: number;
  readonly lines: number;
  /** Characters of all tables, and of PostgreSQL's log where it can be read. */
  readonly tables: number;
  readonly databaseLog: number | null;
  readonly found: readonly string[];
}

/** The parts of a private key that are nobody's business. */
export function privateParts(key: KeyObject): Buffer[] {
  const { d, p, q } = key.export({ format: "jwk" });
  return [d, p, q].flatMap((part) => (part === undefined ? [] : [Buffer.from(part, "base64url")]));
}

/** All rows of all tables, as text. */
export async function dumpOf({ ownerUrl }: Pick<TestDatabase, "ownerUrl">): Promise<string> {
  const tables = await query<{ name: string }>(
    ownerUrl,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const rows = await query<{ row: string }>(
    ownerUrl,
    tables.map(({ name }) => `SELECT t::text AS row FROM ${name} t`).join(" UNION ALL "),
  );
  return rows.map(({ row }) => row).join("\n");
}

/** The data keys of a database, opened. */
export async function dataKeysOf(
  { ownerUrl }: Pick<TestDatabase, "ownerUrl">,
  environment: Readonly<Record<string, string>>,
): Promise<Buffer[]> {
  const ring = await keyRingOf(readConfig(environment));
  const columns = `id, root_id AS "rootId", key_label AS "keyLabel", wrapped`;
  const rows = await query<WrappedDataKey>(ownerUrl, `SELECT ${columns} FROM data_keys`);
  const keys: Buffer[] = [];
  for (const row of rows) (await ring.unwrap(row)).use((bytes) => keys.push(Buffer.from(bytes)));
  return keys;
}

/** Names of what holds a secret, in variables and in answers. */
const SECRET_TEXTS = /^(?:secret|password)$/;

/**
 * Has every server of a test file write all that it can, with nothing redacted, and looks for the secrets that went in
 * and out when one ends: for `npm run test:leaks`, where LEAK_REPORT names the file of what was found.
 */
class LeakSearch {
  readonly #windows = new Windows();
  readonly #secrets = new Set<string>();
  #lines: string[] = [];
  #databaseLog: DatabaseLog | null = null;

  constructor(private readonly path: string) {}

  /** What a server logs to. */
  get log(): Logger {
    return pino({ level: "trace", base: null }, { write: (line: string) => void this.#lines.push(line) });
  }

  /** Begins with a server. */
  async begin(database: TestDatabase, environment: Readonly<Record<string, string>>): Promise<void> {
    this.#databaseLog ??= await logEverything(database);
    this.#note("the key-encryption key", Buffer.from(environment["COUNTERSIGN_KEY"] ?? "", "base64"));
  }

  /** Notes what was sent, and what was answered. */
  noteRequest(token: string | null, variables: unknown, answer: unknown): void {
    // The parts of a JSON Web Token but for its signature are the same in many.
    if (token !== null) this.#note("a bearer's token", token.split(".")[2] ?? token);
    this.#search(variables);
    this.#search(answer);
  }

  /** Looks through everything, and writes what was found. */
  async end(database: TestDatabase, environment: Readonly<Record<string, string>>): Promise<void> {
    const keys = await dataKeysOf(database, environment).catch(() => []); // Some tests break them.
    for (const key of keys) this.#note("a data key", key);
    const lines = this.#lines;
    this.#lines = [];
    const dump = await dumpOf(database).catch(() => ""); // Some end without their database.
    const databaseLog = this.#databaseLog?.written() ?? null;
    this.#databaseLog = null;
    const places = { "the log": lines.join(""), "the tables": dump, "PostgreSQL's log": databaseLog ?? "" };
    const found = Object.entries(places).flatMap(([place, text]) =>
      this.#windows.in(text).map((secret) => `${secret} in ${place}`),
    );
    const formed = lines.filter((line) => withoutSecrets(line) !== line);
    const report: LeakReport = {
      ...{ secrets: this.#secrets.size, lines: lines.length, tables: dump.length },
      databaseLog: databaseLog?.length ?? null,
      found: [...found, ...formed.map((line) => `what looks like a secret in ${withoutSecrets(line).slice(0, 300)}`)],
    };
    appendFileSync(this.path, `${JSON.stringify(report)}\n`);
  }

  #search(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    for (const [name, each] of Object.entries(value)) {
      if (typeof each !== "string") this.#search(each);
      else if (SECRET_TEXTS.test(name)) this.#note(`a ${name}`, each);
      else if (name === "privateKey") for (const part of partsOf(each)) this.#note("a private key", part);
    }
  }

  #note(name: string, secret: string | Buffer): void {
    const known = secret.toString("base64");
    if (this.#secrets.has(known)) return;
    this.#secrets.add(known);
    if (typeof secret === "string") this.#windows.text(name, secret);
    else this.#windows.bytes(name, secret);
  }
}

function partsOf(pem: string): Buffer[] {
  try {
    return privateParts(createPrivateKey(pem));
  } catch {
    return []; // No key: what is malformed on purpose is looked for by the tests that send it.
  }
}

const path = process.env["LEAK_REPORT"] ?? "";

/** Null where nobody asked for it. */
export const leakSearch = path === "" ? null : new LeakSearch(path);
