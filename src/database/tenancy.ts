import type pg from "pg";
import type { Pool } from "pg";
import type { DataSource, EntityManager } from "typeorm";
import { ifNew, markOf, type Assuming, type KnownRows } from "./known-rows.js";
import { nextTrip } from "./packet.js";
import { begin, ENTER_SCOPE, settingsOf } from "./read-pool.js";
import type { Asked, RoundTrip, SentStatement } from "./round-trip.js";

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
  /** Sessions of one scope that hold this very object ask it once where they ask together. */
  readonly question: SentStatement;
  /** Throws what the reads are to fail with. */
  readonly accept: (rows: readonly object[]) => void;
}

/** What came of a statement. */
interface Answered<Row> extends Pick<Asked, "mark" | "sentAtMs"> {
  readonly rows: Row[];
}

/**
 * The reads of one request. What is asked within one turn of the event loop is one round trip, which is a transaction of
 * its own within the scope: nothing is held while the request waits for Apple, or for anything else. Sessions of the very
 * same scope, as those of one bearer are, share it; those of one organization go out together.
 */
export class ReadSession {
  /** The last that was asked in. */
  #trip: RoundTrip | null = null;
  #premise: Promise<void> | null = null;
  #assuming: Assuming | null = null;
  /** The question that the premise is. */
  #question: Asked | null = null;

  constructor(
    private readonly pool: Pool,
    private readonly scope: Scope,
    /** Throws when nothing more is to be read. */
    private readonly deadline: { check(): void } | null = null,
    private readonly premise: Premise | null = null,
    private readonly known: KnownRows | null = null,
  ) {}

  /** Asks for the premise, where there is one, together with what is read first. Rejects with what it failed with. */
  async hold(): Promise<void> {
    if (this.premise !== null && this.#premise === null) this.#gather();
    await this.#premise;
  }

  /** Another session of the same scope, which asks for the premise itself, and outlives the request. */
  anew(): ReadSession {
    return new ReadSession(this.pool, this.scope, null, this.premise, this.known);
  }

  /**
   * The rows of a statement, in the shape it names. `asking` is told from when on the answer holds, on the clock of
   * durations: since the premise was asked for, where there is one.
   */
  async rows<Row>(
    statement: Statement,
    values: readonly unknown[],
    asking?: (sinceMs: number) => void,
  ): Promise<Row[]> {
    const answered = await this.#ask<Row>(statement, values);
    asking?.((this.#question ?? answered).sentAtMs);
    return answered.rows;
  }

  /** From now on lists are taken for granted, where the request takes anything. */
  assume(assuming: Assuming): void {
    this.#assuming = assuming;
  }

  /**
   * As `rows`, of lists that are asked for again and again: while they are as they were, they are the very same array.
   * Where they have been for a while, they are taken for granted, and PostgreSQL is asked meanwhile.
   */
  async list<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<readonly Row[]> {
    if (this.known === null) return this.rows<Row>(statement, values);
    const { roots, tenants } = this.scope;
    const name = JSON.stringify([statement.name, roots, tenants, values]);
    const before = this.known.get(name);
    if (before?.isSteady === true && this.#assuming?.mayTake === true) {
      this.#assuming.note(this.#isMark(before.mark, markOf(statement, values.length), values));
      return before.rows as readonly Row[];
    }
    const { mark, rows } = await this.#ask<Row>(ifNew(statement, values.length), [...values, before?.mark ?? null]);
    if (before?.mark === mark) {
      before.isSteady = true;
      return before.rows as readonly Row[];
    }
    if (mark !== null) this.known.set(name, { mark, rows, isSteady: false });
    return rows;
  }

  /** As `list`, of things by their ids, where they are several: of one there is as little to read as to compare. */
  async byIds<Row extends object>(
    statement: Statement,
    ids: readonly string[],
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    return ids.length > 1 ? this.list<Row>(statement, values) : this.rows<Row>(statement, values);
  }

  /** Whether the rows of a statement still have a mark; where that cannot be told, it is told to whoever asks again. */
  async #isMark(mark: string, statement: Statement, values: readonly unknown[]): Promise<boolean> {
    try {
      return (await this.#ask(statement, values)).mark === mark;
    } catch {
      return false;
    }
  }

  async #ask<Row>(statement: Statement, values: readonly unknown[]): Promise<Answered<Row>> {
    this.deadline?.check();
    const asked = this.#gather().ask(this, { statement, values });
    const rows = await asked.answer;
    await this.#premise; // It was asked before, and told what it fails with to all who await it.
    return { rows: rows as Row[], mark: asked.mark, sentAtMs: asked.sentAtMs };
  }

  /** The round trip that is about to be made. */
  #gather(): RoundTrip {
    if (this.#trip?.isOpen === true) return this.#trip;
    const trip = nextTrip(this.pool, this.scope);
    this.#trip = trip;
    if (this.premise !== null && this.#premise === null) {
      const { question, accept } = this.premise;
      this.#question = trip.askOnce(question);
      this.#premise = this.#question.answer.then(accept);
      this.#premise.catch(() => undefined); // Every read awaits it, and reports it.
    }
    return trip;
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
    await manager.query(ENTER_SCOPE.text, settingsOf(scope));
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
    const begun = begin(client, scope);
    begun.catch(() => undefined); // Every statement awaits it, and reports it.
    const pending: (() => Promise<void>)[] = [];
    const done = await work({
      atEnd: (ending) => pending.push(ending),
      rows: <Row>(statement: Statement, values: readonly unknown[]) => {
        const asked = Promise.all([
          client.query<Row & pg.QueryResultRow>({ ...statement, values: [...values] }),
          begun,
        ]).then(([{ rows }]) => rows);
        // Sent before the one before it was answered: where that fails, nobody may await this one any more.
        asked.catch(() => undefined);
        return asked;
      },
    });
    await begun;
    for (const ending of pending) await ending();
    const { command } = await client.query("COMMIT");
    // Where a statement had failed and nobody took notice.
    if (command !== "COMMIT") throw new Error("The transaction was rolled back");
    return done;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => (isBroken = true));
    throw error;
  } finally {
    client.release(isBroken);
  }
}
