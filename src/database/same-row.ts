import { isDeepStrictEqual } from "node:util";

/** Whether two rows of one statement hold the same. */
export function isSameRow(row: object, other: object): boolean {
  const others = other as Readonly<Record<string, unknown>>;
  // Both have the columns of the statement.
  return Object.entries(row).every(([column, value]) => isSameValue(value, others[column]));
}

/** Of what a row holds: mostly texts, numbers, times and lists of them, which take a moment; JSON takes a while. */
export function isSameValue(value: unknown, other: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === other;
  if (value instanceof Date) return other instanceof Date && value.getTime() === other.getTime();
  return isDeepStrictEqual(value, other);
}
