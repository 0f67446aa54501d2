import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Mutant, Tests } from "./mutant.js";
import { compiled } from "./source.js";
import { TEMPLATE_SQL_VARIABLE } from "../support/global-setup.js";

const JEST = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", "node_modules/jest/bin/jest.js"];

// A machine that is busy must not make a test red: that would be taken for a catch.
const PATIENT = ["--testTimeout", "600000"];

/** What Jest says of a run, as far as it is read here. */
interface Report {
  readonly numTotalTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** What one run of tests came to: which test was red, and null where all were green. */
export interface Verdict {
  readonly caughtBy: string | null;
  /** The file of that test; null: none. */
  readonly file: string | null;
  readonly ran: number;
}

/** Test files that were found green with nothing taken away, or are being looked at; with the SQL for their database. */
const CHECKED = new Map<string, Promise<Verdict>>();

/** A checkout of its own in which one mutant after the other is tried: what is compiled is copied, the rest is shared. */
export class Lane {
  constructor(
    private readonly folder: string,
    private readonly databaseUrl: string,
  ) {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(".")) {
      if (name !== "dist" && !name.startsWith(".")) symlinkSync(resolve(name), join(folder, name));
    }
    cpSync("dist", join(folder, "dist"), { recursive: true });
  }

  /** Tries the tests of a mutant in their order, and ends with the first that is red. */
  async try({ source, sql, tests }: Pick<Mutant, "source" | "sql" | "tests">): Promise<Verdict> {
    const path = source === null ? null : join("dist", source.path.replace(/\.ts$/, ".js"));
    if (path !== null && source !== null) writeFileSync(join(this.folder, path), compiled(source.path, source.text));
    try {
      let ran = 0;
      for (const each of tests) {
        const verdict = await this.#run(each, sql);
        ran += verdict.ran;
        if (verdict.caughtBy !== null) return { ...verdict, ran };
      }
      return { caughtBy: null, file: null, ran };
    } finally {
      if (path !== null) cpSync(path, join(this.folder, path));
    }
  }

  /** With nothing taken away a test that caught something is green, or it would catch whatever is taken away. Throws. */
  async refuseRed(file: string, sql: string): Promise<void> {
    const name = `${file} ${sql}`;
    const checked = CHECKED.get(name) ?? this.#run({ file: `${file}\\.`, title: null }, sql);
    CHECKED.set(name, checked);
    const { caughtBy } = await checked;
    if (caughtBy !== null) throw new Error(`With nothing taken away a test is red already: ${caughtBy}`);
  }

  async #run({ file: pattern, title }: Tests, sql: string): Promise<Verdict> {
    const output = join(this.folder, "report.json");
    rmSync(output, { force: true });
    const options = ["-w", "1", "--silent", ...PATIENT, "--json", "--outputFile", output];
    const cache = ["--cacheDirectory", join(this.folder, "cache")];
    const only = title === null ? [] : ["-t", title];
    const child = spawn(process.execPath, [...JEST, ...options, ...cache, ...only, "--testPathPatterns", pattern], {
      cwd: this.folder,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, TEST_DATABASE_OWNER_URL: this.databaseUrl, [TEMPLATE_SQL_VARIABLE]: sql },
    });
    const told: Buffer[] = [];
    child.stderr.on("data", (part: Buffer) => told.push(part));
    await once(child, "close");
    if (!existsSync(output)) {
      throw new Error(`Jest did not run ${pattern}:\n${Buffer.concat(told).toString().slice(-2_000)}`);
    }
    const report = JSON.parse(readFileSync(output, "utf8")) as Report;
    const red = report.testResults.flatMap(({ name, message, assertionResults }) => {
      const file = name.replace(/^.*\/dist\//, "").replace(/\.js$/, "");
      const failed = assertionResults.filter(({ status }) => status === "failed");
      // A mutant that breaks what it is in would tell nothing of the tests.
      if (failed.length === 0 && message !== "") throw new Error(`${file} does not start: ${message}`);
      return failed.map(({ fullName }) => ({ caughtBy: fullName, file }));
    });
    const ran = report.numTotalTests - report.numPendingTests;
    if (ran === 0 && red.length === 0) throw new Error(`No test is called ${title ?? ""} in ${pattern}`);
    return { ...(red[0] ?? { caughtBy: null, file: null }), ran };
  }

  /** Removes the checkout. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
