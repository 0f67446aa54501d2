import type { Logger } from "pino";
import type { ErrorCode } from "../errors.js";

/** Lines within a second: whoever asks without end does not fill the disk. */
const LINES_A_SECOND = 20;

/** Who was refused, in which request. */
export interface Refused {
  /** Null where nobody is known to ask. */
  readonly actorId: string | null;
  readonly ipAddress: string | null;
  readonly requestId: string;
}

/**
 * Says in the log who was refused before anything was done for them, and why: who is not known, and what is over a limit.
 * What is denied to a known viewer is in the audit log.
 */
export class RefusalLog {
  #second = 0;
  #lines = 0;
  /** Refused, and not said. */
  #unsaid = 0;

  constructor(
    private readonly log: Logger,
    /** Milliseconds, on the clock of durations. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Notes one. The reason is in our own words, and holds nothing that was sent. */
  note(code: ErrorCode, reason: string, { actorId, ipAddress, requestId }: Refused): void {
    if (!this.#mayWrite()) {
      this.#unsaid += 1;
      return;
    }
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    const refusal = { code, reason, ...(actorId !== null && { actorId }), ipAddress };
    this.log.warn({ refusal, requestId, ...(unsaid > 0 && { unsaid }) }, "a request was refused");
  }

  #mayWrite(): boolean {
    const second = Math.floor(this.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    this.#lines += 1;
    return this.#lines <= LINES_A_SECOND;
  }
}
