import { Agent, DecoratorHandler, request, type Dispatcher } from "undici";
import { AppleError, errorOf, unexpected, unreachable } from "../error.js";
import { readRateLimit, readRetryAfter, type RateLimit } from "./rate-limit.js";
import type { Method } from "./verdict.js";

const CONNECT_TIMEOUT_MS = 3_000;
const HEADERS_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 20_000;
export const ANSWER_BYTES = 10 * 1024 * 1024;
/** Connections to one of Apple's hosts, kept open. */
export const CONNECTIONS = 16;

/** One request. */
export interface Outgoing {
  readonly method: Method;
  readonly url: URL;
  /** Null: asked as nobody, which Apple answers with 401. */
  readonly token: string | null;
  /** Sent as JSON. */
  readonly body?: object;
  readonly signal: AbortSignal;
  /** Asked when the connection stands, right before the first byte: where it says no, none goes out. */
  readonly mayGo?: () => boolean;
}

/** What came back of a request that Apple answered well. `body` is null where there was none (204). */
export interface Incoming {
  readonly status: number;
  readonly body: unknown;
}

/** Sends single requests, within deadlines and sizes: what is refused, broken or unreadable is thrown as an AppleError. */
export class Transport {
  readonly #agent: Dispatcher;

  /** `onRateLimit` is told the budget of each answer that names one, good or bad. */
  constructor(deadlineMs: number) {
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS },
      connections: CONNECTIONS,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, deadlineMs),
      bodyTimeout: Math.min(BODY_TIMEOUT_MS, deadlineMs),
      keepAliveTimeout: 30_000,
    });
  }

  /** Null where `mayGo` kept it back. Throws AppleError. */
  async send(outgoing: Outgoing, onRateLimit: (rateLimit: RateLimit) => void): Promise<Incoming | null> {
    try {
      return await this.#send(outgoing, onRateLimit);
    } catch (error) {
      if (error instanceof KeptBack) return null;
      throw error instanceof AppleError ? error : unreachable(error);
    }
  }

  async #send(
    { method, url, token, body: sent, signal, mayGo }: Outgoing,
    onRateLimit: (rateLimit: RateLimit) => void,
  ): Promise<Incoming> {
    const { statusCode, headers, body } = await request(url, {
      method,
      dispatcher: mayGo === undefined ? this.#agent : this.#agent.compose(gate(mayGo)),
      signal,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        accept: "application/json",
        ...(sent !== undefined && { "content-type": "application/json" }),
      },
      ...(sent !== undefined && { body: JSON.stringify(sent) }),
    });
    const rateLimit = readRateLimit(headers["x-rate-limit"]);
    if (rateLimit !== null) onRateLimit(rateLimit);
    if (statusCode >= 300 && statusCode < 400) {
      // Destroyed before its end, a body reports that as an error, which nobody else listens for.
      body.on("error", () => undefined).destroy();
      throw unexpected("Apple answered with a redirect, which is not followed.");
    }
    const text = await readCapped(body);
    if (statusCode < 300) return { status: statusCode, body: statusCode === 204 ? null : parse(text) };
    throw errorOf({
      status: statusCode,
      body: parseOrNull(text),
      isChange: method !== "GET",
      clockSkewSeconds: clockSkew(headers["date"]),
      retryAfterSeconds: readRetryAfter(headers["retry-after"]),
    });
  }

  async close(): Promise<void> {
    // Not `close`, which waits for answers: whoever waits for one has been told no by now.
    await this.#agent.destroy();
  }
}

/** A request of which no byte went out. */
class KeptBack extends Error {}

/** Looks once more, in the same turn of the event loop in which the request is written to its connection. */
const gate =
  (mayGo: () => boolean): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, new Gate(handler, mayGo));

class Gate extends DecoratorHandler {
  constructor(
    private readonly handler: Dispatcher.DispatchHandler,
    private readonly mayGo: () => boolean,
  ) {
    super(handler);
  }

  // Thrown rather than aborted, which would close the connection.
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    if (!this.mayGo()) throw new KeptBack();
    this.handler.onRequestStart?.(controller, context);
  }
}

async function readCapped(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop destroys the stream, and the connection with it.
    if (size > ANSWER_BYTES) throw unexpected(`Apple's answer is larger than ${ANSWER_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unexpected("Apple's answer is not JSON.", error);
  }
}

/** An error page may be anything. */
function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function clockSkew(date: string | string[] | undefined): number | null {
  const theirs = typeof date === "string" ? Date.parse(date) : Number.NaN;
  return Number.isNaN(theirs) ? null : Math.round((theirs - Date.now()) / 1000);
}
