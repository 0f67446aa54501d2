import type { Bench } from "../harness/bench.js";
import type { Ask } from "../harness/load.js";
import { compare } from "../harness/rounds.js";
import { bearing, countersignEnvironment, ofGraph, startCountersign, tried } from "../harness/servers.js";
import type { Cell, Findings } from "../harness/table.js";
import { READS } from "./read-list.js";

/** Two processes on one database, against one: PostgreSQL and the load run on the same cores. */
export async function scale({ postgres, key, rows, pace, say }: Bench): Promise<Findings> {
  const environment = countersignEnvironment(postgres, key);
  const one = await startCountersign(environment);
  const other = await startCountersign(environment);
  const cells: Cell[][] = [];
  for (const read of READS) {
    say(`scale: ${read.name}`);
    const askOf = async (url: string): Promise<Ask> =>
      (await tried(ofGraph(url, read.query, read.variables(rows), bearing(rows.token)))).ask;
    const [first, second] = [await askOf(one.url), await askOf(other.url)];
    let turn = 0;
    const both: Ask = () => ((turn += 1) % 2 === 0 ? first() : second());
    const [single, pair] = await compare(
      [
        { name: "one", ask: first, pid: one.pid },
        { name: "two", ask: both, pid: null },
      ],
      pace,
      postgres.usage,
    );
    if (single === undefined || pair === undefined) continue;
    cells.push([
      read.name,
      single.rate,
      pair.rate,
      `${(pair.rate / single.rate).toFixed(2)}×`,
      single.p99Ms,
      pair.p99Ms,
    ]);
  }
  await Promise.all([one.stop(), other.stop()]);
  return {
    tables: [
      {
        title: "Two processes",
        note: "The same load on one process, and on two that take turns. All share the cores with PostgreSQL and with the load, so that two cannot be twice one on two cores.",
        columns: ["read", "one, requests/s", "two, requests/s", "factor", "one, p99 ms", "two, p99 ms"],
        rows: cells,
      },
    ],
    targets: [],
  };
}
