import { setMaxListeners } from "node:events";
import { Denial } from "../errors.js";

/** Time for a query, from when it is understood. What a mutation does has limits of its own, and is not left half done. */
export const QUERY_DEADLINE_MS = 30_000;

/** A point in time after which nothing more is begun for a request. Most requests end long before, and cost no timer. */
export class Deadline {
  readonly #endsAt: number;
  #isLifted = false;
  #abort: AbortController | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  /** Throws what the client is told when the time is over. */
  check(): void {
    // A timer may end up to a millisecond early; once those who listen were told, it is over for all.
    const isOver = this.#abort?.signal.aborted === true || performance.now() >= this.#endsAt;
    if (isOver && !this.#isLifted) throw this.#told();
  }

  /** Aborted when the time is over, with what the client is told. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      const abort = new AbortController();
      this.#abort = abort;
      // A query may wait for hundreds of keys at once; all of it goes with the request.
      setMaxListeners(0, abort.signal);
      if (!this.#isLifted) {
        this.#timer = setTimeout(
          () => {
            abort.abort(this.#told());
          },
          Math.max(0, this.#endsAt - performance.now()),
        );
        this.#timer.unref();
      }
    }
    return this.#abort.signal;
  }

  /** The request is answered, or may take its time. */
  lift(): void {
    this.#isLifted = true;
    clearTimeout(this.#timer);
  }

  #told(): Denial {
    return new Denial("TOO_COMPLEX", `The query took longer than ${this.ms / 1000} s: ask for less at a time.`);
  }
}
