import { unreachable } from "../error.js";
import { notMade } from "./verdict.js";

/** Those who wait at one gate, by who they are for, in the order in which it is their turn. */
interface Gate {
  running: number;
  readonly waiting: Map<string, (() => void)[]>;
}

/**
 * Lets a number of calls at once through for each key. Those who wait are served in turn by whom they are for, so that
 * a tenant with a thousand calls holds up another's one by a single call.
 */
export class Turnstile {
  readonly #gates = new Map<string, Gate>();

  constructor(private readonly atOnce: number) {}

  /** Runs `call` when it is its turn. Throws APPLE_UNAVAILABLE where `signal` comes first. */
  async run<T>(key: string, by: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw unreachable(notMade()); // It would not tell a second time.
    await this.#enter(key, by, signal);
    try {
      return await call();
    } finally {
      this.#leave(key);
    }
  }

  #enter(key: string, by: string, signal: AbortSignal): Promise<void> | undefined {
    const gate = this.#gates.get(key) ?? { running: 0, waiting: new Map<string, (() => void)[]>() };
    this.#gates.set(key, gate);
    if (gate.running < this.atOnce) {
      gate.running += 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const queue = gate.waiting.get(by) ?? [];
      gate.waiting.set(by, queue);
      const enter = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        queue.splice(queue.indexOf(enter), 1);
        reject(unreachable(notMade()));
      };
      queue.push(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** The place goes to the next; whose turn it was stands at the end again. */
  #leave(key: string): void {
    const gate = this.#gates.get(key);
    if (gate === undefined) return;
    for (const [by, queue] of gate.waiting) {
      const next = queue.shift();
      gate.waiting.delete(by);
      if (queue.length > 0) gate.waiting.set(by, queue);
      if (next === undefined) continue;
      next();
      return;
    }
    gate.running -= 1;
    if (gate.running === 0) this.#gates.delete(key);
  }
}
