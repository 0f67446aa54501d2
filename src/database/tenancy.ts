import type pg from "pg";
import type { Pool, PoolClient } from "pg";
import type { DataSource, EntityManager } from "typeorm";
import { begin, ENTER_SCOPE, sendTogether, settingsOf } from "./read-pool.js";

/** Where a unit of work stands. Row-level security shows it nothing else: no roots, no rows. */
export interface Scope {
  /** Root organizations that the viewer belongs to, directly or through a sub-organization. */
  readonly roots: readonly string[];
  /** Tenants that the viewer stands in; a root here stands for all of its sub-organizations. */
  readonly tenants: readonly string[];
  /** While a request is authenticated: hex SHA-256 of the token it presents. Shows the row of that token. */
  readonly presentedHash?: string;
  /** While a request is authenticated: the verified e-mail address. Shows its memberships. */
  readonly signedInEmail?: string;
  /** For a command of whoever runs the server: shows which root organizations there are, and nothing of theirs. */
  readonly operator?: boolean;
}

/** A statement that PostgreSQL prepares once a connection, by its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Asked at the start of a session: nothing that it reads counts unless `accept` takes the answer. */
export interface Premise {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  /** Throws what the reads are to fail with. */
  readonly accept: (rows: readonly object[]) => void;
}

/**
 * The reads of one request. The first opens a transaction and sets the scope in the same round trip; those that
 * follow share it. It ends by itself when nothing was asked for one turn of the event loop, so it is never held
 * while the request waits for Apple; a later read opens another.
 */
export class ReadSession {
  #client: Promise<PoolClient> | null = null;
  #begun: Promise<unknown> = Promise.resolve();
  #premise: Promise<void> | null = null;
  #premisedAtMs: number | null = null;
  #running = 0;
  #failed = false;

  constructor(
    private readonly pool: Pool,
    private readonly scope: Scope,
    /** Aborted when nothing more is to be read. */
    private readonly signal: AbortSignal | null = null,
    private readonly premise: Premise | null = null,
  ) {}

  /** Asks for the premise, where there is one, together with what is read first. Rejects with what it failed with. */
  async hold(): Promise<void> {
    if (this.premise === null) return;
    await this.#inSession(() => Promise.resolve());
  }

  /** Another session of the same scope, which asks for the premise itself, and outlives the request. */
  anew(): ReadSession {
    return new ReadSession(this.pool, this.scope, null, this.premise);
  }

  /**
   * The rows of a statement, in the shape it names. `asking` is told, right before the statement
   * goes out, from when on its answer holds on the clock of durations: since the premise was asked for, where there is one.
   */
  async rows<Row>(
    statement: Statement,
    values: readonly unknown[],
    asking?: (sinceMs: number) => void,
  ): Promise<Row[]> {
    this.signal?.throwIfAborted();
    return this.#inSession(async (client) => {
      asking?.(this.#premisedAtMs ?? performance.now());
      const { rows } = await client.query<Row & pg.QueryResultRow>({ ...statement, values: [...values] });
      return rows;
    });
  }

  async #inSession<T>(read: (client: PoolClient) => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      const client = await (this.#client ??= this.#begin());
      sendTogether(client);
      const [result] = await Promise.all([read(client), this.#begun, this.#premise]);
      return result;
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#running -= 1;
      if (this.#running === 0)
        setImmediate(() => {
          this.#endIfIdle();
        });
    }
  }

  async #begin(): Promise<PoolClient> {
    const client = await this.pool.connect();
    // Not awaited here: the first read goes out behind it. Were it to fail, the read would stand nowhere and see no rows.
    this.#begun = begin(client, "READ ONLY", this.scope);
    this.#begun.catch(() => undefined); // Every read awaits it, and reports it.
    if (this.premise !== null && this.#premise === null) {
      const { statement, values, accept } = this.premise;
      this.#premisedAtMs = performance.now();
      this.#premise = client.query<pg.QueryResultRow>({ ...statement, values: [...values] }).then(({ rows }) => {
        accept(rows);
      });
      this.#premise.catch(() => undefined); // Likewise.
    }
    return client;
  }

  #endIfIdle(): void {
    const opened = this.#client;
    if (this.#running > 0 || opened === null) return;
    const end = this.#failed ? "ROLLBACK" : "COMMIT";
    this.#client = null;
    this.#failed = false;
    opened
      .then(async (client) => {
        try {
          await client.query(end);
          client.release();
        } catch {
          client.release(true);
        }
      })
      .catch(() => undefined); // The read that waited for the connection has reported it.
  }
}

/** What is still to be done in transactions that run. */
const endings = new WeakMap<EntityManager, (() => Promise<void>)[]>();

/**
 * Has something done last in a transaction, when all its other locks are taken: what others wait for is held shortly,
 * and no two transactions wait for each other for it.
 */
export function atEndOf(manager: EntityManager, work: () => Promise<void>): void {
  const pending = endings.get(manager);
  if (pending === undefined) throw new Error("This is no transaction of `inTransaction`");
  pending.push(work);
}

/** One transaction that writes within a scope: all of it, or nothing. Never held across a call to Apple. */
export async function inTransaction<T>(
  dataSource: DataSource,
  scope: Scope,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  return dataSource.transaction(async (manager) => {
    await manager.query(ENTER_SCOPE, settingsOf(scope));
    const pending: (() => Promise<void>)[] = [];
    endings.set(manager, pending);
    const done = await work(manager);
    for (const ending of pending) await ending();
    return done;
  });
}

/** What a unit of work asks the database: prepared statements, within one transaction and scope. */
export interface Unit {
  rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /** Has something done last, before the transaction is committed. */
  atEnd(work: () => Promise<void>): void;
}

/**
 * As `inTransaction`, for writes that are made often: by prepared statements, which keep their plans, and which are
 * sent without waiting for one another where the work does not.
 */
export async function inPreparedTransaction<T>(pool: Pool, scope: Scope, work: (unit: Unit) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    const begun = begin(client, "READ WRITE", scope);
    begun.catch(() => undefined); // Every statement awaits it, and reports it.
    const pending: (() => Promise<void>)[] = [];
    const done = await work({
      atEnd: (ending) => pending.push(ending),
      rows: async <Row>(statement: Statement, values: readonly unknown[]) => {
        const [result] = await Promise.all([
          client.query<Row & pg.QueryResultRow>({ ...statement, values: [...values] }),
          begun,
        ]);
        return result.rows;
      },
    });
    await begun;
    for (const ending of pending) await ending();
    await client.query("COMMIT");
    return done;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => (isBroken = true));
    throw error;
  } finally {
    client.release(isBroken);
  }
}
