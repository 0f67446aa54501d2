import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** Two numbers of PostgreSQL's for a name; the first keeps this use apart from others. */
const NAMESPACE = 7_265_402;
/** How often it is looked whether another process still holds a name. */
const LOOK_AGAIN_MS = 100;

/**
 * Names that one process of many holds at a time. All of a process are held by one connection: when the process dies
 * they are free at once, and however many are held, no transaction and no pooled connection is.
 */
export class AdvisoryLocks {
  #connection: Promise<pg.Client> | null = null;
  #held = new Set<string>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(private readonly url: string) {}

  /** Takes those names that nobody holds, and gives the database's time with each; null where somebody holds it. */
  async acquire(names: readonly string[]): Promise<ReadonlyMap<string, Date | null>> {
    // PostgreSQL would give a name to the connection that holds it once more.
    const free = [...new Set(names)].filter((name) => !this.#held.has(name));
    for (const name of free) this.#held.add(name);
    const taken = new Map<string, Date | null>(names.map((name) => [name, null]));
    try {
      const client = await this.#connect();
      const { rows } = await client.query<{ name: string; at: Date | null }>({
        name: "advisory_lock",
        text: `SELECT name, CASE WHEN pg_try_advisory_lock(${NAMESPACE}, hashtext(name)) THEN clock_timestamp() END AS at
          FROM unnest($1::text[]) AS wanted (name)`,
        values: [free],
      });
      for (const { name, at } of rows) {
        taken.set(name, at);
        if (at === null) this.#held.delete(name);
      }
      return taken;
    } catch (error) {
      for (const name of free) this.#held.delete(name);
      throw error;
    }
  }

  /**
   * Works while nobody else holds a name, in this process or in another. Those of this process wait in line, so that one
   * of them at a time asks the database. `busy` answers for whoever would have to wait for longer than so.
   */
  async exclusively<T>(name: string, patienceMs: number, work: () => Promise<T>, busy: () => T): Promise<T> {
    const until = Date.now() + patienceMs;
    const before = this.#queues.get(name);
    const turn = (async (): Promise<T> => {
      if (before !== undefined && patienceMs === 0) return busy();
      await before;
      while (((await this.acquire([name])).get(name) ?? null) === null) {
        if (Date.now() >= until) return busy();
        await delay(LOOK_AGAIN_MS);
      }
      try {
        return await work();
      } finally {
        await this.release([name]);
      }
    })();
    const settled = turn.catch(() => undefined); // Whoever asked for it is told.
    this.#queues.set(name, settled);
    try {
      return await turn;
    } finally {
      if (this.#queues.get(name) === settled) this.#queues.delete(name);
    }
  }

  /** Gives names back. A connection that is gone has given them back already. */
  async release(names: readonly string[]): Promise<void> {
    const held = names.filter((name) => this.#held.delete(name));
    if (this.#connection === null || held.length === 0) return;
    const client = await this.#connection;
    await client.query({
      name: "advisory_unlock",
      text: `SELECT pg_advisory_unlock(${NAMESPACE}, hashtext(name)) FROM unnest($1::text[]) AS held (name)`,
      values: [held],
    });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.then((client) => client.end()).catch(() => undefined);
  }

  #connect(): Promise<pg.Client> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: "countersign locks",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      pipeline: true,
    });
    const forget = (): void => {
      this.#connection = null;
      this.#held = new Set();
    };
    client.on("error", forget);
    client.on("end", forget);
    try {
      await client.connect();
      return client;
    } catch (error) {
      forget();
      throw error;
    }
  }
}
