import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

const LOOK_AGAIN_MS = 50;

/**
 * The end of a server, of which no client learns. First every answer closes its connection, while new ones are taken still:
 * a connection that is closed otherwise may be closed at the very moment when a request is under way on it.
 */
export class Ending {
  #isEnding = false;
  #lastAskedAt = -Infinity;

  constructor(private readonly app: FastifyInstance) {
    app.addHook("onRequest", (_request, _reply, done) => {
      this.#lastAskedAt = performance.now();
      done();
    });
    app.addHook("onSend", (_request, reply, payload, done) => {
      if (this.#isEnding) void reply.header("connection", "close");
      done(null, payload);
    });
  }

  /** Whether the server ends: requests are to be sent to others. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Says from now on that the server ends, and gives whoever sends requests so long to learn it; no time where there is nobody. */
  async announce(ms: number): Promise<void> {
    this.#isEnding = true;
    const until = performance.now() + ms;
    while (performance.now() < until && (await this.#isInUse(ms))) await delay(LOOK_AGAIN_MS);
  }

  /** Whoever has not asked for so long does not look here for whether it ends. */
  async #isInUse(ms: number): Promise<boolean> {
    if (performance.now() - this.#lastAskedAt < ms) return true;
    return new Promise((resolve) => {
      this.app.server.getConnections((error, count) => {
        resolve(error === null && count > 0);
      });
    });
  }
}
