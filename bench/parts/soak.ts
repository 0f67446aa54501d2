import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../harness/bench.js";
import { clientOf } from "../harness/client.js";
import type { Pulse } from "../harness/event-loop.js";
import { CONNECTIONS, median, put, quantile, type Ask } from "../harness/load.js";
import { bearing, countersignEnvironment, ofGraph, startCountersign, tried } from "../harness/servers.js";
import type { Cell, Findings, Target } from "../harness/table.js";
import { READS } from "./read-list.js";

/** How often each read is asked for, of 40 requests; one is a change. */
const MIX: Readonly<Record<string, number>> = {
  nested: 2,
  one: 16,
  list: 8,
  viewer: 5,
  certificates: 4,
  expiring: 2,
  audit: 2,
};
/** The part of the soak after which memory has to stay as it is. */
const SETTLED = 0.2;
const GROWTH_MOST = 1.1;
const LOOP_MOST_MS = 100;
const CAPACITY_SECONDS = 10;
/** How many stretches the table has. */
const STRETCHES = 10;

/** A mixed load at half of what the server can do, for long: nothing fails, nothing piles up. */
export async function soak({ postgres, key, rows, soakSeconds, pace, say }: Bench): Promise<Findings> {
  const server = await startCountersign(countersignEnvironment(postgres, key), [
    "--import",
    "./dist/bench/harness/event-loop.js",
  ]);
  const pulses: Pulse[] = [];
  server.child.on("message", (pulse: Pulse) => pulses.push(pulse));
  const [owner] = rows.owners;
  if (owner === undefined) throw new Error("There is no organization to write in");
  const writer = clientOf(server.url, owner.token);
  let made = 0;
  const asks: Ask[] = [
    () => writer.act("updateCredential", { credentialId: owner.credentialIds[0], name: `Key ${(made += 1)}` }),
  ];
  for (const read of READS) {
    const { ask } = await tried(ofGraph(server.url, read.query, read.variables(rows), bearing(rows.token)));
    for (let n = 0; n < (MIX[read.name] ?? 0); n += 1) asks.push(ask);
  }
  let turn = 0;
  // Seven and the length have no divisor in common: the kinds are spread, and each comes as often as it should.
  const mixed: Ask = () => (asks[((turn += 1) * 7) % asks.length] as Ask)();

  say("soak: capacity");
  await put(mixed, Math.max(pace.warmUpSeconds, 5));
  const capacity = await put(mixed, CAPACITY_SECONDS);
  const rate = capacity.answers / capacity.seconds / 2;
  say(`soak: ${rate.toFixed(0)} requests a second for ${soakSeconds} s`);
  pulses.length = 0;
  const { latenciesMs, failures } = await steadily(mixed, rate, soakSeconds);
  await server.stop();

  const settled = pulses.slice(Math.floor(pulses.length * SETTLED));
  const part = Math.max(1, Math.floor(settled.length / 8));
  const memoryOf = (some: readonly Pulse[]): number => median(some.map(({ residentBytes }) => residentBytes));
  const grown = memoryOf(settled.slice(-part)) / memoryOf(settled.slice(0, part));
  const held = median(pulses.map(({ p99Ms }) => p99Ms));
  const worst = quantile(
    pulses.map(({ p99Ms }) => p99Ms),
    0.99,
  );
  const targets: Target[] = [
    { name: "soak: requests that failed", bound: "at most", wanted: 0, measured: failures.length },
    { name: "soak: memory at the end to that once settled", bound: "at most", wanted: GROWTH_MOST, measured: grown },
    {
      name: "soak: event loop held up, p99 ms of all but 1 % of the seconds",
      bound: "at most",
      wanted: LOOP_MOST_MS,
      measured: worst,
    },
  ];
  return {
    tables: [
      {
        title: "Soak",
        note: `${soakSeconds} s at half the capacity (${rate.toFixed(0)} of ${(2 * rate).toFixed(0)} requests a second): of 40 requests 39 are the reads and one is a change. ${latenciesMs.length.toLocaleString("en-US")} answered, ${failures.length} failed${failures.length > 0 ? ` (${failures[0] ?? ""})` : ""}. The event loop was held up for ${held.toFixed(1)} ms at the p99 of the median second. A request is timed from when it was due.`,
        columns: ["until, s", "memory, MB", "heap, MB", "p50, ms", "p99, ms", "event loop p99, ms", "at worst, ms"],
        rows: stretches(pulses, latenciesMs),
      },
    ],
    targets,
  };
}

/** Asks at a rate, whatever the answers take. A request is due at its time, and waits for a connection where there is none. */
async function steadily(ask: Ask, rate: number, seconds: number) {
  const start = performance.now();
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const count = Math.floor(rate * seconds);
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < count) {
      const due = start + (next / rate) * 1000;
      next += 1;
      const early = due - performance.now();
      if (early > 1) await delay(early);
      try {
        await ask();
        latenciesMs.push(performance.now() - due);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : "no answer");
      }
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  return { latenciesMs, failures };
}

function stretches(pulses: readonly Pulse[], latenciesMs: readonly number[]): Cell[][] {
  const count = Math.min(STRETCHES, pulses.length);
  const cut = <T>(all: readonly T[], n: number): T[] =>
    all.slice(Math.floor((all.length * n) / count), Math.floor((all.length * (n + 1)) / count));
  return Array.from({ length: count }, (_, n) => {
    const [some, times] = [cut(pulses, n), cut(latenciesMs, n)];
    const mb = (of: (pulse: Pulse) => number): number => Math.round(median(some.map(of)) / 1e6);
    return [
      String(Math.round((pulses.length * (n + 1)) / count)),
      ...[mb(({ residentBytes }) => residentBytes), mb(({ heapBytes }) => heapBytes)],
      ...[quantile(times, 0.5), quantile(times, 0.99)],
      ...[median(some.map(({ p99Ms }) => p99Ms)), Math.max(...some.map(({ maxMs }) => maxMs))],
    ];
  });
}
