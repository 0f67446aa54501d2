import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Statement } from "./tenancy.js";

/** How many rows a process remembers: the lists that were longest not asked for go first. */
const REMEMBERED_MOST = 50_000;
/** What a list is asked for with takes room too: so many characters as much as a row. */
const CHARACTERS_A_ROW = 256;

/** Rows as they were last time, with the mark by which PostgreSQL tells whether they still are. */
export interface Known {
  readonly mark: string;
  readonly rows: readonly object[];
  /** Whether they were found as they were before: what has just changed may be changing. */
  isSteady: boolean;
}

/** Where a request takes for granted what it was shown before. */
export interface Assuming {
  /** Whether it takes anything. */
  readonly mayTake: boolean;
  /** What it takes counts if this comes true. */
  note(holds: Promise<boolean>): void;
}

/** The rows of lists as they were when they were last asked for: each time PostgreSQL is asked whether they still are. */
export class KnownRows {
  readonly #known = new Map<string, Known>();
  #size = 0;

  /** By a name that says who asks for what. */
  get(name: string): Known | null {
    const known = this.#known.get(name);
    if (known === undefined) return null;
    this.#known.delete(name);
    this.#known.set(name, known);
    return known;
  }

  set(name: string, known: Known): void {
    this.#forget(name);
    this.#known.set(name, known);
    this.#size += weightOf(name, known);
    for (const oldest of this.#known.keys()) {
      if (this.#size <= REMEMBERED_MOST) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#known.delete(name);
    this.#size -= weightOf(name, known);
  }
}

/** The name holds what a client asked for, as long as that is. */
const weightOf = (name: string, { rows }: Known): number => Math.ceil(name.length / CHARACTERS_A_ROW) + rows.length;

/** What marks depend on beside the rows: nobody outside can look for two lists of one mark. */
const SEED = randomBytes(8).readBigInt64BE().toString();

/** The column that a mark comes in. No row has one of this name. */
export const MARK = "#mark";

/** The mark of the rows of `list`: their number, and the values of all in their order, by hashes of 64 bits. */
const MARKED = `count(*) || ' ' ||
  coalesce(hash_array_extended(array_agg(hash_record_extended(list, ${SEED})), ${SEED}), 0) AS "${MARK}"`;

/** A statement's other forms, made when they are first asked for. */
function formOf(name: string, textOf: (text: string, parameters: number) => string) {
  const made = new WeakMap<Statement, Statement>();
  return (statement: Statement, parameters: number): Statement => {
    let form = made.get(statement);
    if (form === undefined) {
      form = { name: `${statement.name}_${name}`, text: textOf(statement.text, parameters) };
      made.set(statement, form);
    }
    return form;
  };
}

/** Gives the mark of the rows of a statement, and none of them. */
export const markOf = formOf("mark", (text) => `SELECT ${MARKED} FROM (${text}) list`);

/**
 * The same statement, which gives its mark before the columns of each row, and none of the rows where their mark is that
 * of one parameter more: what HTTP's `If-None-Match` is to an answer. Where it gives no rows, it gives one of nulls.
 */
export const ifNew = formOf(
  "if_new",
  (text, parameters) => `WITH list AS MATERIALIZED (${text}), marked AS (SELECT ${MARKED} FROM list)
    SELECT marked."${MARK}", list.* FROM marked LEFT JOIN list ON marked."${MARK}" IS DISTINCT FROM $${parameters + 1}::text`,
);

/** Whether what comes with a mark are rows, where those of the mark `known` are not asked for. */
export const hasRows = (mark: string | null, known: unknown): boolean =>
  mark !== null && mark !== known && !mark.startsWith("0 ");

/** Whether two rows of one statement hold the same. */
export function isSameRow(row: object, other: object): boolean {
  const [values, others] = [row, other] as readonly Readonly<Record<string, unknown>>[];
  // Both have the columns of the statement. Not by their entries: this is done for every row that is taken for granted.
  for (const column in values) if (!isSameValue(values[column], others?.[column])) return false;
  return true;
}

/** Of what a row holds: mostly texts, numbers, times and lists of them, which take a moment; JSON takes a while. */
export function isSameValue(value: unknown, other: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === other;
  if (value instanceof Date) return other instanceof Date && value.getTime() === other.getTime();
  if (Array.isArray(value)) {
    return (
      Array.isArray(other) && value.length === other.length && value.every((each, n) => isSameValue(each, other[n]))
    );
  }
  return isDeepStrictEqual(value, other);
}
