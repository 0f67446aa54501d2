import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { publicKeySha256, readPkcs8Der } from "../../src/files/signing-key.js";
import { dataKeyStore } from "../../src/services/vault/data-key.js";
import { placeIn, SEALED, type SealedColumn } from "../../src/services/vault/sealed-column.js";
import { localKeyProvider, parseKeyEncryptionKey, type KeyProvider } from "../../src/vault/key-provider.js";
import { KeyRing } from "../../src/vault/key-ring.js";
import { Vault } from "../../src/vault/vault.js";
import { mutate } from "./mutation.js";
import type { Story } from "./seed.js";
import type { TestServer } from "./server.js";

const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));

/** Where each table says which public key the sealed private one belongs to. */
const FINGERPRINT: Readonly<Record<string, string>> = {
  credentials: "fingerprint",
  certificates: "public_key_sha256",
  signing_requests: "public_key_sha256",
  signing_intents: "public_key_sha256",
};

/** Everything that is sealed in a database, by whether it opens to the private key of the public key beside it. */
export interface Opened {
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

/** Opens everything, as a process does that has just started with these keys. */
export async function openAll(ownerUrl: string, ...keys: readonly [KeyProvider, ...KeyProvider[]]): Promise<Opened> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  const unit = {
    rows: async <Row>({ text }: { readonly text: string }, values: readonly unknown[]) =>
      (await client.query<Row & pg.QueryResultRow>(text, [...values])).rows,
  };
  const vault = new Vault(new KeyRing(keys[0], keys.slice(1)), dataKeyStore);
  const found: Record<"right" | "wrong", string[]> = { right: [], wrong: [] };
  try {
    for (const column of Object.values<SealedColumn>(SEALED)) {
      const text = `SELECT id, owner_id AS "ownerId", ${column.version ?? "1"} AS version, ${column.column} AS sealed,
        ${FINGERPRINT[column.table] ?? "NULL"} AS fingerprint FROM ${column.table} WHERE ${column.column} IS NOT NULL ORDER BY id`;
      const rows = await unit.rows<{
        id: string;
        ownerId: string;
        version: number;
        sealed: Buffer;
        fingerprint: string;
      }>({ text }, []);
      for (const { sealed, fingerprint, version, ...row } of rows) {
        const secret = await vault.open(unit, sealed, placeIn(column, row, version)).catch(() => null);
        const isRight = secret !== null && publicKeySha256(secret.use(readPkcs8Der)) === fingerprint;
        found[isRight ? "right" : "wrong"].push(`${column.table} ${row.id}`);
      }
    }
    return found;
  } finally {
    await client.end();
  }
}

/** A key-encryption key in base64, as a provider. */
export const keyOf = (base64: string): KeyProvider => localKeyProvider(parseKeyEncryptionKey(base64));

/** How many secrets of a kind an organization gets. Each certificate is made at Apple, and its intent keeps a secret too. */
export interface Furniture {
  readonly keys: number;
  readonly certificates?: number;
  readonly requests?: number;
}

/** Gives an organization secrets, through the public API. Gives the ids of its keys and certificates. */
export async function furnish(
  server: TestServer,
  story: Story,
  { keys, certificates = 0, requests = 0 }: Furniture,
): Promise<{ readonly keys: readonly string[]; readonly certificates: readonly string[] }> {
  const tenantId = story.organizationId;
  const made = { keys: [] as string[], certificates: [] as string[] };
  for (let n = 0; n < keys; n += 1)
    made.keys.push(await story.credential(tenantId, { name: `Key ${n}`, verify: false }));
  for (let n = 0; n < requests; n += 1) {
    const input = { tenantId, commonName: `Request ${n}`, email: "ci@acme.example", country: "DE" };
    await done(server, story, "createSigningRequest", "signingRequest { id }", input);
  }
  for (let n = 0; n < certificates; n += 1) {
    const credentialId = await story.credential(tenantId, { name: `Maker ${n}`, verify: false });
    made.keys.push(credentialId);
    const input = { tenantId, credentialId, type: "DEVELOPMENT" };
    made.certificates.push(await done(server, story, "createCertificate", "certificate { id }", input));
  }
  return made;
}

async function done(server: TestServer, story: Story, name: string, selection: string, input: Record<string, unknown>) {
  const { payload, text } = await mutate<Record<string, { id: string } | null>>(
    ...([server, story.owner, name, selection, input] as const),
  );
  const [id] = Object.values(payload ?? {}).flatMap((each) => each?.id ?? []);
  if (id === undefined) throw new Error(`${name} was refused: ${text}`);
  return id;
}

/** What a run of the command line came to. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that may be killed. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Run>;
}

/** Starts the built command line with nothing of this process's environment. `input` is typed in. */
export function start(environment: Readonly<Record<string, string>>, args: readonly string[], input = ""): Running {
  const env = { PATH: process.env["PATH"], ...environment };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: "pipe" });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  child.stdin.on("error", () => undefined).end(input);
  const ended = once(child, "close").then(([status]) => ({ status: status as number | null, ...output }));
  return { child, ended };
}

/** The environment of an operator's command on the database of a test server. */
export const operatorOf = (server: TestServer, changes: Readonly<Record<string, string>> = {}) => ({
  ...server.environment,
  ...{ DATABASE_OWNER_URL: server.database.ownerUrl, ...changes },
});

/** Runs the command line to its end, as an operator of a test server. */
export const operate = (
  server: TestServer,
  args: readonly string[],
  changes: Readonly<Record<string, string>> = {},
  input = "",
): Promise<Run> => start(operatorOf(server, changes), args, input).ended;
