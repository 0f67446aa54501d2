import { setTimeout as delay } from "node:timers/promises";
import DataLoader from "dataloader";
import pLimit from "p-limit";
import { signToken, type SignedToken, type SigningKey } from "./token.js";

/** Tokens kept at most, in the order they were signed. */
const CACHED_TOKENS = 10_000;
/** A token that ends sooner than this is signed anew. */
const MARGIN_MS = 60_000;
/** Signatures at once: so many threads make them, and the first is to be done before the thousandth is begun. */
const SIGNED_AT_ONCE = 4;

/**
 * For so long after it is asked for a right to use a key is good for sending, or until it ends by itself where that is
 * sooner; then it is confirmed at its source before anything more is sent. Whoever takes rights away waits for as long
 * after the commit, so that those given before are over in every process: durations are compared, never clocks. A longer
 * lease would make them wait longer; a shorter one would ask the database more often where Apple is slow.
 */
export const LEASE_MS = 500;
/** By how much the wait is longer than the lease: for a timer that fires early, a thread that pauses, bytes under way. */
const GRACE_MS = 100;

const cacheId = (key: SigningKey): string => `${key.credentialId}:${key.version}`;

/**
 * The tokens of a process, each under the id and version of its key: never under Apple's key id, since two tenants
 * may store the same .p8. What is kept is the promise, so that whoever asks meanwhile waits for the same signature.
 */
export class TokenCache {
  readonly #tokens = new Map<string, Promise<SignedToken>>();
  readonly #turns = pLimit(SIGNED_AT_ONCE);
  #signatures = 0;

  /** How many signatures this process has made. */
  get signatures(): number {
    return this.#signatures;
  }

  /** The live token of a key, signed when there is none. `refused` is a token that Apple answered 401 to: another is signed. */
  async token(key: SigningKey, refused?: string): Promise<string> {
    const id = cacheId(key);
    const held = this.#tokens.get(id);
    if (held !== undefined) {
      const { jwt, expiresAt } = await held;
      if (jwt !== refused && expiresAt.getTime() - Date.now() > MARGIN_MS) return jwt;
    }
    // Of those who waited for the same useless token, the first signs and the others find its promise here.
    const current = this.#tokens.get(id);
    return (await (current === undefined || current === held ? this.#sign(id, key) : current)).jwt;
  }

  #sign(id: string, key: SigningKey): Promise<SignedToken> {
    this.#signatures += 1;
    const signing = this.#turns(() => signToken(key));
    this.#tokens.delete(id);
    this.#tokens.set(id, signing);
    signing.catch(() => {
      if (this.#tokens.get(id) === signing) this.#tokens.delete(id);
    });
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > CACHED_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
    return signing;
  }
}

/** The right to ask Apple as a key, now: the key as its source described it, and its tokens. */
export interface Authorization<Key extends SigningKey = SigningKey> {
  readonly key: Key;
  /** The live token, signed when it is first needed. `refused` is one that Apple answered 401 to: another is signed. */
  readonly token: (refused?: string) => Promise<string>;
  /** How long it is good for sending. Left out for a key that its own user has at hand. */
  readonly lease?: Lease;
  /** The tenant for whom Apple is asked: those who share a key take turns. */
  readonly tenantId?: string;
  /** Counts the requests that are made with it. */
  readonly meter?: { calls: number };
}

/** A right to send for a while, and where it is confirmed. It stays the same in all copies of an authorization. */
export class Lease {
  /** `endsMs` is on the clock of durations, and so is what `confirmed` gives: when the lease then ends. */
  constructor(
    private endsMs: number,
    private readonly confirmed: () => Promise<number>,
  ) {}

  /** Whether nothing may be sent before it is renewed. */
  get isOver(): boolean {
    return performance.now() >= this.endsMs;
  }

  /** The right is there until then. */
  extend(endsMs: number): void {
    this.endsMs = Math.max(this.endsMs, endsMs);
  }

  /** Asks the source whether the right is still there. Throws what its source says where it is not. */
  async renew(): Promise<void> {
    this.extend(await this.confirmed());
  }
}

/** Resolves when every right to use a key that was given before is over, or was confirmed since, in every process. */
export async function leasesEnded(): Promise<void> {
  await delay(LEASE_MS + GRACE_MS);
}

/** A key that may be used, and for how long at most from when that was asked: `Infinity` where no end is known. */
export interface Right<Key extends SigningKey> {
  readonly key: Key;
  readonly forMs: number;
}

/** Where keys come from. */
export interface KeySource<Key extends SigningKey> {
  /** Yields the keys that may be used *now*, in one query: an error for each that may not. `asking` is told from when on the answer holds. */
  readonly load: (
    credentialIds: readonly string[],
    asking: (sinceMs: number) => void,
  ) => Promise<ReadonlyMap<string, Right<Key> | Error>>;
  /** Asks from the start, in one query, whether keys may still be used as they were given: for each how long, as `forMs`, or an error. */
  readonly confirm: (keys: readonly Key[], asking: (sinceMs: number) => void) => Promise<readonly (Error | number)[]>;
}

/** The batched signer: all keys that a tick needs come from one query, and each is signed at most once. */
export type Signer<Key extends SigningKey = SigningKey> = DataLoader<string, Authorization<Key>>;

/** A signer for one request. It keeps no authorization: each use of a key asks the source whether it still may. */
export function createSigner<Key extends SigningKey>(source: KeySource<Key>, tokens: TokenCache): Signer<Key> {
  const leases = new Leases(source);
  return new DataLoader(
    async (credentialIds) => {
      const [keys, since] = await asked((asking) => source.load([...new Set(credentialIds)], asking));
      return credentialIds.map((id) => {
        const right = keys.get(id) ?? new Error("The source of keys left one out");
        if (right instanceof Error) return right;
        return { ...authorize(right.key, tokens), lease: leases.of(right.key, endOf(since, right.forMs)) };
      });
    },
    { cache: false },
  );
}

/** The leases that a signer has given. They are renewed together: however many are in use, one query a lease's time. */
class Leases<Key extends SigningKey> {
  readonly #leases = new Map<Key, Lease>();
  #confirming: Promise<ReadonlyMap<Key, Error | number>> | null = null;

  constructor(private readonly source: KeySource<Key>) {}

  of(key: Key, endsMs: number): Lease {
    const lease = this.#leases.get(key) ?? new Lease(endsMs, () => this.#confirmed(key));
    lease.extend(endsMs);
    this.#leases.set(key, lease);
    return lease;
  }

  async #confirmed(key: Key): Promise<number> {
    for (;;) {
      this.#confirming ??= this.#confirm().finally(() => (this.#confirming = null));
      const answer = (await this.#confirming).get(key);
      if (answer instanceof Error) throw answer;
      // Undefined: it was given while others were confirmed.
      if (answer !== undefined) return answer;
    }
  }

  async #confirm(): Promise<ReadonlyMap<Key, Error | number>> {
    const given = [...this.#leases];
    const keys = given.map(([key]) => key);
    const [answers, since] = await asked((asking) => this.source.confirm(keys, asking));
    const ends = new Map<Key, Error | number>();
    for (const [n, [key, lease]] of given.entries()) {
      const answer = answers[n] ?? new Error("The source of keys left one out");
      const end = answer instanceof Error ? answer : endOf(since, answer);
      if (typeof end === "number") lease.extend(end);
      ends.set(key, end);
    }
    return ends;
  }
}

/** When the lease of a right ends that was asked for then. */
const endOf = (sinceMs: number, forMs: number): number => sinceMs + Math.min(LEASE_MS, forMs);

/** An answer, and when it was asked for, on the clock of durations: no later than what it tells of. */
async function asked<T>(ask: (asking: (sinceMs: number) => void) => Promise<T>): Promise<[answer: T, sinceMs: number]> {
  let since = performance.now();
  const answer = await ask((sinceMs) => {
    since = sinceMs;
  });
  return [answer, since];
}

/** Authorizes a key that is at hand, such as one that is about to be saved. */
export function authorize<Key extends SigningKey>(key: Key, tokens: TokenCache): Authorization<Key> {
  return { key, token: (refused) => tokens.token(key, refused) };
}
