import { isDeepStrictEqual } from "node:util";
import type { Bench } from "../harness/bench.js";
import { CONNECTIONS } from "../harness/load.js";
import { compare, type Contender } from "../harness/rounds.js";
import { fill, KEYS, ROOTS, SUB_ORGANIZATIONS } from "../harness/rows.js";
import {
  bearing,
  countersignEnvironment,
  ofGraph,
  ofLimit,
  startCountersign,
  startLimit,
  tried,
} from "../harness/servers.js";
import type { Findings, Table, Target } from "../harness/table.js";
import { nestedQuery, READS, sentence } from "./read-list.js";

const SIZES = [5, 20, 50];
/** How much longer an answer may take in the largest database than in the smallest. */
const SLOWER_MOST = 1.3;

/** How the time of an answer grows: with the answer, and not with the database. */
export async function growth(bench: Bench): Promise<Findings> {
  const answers = await byAnswer(bench);
  const databases = await byDatabase(bench);
  return { tables: [answers, ...databases.tables], targets: databases.targets };
}

/** The nested read of an organization with 50 keys in each of 50 sub-organizations. */
async function byAnswer({ postgres, key, rows, pace, say }: Bench): Promise<Table> {
  const countersign = await startCountersign(countersignEnvironment(postgres, key));
  const limit = await startLimit(postgres);
  const { organizationId, token } = rows.wide;
  const cells: Table["rows"][number][] = [];
  for (const size of SIZES) {
    say(`growth: an answer of ${size} × ${size}`);
    const ours = await tried(ofGraph(countersign.url, nestedQuery(size), { id: organizationId }, bearing(token)));
    const theirs = await tried(ofLimit(limit.url, "nested", [organizationId, String(size)]));
    if (!isDeepStrictEqual(ours.data, theirs.data)) throw new Error(`The answers of ${size} × ${size} differ`);
    const figures = await compare(
      [
        { name: "Countersign", ask: ours.ask, pid: countersign.pid },
        { name: "the limit", ask: theirs.ask, pid: limit.pid },
      ],
      pace,
      postgres.usage,
    );
    const [a, b] = figures;
    if (a === undefined || b === undefined) continue;
    const objects = 1 + size + 2 * size * size;
    // At saturation: what one answer takes of the machine, whoever waits for it.
    const microseconds = 1e6 / a.rate / objects;
    cells.push([
      `${size} × ${size}`,
      objects,
      Math.round(ours.bytes / 1000),
      a.rate,
      a.p50Ms,
      microseconds,
      a.rate / b.rate,
    ]);
  }
  await Promise.all([countersign.stop(), limit.stop()]);
  return {
    title: "An answer that grows",
    note: `The nested read with more sub-organizations and keys, ${CONNECTIONS} connections. The time for an object of the answer ought to fall, since what a request costs by itself is shared by more.`,
    columns: ["sub-organizations × keys", "objects", "KB", "requests/s", "p50, ms", "µs an object", "of the limit"],
    rows: cells,
  };
}

/** The same reads in databases that hold more of other organizations, each with a server of its own. */
async function byDatabase(bench: Bench): Promise<Findings> {
  const { postgres, key, growth: factors, pace, say } = bench;
  const servers = [];
  for (const factor of factors) {
    say(`growth: filling a database of ${factor}×`);
    const database = factor === 1 ? postgres : await postgres.makeDatabase(`growth_${factor}`);
    const rows = factor === 1 ? bench.rows : await fill(database.ownerUrl, ROOTS * factor);
    servers.push({ factor, rows, program: await startCountersign(countersignEnvironment(database, key)) });
  }
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const read of READS) {
    say(`growth: ${read.name}`);
    const contenders: Contender[] = [];
    for (const { factor, rows, program } of servers) {
      const { ask } = await tried(ofGraph(program.url, read.query, read.variables(rows), bearing(rows.token)));
      contenders.push({ name: `${factor}×`, ask, pid: program.pid });
    }
    const figures = await compare(contenders, pace, postgres.usage);
    const [smallest, largest] = [figures[0], figures.at(-1)];
    if (smallest === undefined || largest === undefined) continue;
    tables.push({
      title: `A database that grows: ${read.name}`,
      note: `${sentence(read.about)} 1× are ${(ROOTS * SUB_ORGANIZATIONS * KEYS).toLocaleString("en-US")} keys and what else their organizations have.`,
      columns: ["rows", "requests/s", "p50, ms", "p99, ms", "time to the first"],
      rows: figures.map((each) => [
        each.name,
        each.rate,
        each.p50Ms,
        each.p99Ms,
        `${(smallest.rate / each.rate).toFixed(2)}×`,
      ]),
    });
    targets.push({
      ...{ name: `${read.name}: time at ${largest.name} rows to that at ${smallest.name}`, bound: "at most" },
      ...{ wanted: SLOWER_MOST, measured: smallest.rate / largest.rate },
    });
  }
  await Promise.all(servers.map(({ program }) => program.stop()));
  return { tables, targets };
}
