import { isDeepStrictEqual } from "node:util";
import type { Bench } from "../harness/bench.js";
import { compare, type Contender, type Figures } from "../harness/rounds.js";
import { CONNECTIONS, inTurn, type Ask } from "../harness/load.js";
import type { Program } from "../harness/program.js";
import {
  bearing,
  countersignEnvironment,
  ofGraph,
  ofLimit,
  PEERS,
  startCountersign,
  startLimit,
  startPeer,
  tried,
  type Peer,
} from "../harness/servers.js";
import { FIGURE_COLUMNS, figureCells, type Findings, type Table, type Target } from "../harness/table.js";
import { READS, sentence, type Read } from "./read-list.js";

const NAMES: Readonly<Record<Peer, string>> = {
  mercurius: "Mercurius, tuned",
  postgraphile: "PostGraphile 5",
  apollo: "Apollo, as the manuals show",
};
const COUNTERSIGN = "Countersign";
const OF_MANY = `Countersign, ${CONNECTIONS} bearers`;
const LIMIT = "the limit";

/** What Countersign's rate ought to be, as a part of another's. */
const WANTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  nested: { [LIMIT]: 0.6, [NAMES.postgraphile]: 3, [NAMES.mercurius]: 1.1 },
  one: { [LIMIT]: 0.45, [NAMES.postgraphile]: 1.5, [NAMES.mercurius]: 0.5 },
  list: { [LIMIT]: 0.6, [NAMES.postgraphile]: 2, [NAMES.mercurius]: 0.8 },
  certificates: { [LIMIT]: 0.5 },
};

/** Reads, beside the limit and the peers. */
export async function reads(bench: Bench): Promise<Findings> {
  const { postgres, key, profile } = bench;
  const profiling = profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const countersign = await startCountersign(countersignEnvironment(postgres, key), profiling);
  const limit = await startLimit(postgres);
  const peers = new Map<Peer, Program>();
  for (const peer of PEERS) {
    const program = await startPeer(peer, postgres);
    if (program !== null) peers.set(peer, program);
  }
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const read of READS) {
    bench.say(`reads: ${read.name}`);
    const { contenders, bytes } = await contendersOf(bench, read, countersign, limit, peers);
    const figures = await compare(contenders, bench.pace, postgres.usage);
    tables.push(tableOf(read, bytes, figures));
    targets.push(...targetsOf(read, figures));
  }
  await Promise.all([countersign, limit, ...peers.values()].map((program) => program.stop()));
  return { tables, targets };
}

/** Those that answer a read, once their answers were found to be the same. */
async function contendersOf(
  { rows }: Bench,
  read: Read,
  countersign: Program,
  limit: Program,
  peers: ReadonlyMap<Peer, Program>,
): Promise<{ contenders: readonly Contender[]; bytes: number }> {
  const asked = ofGraph(countersign.url, read.query, read.variables(rows), bearing(rows.token));
  const ours = await tried(asked);
  const others = [{ name: LIMIT, program: limit, question: ofLimit(limit.url, read.name, read.limitIds(rows)) }];
  // What a token says to Countersign, a header says to the peers.
  const standing = { "x-organization": rows.organizationId };
  for (const [peer, program] of read.postgraphile === undefined ? [] : peers) {
    const { query, variables } = peer === "postgraphile" && read.postgraphile ? read.postgraphile : read;
    others.push({ name: NAMES[peer], program, question: ofGraph(program.url, query, variables(rows), standing) });
  }
  const contenders: Contender[] = [{ name: COUNTERSIGN, ask: ours.ask, pid: countersign.pid }];
  // Requests of one bearer share transactions; those of many share packets alone.
  if (read.postgraphile !== undefined) {
    const asks: Ask[] = [];
    for (const token of rows.tokens) {
      const { ask } = await tried(ofGraph(countersign.url, read.query, read.variables(rows), bearing(token)));
      asks.push(ask);
    }
    contenders.push({ name: OF_MANY, ask: inTurn(asks), pid: countersign.pid });
  }
  for (const { name, program, question } of others) {
    const { data, ask } = await tried(question);
    if (!isDeepStrictEqual(data, ours.data)) {
      const [a, b] = [JSON.stringify(ours.data).slice(0, 600), JSON.stringify(data).slice(0, 600)];
      throw new Error(`The answers to "${read.name}" differ:\n${COUNTERSIGN}: ${a}\n${name}: ${b}`);
    }
    contenders.push({ name, ask, pid: program.pid });
  }
  return { contenders, bytes: ours.bytes };
}

const rateOf = (figures: readonly Figures[], name: string): number | null =>
  figures.find((each) => each.name === name)?.rate ?? null;

function tableOf({ name, about }: Read, bytes: number, figures: readonly Figures[]): Table {
  const ours = rateOf(figures, COUNTERSIGN) ?? 0;
  return {
    title: `Read: ${name}`,
    note: `${sentence(about)} ${(bytes / 1000).toFixed(1)} KB, ${CONNECTIONS} connections.`,
    columns: ["server", ...FIGURE_COLUMNS, "Countersign to it"],
    rows: figures.map((each) => [
      each.name,
      ...figureCells(each),
      each.name === COUNTERSIGN ? null : `${(ours / each.rate).toFixed(2)}×`,
    ]),
  };
}

function targetsOf({ name }: Read, figures: readonly Figures[]): Target[] {
  const ours = rateOf(figures, COUNTERSIGN) ?? 0;
  return Object.entries(WANTED[name] ?? {}).flatMap(([other, wanted]) => {
    const theirs = rateOf(figures, other);
    return theirs === null
      ? []
      : [{ name: `${name}: rate to ${other}`, bound: "at least" as const, wanted, measured: ours / theirs }];
  });
}
