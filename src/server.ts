import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type { AddressInfo, Socket } from "node:net";
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Logger } from "pino";
import type { Platform } from "./context.js";
import { isDatabaseAway, isHindered } from "./database/availability.js";
import { CodedError, ERROR_CODES, type ErrorCode } from "./errors.js";
import { makeSchema } from "./schema.js";
import { makeApollo } from "./server/apollo.js";
import { makeAsk, sendAnswer } from "./server/ask.js";
import { Authenticator } from "./server/authenticate.js";
import { readJson } from "./server/body.js";
import { QUERY_DEADLINE_MS } from "./server/deadline.js";
import { Ending } from "./server/ending.js";
import { BODY_BYTES, FILES_BODY_BYTES, REQUEST_TIMEOUT_MS } from "./server/limits.js";
import { OutageLog } from "./server/outage.js";
import { RateExceeded, RateLimits, type RateOptions } from "./server/rate.js";
import { serveHealth } from "./server/readiness.js";
import { RefusalLog } from "./server/refusal-log.js";
import type { Claim } from "./services/sign-in.js";

declare module "fastify" {
  interface FastifyRequest {
    /** What was presented and may be somebody; only on the route of GraphQL. */
    claim: Claim | null;
  }
}

const UNREADABLE = "The request cannot be read.";

/** A server that listens. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /**
   * Takes no more requests, and ends when those it has are answered. Before, for so many milliseconds, it takes them still
   * and tells whoever sends them to send them elsewhere; none by default.
   */
  readonly close: (announcedMs?: number) => Promise<void>;
}

/** Where and how to serve. */
export interface ServerOptions extends Partial<RateOptions> {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Whether clients may read the schema, and the explorer is served at `/explorer`. */
  readonly introspection: boolean;
  /** Time for a query; `QUERY_DEADLINE_MS` where it is left out. */
  readonly queryDeadlineMs?: number;
}

/** Serves the graph at `/graphql`, and health at `/livez` and `/readyz`. */
export async function startServer(platform: Platform, options: ServerOptions): Promise<RunningServer> {
  const { log } = platform;
  const { introspection } = options;
  const rates = new RateLimits(platform.dataSource, { requestsPerMinute: 0, costPerMinute: 0, ...options });
  const outages = new OutageLog(log);
  const refusals = new RefusalLog(log);
  const authenticator = new Authenticator(platform, refusals);
  const apollo = makeApollo(await makeSchema(), { introspection, platform, rates, outages, refusals });
  await apollo.start();
  const ask = makeAsk({ platform, apollo, rates, deadlineMs: options.queryDeadlineMs ?? QUERY_DEADLINE_MS });
  const logger: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance: logger,
    bodyLimit: FILES_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    logController: new LogController({
      disableRequestLogging: true, // Its lines hold URLs, and a GET's URL holds the query.
      requestIdLogLabel: "requestId",
    }),
    genReqId: () => randomUUID(),
    forceCloseConnections: "idle",
    return503OnClosing: false, // What comes at the last moment is answered as anything else.
    frameworkErrors: (_, request, reply) => void refuse(request, reply, 400, "INVALID_INPUT", UNREADABLE),
    clientErrorHandler: answerClientError,
  });
  app.decorateRequest("claim", null);
  readJson(app);
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (isDatabaseAway(error)) outages.note(error, request.id);
    else if (isHindered(error)) logFault(log, error, request.id);
    else return answerFault({ platform, refusals }, error, request, reply);
    return refuse(request, reply.header("retry-after", 1), 503, "UNAVAILABLE");
  });
  app.setNotFoundHandler((request, reply) =>
    refuse(request, reply, 404, "NOT_FOUND", "There is nothing here: the graph is at /graphql."),
  );

  const ending = new Ending(app);
  serveHealth(app, platform.probe, ending);
  if (introspection) serveExplorer(app);

  app.route({
    url: "/graphql",
    method: ["GET", "POST"],
    // Whoever was never seen here is told apart before a body is read for them.
    onRequest: async (request, reply) => {
      void reply.header("x-request-id", request.id).header("cache-control", "no-store");
      request.claim = await authenticator.claimOf(request);
      if (request.claim === null) return refuse(request, reply, 401, "UNAUTHENTICATED");
    },
    handler: async (request, reply) => {
      if (request.claim === null) throw new Error("A request reached the graph without a claim");
      const answer = (await ask(request, request.claim)) ?? authenticator.unknown(request);
      return answer === null ? refuse(request, reply, 401, "UNAUTHENTICATED") : sendAnswer(reply, answer);
    },
  });

  await app.listen({ port: options.port, host: options.host });
  const { port } = app.server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: async (announcedMs = 0) => {
      await (announcedMs > 0 ? ending.announced(announcedMs) : ending.now());
      await apollo.stop();
    },
  };
}

/** The explorer: one page, with nothing fetched from elsewhere. */
function serveExplorer(app: FastifyInstance): void {
  // Loaded when it is served, and not imported: its types bring the browser's into this project.
  const { renderGraphiQL } = createRequire(import.meta.url)("@graphql-yoga/render-graphiql") as {
    renderGraphiQL: (options: Readonly<Record<string, string>>) => string;
  };
  const page = renderGraphiQL({
    endpoint: "/graphql",
    title: "Countersign",
    headers: JSON.stringify({ Authorization: "Bearer cs_your-token" }, null, 2),
    defaultQuery: "{ viewer { tenants { edges { node { __typename id name } } } } }\n",
  });
  app.get("/explorer", (_, reply) => reply.type("text/html; charset=utf-8").send(page));
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  code: ErrorCode,
  message: string = ERROR_CODES[code],
) {
  const accepts = request.headers.accept ?? "";
  const type = accepts.includes("application/graphql-response+json")
    ? "application/graphql-response+json"
    : "application/json";
  if (status === 401) void reply.header("www-authenticate", "Bearer");
  return reply
    .code(status)
    .type(`${type}; charset=utf-8`)
    .send(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}

/** What goes wrong outside of GraphQL: a body that cannot be read, a viewer that cannot be told. */
function answerFault(
  { platform, refusals }: { readonly platform: Platform; readonly refusals: RefusalLog },
  error: Error & { statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const viewer = request.claim === null ? undefined : platform.signIns.get(request.claim)?.viewer;
  const refused = { actorId: viewer?.actorId ?? null, ipAddress: request.ip, requestId: request.id };
  if (error instanceof RateExceeded) {
    refusals.note(error.code, error.message, refused);
    void reply.header("retry-after", error.retryAfterSeconds);
    return refuse(request, reply, 429, error.code, error.message);
  }
  if (error instanceof CodedError)
    return refuse(request, reply, error.code === "UNAUTHENTICATED" ? 401 : 400, error.code, error.message);
  const status = error.statusCode ?? 500;
  if (status === 413) {
    const message = `The body is larger than ${BODY_BYTES / 1024} KB, or with files in it than ${FILES_BODY_BYTES / 1024 / 1024} MB.`;
    refusals.note("TOO_COMPLEX", message, refused);
    return refuse(request, reply, 413, "TOO_COMPLEX", message);
  }
  // A body parser's message quotes the body.
  if (status < 500) return refuse(request, reply, status, "INVALID_INPUT", UNREADABLE);
  logFault(platform.log, error, request.id);
  return refuse(request, reply, 500, "INTERNAL");
}

function logFault(log: Logger, error: Error & { readonly code?: unknown }, requestId: string): void {
  log.error({ fault: { type: error.name, code: error.code }, requestId }, "a request failed before the graph");
}

/** What is no HTTP, or came too slowly. Fastify's own handler logs the packet as it came, with the token in it. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const statuses: Partial<Record<string, string>> = {
    ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
    HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  };
  const status = statuses[error.code ?? ""] ?? "400 Bad Request";
  const body = JSON.stringify({ errors: [{ message: UNREADABLE, extensions: { code: "INVALID_INPUT" } }] });
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}`;
  if (socket.writable) socket.write(`${head}\r\nconnection: close\r\n\r\n${body}`);
  socket.destroy(error);
}
