import type { Pool, PoolClient } from "pg";
import { ENTER_SCOPE, settingsOf } from "./read-pool.js";
import { RoundTrip } from "./round-trip.js";
import type { Scope } from "./tenancy.js";

/**
 * Sessions that one packet serves at most. Most of what asking costs is sending and being woken up; and while one packet
 * is on its way, others can be made ready.
 */
const SESSIONS_MOST = 8;

/** Round trips that go out together on one connection, each of which is a transaction of its own. */
class Packet {
  readonly #trips = new Map<Scope, RoundTrip>();
  #isOpen = true;
  #sessions = 0;
  /** Trips that are under way. */
  #left = 0;
  #failure: Error | null = null;

  constructor(private readonly pool: Pool) {
    const connecting = pool.connect();
    connecting.catch(() => undefined); // Every trip fails with it.
    setImmediate(() => {
      connecting.then(
        (client) => {
          this.#sendOn(client);
        },
        (error: unknown) => {
          this.#isOpen = false;
          for (const trip of this.#trips.values()) trip.fail(error);
        },
      );
    });
  }

  /** Whether one more session can go with it: it is not on its way. */
  get hasRoom(): boolean {
    return this.#isOpen && this.#sessions < SESSIONS_MOST;
  }

  /** The trip of a scope, for one more session. */
  tripOf(scope: Scope): RoundTrip {
    this.#sessions += 1;
    const there = this.#trips.get(scope);
    if (there !== undefined) return there;
    const trip = new RoundTrip((asked) => {
      nextTrip(this.pool, scope).take(asked);
    });
    this.#trips.set(scope, trip);
    // What this fails with, all behind it fail with.
    trip.ask(null, { statement: ENTER_SCOPE, values: settingsOf(scope) }).answer.catch(() => undefined);
    return trip;
  }

  #sendOn(client: PoolClient): void {
    this.#isOpen = false;
    this.#left = this.#trips.size;
    const { stream } = (client as unknown as { connection: { stream: { cork(): void; uncork(): void } } }).connection;
    stream.cork();
    for (const trip of this.#trips.values()) {
      trip.sendOn(client, {
        hasFailedBefore: () => this.#failure !== null,
        ended: (error) => {
          this.#failure ??= error;
          this.#left -= 1;
          // A connection on which something failed is not used again.
          if (this.#left === 0) client.release(this.#failure ?? false);
        },
      });
    }
    stream.uncork();
  }
}

/** Packets that are about to be sent, by the organizations whose bearers ask. */
const packets = new WeakMap<Pool, Map<string, Packet>>();

/**
 * The round trip that is about to be made in a scope, at the end of this turn of the event loop, for one more session.
 * It goes with others of the same organization, since what waits behind something slow in one packet waits for it: no
 * organization for another.
 */
export function nextTrip(pool: Pool, scope: Scope): RoundTrip {
  const open = packets.get(pool) ?? new Map<string, Packet>();
  packets.set(pool, open);
  const roots = scope.roots.join();
  let packet = open.get(roots);
  if (packet?.hasRoom !== true) {
    packet = new Packet(pool);
    open.set(roots, packet);
    // Sent or on its way: as many are kept as organizations ask in one turn.
    setImmediate(() => open.delete(roots));
  }
  return packet.tripOf(scope);
}
