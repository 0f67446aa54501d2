import type { BenchPostgres } from "./database.js";
import type { Pace } from "./rounds.js";
import type { Rows } from "./rows.js";
import type { Findings } from "./table.js";

/** What the parts of the benchmarks have in common. */
export interface Bench {
  readonly postgres: BenchPostgres;
  /** What is in the database of `postgres`. */
  readonly rows: Rows;
  /** The key that seals the secrets in it. */
  readonly key: string;
  readonly pace: Pace;
  /** For how long the soak lasts. */
  readonly soakSeconds: number;
  /** How many times the rows at 1x the larger databases hold, the smallest first. */
  readonly growth: readonly number[];
  /** How often something that is done as a whole is done. */
  readonly repeats: number;
  /** Folder that gets a profile of Countersign under the reads; null: none is taken. */
  readonly profile: string | null;
  /** Says what goes on. */
  readonly say: (line: string) => void;
}

/** A part of the benchmarks. */
export type Part = (bench: Bench) => Promise<Findings>;
