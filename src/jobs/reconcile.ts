import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { reconcile, type ReconcileSources } from "../services/signing/making/reconcile.js";

/** How often it is looked for what others left unfinished. */
const EVERY_MS = 1_000;

/** Goes on, at the start and while it runs, with what was begun at Apple and not ended: by a process that died, or by a request. */
export class ReconcileJobs {
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly log: Logger) {}

  start(sources: ReconcileSources): void {
    this.#running = this.#run(sources);
  }

  /** Looks no more, and ends when what is under way is done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(sources: ReconcileSources): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await reconcile(sources);
      } catch (error) {
        const { name, code } = error as { name?: unknown; code?: unknown };
        if (!this.#stopping.signal.aborted) {
          this.log.error({ fault: { type: name, code } }, "looking for what was left unfinished failed");
        }
      }
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
