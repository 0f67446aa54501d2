import "reflect-metadata";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { execFile } from "node:child_process";
import pg from "pg";
import { Agent, request } from "undici";
import { signToken } from "../src/apple/token.js";
import { CONNECTIONS as APPLE_CONNECTIONS } from "../src/apple/http/transport.js";
import { startEmbeddedPostgres } from "../src/database/embedded/postgres.js";
import { migrate } from "../src/database/migrate.js";
import { readP8 } from "../src/files/p8.js";
import { Secret } from "../src/vault/secret.js";
import { agent, CONNECTIONS, measure, median, start, text, type Ask } from "./load.js";

const ROUNDS = 5;
const ROUND_SECONDS = 3;
const WARM_UP_SECONDS = 2;
const COLD_ROUNDS = 5;
const COLD_KEYS = 200;
const STALE_KEYS = 50;
const ASKERS = 1_000;
const UPSTREAM_MS = 50;
const HANG_SECONDS = 60;

const CREATE = `mutation ($input: CreateCredentialInput!) { createCredential(input: $input) { credential { id } userErrors { code } } }`;
const LIST = `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 86400) { certificates(first: 50) {
  nodes { appleId name type appleType serialNumber expiresAt state } } } } }`;
const COLD = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Credential { appStoreConnect { certificates(first: 1) { nodes { serialNumber } freshness { stale } } } } } }`;
const ONE = `query ($id: ID!, $age: Int!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: $age) { certificates(first: 1) { freshness { stale } } } } }`;
const NO_APPLE = `query ($id: ID!) { credential(id: $id) { id name program owner { id name } } }`;

interface Key {
  readonly keyId: string;
  readonly issuerId: string;
  readonly privateKey: string;
}

const dataDir = await mkdtemp(join(tmpdir(), "countersign-bench-"));
await chmod(dataDir, 0o755);
const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
const children: ChildProcess[] = [];
const run = async (args: string[], env: NodeJS.ProcessEnv): Promise<string> => {
  const { child, url } = await start(args, env);
  children.push(child);
  return url;
};

try {
  await migrate(postgres.ownerUrl, postgres.serverUrl);
  const sandboxUrl = await run(["dist/src/main.js", "sandbox", "--port", "0", "--page-delay-ms", "0"], {
    DATA_DIR: join(dataDir, "sandbox"),
  });
  const environment = {
    PORT: "0",
    DATABASE_URL: postgres.serverUrl,
    COUNTERSIGN_KEY: randomBytes(32).toString("base64"),
    APPLE_BASE_URL: sandboxUrl,
    APPLE_ENTERPRISE_BASE_URL: sandboxUrl,
    APPLE_SYNC_SECONDS: "0",
    LOG_LEVEL: "warn",
  };
  const found = await init(environment);
  const urls = [
    await run(["dist/src/main.js", "serve"], environment),
    await run(["dist/src/main.js", "serve"], environment),
  ] as const;
  const [url] = urls;
  const headers = { "content-type": "application/json", authorization: `Bearer ${found.token}` };
  const ask = async (at: string, query: string, variables: object, dispatcher = agent): Promise<string> => {
    const body = JSON.stringify({ query, variables });
    const answer = await text(`${at}/graphql`, { method: "POST", headers, body, dispatcher });
    if (answer.includes('"errors":[')) throw new Error(answer.slice(0, 300));
    return answer;
  };
  const sandbox = async (
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    body?: object,
  ): Promise<unknown> => {
    const answer = await request(`${sandboxUrl}/sandbox/${path}`, {
      method,
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const sent = await answer.body.text();
    return sent === "" ? null : (JSON.parse(sent) as unknown);
  };
  const calls = async (): Promise<number> => ((await sandbox("GET", "journal")) as { calls: unknown[] }).calls.length;
  const makeKey = async (certificates: number): Promise<{ id: string; key: Key }> => {
    const contents = { certificates, profiles: 0, bundleIds: 0, devices: 0, apps: 0 };
    const key = (await sandbox("POST", "keys", { program: "app-store", contents })) as Key;
    const { keyId, issuerId, privateKey } = key;
    const input = { tenantId: found.organizationId, name: "Key", keyId, issuerId, privateKey, verify: false };
    const { data } = JSON.parse(await ask(url, CREATE, { input })) as {
      data: { createCredential: { credential: { id: string } } };
    };
    return { id: data.createCredential.credential.id, key };
  };
  const makeKeys = async (count: number, certificates: number) => {
    const made: { id: string; key: Key }[] = [];
    for (let n = 0; n < count; n += 1) made.push(await makeKey(certificates));
    return made;
  };

  const parts: Readonly<Record<string, () => Promise<void>>> = {
    warm: () => warmList(makeKey),
    cold: () => coldKeys(makeKeys),
    one: () => oneColdKey(makeKey),
    two: () => twoProcesses(makeKeys),
    hang: () => hanging(makeKeys),
  };
  // All of them, or those that the command names.
  const named = process.argv.slice(2);
  for (const [name, part] of Object.entries(parts)) if (named.length === 0 || named.includes(name)) await part();

  /** A list of 50 certificates out of one warm snapshot, beside the same rows by one hand-written statement. */
  async function warmList(make: typeof makeKey): Promise<void> {
    const { id } = await make(50);
    await ask(url, LIST, { id });
    const limit = await run(["dist/bench/limit.js", postgres.ownerUrl], {});
    const query = new URLSearchParams([
      ["id", found.organizationId],
      ["id", id],
    ]);
    const ours: Ask = () => ask(url, LIST, { id });
    const theirs: Ask = () => text(`${limit}/certificates?${query.toString()}`, {});
    if (!isDeepStrictEqual(JSON.parse(await ours()), JSON.parse(await theirs())))
      throw new Error(`The answers differ:\n${(await ours()).slice(0, 500)}\n${(await theirs()).slice(0, 500)}`);
    await measure(ours, WARM_UP_SECONDS);
    await measure(theirs, WARM_UP_SECONDS);
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      rates[0].push(await measure(ours, ROUND_SECONDS));
      rates[1].push(await measure(theirs, ROUND_SECONDS));
    }
    const [a, b] = [median(rates[0]), median(rates[1])];
    console.log(`50 certificates of one warm snapshot, requests a second, ${CONNECTIONS} connections:`);
    console.log(
      `  Countersign ${a.toFixed(0)}, one hand-written statement ${b.toFixed(0)}: ${(a / b).toFixed(2)} of it\n`,
    );
  }

  /** Cold keys in one query, beside the same requests by bare undici over as many connections. */
  async function coldKeys(make: typeof makeKeys): Promise<void> {
    await sandbox("PATCH", "settings", { pageDelayMs: UPSTREAM_MS });
    const bareAgent = new Agent({ connections: APPLE_CONNECTIONS });
    const ratios: number[] = [];
    const times: [number[], number[]] = [[], []];
    for (let round = 0; round < COLD_ROUNDS; round += 1) {
      const keys = await make(COLD_KEYS, 2);
      const tokens = await Promise.all(keys.map(({ key }) => tokenOf(key)));
      const bare = async (): Promise<void> => {
        await Promise.all(
          tokens.map(async (token) => {
            const { body } = await request(`${sandboxUrl}/v1/certificates?limit=200`, {
              dispatcher: bareAgent,
              headers: { authorization: `Bearer ${token}` },
            });
            await body.json();
          }),
        );
      };
      await bare(); // Its connections are made, as those of the server are after the first round.
      const theirs = await timed(bare);
      const ours = await timed(() => ask(url, COLD, { ids: keys.map(({ id }) => id) }));
      times[0].push(ours);
      times[1].push(theirs);
      if (round > 0) ratios.push(ours / theirs);
    }
    await bareAgent.close();
    await sandbox("PATCH", "settings", { pageDelayMs: 0 });
    const all = (list: readonly number[]): string => list.map((ms) => ms.toFixed(0)).join(", ");
    console.log(
      `${COLD_KEYS} cold keys, Apple at ${UPSTREAM_MS} ms, ${APPLE_CONNECTIONS} connections, ${COLD_ROUNDS} rounds:`,
    );
    console.log(
      `  Countersign ${all(times[0])} ms; bare undici ${all(times[1])} ms: ${median(ratios).toFixed(2)}× (median, first round left out)\n`,
    );
  }

  /** A thousand who ask for one cold key at once. */
  async function oneColdKey(make: typeof makeKey): Promise<void> {
    const { id } = await make(2);
    await sandbox("DELETE", "journal");
    const ms = await timed(() => Promise.all(Array.from({ length: ASKERS }, () => ask(url, ONE, { id, age: 300 }))));
    console.log(`${ASKERS} askers of one cold key: ${await calls()} call to Apple, ${ms.toFixed(0)} ms\n`);
  }

  /** Two processes on one database, asked for keys whose snapshots are too old. */
  async function twoProcesses(make: typeof makeKeys): Promise<void> {
    const keys = await make(STALE_KEYS, 2);
    await ask(url, COLD, { ids: keys.map(({ id }) => id) });
    await sandbox("PATCH", "settings", { pageDelayMs: UPSTREAM_MS });
    await sandbox("DELETE", "journal");
    await makeOld();
    const ms = await timed(() =>
      Promise.all(
        Array.from({ length: ASKERS }, (_, n) =>
          ask(urls[n % 2] ?? url, ONE, { id: keys[n % STALE_KEYS]?.id ?? "", age: 300 }),
        ),
      ),
    );
    await sandbox("PATCH", "settings", { pageDelayMs: 0 });
    console.log(
      `Two processes, ${ASKERS} concurrent reads of ${STALE_KEYS} stale keys: ${await calls()} calls to Apple, ${ms.toFixed(0)} ms\n`,
    );
  }

  /** Reads that need no Apple, while others wait for an Apple that hangs. */
  async function hanging(make: typeof makeKeys): Promise<void> {
    const keys = await make(20, 2);
    const ids = keys.map(({ id }) => id);
    await ask(url, COLD, { ids });
    const read: Ask = () => ask(url, NO_APPLE, { id: ids[0] ?? "" });
    await measure(read, WARM_UP_SECONDS);
    let isOver = false;
    let stale = 0;
    // Connections of their own, as many as it takes: those who wait for Apple are not to hold up the load on our side.
    const waiting = new Agent();
    // Each key is asked for once a second, whether the answer before has come or not.
    const pending = new Set<Promise<unknown>>();
    const goesOn = (): boolean => !isOver;
    const asking = (async () => {
      for (let n = 0; goesOn(); n += 1) {
        const asked = ask(url, ONE, { id: ids[n % ids.length] ?? "", age: 0 }, waiting).then((answer) => {
          if (answer.includes('"stale":true')) stale += 1;
          pending.delete(asked);
        });
        pending.add(asked);
        await new Promise((resolve) => setTimeout(resolve, 1_000 / ids.length));
      }
    })();
    const before = await measure(read, HANG_SECONDS / 4);
    await sandbox("POST", "failures", { times: "always", failure: { kind: "hang" } });
    const during = await measure(read, HANG_SECONDS);
    isOver = true;
    await sandbox("DELETE", "failures");
    await Promise.all([asking, ...pending]);
    await waiting.close();
    console.log(
      `Reads that need no Apple, a second: ${before.toFixed(0)}; while Apple hangs for ${HANG_SECONDS} s, under ${ids.length} questions to Apple a second in both: ${during.toFixed(0)}, ${((100 * during) / before).toFixed(1)} %`,
    );
    console.log(`  and ${stale} answers meanwhile were marked stale\n`);
  }
} finally {
  for (const child of children) child.removeAllListeners("exit").kill();
  await agent.close();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}

/** Makes every snapshot an hour older. */
async function makeOld(): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.ownerUrl });
  await client.connect();
  await client.query("UPDATE apple_snapshots SET as_of = as_of - interval '1 hour'");
  await client.end();
}

/** Makes the organization, as whoever runs the server does. */
async function init(env: NodeJS.ProcessEnv): Promise<{ organizationId: string; token: string }> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["dist/src/main.js", "init", "--organization", "Bench", "--json"],
    { env: { PATH: process.env["PATH"], ...env } },
  );
  return JSON.parse(stdout) as { organizationId: string; token: string };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function tokenOf({ keyId, issuerId, privateKey }: Key): Promise<string> {
  const der = readP8(privateKey).pkcs8Der;
  const key = { credentialId: keyId, version: 1, program: "APP_STORE", keyType: "TEAM", keyId, issuerId } as const;
  return (await signToken({ ...key, privateKey: () => Promise.resolve(Secret.of(der)) })).jwt;
}
