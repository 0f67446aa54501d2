import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutSecrets } from "../src/log.js";

/** Runs the suite, or what the arguments name of it, with every server at the most verbose level, and looks for secrets in what they logged. */
const folder = mkdtempSync(join(tmpdir(), "countersign-leaks-"));
const LEAK_LOG = join(folder, "server.log");
const JEST = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", "node_modules/jest/bin/jest.js"];
const { status } = spawnSync(process.execPath, [...JEST, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, LEAK_LOG },
});
const lines = readFileSync(LEAK_LOG, { flag: "a+" }).toString().split("\n");
// Passwords and keys of the tests, in any form, besides what has the form of a secret.
const KNOWN = /countersign-test|correct horse|-----BEGIN|"privateKey"|"pkcs12"/;
const leaks = lines.filter((line) => withoutSecrets(line) !== line || KNOWN.test(line));
for (const line of leaks.slice(0, 20)) console.log(withoutSecrets(line).slice(0, 300));
console.log(`${lines.length - 1} lines were logged; ${leaks.length} hold what looks like a secret.`);
rmSync(folder, { recursive: true, force: true });
process.exitCode = leaks.length > 0 ? 1 : (status ?? 1);
