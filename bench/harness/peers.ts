import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const LOCK = "bench/package-lock.json";
/** What is installed: the hash of the lock file it was installed from. */
const INSTALLED = "bench/node_modules/.installed";

/** Installs the packages of the peers, which the product does not have, where they are missing or others are locked by now. */
export function installPeers(say: (line: string) => void): void {
  const wanted = createHash("sha256").update(readFileSync(LOCK)).digest("hex");
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === wanted) return;
  say("installing the servers to compare with, from bench/package-lock.json");
  // Without its warnings: PostGraphile asks for a newer Node than this, and gets one.
  execFileSync("npm", ["ci", "--prefix", "bench", "--no-audit", "--no-fund", "--loglevel=error"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  writeFileSync(INSTALLED, wanted);
}
