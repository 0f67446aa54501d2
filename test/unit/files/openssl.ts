import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "@jest/globals";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** A group of tests that needs the openssl command, and is skipped with a message where there is none. */
export const describeWithOpenssl = (title: string, tests: () => void): void => {
  if (hasOpenssl) describe(title, tests);
  else describe.skip(`${title} (skipped: there is no openssl command)`, tests);
};

/** A folder for the files of one test file, which is removed at its end. */
export function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), "countersign-files-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  return {
    write: (name: string, content: string | Buffer) => {
      writeFileSync(join(folder, name), content, { mode: 0o600 });
    },
    read: (name: string) => readFileSync(join(folder, name)),
    /** Runs openssl in the folder; what it says on both channels. */
    openssl: (...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
      if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
      return stdout + stderr;
    },
  };
}
