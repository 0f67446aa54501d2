import { readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { format, resolveConfig } from "prettier";
import type { Pace } from "./rounds.js";
import { markdown, targetsTable, type Findings } from "./table.js";

/** What a part found, when and on what. */
export interface Result extends Findings {
  /** UTC, to the minute. */
  readonly at: string;
  readonly machine: string;
  readonly pace: Pace;
}

/** By the names of the parts. */
export type Results = Readonly<Record<string, Result>>;

/** The document that has the tables, between two marks. */
const DOCUMENT = "docs/performance.md";
const BEGIN = "<!-- figures: begin -->";
const END = "<!-- figures: end -->";

/** What a part found, with the day and the machine. */
export function resultOf(findings: Findings, pace: Pace, postgres: string): Result {
  const cores = cpus();
  const machine = [
    `${cores.length} × ${cores[0]?.model.trim() ?? "unknown"}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    postgres,
  ].join(", ");
  return { at: `${new Date().toISOString().slice(0, 16)}Z`, machine, pace, ...findings };
}

/** Results of earlier runs; none where there is no such file. */
export async function readResults(path: string): Promise<Results> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

/** Writes results as JSON. */
export async function writeResults(path: string, results: Results): Promise<void> {
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
}

/** All that was found, as Markdown: a section a part, and the targets first. */
export function printed(results: Results): string {
  const targets = Object.values(results).flatMap((result) => result.targets);
  const sections = Object.entries(results).map(([name, { at, machine, pace, tables }]) => {
    const heading = `### ${name[0]?.toUpperCase() ?? ""}${name.slice(1)}`;
    const how = `${at}, on ${machine}; ${pace.rounds} rounds of ${pace.roundSeconds} s where there are rounds.`;
    return [heading, "", how, "", ...tables.map(markdown)].join("\n");
  });
  return [...(targets.length > 0 ? [markdown(targetsTable(targets)).replace("####", "###")] : []), ...sections].join(
    "\n",
  );
}

/** Puts the results into docs/performance.md, in place of those that are there. */
export async function writeDocument(results: Results): Promise<void> {
  const text = await readFile(DOCUMENT, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`${DOCUMENT} lacks the marks ${BEGIN} and ${END}`);
  const filled = `${text.slice(0, begin)}${BEGIN}\n\n${printed(results)}\n${text.slice(end)}`;
  await writeFile(DOCUMENT, await format(filled, { ...(await resolveConfig(DOCUMENT)), filepath: DOCUMENT }));
}
