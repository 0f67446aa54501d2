import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Sandbox } from "../../../src/sandbox/server.js";
import { startSandbox } from "../../../src/sandbox/server.js";
import { makeDatabase, type TestDatabase } from "../database.js";
import { startAppleProxy, type AppleProxy, type OnPost } from "./apple-proxy.js";
import { startPostgresProxy, type OnCommit, type PostgresProxy } from "./postgres-proxy.js";

/** The statements by which the making of a certificate is known, in their order. */
const STATEMENTS = ["intent_open", "intent_send", "intent_end"] as const;

const MAIN = join("dist", "src", "main.js");

/** What may be done to the victim: it is asked at every commit and every POST. */
export interface Ambush {
  onCommit: OnCommit;
  onPost: OnPost;
}

/** A whole server in a process of its own, which is killed and started again, with lines to PostgreSQL and to Apple that can be cut. */
export class Victim {
  readonly ambush: Ambush = { onCommit: () => false, onPost: () => false };
  readonly key = randomBytes(32).toString("base64");
  owner = "";
  organizationId = "";
  #child: ChildProcess | null = null;
  #url = "";

  private constructor(
    readonly database: TestDatabase,
    readonly sandbox: Sandbox,
    private readonly postgres: PostgresProxy,
    private readonly apple: AppleProxy,
    private readonly changes: Readonly<Record<string, string>>,
  ) {}

  /** Starts it on a database of its own, with a sandbox of its own that takes any number of certificates. `changes` replaces variables of its configuration. */
  static async start(changes: Readonly<Record<string, string>> = {}): Promise<Victim> {
    const [database, sandbox] = await Promise.all([
      makeDatabase(),
      startSandbox({ enterprisePort: 0, certificateLimits: { DISTRIBUTION: 100_000 }, perHour: 1_000_000 }),
    ]);
    const { hostname, port } = new URL(database.serverUrl);
    const target = { host: hostname, port: Number(port) };
    let victim: Victim | null = null;
    const [postgres, apple] = await Promise.all([
      startPostgresProxy(target, STATEMENTS, (statement, when) => victim?.ambush.onCommit(statement, when) ?? false),
      startAppleProxy(sandbox.url, (path, when) => victim?.ambush.onPost(path, when) ?? false),
    ]);
    victim = new Victim(database, sandbox, postgres, apple, changes);
    await victim.revive();
    return victim;
  }

  /** Kills it, as a power cut does. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Starts it again, once it is dead, and waits until it listens. */
  async revive(): Promise<void> {
    this.kill();
    const serverUrl = Object.assign(new URL(this.database.serverUrl), { port: String(this.postgres.port) });
    const child = spawn(process.execPath, [MAIN, "serve"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...{ PATH: process.env["PATH"], PORT: "0", DATABASE_URL: serverUrl.href, COUNTERSIGN_KEY: this.key },
        ...{ APPLE_BASE_URL: this.apple.url, APPLE_SYNC_SECONDS: "0", APPLE_DEADLINE_MS: "5000", LOG_LEVEL: "fatal" },
        ...this.changes,
      },
    });
    this.#child = child;
    this.#url = await new Promise<string>((resolve, reject) => {
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        this.organizationId = /\((org_\w+)\)/.exec(said)?.[1] ?? this.organizationId;
        this.owner = /shown this once: (\S+)/.exec(said)?.[1] ?? this.owner;
        const url = /listening at (\S+)/.exec(said)?.[1];
        if (url !== undefined) resolve(url);
      });
      child.once("exit", () => {
        reject(new Error("The server ended before it listened"));
      });
    });
  }

  /** Asks it; null where it died before it answered. */
  async ask<Data>(query: string, variables: object): Promise<Data | null> {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${this.owner}` },
        body: JSON.stringify({ query, variables }),
      });
      // What was not carried out has no data.
      return ((await response.json()) as { data?: Data }).data ?? null;
    } catch {
      return null;
    }
  }

  async end(): Promise<void> {
    this.kill();
    await Promise.all([this.postgres.close(), this.apple.close(), this.sandbox.close()]);
    await this.database.drop();
  }
}
