/** Tests, by a pattern of the paths of their files, and one of their titles; null: all. */
export interface Tests {
  readonly file: string;
  readonly title: string | null;
}

/** One thing that is taken away, and what has to notice. */
export interface Mutant {
  readonly kind: "rule" | "policy" | "read" | "write";
  /** Where it was taken away: a file and line, or a policy. */
  readonly place: string;
  /** What was taken away. */
  readonly what: string;
  /** The source file with it taken away; null: nothing of the source. */
  readonly source: { readonly path: string; readonly text: string } | null;
  /** SQL for the database of the tests; empty: none. */
  readonly sql: string;
  /** Tried in this order, until one is red. */
  readonly tests: readonly Tests[];
}
