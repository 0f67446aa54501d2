import { ExponentialBackoff, fullJitterGenerator, handleWhen, retry, type RetryPolicy } from "cockatiel";
import { Allowances, type Allowance } from "./http/allowance.js";
import { Breakers } from "./http/breaker.js";
import { documentOf, type AppleDocument } from "./document.js";
import { AppleError, unreachable } from "./error.js";
import { everyPage, type AppleListing } from "./listing.js";
import type { Authorization } from "./signer.js";
import type { RateLimit } from "./http/rate-limit.js";
import { CONNECTIONS, Transport, type Incoming, type Outgoing } from "./http/transport.js";
import { Turnstile } from "./http/turnstile.js";
import { isOutcomeUnknown, notMade, verdictOn, type Method } from "./http/verdict.js";

/** For one request with all its retries, and the wait for its turn. */
export const DEADLINE_MS = 30_000;
/** Requests at once for one key; the others wait. */
export const CONCURRENCY = 4;
/** How often a request is asked again after an answer or a broken line that promises better. */
export const RETRIES = 3;
const BACKOFF = { generator: fullJitterGenerator, initialDelay: 200, maxDelay: 4_000 };

/** Where Apple is, for each program. */
export interface AppleHosts {
  readonly APP_STORE: string;
  readonly ENTERPRISE: string;
}

/** Query parameters; a list is joined with commas, as Apple wants it. */
export type Query = Readonly<Record<string, string | number | readonly string[]>>;

interface Call {
  readonly method: Method;
  readonly url: URL;
  readonly body?: object;
}

/** What an answer to nobody tells of a host. */
export interface Reached {
  readonly status: number;
  /** By how much Apple's clock is ahead of ours; null where the answer did not say. */
  readonly clockSkewSeconds: number | null;
}

const patiently = (isWorthwhile: (error: Error) => boolean): RetryPolicy =>
  retry(handleWhen(isWorthwhile), { maxAttempts: RETRIES, backoff: new ExponentialBackoff(BACKOFF) });

/** The only door out: speaks to Apple's two hosts and no other, within deadlines, limits and budgets. */
export class AppleClient {
  readonly #transport: Transport;
  readonly #keyTurns = new Turnstile(CONCURRENCY);
  readonly #hostTurns = new Turnstile(CONNECTIONS);
  readonly #breakers = new Breakers();
  readonly #allowances = new Allowances();

  constructor(
    private readonly hosts: AppleHosts,
    readonly deadlineMs: number = DEADLINE_MS,
  ) {
    this.#transport = new Transport(deadlineMs);
  }

  /** What this process knows of a key's budget. */
  allowance(credentialId: string): Allowance {
    return this.#allowances.of(credentialId);
  }

  /** One document. Throws AppleError. */
  async get(authorization: Authorization, path: string, query: Query = {}): Promise<AppleDocument> {
    return this.#document(authorization, this.#url(authorization, path, query));
  }

  /**
   * A document that tells whether a key works: asked whatever the breakers and the budget say, since what they know
   * may be of the past. Throws AppleError.
   */
  async probe(authorization: Authorization, path: string, query: Query = {}): Promise<AppleDocument> {
    const call: Call = { method: "GET", url: this.#url(authorization, path, query) };
    this.allowance(authorization.key.credentialId).release();
    return documentOf((await this.#attempts(authorization, call)).body);
  }

  /**
   * Whether a program's host answers at all, asked without a key: what it answers, no doubt 401, tells the clocks
   * apart. Throws AppleError where no answer comes.
   */
  async reach(program: keyof AppleHosts): Promise<Reached> {
    const url = new URL(`${this.hosts[program]}/v1/apps`);
    const signal = AbortSignal.timeout(this.deadlineMs);
    const isWorthwhile = (error: Error): boolean =>
      error instanceof AppleError && error.status === null && verdictOn("GET", error) === "retry";
    try {
      await patiently(isWorthwhile).execute(
        () => this.#transport.send({ method: "GET", url, token: null, signal }, () => undefined),
        signal,
      );
      return { status: 200, clockSkewSeconds: null };
    } catch (error) {
      if (!(error instanceof AppleError)) throw unreachable(error);
      if (error.status === null) throw error;
      return { status: error.status, clockSkewSeconds: error.clockSkewSeconds };
    }
  }

  /** Every row of a list, page by page. Throws AppleError, also where Apple's pages do not lead to all of it. */
  async all(authorization: Authorization, path: string, query: Query = {}): Promise<AppleListing> {
    return everyPage(this.#url(authorization, path, query), (url) => this.#document(authorization, url));
  }

  /** Makes or changes a thing, and gives it as Apple has it now. Throws AppleError, which says whether the outcome is known. */
  async change(
    authorization: Authorization,
    method: "POST" | "PATCH",
    path: string,
    body: object,
  ): Promise<AppleDocument> {
    try {
      const call: Call = { method, url: this.#url(authorization, path, {}), body };
      return documentOf((await this.#guarded(authorization, call)).body);
    } catch (error) {
      if (error instanceof AppleError) error.outcomeUnknown = isOutcomeUnknown(error);
      throw error;
    }
  }

  /** Deletes a thing. One that is not there is deleted already, so a lost answer is asked again. Throws AppleError. */
  async remove(authorization: Authorization, path: string): Promise<void> {
    try {
      await this.#guarded(authorization, { method: "DELETE", url: this.#url(authorization, path, {}) });
    } catch (error) {
      if (!(error instanceof AppleError)) throw error;
      if (error.status === 404) return;
      error.outcomeUnknown = isOutcomeUnknown(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
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
    return documentOf((await this.#guarded(authorization, { method: "GET", url })).body);
  }

  /** A call that an open breaker keeps from being made. */
  async #guarded(authorization: Authorization, call: Call): Promise<Incoming> {
    const { program, credentialId, version } = authorization.key;
    const attempts = () => this.#attempts(authorization, call);
    return this.#breakers.run(this.hosts[program], `${credentialId}:${version}`, attempts);
  }

  /** A call with its retries, within the deadline: after a passing fault of Apple's, and once with a fresh token after a 401. */
  async #attempts(authorization: Authorization, call: Call): Promise<Incoming> {
    const deadline = AbortSignal.timeout(this.deadlineMs);
    const sent: Sent = { token: null };
    let isRenewed = false;
    const attempt = async (): Promise<Incoming> => {
      try {
        return await this.#inTurn(authorization, call, deadline, sent);
      } catch (error) {
        if (isRenewed || !(error instanceof AppleError) || verdictOn(call.method, error) !== "renew") throw error;
        isRenewed = true;
        await authorization.token(sent.token ?? undefined);
        return this.#inTurn(authorization, call, deadline, sent);
      }
    };
    let isRefused = false;
    const isWorthwhile = (error: Error): boolean => {
      if (!(error instanceof AppleError) || deadline.aborted || verdictOn(call.method, error) !== "retry") return false;
      if (error.code !== "APPLE_RATE_LIMITED") return true;
      // Once: who is refused again, or would have to wait for longer than a call does, is told so.
      const isFirst = !isRefused && error.status === 429;
      isRefused = true;
      return isFirst;
    };
    return patiently(isWorthwhile).execute(attempt, deadline);
  }

  /** Sends when it is the turn of the key's tenant, and then of the key among all of its host. */
  async #inTurn(authorization: Authorization, call: Call, signal: AbortSignal, sent: Sent): Promise<Incoming> {
    const { key, tenantId = "" } = authorization;
    const allowance = this.allowance(key.credentialId);
    return this.#keyTurns.run(key.credentialId, tenantId, signal, async () => {
      const token = await authorization.token();
      sent.token = token;
      await allowance.wait(signal);
      return this.#hostTurns.run(this.hosts[key.program], key.credentialId, signal, () =>
        allowance.heed((onRateLimit) => this.#send(authorization, { ...call, token, signal }, onRateLimit)),
      );
    });
  }

  /** Sends while the lease lasts. One that is over by now, or when the connection stands, is renewed before a byte goes out. */
  async #send(
    { lease, meter }: Authorization,
    outgoing: Outgoing,
    onRateLimit: (rateLimit: RateLimit) => void,
  ): Promise<Incoming> {
    const mayGo = (): boolean => lease?.isOver !== true;
    for (;;) {
      while (!mayGo() && !outgoing.signal.aborted) await lease?.renew();
      if (outgoing.signal.aborted) throw unreachable(notMade());
      if (meter !== undefined) meter.calls += 1;
      const answer = await this.#transport.send({ ...outgoing, mayGo }, onRateLimit);
      if (answer !== null) return answer;
      if (meter !== undefined) meter.calls -= 1;
    }
  }
}

/** The token that a call was last sent with. */
interface Sent {
  token: string | null;
}
