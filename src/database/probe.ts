import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { CONNECTION_LIMITS, leaveInTime } from "./availability.js";

/** Time for the database to answer. */
const PROBE_MS = 1_000;

/** Asks the database whether it answers, on a connection of its own: a pool that is busy is no database that is away. */
export class DatabaseProbe {
  #client: pg.Client | null = null;
  #asking: Promise<boolean> | null = null;

  constructor(private readonly url: string) {}

  /** Whether it answers within a second. However many ask at a time, the database is asked once. */
  async answers(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    const late = new AbortController();
    try {
      return await Promise.race([this.#asking, delay(PROBE_MS, false, { signal: late.signal })]);
    } finally {
      late.abort();
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  async #ask(): Promise<boolean> {
    const isKept = this.#client !== null;
    try {
      this.#client ??= await this.#connect();
      await this.#client.query("SELECT 1");
      return true;
    } catch {
      const client = this.#client;
      this.#client = null;
      client?.end().catch(() => undefined);
      return isKept && this.#ask(); // That one connection broke says nothing of the next.
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      ...CONNECTION_LIMITS,
      connectionString: this.url,
      application_name: "countersign probe",
      connectionTimeoutMillis: PROBE_MS,
      query_timeout: PROBE_MS,
      pipeline: true, // A statement that is not answered in time ends the connection with it.
    });
    const forget = (): void => {
      if (this.#client === client) this.#client = null;
    };
    client.on("error", forget).on("end", forget);
    await client.connect();
    leaveInTime(client);
    return client;
  }
}
