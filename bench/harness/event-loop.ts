// Loaded into a server by --import, to watch its event loop from within: the server itself knows nothing of it. Once a second
// it tells the process that started it how long the loop was held up, and how much memory there is.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Once a second, of that second. */
export interface Pulse {
  /** How late the loop was, at the worst of 99 parts in 100 and at the worst of all. */
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
}

const RESOLUTION_MS = 10;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

setInterval(() => {
  // What is recorded is the time between two ticks of a timer, which is this long where nothing holds it up.
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const { rss: residentBytes, heapUsed: heapBytes } = process.memoryUsage();
  const pulse: Pulse = { p99Ms: late(delays.percentile(99)), maxMs: late(delays.max), residentBytes, heapBytes };
  delays.reset();
  process.send?.(pulse);
}, 1_000).unref();
