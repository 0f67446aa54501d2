import pg, { escapeLiteral, type Pool, type PoolClient } from "pg";
import type { DataSource, EntityManager } from "typeorm";

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

/** Time for one statement in PostgreSQL, which then ends it. */
export const STATEMENT_TIMEOUT_MS = 10_000;

/** The pool that hot reads take: its statements are sent without waiting for the answer to the one before. */
export function makeReadPool(url: string, max = 20): Pool {
  return new pg.Pool({
    connectionString: url,
    max,
    pipeline: true,
    application_name: "countersign reads",
    connectionTimeoutMillis: 5_000,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: 15_000,
  });
}

/** Local to the transaction: what a pooled connection's next borrower must never inherit. */
function settingsOf(scope: Scope): string {
  const settings: [name: string, value: string][] = [
    ["countersign.roots", scope.roots.join(",")],
    ["countersign.tenants", scope.tenants.join(",")],
    ["countersign.presented_hash", scope.presentedHash ?? ""],
    ["countersign.signed_in_email", scope.signedInEmail ?? ""],
    ["countersign.operator", scope.operator === true ? "on" : ""],
  ];
  const calls = settings.map(([name, value]) => `set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, true)`);
  return `SELECT ${calls.join(", ")}`;
}

/**
 * Prepared statements keep their plan. Left to choose, PostgreSQL plans the policies' subqueries anew each time,
 * which takes several times what running them does. Their plans do not depend on the values: all go by keys.
 */
const PLAN_ONCE = "set_config('plan_cache_mode', 'force_generic_plan', true)";

/**
 * The reads of one request. The first opens a transaction and sets the scope in the same round trip; those that
 * follow share it. It ends by itself when nothing was asked for one turn of the event loop, so it is never held
 * while the request waits for Apple; a later read opens another.
 */
export class ReadSession {
  #client: Promise<PoolClient> | null = null;
  #begun: Promise<unknown> = Promise.resolve();
  #running = 0;
  #failed = false;

  constructor(
    private readonly pool: Pool,
    private readonly scope: Scope,
    /** Aborted when nothing more is to be read. */
    private readonly signal: AbortSignal | null = null,
  ) {}

  /** The rows of a statement, in the shape it names. */
  async rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    this.signal?.throwIfAborted();
    this.#running += 1;
    try {
      const client = await (this.#client ??= this.#begin());
      const [result] = await Promise.all([
        client.query<Row & pg.QueryResultRow>({ ...statement, values: [...values] }),
        this.#begun,
      ]);
      return result.rows;
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
    this.#begun = client.query(`BEGIN READ ONLY; ${settingsOf(this.scope)}, ${PLAN_ONCE}`);
    this.#begun.catch(() => undefined); // Every read awaits it, and reports it.
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
    await manager.query(settingsOf(scope));
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
    const begun = client.query(`BEGIN; ${settingsOf(scope)}, ${PLAN_ONCE}`);
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
