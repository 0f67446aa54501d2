import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { DataSource } from "typeorm";
import { Denial } from "../errors.js";

/** What an actor may ask within a minute, over all processes. */
export interface RateOptions {
  /** 0: any number. */
  readonly requestsPerMinute: number;
  /** Of the cost that `limits.ts` counts; 0: any. */
  readonly costPerMinute: number;
}

const WINDOW_SECONDS = 60;
/** Points are taken from the database in parts of the limit, and spent here: not every request writes there. */
const PARTS = 50;

/** An actor has asked too much. */
export class RateExceeded extends Denial {
  constructor(readonly retryAfterSeconds: number) {
    super("RATE_LIMITED", `Too much was asked within a minute: wait ${retryAfterSeconds} s.`);
  }
}

/** What a process has taken of an actor's points and not spent yet. */
interface Held {
  points: number;
  /** When the window ends, and what is left with it. */
  until: number;
  /** Until the window ends nothing is left. */
  isSpent: boolean;
}

/** Points of one kind, a minute's worth for each actor. */
class Allotment {
  readonly #limiter: RateLimiterPostgres;
  readonly #part: number;
  readonly #held = new Map<string, Held>();
  readonly #taking = new Map<string, Promise<void>>();

  constructor(database: DataSource, kind: string, perMinute: number) {
    this.#part = Math.max(1, Math.floor(perMinute / PARTS));
    this.#limiter = new RateLimiterPostgres({
      ...{ storeClient: database, storeType: "typeorm", tableName: "rate_limits", tableCreated: true },
      ...{ keyPrefix: kind, points: perMinute, duration: WINDOW_SECONDS },
    });
  }

  /** Spends points; a promise where they have to be taken first. Throws RateExceeded where the actor has none left. */
  spend(actorId: string, points: number): Promise<void> | undefined {
    const held = this.#heldBy(actorId);
    if (held.isSpent) throw new RateExceeded(Math.max(1, Math.ceil((held.until - Date.now()) / 1000)));
    if (held.points < points) return this.#takeAndSpend(actorId, held, points);
    held.points -= points;
    return undefined;
  }

  async #takeAndSpend(actorId: string, held: Held, points: number): Promise<void> {
    // Of those who find none left at once, one takes more.
    const taking = this.#taking.get(actorId) ?? this.#take(actorId, held, Math.max(points, this.#part));
    this.#taking.set(actorId, taking);
    await taking;
    await this.spend(actorId, points);
  }

  #heldBy(actorId: string): Held {
    const now = Date.now();
    const held = this.#held.get(actorId);
    if (held !== undefined && held.until > now) return held;
    if (this.#held.size > 10_000) this.#held.clear();
    const anew = { points: 0, until: now + WINDOW_SECONDS * 1000, isSpent: false };
    this.#held.set(actorId, anew);
    return anew;
  }

  async #take(actorId: string, held: Held, points: number): Promise<void> {
    try {
      const { msBeforeNext } = await this.#limiter.consume(actorId, points);
      held.until = Date.now() + msBeforeNext;
      held.points += points;
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      held.until = Date.now() + refused.msBeforeNext;
      held.isSpent = true;
    } finally {
      this.#taking.delete(actorId);
    }
  }
}

/** Keeps each actor to what it may ask within a minute. */
export class RateLimits {
  readonly #requests: Allotment | null;
  readonly #cost: Allotment | null;

  constructor(database: DataSource, { requestsPerMinute, costPerMinute }: RateOptions) {
    this.#requests = requestsPerMinute === 0 ? null : new Allotment(database, "requests", requestsPerMinute);
    this.#cost = costPerMinute === 0 ? null : new Allotment(database, "cost", costPerMinute);
  }

  /** Counts a request; undefined: it is counted. Throws RateExceeded. */
  countRequest(actorId: string): Promise<void> | undefined {
    return this.#requests?.spend(actorId, 1);
  }

  /** Counts what an operation may cost; undefined: it is counted. Throws RateExceeded. */
  countCost(actorId: string, cost: number): Promise<void> | undefined {
    return cost > 0 ? this.#cost?.spend(actorId, cost) : undefined;
  }
}
