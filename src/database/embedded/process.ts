import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** One run of one process. A pid alone is given again to others, in containers at every start. */
export interface ProcessIdentity {
  pid: number;
  /** Ticks from boot to its start; null where the system does not tell (everything but Linux). */
  startedAt: string | null;
}

/** Who a child runs as, and where; uid and gid are absent where it runs as this process does. */
export interface SpawnPlace {
  uid?: number;
  gid?: number;
  cwd: string;
}

/** The environment of every child: none of ours, so that no PG* variable, secret or language of the user reaches it. */
export const CHILD_ENV = { LC_ALL: "C", TZ: "UTC" };

/** Identifies a process that runs; null where there is none, or only what is left of one (a zombie). */
export function identify(pid: number): ProcessIdentity | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!isErrorCode(error, "EPERM")) return null;
  }
  const fields = statFields(pid);
  if (fields[0] === "Z") return null;
  return { pid, startedAt: fields[19] ?? null };
}

/** Tells whether that very run still goes on. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== null && now.startedAt === identity.startedAt;
}

/** Waits until the process has ended; false when it has not within the time. */
export async function waitForEnd(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(identity)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** Runs a command to its end and returns what it printed; throws an Error with its last lines when it fails. */
export async function run(file: string, args: readonly string[], place: SpawnPlace): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...place, env: CHILD_ENV, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    let output = "";
    const collect = (chunk: Buffer): void => void (output += chunk.toString("utf8"));
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${file} ended with ${signal ?? `code ${String(code)}`}:\n${lastLines(output)}`));
    });
  });
}

/** The end of a log, short enough for an error message. */
export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-15).join("\n");
}

/** Tells whether an error is the system's or PostgreSQL's of one of these codes, such as "ENOENT" or "3D000". */
export function isErrorCode(error: unknown, ...codes: string[]): boolean {
  return typeof error === "object" && error !== null && "code" in error && codes.includes(String(error.code));
}

/** The fields of /proc/<pid>/stat from the third (state) on; empty where there is no such file. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
