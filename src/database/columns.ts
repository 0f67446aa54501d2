import { MARK } from "./known-rows.js";

/** Reads a value from PostgreSQL's text. */
export type Parser = (text: string) => unknown;

/** The columns of a statement's rows; behind the mark of all of them, where the statement gives one. */
export interface Columns {
  readonly ofRow: readonly { readonly name: string; readonly parse: Parser }[];
  readonly isMarked: boolean;
}

/** The columns that PostgreSQL describes. */
export function columnsFrom(
  fields: readonly { readonly name: string; readonly dataTypeID: number }[],
  parserOf: (oid: number) => Parser,
): Columns {
  const columns = fields.map(({ name, dataTypeID }) => ({ name, parse: parserOf(dataTypeID) }));
  const isMarked = columns[0]?.name === MARK;
  return { ofRow: isMarked ? columns.slice(1) : columns, isMarked };
}

/** A row, without the mark. Throws where one of its values is not in the form of its type. */
export function rowOf({ ofRow, isMarked }: Columns, fields: readonly (string | null)[]): object {
  const row: Record<string, unknown> = {};
  const start = isMarked ? 1 : 0;
  for (let index = 0; index < ofRow.length; index += 1) {
    const { name, parse } = ofRow[index] as Columns["ofRow"][number];
    const value = fields[start + index];
    row[name] = value === null || value === undefined ? null : parse(value);
  }
  return row;
}
