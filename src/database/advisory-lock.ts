import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { CONNECTION_LIMITS, leaveInTime, LOCK_SESSION, SILENCE_MS } from "./availability.js";

/** Two numbers of PostgreSQL's for a name; the first keeps this use apart from others. */
const NAMESPACE = 7_265_402;
/** How often it is looked whether another process still holds a name. */
const LOOK_AGAIN_MS = 100;

const TAKE = {
  name: "advisory_lock",
  text: `SELECT name, CASE WHEN pg_try_advisory_lock(${NAMESPACE}, hashtext(name)) THEN clock_timestamp() END AS at
    FROM unnest($1::text[]) AS wanted (name)`,
};
const GIVE_BACK = {
  name: "advisory_unlock",
  text: `SELECT pg_advisory_unlock(${NAMESPACE}, hashtext(name)) FROM unnest($1::text[]) AS held (name)`,
};

/**
 * Names that one process of many holds at a time. All of a process are held by one connection: when the process dies
 * they are free at once, and however many are held, no transaction and no pooled connection is. Where the connection
 * breaks, others may take them too: in this process each stays with whoever has it, and the next connection takes it again.
 */
export class AdvisoryLocks {
  #connection: Promise<pg.Client> | null = null;
  /** What is held, and what is only asked for yet: false. */
  readonly #held = new Map<string, boolean>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(private readonly url: string) {}

  /** Takes those names that nobody holds, and gives the database's time with each; null where somebody holds it. */
  async acquire(names: readonly string[]): Promise<ReadonlyMap<string, Date | null>> {
    // PostgreSQL would give a name to the connection that holds it once more.
    const free = [...new Set(names)].filter((name) => !this.#held.has(name));
    for (const name of free) this.#held.set(name, false);
    const taken = new Map<string, Date | null>(names.map((name) => [name, null]));
    try {
      const client = await this.#connect();
      const { rows } = await client.query<{ name: string; at: Date | null }>({ ...TAKE, values: [free] });
      for (const { name, at } of rows) {
        taken.set(name, at);
        if (at === null) this.#held.delete(name);
        else this.#held.set(name, true);
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

  /** Gives names back. Where the connection breaks meanwhile, that gives them back as well. */
  async release(names: readonly string[]): Promise<void> {
    const held = names.filter((name) => this.#held.delete(name));
    const connection = this.#connection;
    if (connection === null || held.length === 0) return;
    const client = await connection.catch(() => null); // Whoever opened it was told.
    await client?.query({ ...GIVE_BACK, values: [held] }).catch(() => client.end());
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.then((client) => client.end()).catch(() => undefined);
  }

  #connect(): Promise<pg.Client> {
    if (this.#connection !== null) return this.#connection;
    const client = new pg.Client({
      ...CONNECTION_LIMITS,
      connectionString: this.url,
      application_name: "countersign locks",
      options: LOCK_SESSION,
      query_timeout: SILENCE_MS,
      pipeline: true, // A statement that is not answered in time ends the connection with it.
    });
    const opened = this.#open(client);
    // Of this connection alone: there may be another by the time it is known that it has ended.
    const forget = (): void => {
      if (this.#connection === opened) this.#connection = null;
    };
    client.on("error", forget).on("end", forget);
    opened.catch(forget);
    this.#connection = opened;
    return opened;
  }

  async #open(client: pg.Client): Promise<pg.Client> {
    const kept = [...this.#held].flatMap(([name, isTaken]) => (isTaken ? [name] : []));
    await client.connect();
    leaveInTime(client);
    if (kept.length > 0) await client.query({ ...TAKE, values: [kept] });
    return client;
  }
}
