import type { Writable } from "node:stream";
import pg, { type PoolClient } from "pg";
import { columnsFrom, rowOf, type Columns, type Parser } from "./columns.js";
import { hasRows } from "./known-rows.js";
import type { Statement } from "./tenancy.js";

/** A statement with the values it is sent with. */
export interface SentStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

/** What pg's types leave out of its connection. */
interface Wire {
  readonly stream: Writable;
  /** Texts of what is prepared, by their names, and of what was sent to be. */
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: Statement): void;
  bind(message: { statement: string; values: readonly unknown[] }): void;
  describe(message: { type: "P" }): void;
  execute(message: object): void;
  sync(): void;
}

const { prepareValue } = (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils;

/** What a connection has told of its statements. One that would give other columns later fails, until it is prepared anew. */
const columnsOf = new WeakMap<object, Map<string, Columns>>();

/** A statement that was asked, and what becomes of it. */
export interface Asked extends SentStatement {
  /** For whom; null: for all of the round trip. */
  readonly asker: object | null;
  /** The rows, in the shape that the statement names. */
  readonly answer: Promise<object[]>;
  /** The mark of the rows, once they are there, where the statement gives one. */
  readonly mark: string | null;
  /** When it was sent, on the clock of durations; before, when it was asked. */
  readonly sentAtMs: number;
}

interface Asking extends Asked {
  mark: string | null;
  sentAtMs: number;
  readonly rows: object[];
  /** What kept one of the rows from being read. */
  fault: Error | null;
  readonly resolve: (rows: object[]) => void;
  readonly reject: (error: unknown) => void;
}

/** PostgreSQL's code (`invalid_sql_statement_name`). */
const NOT_PREPARED = "26000";

/** How a trip is under way. */
interface Way {
  /** Whether one that went before it on the same connection has failed. */
  readonly hasFailedBefore: () => boolean;
  /** Told once, with what it failed with. */
  readonly ended: (error: Error | null) => void;
}

/**
 * Prepared statements that go out in one packet, run in one transaction of their own, and are answered in one packet:
 * there is one `Sync` for all of them, and with it PostgreSQL ends the transaction (its manual, "Pipelining"). Where one
 * fails, those behind it fail with it, but for those of other askers: they are asked again.
 */
export class RoundTrip extends pg.Query {
  readonly #asked: Asking[] = [];
  readonly #once = new Map<SentStatement, Asked>();
  /** How many have been answered. */
  #answered = 0;
  #isOpen = true;
  #way: Way = { hasFailedBefore: () => false, ended: () => undefined };
  #columns = new Map<string, Columns>();
  #getTypeParser: (oid: number) => Parser = () => String;
  name: string | undefined;
  text: string | undefined;
  /** What is told when it is over, with what it failed with. pg knows it by this name. */
  callback: (error?: Error) => void = () => undefined;

  /** `again` is given what has to be asked again, since a statement of another asker failed before it. */
  constructor(private readonly again: (asked: readonly Asked[]) => void) {
    super("");
  }

  /** Whether more may be asked: it is not on its way. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What is asked. */
  get statements(): readonly SentStatement[] {
    return this.#asked;
  }

  /** One more statement, before it is sent. */
  ask(asker: object | null, { statement, values }: SentStatement): Asked {
    let settle: Pick<Asking, "resolve" | "reject"> | undefined;
    const answer = new Promise<object[]>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const { resolve, reject } = settle as unknown as Pick<Asking, "resolve" | "reject">;
    const sentAtMs = performance.now();
    const asked: Asking = {
      asker,
      statement,
      values,
      answer,
      resolve,
      reject,
      mark: null,
      sentAtMs,
      rows: [],
      fault: null,
    };
    this.#asked.push(asked);
    return asked;
  }

  /** As `ask`, but the same of all askers is asked once. */
  askOnce(sent: SentStatement): Asked {
    const before = this.#once.get(sent);
    if (before !== undefined) return before;
    const asked = this.ask(null, sent);
    this.#once.set(sent, asked);
    return asked;
  }

  /** Takes what another round trip did not get answered. */
  take(asked: readonly Asked[]): void {
    this.#asked.push(...(asked as readonly Asking[]));
  }

  /** Sends it. */
  sendOn(client: PoolClient, way: Way): void {
    this.#isOpen = false;
    this.#way = way;
    this.callback = (error) => {
      this.callback = () => undefined;
      this.#way.ended(error ?? null);
    };
    this.#getTypeParser = (oid) => (client.getTypeParser as (oid: number, format: "text") => Parser)(oid, "text");
    client.query(this);
  }

  /** Rejects all that is not answered. */
  fail(error: unknown): void {
    this.#isOpen = false;
    for (const { reject } of this.#asked.slice(this.#answered)) reject(error);
    this.#answered = this.#asked.length;
  }

  // What follows is called by pg, in the order of PostgreSQL's protocol.

  override submit = (connection: object): Error | null => {
    const wire = connection as Wire;
    const known = columnsOf.get(wire) ?? new Map<string, Columns>();
    columnsOf.set(wire, (this.#columns = known));
    let values: readonly unknown[][];
    try {
      values = this.#asked.map((asked) => asked.values.map(prepareValue));
    } catch (error) {
      return error as Error; // Before anything is on the wire, where half a trip would be answered to another.
    }
    const sentAtMs = performance.now();
    wire.stream.cork();
    for (const [index, asked] of this.#asked.entries()) {
      const { name, text } = asked.statement;
      asked.sentAtMs = sentAtMs;
      if (wire.parsedStatements[name] === undefined && wire.submittedNamedStatements[name] === undefined) {
        wire.parse({ name, text });
        wire.submittedNamedStatements[name] = text;
      }
      wire.bind({ statement: name, values: values[index] ?? [] });
      if (!known.has(name)) wire.describe({ type: "P" });
      wire.execute({});
    }
    wire.sync();
    wire.stream.uncork();
    this.#tell();
    return null;
  };

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    if (this.name !== undefined) this.#columns.set(this.name, columnsFrom(fields, this.#getTypeParser));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const asked = this.#asked[this.#answered];
    const columns = asked && this.#columns.get(asked.statement.name);
    if (asked === undefined || columns === undefined) return;
    try {
      if (columns.isMarked) {
        asked.mark = fields[0] ?? null;
        if (!hasRows(asked.mark, asked.values.at(-1))) return;
      }
      asked.rows.push(rowOf(columns, fields));
    } catch (error) {
      asked.fault ??= error as Error;
    }
  }

  handleCommandComplete(): void {
    this.#answered += 1;
    this.#tell();
  }

  handleReadyForQuery(): void {
    this.callback();
    this.#settle();
  }

  handleError(error: Error): void {
    this.#settle();
    const unanswered = this.#asked.slice(this.#answered);
    const again = this.#toAskAgain(unanswered, error);
    for (const asked of unanswered) if (!again.includes(asked)) asked.reject(error);
    this.#answered = this.#asked.length;
    this.callback(error);
    if (again.length > 0) this.again(again);
  }

  /** What has failed with a statement that is none of its business. */
  #toAskAgain(unanswered: readonly Asking[], error: Error): readonly Asking[] {
    // A connection that ended is everybody's.
    if (!(error instanceof pg.DatabaseError) || error.severity !== "ERROR") return [];
    const [failed, ...behind] = unanswered;
    // What a trip before it was to prepare is not, where that has failed.
    if (error.code === NOT_PREPARED && this.#way.hasFailedBefore())
      return unanswered.slice(failed === this.#asked[0] ? 1 : 0);
    return failed?.asker == null ? [] : behind.filter(({ asker }) => asker !== failed.asker);
  }

  /** Tells what has been answered. */
  #settle(): void {
    for (const { resolve, reject, rows, fault } of this.#asked.slice(0, this.#answered)) {
      if (fault === null) resolve(rows);
      else reject(fault);
    }
  }

  /** Tells pg which statement is being answered: so it notes what is prepared. */
  #tell(): void {
    const { name, text } = this.#asked[this.#answered]?.statement ?? {};
    this.name = name;
    this.text = text;
  }
}
