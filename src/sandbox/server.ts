import { setMaxListeners } from "node:events";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { World } from "./api/call.js";
import { RateLimit, type Limits } from "./api/rate-limit.js";
import { Failures, type Plan } from "./failure.js";
import { Journal, type JournalEntry } from "./journal.js";
import { createListener } from "./listener.js";
import { configure, DEFAULT_SETTINGS, type Settings } from "./settings.js";
import { History } from "./team/history.js";
import { KeyRing, type KeyOptions, type NewKey } from "./team/key.js";
import type { Program, Team } from "./team/team.js";

/** How a sandbox shall run: every setting, and what cannot be changed later. */
export interface SandboxOptions extends Partial<Settings> {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** A second listener, as Apple's enterprise host is; 0 takes a free port. Without it one listener serves both programs. */
  enterprisePort?: number;
  /** The budgets under one name: `perHour` and `perMinute`. */
  limits?: Partial<Limits>;
  clock?: () => Date;
}

/** A running App Store Connect. Everything that it can be told here it can also be told at `/sandbox/…` of its url. */
export interface Sandbox {
  /** Origin of the App Store host, without a slash at the end. */
  readonly url: string;
  /** Origin of the enterprise host; the same where there is one listener. */
  readonly enterpriseUrl: string;
  /** Makes a key, and a team unless one is named. The private key is shown here and not kept. */
  registerKey(options: KeyOptions): Promise<NewKey>;
  /** Revokes a key for good. Throws a RangeError when there is none. */
  revokeKey(keyId: string): void;
  /** What a team owns, to look at and to change. Throws a RangeError when there is none. */
  team(teamId: string): Team;
  /** Plans a failure for the next call, or calls, that match. */
  failNext(plan: Plan): void;
  clearFailures(): void;
  /** What holds now. */
  readonly settings: Readonly<Settings>;
  /** Changes some settings, from the next call on. Throws a RangeError at a value that a setting does not take. */
  configure(changes: Partial<Settings>): void;
  /** The calls so far, oldest first; grows while the sandbox runs. */
  readonly journal: readonly JournalEntry[];
  clearJournal(): void;
  /** Stops listening and cuts every connection, hanging ones too. */
  close(): Promise<void>;
}

/** Starts a sandbox. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, host = "127.0.0.1", enterprisePort, clock = () => new Date(), limits, ...changes } = options;
  const settings: Settings = { ...DEFAULT_SETTINGS };
  configure(settings, { ...limits, ...changes });
  const world: World = {
    keys: new KeyRing(clock),
    failures: new Failures(),
    journal: new Journal(),
    history: new History(),
    rateLimit: new RateLimit(settings, clock),
    settings,
    clock,
  };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // Each answer that is delayed listens, and any number may be.
  const both: Program[] = ["app-store", "enterprise"];

  const appStore = createListener(enterprisePort === undefined ? both : ["app-store"], world, closing.signal);
  const listeners = [appStore];
  const url = await listen(appStore, port, host);
  let enterpriseUrl = url;
  if (enterprisePort !== undefined) {
    const enterprise = createListener(["enterprise"], world, closing.signal);
    listeners.push(enterprise);
    enterpriseUrl = await listen(enterprise, enterprisePort, host);
  }

  return {
    url,
    enterpriseUrl,
    registerKey: (key) => Promise.resolve().then(() => world.keys.register(key)),
    revokeKey: (keyId) => {
      world.keys.revoke(keyId);
    },
    team: (teamId) => world.keys.team(teamId),
    failNext: (plan) => {
      world.failures.add(plan);
    },
    clearFailures: () => {
      world.failures.clear();
    },
    settings,
    configure: (wanted) => {
      configure(settings, wanted);
    },
    journal: world.journal.entries,
    clearJournal: () => {
      world.journal.clear();
    },
    close: async () => {
      closing.abort();
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
}

async function listen(listener: FastifyInstance, port: number, host: string): Promise<string> {
  await listener.listen({ port, host });
  const address = listener.server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
