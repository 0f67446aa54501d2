import { setTimeout as delay } from "node:timers/promises";
import { AppleError, unreachable } from "../error.js";
import type { RateLimit } from "./rate-limit.js";

/** A wait that is taken in a call, rather than told to the caller. */
const SHORT_WAIT_MS = 2_000;
/** The first wait after a 429 that names none: where the budget is spent, and where Apple says that some is left. */
const FIRST_WAIT_SPENT_MS = 60_000;
const FIRST_WAIT_LEFT_MS = 1_000;
/** Each 429 after another doubles the wait, up to this. */
const LONGEST_WAIT_MS = 15 * 60_000;

/** What one process knows of a key's budget, and until when it leaves the key alone. */
export class Allowance {
  /** As Apple last reported it to this process; null before the first call. */
  rateLimit: RateLimit | null = null;
  #blockedUntilMs = 0;
  #refusals = 0;

  /** Until when the key is not used; null where it may be used now. */
  get blockedUntil(): Date | null {
    return this.#blockedUntilMs > Date.now() ? new Date(this.#blockedUntilMs) : null;
  }

  /** Leaves the key alone until then, as Apple told another process. */
  block(until: Date): void {
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, until.getTime());
  }

  /** Uses the key again. */
  release(): void {
    this.#blockedUntilMs = 0;
  }

  /** Waits a little until the key may be used. Throws APPLE_RATE_LIMITED where that takes longer. */
  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#blockedUntilMs - Date.now();
    if (ms <= 0) return;
    const seconds = Math.ceil(ms / 1000);
    const message = `Apple's budget of requests for this key is spent: it is used again in ${seconds} s.`;
    if (ms > SHORT_WAIT_MS) throw new AppleError("APPLE_RATE_LIMITED", message, { retryAfterSeconds: seconds });
    await delay(ms, undefined, { signal }).catch((error: unknown) => {
      throw unreachable(error);
    });
  }

  /** Makes a call, and heeds what its answer says of the budget. */
  async heed<T>(call: (onRateLimit: (rateLimit: RateLimit) => void) => Promise<T>): Promise<T> {
    try {
      const answer = await call((rateLimit) => (this.rateLimit = rateLimit));
      this.#refusals = 0;
      return answer;
    } catch (error) {
      if (error instanceof AppleError && error.status === 429) this.#refuse(error.retryAfterSeconds);
      throw error;
    }
  }

  #refuse(retryAfterSeconds: number | null): void {
    const isSpent = this.rateLimit === null || this.rateLimit.remaining === 0 || this.rateLimit.minute?.remaining === 0;
    const first = isSpent ? FIRST_WAIT_SPENT_MS : FIRST_WAIT_LEFT_MS;
    const guess = Math.min(first * 2 ** this.#refusals, LONGEST_WAIT_MS);
    this.#refusals += 1;
    this.block(new Date(Date.now() + (retryAfterSeconds === null ? guess : retryAfterSeconds * 1000)));
  }
}

/** Keys whose allowance is kept at most; the oldest go first, and are learnt anew. */
const KEYS_KEPT = 10_000;

/** The allowances of all keys that a process uses. */
export class Allowances {
  readonly #kept = new Map<string, Allowance>();

  of(credentialId: string): Allowance {
    const allowance = this.#kept.get(credentialId) ?? new Allowance();
    this.#kept.delete(credentialId);
    this.#kept.set(credentialId, allowance);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEYS_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return allowance;
  }
}
