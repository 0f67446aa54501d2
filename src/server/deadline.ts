import { setMaxListeners } from "node:events";
import { Denial } from "../errors.js";

/** Time for a query, from when it is understood. What a mutation does has limits of its own, and is not left half done. */
export const QUERY_DEADLINE_MS = 30_000;

/** A point in time after which nothing more is begun for a request. */
export class Deadline {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#timer = setTimeout(() => {
      this.#abort.abort(
        new Denial("TOO_COMPLEX", `The query took longer than ${ms / 1000} s: ask for less at a time.`),
      );
    }, ms);
    this.#timer.unref();
    // A query may wait for hundreds of keys at once; all of it goes with the request.
    setMaxListeners(0, this.#abort.signal);
  }

  /** Aborted when the time is over, with what the client is told. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The request is answered, or may take its time. */
  lift(): void {
    clearTimeout(this.#timer);
  }
}
