import pLimit, { type LimitFunction } from "p-limit";
import { Agent, request, type Dispatcher } from "undici";
import { AppleError, errorOf, unexpected, unreachable } from "./error.js";
import { documentOf, type AppleDocument } from "./document.js";
import { readRateLimit, type RateLimit } from "./rate-limit.js";
import type { Authorization } from "./signer.js";

const CONNECT_TIMEOUT_MS = 3_000;
const HEADERS_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 20_000;
/** For one request with all its retries. */
export const DEADLINE_MS = 30_000;
export const ANSWER_BYTES = 10 * 1024 * 1024;
/** Requests at once for one key; the others wait. */
export const CONCURRENCY = 4;
/** How often a GET is asked again after an answer or a broken line that promises better. */
export const RETRIES = 3;
/** Pages followed at most: 200 of 200 rows are more than any team holds. */
export const PAGES = 200;

const RETRY_BASE_MS = 200;
const RETRIED = new Set([500, 502, 503, 504]);

/** Where Apple is, for each program. */
export interface AppleHosts {
  readonly APP_STORE: string;
  readonly ENTERPRISE: string;
}

/** Query parameters; a list is joined with commas, as Apple wants it. */
export type Query = Readonly<Record<string, string | number | readonly string[]>>;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly clockSkewSeconds: number | null;
}

/** The only door out: speaks to Apple's two hosts and no other, within deadlines and limits. */
export class AppleClient {
  readonly #agent: Dispatcher;
  readonly #limits = new Map<string, LimitFunction>();
  readonly #rateLimits = new Map<string, RateLimit>();

  constructor(
    private readonly hosts: AppleHosts,
    private readonly deadlineMs: number = DEADLINE_MS,
  ) {
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, deadlineMs),
      bodyTimeout: Math.min(BODY_TIMEOUT_MS, deadlineMs),
      keepAliveTimeout: 30_000,
    });
  }

  /** The budget of a key as Apple last reported it to this process; null before its first call. */
  rateLimit(credentialId: string): RateLimit | null {
    return this.#rateLimits.get(credentialId) ?? null;
  }

  /** One document. Throws AppleError. */
  async get(authorization: Authorization, path: string, query: Query = {}): Promise<AppleDocument> {
    return this.#document(authorization, this.#url(authorization, path, query));
  }

  /** Every page of a list, following `links.next` as it is, on the same origin only. Throws AppleError. */
  async *pages(authorization: Authorization, path: string, query: Query = {}): AsyncGenerator<AppleDocument> {
    const first = this.#url(authorization, path, query);
    const seen = new Set<string>();
    let fetched = 0;
    for (let url: URL | null = first; url !== null;) {
      // Seen in practice: `next` though everything was fetched, and a `next` that leads in a circle.
      if (seen.has(url.href) || seen.size >= PAGES) return;
      seen.add(url.href);
      const document = await this.#document(authorization, url);
      yield document;
      fetched += document.data.length;
      if (document.total !== null && fetched >= document.total) return;
      url = nextOf(document, first);
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  #url({ key }: Authorization, path: string, query: Query): URL {
    // The base may carry a path of its own, so this is no `new URL(path, base)`.
    const url = new URL(this.hosts[key.program] + path);
    for (const [name, value] of Object.entries(query)) {
      url.searchParams.set(name, Array.isArray(value) ? value.join(",") : String(value));
    }
    return url;
  }

  async #document(authorization: Authorization, url: URL): Promise<AppleDocument> {
    const answer = await this.#limited(authorization, () => this.#ask(authorization, url));
    if (answer.status !== 200) throw errorOf(answer.status, answer.body, answer.clockSkewSeconds);
    return documentOf(answer.body);
  }

  async #limited<T>({ key }: Authorization, call: () => Promise<T>): Promise<T> {
    const limit = this.#limits.get(key.credentialId) ?? pLimit(CONCURRENCY);
    this.#limits.set(key.credentialId, limit);
    try {
      return await limit(call);
    } finally {
      if (limit.activeCount + limit.pendingCount === 0) this.#limits.delete(key.credentialId);
    }
  }

  /** A GET: asked again after a broken line or a passing fault of Apple's, and once with a fresh token after a 401. */
  async #ask(authorization: Authorization, url: URL): Promise<Answer> {
    const deadline = AbortSignal.timeout(this.deadlineMs);
    let token = authorization.token;
    let renewed = false;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await this.#send(authorization, url, token, deadline);
        if (answer.status === 401 && !renewed) {
          // Apple sends 401 to good tokens now and then.
          renewed = true;
          token = await authorization.renew(token);
          continue;
        }
        if (!RETRIED.has(answer.status) || attempt >= RETRIES) return answer;
      } catch (error) {
        if (error instanceof AppleError) throw error;
        if (attempt >= RETRIES || deadline.aborted || !isBrokenLine(error)) throw unreachable(error);
      }
      await pause(Math.random() * RETRY_BASE_MS * 2 ** attempt, deadline);
    }
  }

  async #send({ key }: Authorization, url: URL, token: string, signal: AbortSignal): Promise<Answer> {
    const { statusCode, headers, body } = await request(url, {
      dispatcher: this.#agent,
      signal,
      headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    });
    const rateLimit = readRateLimit(headers["x-rate-limit"]);
    if (rateLimit !== null) this.#rateLimits.set(key.credentialId, rateLimit);
    if (statusCode >= 300 && statusCode < 400) {
      // Destroyed before its end, a body reports that as an error, which nobody else listens for.
      body.on("error", () => undefined).destroy();
      throw unexpected("Apple answered with a redirect, which is not followed.");
    }
    const text = await readCapped(body);
    return { status: statusCode, body: parse(text, statusCode), clockSkewSeconds: clockSkew(headers["date"]) };
  }
}

/** The failures of a connection, which say that no whole answer came; a deadline is no such failure. */
function isBrokenLine(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE" || code === "ECONNREFUSED";
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

/** JSON where a good answer has to be, null where an error page is something else. */
function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (status === 200) throw unexpected("Apple's answer is not JSON.", error);
    return null;
  }
}

function clockSkew(date: string | string[] | undefined): number | null {
  const theirs = typeof date === "string" ? Date.parse(date) : Number.NaN;
  return Number.isNaN(theirs) ? null : Math.round((theirs - Date.now()) / 1000);
}

function nextOf(document: AppleDocument, first: URL): URL | null {
  if (document.next === null) return null;
  const next = URL.canParse(document.next) ? new URL(document.next) : null;
  if (next?.origin !== first.origin) throw unexpected("Apple's next page lies on another host, which is not asked.");
  return next;
}

/** Waits, or until the deadline. */
function pause(ms: number, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      deadline.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    deadline.addEventListener("abort", done);
  });
}
