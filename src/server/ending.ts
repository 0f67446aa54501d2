import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

const LOOK_AGAIN_MS = 50;

/** A connection that was silent for so long when no more are taken is closed: nobody is about to ask on it. */
const LINGER_MS = 1_000;

/**
 * The end of a server, in which no request is lost. First it says that it ends, and serves as ever. Then it takes no more
 * connections, and closes each with the answer to the next request: were one closed while it is idle, a request might be
 * under way on it at that very moment.
 */
export class Ending {
  #isEnding = false;
  #isClosing = false;
  #lastAskedAt = -Infinity;

  constructor(private readonly app: FastifyInstance) {
    app.addHook("onRequest", (_request, _reply, done) => {
      this.#lastAskedAt = performance.now();
      done();
    });
    app.addHook("onSend", (_request, reply, payload, done) => {
      if (this.#isClosing) void reply.header("connection", "close");
      done(null, payload);
    });
  }

  /** Whether the server ends: requests are to be sent to others. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Ends when all is answered; idle connections are closed at once. */
  async now(): Promise<void> {
    this.#isEnding = true;
    this.#isClosing = true;
    await this.app.close();
  }

  /** Says for so long that the server ends, less where nobody is there to learn it, and ends when all is answered. */
  async announced(ms: number): Promise<void> {
    this.#isEnding = true;
    const until = performance.now() + ms;
    while (performance.now() < until && (await this.#isInUse(ms))) await delay(LOOK_AGAIN_MS);
    const { server } = this.app;
    const closeIdle = server.closeIdleConnections.bind(server);
    server.closeIdleConnections = () => undefined; // Node does that together with the listener.
    const closed = this.now();
    await Promise.race([closed, delay(LINGER_MS, undefined, { ref: false })]);
    closeIdle();
    await closed;
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
