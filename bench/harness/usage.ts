import { readdirSync, readFileSync } from "node:fs";

/** What a program has used: a process, or PostgreSQL with all of its processes. */
export interface Usage {
  /** Since it was started, of all cores. */
  readonly cpuSeconds: number;
  /** Resident now; memory that processes share is counted once. */
  readonly memoryBytes: number;
}

/** The kernel counts time in these, on every platform that Node runs on. */
const TICKS_A_SECOND = 100;

/** Fields of /proc/[pid]/stat by their numbers in proc(5), counted from behind the name, which may hold spaces. */
const STAT = { parent: 4, user: 14, system: 15, childrenUser: 16, childrenSystem: 17 } as const;

function statOf(pid: number): (field: keyof typeof STAT) => number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (field) => Number(fields[STAT[field] - 3]);
}

function memoryOf(pid: number, shares: boolean): number {
  // The proportional set size, where processes share memory: it takes longer to reckon.
  const [file, name] = shares ? ["smaps_rollup", "Pss"] : ["status", "VmRSS"];
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"));
  return Number(line?.[1] ?? 0) * 1024;
}

/** Of one process; null where there is no /proc, or no such process. */
export function usageOf(pid: number): Usage | null {
  try {
    const stat = statOf(pid);
    return { cpuSeconds: (stat("user") + stat("system")) / TICKS_A_SECOND, memoryBytes: memoryOf(pid, false) };
  } catch {
    return null;
  }
}

/** Of a process and its children, those that have ended among them. */
export function usageOfTree(pid: number): Usage | null {
  try {
    const stat = statOf(pid);
    let ticks = stat("user") + stat("system") + stat("childrenUser") + stat("childrenSystem");
    let memoryBytes = memoryOf(pid, true);
    for (const child of childrenOf(pid)) {
      try {
        const own = statOf(child);
        ticks += own("user") + own("system");
        memoryBytes += memoryOf(child, true);
      } catch {
        // It has just ended: its parent counts its time.
      }
    }
    return { cpuSeconds: ticks / TICKS_A_SECOND, memoryBytes };
  } catch {
    return null;
  }
}

/** The process that started another; null where there is no /proc. */
export function parentOf(pid: number): number | null {
  try {
    return statOf(pid)("parent");
  } catch {
    return null;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);
}
