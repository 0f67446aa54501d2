import type { Logger } from "pino";

const EVERY_MS = 1_000;

/** Says in the log that the database is away: once a second at most, and not for each of the requests that fail. */
export class OutageLog {
  #failed = 0;
  #saidAt = -Infinity;

  constructor(private readonly log: Logger) {}

  /** Notes that a request failed, and why. */
  note(error: unknown, requestId: string): void {
    this.#failed += 1;
    const now = performance.now();
    if (now - this.#saidAt < EVERY_MS) return;
    const { name, code } = error as { name?: unknown; code?: unknown };
    const fault = { type: name, code };
    this.log.warn({ fault, failed: this.#failed, requestId }, "requests fail: the database does not answer");
    this.#failed = 0;
    this.#saidAt = now;
  }
}
