import type { Figures } from "./rounds.js";

/** A cell: a text, a number with the digits that mean something, or null for what was not measured. */
export type Cell = string | number | null;

/** What a part of the benchmarks found, as it is printed and written. */
export interface Table {
  readonly title: string;
  /** What is measured, and how to read it. */
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** What a figure ought to be. */
export interface Target {
  readonly name: string;
  /** Whether the figure ought not to be below, or not above. */
  readonly bound: "at least" | "at most";
  readonly wanted: number;
  readonly measured: number;
}

/** What a part of the benchmarks comes to. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
}

/** Whether a target is met. */
const isMet = ({ bound, wanted, measured }: Target): boolean =>
  bound === "at least" ? measured >= wanted : measured <= wanted;

/** Three digits that mean something, and thousands with their comma. */
function shown(cell: Cell): string {
  if (cell === null) return "–";
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell) || Math.abs(cell) >= 100) return Math.round(cell).toLocaleString("en-US");
  return cell.toFixed(Math.abs(cell) >= 10 ? 1 : 2);
}

/** A table as Markdown, below a heading of the fourth level: the first column is text, the others are numbers. */
export function markdown({ title, note, columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const body = rows.map((row) => line(row.map(shown)));
  const rule = line(columns.map((_, place) => (place === 0 ? "---" : "--:")));
  return [`#### ${title}`, "", note, "", line(columns), rule, ...body, ""].join("\n");
}

/** Targets as a table. */
export function targetsTable(targets: readonly Target[]): Table {
  return {
    title: "Targets",
    note: "What the figures ought to be, and what they are.",
    columns: ["target", "wanted", "measured", "met"],
    rows: targets.map((target) => [
      target.name,
      `${target.bound === "at least" ? "≥" : "≤"} ${target.wanted}`,
      Number(target.measured.toFixed(target.measured >= 100 ? 0 : 2)),
      isMet(target) ? "yes" : "no",
    ]),
  };
}

/** The columns of `figureCells`. */
export const FIGURE_COLUMNS = [
  "requests/s",
  "p50, ms",
  "p99, ms",
  "CPU of the server, s",
  "of PostgreSQL, s",
  "of the load, s",
  "memory, MB",
  "of PostgreSQL, MB",
  "± %",
];

/** What was measured of one, in the columns of `FIGURE_COLUMNS`. */
export function figureCells(figures: Figures): Cell[] {
  const {
    rate,
    p50Ms,
    p99Ms,
    serverCpuSeconds,
    postgresCpuSeconds,
    loadCpuSeconds,
    memoryBytes,
    postgresMemoryBytes,
    spread,
  } = figures;
  const megabytes = (bytes: number | null): number | null => (bytes === null ? null : Math.round(bytes / 1e6));
  return [
    ...[rate, p50Ms, p99Ms, serverCpuSeconds, postgresCpuSeconds, loadCpuSeconds],
    ...[megabytes(memoryBytes), megabytes(postgresMemoryBytes)],
    Math.round(spread * 100),
  ];
}
