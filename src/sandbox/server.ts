import { setMaxListeners } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { take, type World } from "./api/call.js";
import { APPLE_LIMITS, RateLimit, type Limits } from "./api/rate-limit.js";
import type { Fate } from "./api/spoil.js";
import { addControl } from "./control.js";
import { Failures, type Plan } from "./failure.js";
import { Journal, type JournalEntry } from "./journal.js";
import { KeyRing, type KeyOptions, type NewKey } from "./team/key.js";
import type { Program, Team } from "./team/team.js";

/** How a sandbox shall run. */
export interface SandboxOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** A second listener, as Apple's enterprise host is; 0 takes a free port. Without it one listener serves both programs. */
  enterprisePort?: number;
  /** How long each answer takes, as if Apple were far away. Default 0. */
  pageDelayMs?: number;
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
  /** The calls so far, oldest first; grows while the sandbox runs. */
  readonly journal: readonly JournalEntry[];
  clearJournal(): void;
  /** Stops listening and cuts every connection, hanging ones too. */
  close(): Promise<void>;
}

/** Starts a sandbox. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, host = "127.0.0.1", enterprisePort, clock = () => new Date() } = options;
  const world: World = {
    keys: new KeyRing(clock),
    failures: new Failures(),
    journal: new Journal(),
    rateLimit: new RateLimit({ ...APPLE_LIMITS, ...options.limits }, clock),
    clock,
  };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // Each answer that is delayed listens, and any number may be.
  const transport = { world, pageDelayMs: options.pageDelayMs ?? 0, closing: closing.signal };
  const both: Program[] = ["app-store", "enterprise"];

  const appStore = createListener(enterprisePort === undefined ? both : ["app-store"], transport);
  const listeners = [appStore];
  const url = await listen(appStore, port, host);
  let enterpriseUrl = url;
  if (enterprisePort !== undefined) {
    const enterprise = createListener(["enterprise"], transport);
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

interface Transport {
  world: World;
  pageDelayMs: number;
  /** Ends every delay. */
  closing: AbortSignal;
}

/** One of Apple's hosts. What is not `/sandbox/…` is a call of Apple's API, whatever its path and method. */
function createListener(serves: readonly Program[], { world, pageDelayMs, closing }: Transport): FastifyInstance {
  const app = fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    ajv: { customOptions: { removeAdditional: false } },
  });
  addControl(app, world);
  void app.register((apple, _options, done) => {
    // What a body may be is Apple's to say, not Fastify's.
    apple.removeAllContentTypeParsers();
    apple.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, parsed) => {
      parsed(null, body);
    });
    apple.all("/*", async (request, reply) => {
      const url = new URL(request.url, `${request.protocol}://${request.host}`);
      const { authorization } = request.headers;
      const fate = await take({ method: request.method, url, authorization, serves }, world);
      const delayMs = pageDelayMs + (typeof fate === "object" ? fate.delayMs : 0);
      if (delayMs > 0) await delay(delayMs, undefined, { signal: closing });
      return send(fate, reply, world.clock());
    });
    done();
  });
  return app;
}

function send(fate: Fate, reply: FastifyReply, now: Date): FastifyReply {
  if (fate === "hang") return reply.hijack();
  if (fate === "drop") {
    reply.hijack().raw.destroy();
    return reply;
  }
  const { status, headers, body } = fate.answer;
  const all = { "content-type": "application/json", date: now.toUTCString(), ...headers };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  // Bytes rather than a text: to that Fastify would add a charset, which Apple does not name.
  if (!fate.cut) return reply.code(status).headers(all).send(Buffer.from(text));

  // The length of the whole is promised, and half of it comes.
  const { raw } = reply.hijack();
  raw.writeHead(status, { ...all, "content-length": Buffer.byteLength(text) });
  raw.write(text.slice(0, text.length / 2), () => raw.destroy());
  return reply;
}

async function listen(listener: FastifyInstance, port: number, host: string): Promise<string> {
  await listener.listen({ port, host });
  const address = listener.server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
