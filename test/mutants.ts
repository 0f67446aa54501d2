import "reflect-metadata";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clauseMutants } from "./mutants/clause.js";
import { EQUIVALENT } from "./mutants/equivalent.js";
import { Lane, type Verdict } from "./mutants/lane.js";
import type { Mutant } from "./mutants/mutant.js";
import { allOpened, policiesOf, policyMutants } from "./mutants/policy.js";
import { ruleMutants } from "./mutants/rule.js";
import setUp, { TEMPLATE_URL_VARIABLE } from "./support/global-setup.js";
import tearDown from "./support/global-teardown.js";

/**
 * The tests of the tests: takes away each rule, each row-level policy, and each condition on whose rows a statement
 * reads or writes, one at a time, and runs the tests that look at it. Every one has to be noticed by a red test.
 *
 *   npm run test:mutants -- [--workers N] [--list] [PATTERN …]
 *
 * A pattern is looked for in kind, place and what was taken away, such as `policy`, `loaders/credential` or `readableBy`.
 */
const { values: options, positionals } = parseArgs({
  options: { workers: { type: "string", default: "1" }, list: { type: "boolean", default: false } },
  allowPositionals: true,
});

interface Outcome {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  readonly seconds: number;
}

const lineOf = ({ kind, place, what }: Mutant): string => `${kind} ${place} ${what}`;
const reasonOf = ({ place, what }: Mutant): string | null =>
  EQUIVALENT.find(([where, which]) => place.includes(where) && what.includes(which))?.[2] ?? null;

await setUp();
const folder = mkdtempSync(join(tmpdir(), "countersign-mutants-"));
try {
  const template = process.env[TEMPLATE_URL_VARIABLE] ?? "";
  const policies = await policiesOf(template);
  const all = [...ruleMutants(), ...policyMutants(policies), ...clauseMutants(allOpened(policies))];
  const chosen = all.filter((mutant) => positionals.every((pattern) => lineOf(mutant).includes(pattern)));
  if (options.list) for (const mutant of chosen) console.log(lineOf(mutant));
  else process.exitCode = await run(chosen, new URL("/postgres", template).href);
} finally {
  rmSync(folder, { recursive: true, force: true });
  await tearDown();
}

/** Tries them, prints a line for each, and gives the exit status. */
async function run(mutants: readonly Mutant[], databaseUrl: string): Promise<number> {
  const equivalent = mutants.filter((mutant) => reasonOf(mutant) !== null);
  const waiting = mutants.filter((mutant) => reasonOf(mutant) === null);
  const count = waiting.length;
  const survivors: Mutant[] = [];
  const work = async (name: number): Promise<void> => {
    const lane = new Lane(join(folder, String(name)), databaseUrl);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const from = performance.now();
      const verdict = await lane.try(next);
      if (verdict.file !== null) await lane.refuseRed(verdict.file, next.kind === "policy" ? "" : next.sql);
      if (verdict.caughtBy === null) survivors.push(next);
      print({ mutant: next, verdict, seconds: (performance.now() - from) / 1000 });
    }
    lane.remove();
  };
  await Promise.all(Array.from({ length: Number(options.workers) }, (_, name) => work(name)));
  for (const mutant of equivalent) console.log(`equivalent  ${lineOf(mutant)}\n            ${reasonOf(mutant) ?? ""}`);
  for (const mutant of survivors) console.log(`survived    ${lineOf(mutant)}`);
  console.log(`${count - survivors.length} caught, ${survivors.length} survived`);
  return survivors.length > 0 || count === 0 ? 1 : 0;
}

function print({ mutant, verdict, seconds }: Outcome): void {
  const outcome = verdict.caughtBy === null ? "SURVIVED" : "caught";
  console.log(
    `${outcome.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s  ${mutant.kind.padEnd(6)} ${mutant.place}  ${mutant.what}`,
  );
  console.log(`${" ".repeat(20)}${verdict.caughtBy ?? `${verdict.ran} tests are green without it`}`);
}
