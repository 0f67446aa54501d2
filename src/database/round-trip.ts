import type { Writable } from "node:stream";
import pg, { type PoolClient } from "pg";
import type { Statement } from "./tenancy.js";

/** A statement with the values it is sent with. */
export interface SentStatement {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

type Parser = (text: string) => unknown;

/** What pg's types leave out of its connection. */
interface Wire {
  readonly stream: Writable;
  /** Texts of what is prepared, by their names, and of what was sent to be. */
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: Statement): void;
  bind(message: { statement: string; values: readonly unknown[]; valueMapper: typeof prepareValue }): void;
  describe(message: { type: "P" }): void;
  execute(message: object): void;
  sync(): void;
}

const { prepareValue } = (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils;

/** The columns of a statement's rows. */
type Columns = readonly { readonly name: string; readonly parse: Parser }[];

/** What a connection has told of its statements. One that would give other columns later fails, until it is prepared anew. */
const columnsOf = new WeakMap<object, Map<string, Columns>>();

interface Asked extends SentStatement {
  readonly rows: object[];
  readonly resolve: (rows: object[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Prepared statements that go out in one packet, run in one transaction of their own, and are answered in one packet:
 * there is one `Sync` for all of them, and with it PostgreSQL ends the transaction (its manual, "Pipelining"). Where one
 * fails, those behind it fail with it.
 */
export class RoundTrip extends pg.Query {
  readonly #asked: Asked[] = [];
  /** How many have been answered. */
  #answered = 0;
  #fault: Error | null = null;
  #columns = new Map<string, Columns>();
  #getTypeParser: (oid: number) => Parser = () => String;
  /** When it was sent, on the clock of durations; before, when it was made. */
  sentAtMs = performance.now();
  name: string | undefined;
  text: string | undefined;
  /** What is told when it is over, with what it failed with. pg knows it by this name. */
  callback: (error?: Error) => void = () => undefined;

  constructor() {
    super({ text: "" });
  }

  /** What is asked. */
  get statements(): readonly SentStatement[] {
    return this.#asked;
  }

  /** One more statement; its rows. Before it is sent. */
  ask(statement: Statement, values: readonly unknown[]): Promise<object[]> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ statement, values, rows: [], resolve, reject });
    });
  }

  /** Sends it, and gives the connection back when all is answered; one on which something failed is not used again. */
  sendOn(client: PoolClient): void {
    this.callback = (error) => {
      this.callback = () => undefined;
      client.release(error ?? false);
    };
    this.#getTypeParser = (oid) => (client.getTypeParser as (oid: number, format: "text") => Parser)(oid, "text");
    client.query(this);
  }

  /** Rejects all that is not answered. */
  fail(error: unknown): void {
    for (const { reject } of this.#asked.slice(this.#answered)) reject(error);
    this.#answered = this.#asked.length;
  }

  // What follows is called by pg, in the order of PostgreSQL's protocol.

  override submit = (connection: object): Error | null => {
    const wire = connection as Wire;
    const known = columnsOf.get(wire) ?? new Map<string, Columns>();
    columnsOf.set(wire, (this.#columns = known));
    this.sentAtMs = performance.now();
    wire.stream.cork();
    try {
      for (const { statement, values } of this.#asked) {
        const { name, text } = statement;
        if (wire.parsedStatements[name] === undefined && wire.submittedNamedStatements[name] === undefined) {
          wire.parse({ name, text });
          wire.submittedNamedStatements[name] = text;
        }
        wire.bind({ statement: name, values, valueMapper: prepareValue });
        if (!known.has(name)) wire.describe({ type: "P" });
        wire.execute({});
      }
      wire.sync();
    } catch (error) {
      return error as Error;
    } finally {
      wire.stream.uncork();
    }
    this.#tell();
    return null;
  };

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number }[] }): void {
    const columns = fields.map(({ name, dataTypeID }) => ({ name, parse: this.#getTypeParser(dataTypeID) }));
    if (this.name !== undefined) this.#columns.set(this.name, columns);
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const asked = this.#asked[this.#answered];
    const columns = asked && this.#columns.get(asked.statement.name);
    if (asked === undefined || columns === undefined) return;
    try {
      asked.rows.push(rowOf(columns, fields));
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  handleCommandComplete(): void {
    this.#answered += 1;
    this.#tell();
  }

  handleReadyForQuery(): void {
    if (this.#fault !== null) {
      this.handleError(this.#fault);
      return;
    }
    this.callback();
    for (const { resolve, rows } of this.#asked) resolve(rows);
  }

  handleError(error: Error): void {
    for (const { resolve, rows } of this.#asked.slice(0, this.#answered)) resolve(rows);
    this.fail(error);
    this.callback(error);
  }

  /** Tells pg which statement is being answered: so it notes what is prepared. */
  #tell(): void {
    const { name, text } = this.#asked[this.#answered]?.statement ?? {};
    this.name = name;
    this.text = text;
  }
}

function rowOf(columns: Columns, fields: readonly (string | null)[]): object {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index += 1) {
    const { name, parse } = columns[index] as Columns[number];
    const value = fields[index];
    row[name] = value === null || value === undefined ? null : parse(value);
  }
  return row;
}
