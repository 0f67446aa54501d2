import {
  BrokenCircuitError,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from "cockatiel";
import { AppleError } from "../error.js";
import { isNotMade, notMade } from "./verdict.js";

/** Calls that fail one after another until no more are made. */
export const FAILURES_UNTIL_OPEN = 5;
/** How long none are made; then one may try. */
export const OPEN_MS = 10_000;
/** Breakers of keys that are kept at most; the oldest go first, and begin anew. */
const KEYS_KEPT = 10_000;

const make = (counts: (error: AppleError) => boolean): CircuitBreakerPolicy =>
  circuitBreaker(
    handleWhen((error) => error instanceof AppleError && counts(error)),
    { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_UNTIL_OPEN) },
  );

/**
 * An outage is the host's; that a key is refused is the key's, and other keys do not notice. A call whose turn did not
 * come says nothing of the host.
 */
const isOutage = (error: AppleError): boolean => error.code === "APPLE_UNAVAILABLE" && !isNotMade(error);
const isRefused = ({ code }: AppleError): boolean =>
  code === "APPLE_KEY_REJECTED" || code === "APPLE_FORBIDDEN" || code === "APPLE_AGREEMENT_MISSING";

/** Spares a host, and a key, calls that are sure to fail: after some failures in a row the last one is the answer for a while. */
export class Breakers {
  readonly #hosts = new Map<string, CircuitBreakerPolicy>();
  readonly #keys = new Map<string, CircuitBreakerPolicy>();

  /** Makes a call unless a breaker is open. Throws what the last call ended with where one is: this one was not made. */
  async run<T>(host: string, key: string, call: () => Promise<T>): Promise<T> {
    const [hosts, keys] = [breakerIn(this.#hosts, host, isOutage), breakerIn(this.#keys, key, isRefused)];
    return through(hosts, () => through(keys, call));
  }
}

async function through<T>(breaker: CircuitBreakerPolicy, call: () => Promise<T>): Promise<T> {
  try {
    return await breaker.execute(call);
  } catch (error) {
    throw error instanceof BrokenCircuitError ? spared(breaker) : error;
  }
}

/** The error of a call that an open breaker spares: in the words of the last one, and surely without an effect at Apple. */
function spared({ lastFailure }: CircuitBreakerPolicy): AppleError {
  const last = lastFailure !== undefined && "error" in lastFailure ? lastFailure.error : null;
  if (!(last instanceof AppleError)) throw new Error("A breaker is open without a failure");
  const { code, message, entries, clockSkewSeconds, retryAfterSeconds } = last;
  return new AppleError(code, message, { entries, clockSkewSeconds, retryAfterSeconds, cause: notMade() });
}

function breakerIn(
  kept: Map<string, CircuitBreakerPolicy>,
  name: string,
  counts: (error: AppleError) => boolean,
): CircuitBreakerPolicy {
  const breaker = kept.get(name) ?? make(counts);
  kept.delete(name);
  kept.set(name, breaker);
  const [oldest] = kept.keys();
  if (kept.size > KEYS_KEPT && oldest !== undefined) kept.delete(oldest);
  return breaker;
}
