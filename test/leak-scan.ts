import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LeakReport } from "./support/leaks.js";

/**
 * Runs the suite, or what the arguments name of it, with every server at the most verbose level, and looks for twelve bytes of
 * any secret in what they logged, in their tables and in PostgreSQL's own log.
 */
const folder = mkdtempSync(join(tmpdir(), "countersign-leaks-"));
const LEAK_REPORT = join(folder, "reports");
const JEST = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", "node_modules/jest/bin/jest.js"];
const { status } = spawnSync(process.execPath, [...JEST, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, LEAK_REPORT },
});
const lines = readFileSync(LEAK_REPORT, { flag: "a+" }).toString().split("\n").filter(Boolean);
const reports = lines.map((line) => JSON.parse(line) as LeakReport);
rmSync(folder, { recursive: true, force: true });

const sum = (part: (report: LeakReport) => number): string =>
  reports.reduce((total, report) => total + part(report), 0).toLocaleString("en");
const found = reports.flatMap((report) => report.found);
for (const leak of found.slice(0, 20)) console.log(leak);
const read = reports.filter(({ databaseLog }) => databaseLog !== null).length;
console.log(
  `${sum(({ secrets }) => secrets)} secrets of ${reports.length} servers were looked for in ${sum((report) => report.lines)} lines of log, ` +
    `${sum(({ tables }) => tables)} characters of tables and, of ${read} servers, ${sum(({ databaseLog }) => databaseLog ?? 0)} of PostgreSQL's log: ` +
    `${found.length} found.`,
);
process.exitCode = found.length > 0 || reports.length === 0 ? 1 : (status ?? 1);
