import { median, put, quantile, type Ask } from "./load.js";
import { usageOf, type Usage } from "./usage.js";

/** How long things are measured. */
export interface Pace {
  readonly rounds: number;
  readonly roundSeconds: number;
  readonly warmUpSeconds: number;
}

/** One of those that are compared. */
export interface Contender {
  readonly name: string;
  readonly ask: Ask;
  /** Of its server; null where it has no process of its own. */
  readonly pid: number | null;
  /** Done before each of its rounds, and not timed. */
  readonly before?: () => Promise<void>;
}

/** What was measured of one. Times of all rounds together; the rate is the median of the rounds. */
export interface Figures {
  readonly name: string;
  /** Answers a second. */
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Seconds for 1,000 answers; null where the system does not tell. */
  readonly serverCpuSeconds: number | null;
  readonly postgresCpuSeconds: number | null;
  readonly loadCpuSeconds: number;
  /** Of the server's process, at the end. */
  readonly memoryBytes: number | null;
  /** Of all of PostgreSQL, at the end. */
  readonly postgresMemoryBytes: number | null;
  /** How far the rounds lie apart: the widest distance from the median, as a part of it. */
  readonly spread: number;
}

interface Account {
  readonly rates: number[];
  readonly latenciesMs: number[];
  serverCpu: number | null;
  postgresCpu: number | null;
  loadCpu: number;
}

const spent = (before: Usage | null, after: Usage | null): number | null =>
  before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds;
const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);

/** Compares some with one another, in rounds that take turns: what the machine does beside is the same for all. */
export async function compare(
  contenders: readonly Contender[],
  { rounds, roundSeconds, warmUpSeconds }: Pace,
  postgres: () => Usage | null,
): Promise<Figures[]> {
  const accounts = contenders.map((): Account => {
    return { rates: [], latenciesMs: [], serverCpu: 0, postgresCpu: 0, loadCpu: 0 };
  });
  for (const { ask, before } of contenders) {
    await before?.();
    await put(ask, warmUpSeconds);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [place, { ask, before, pid }] of contenders.entries()) {
      const account = accounts[place];
      if (account === undefined) continue;
      await before?.();
      // What `before` changed may be planned anew: not in the round.
      if (before !== undefined) await put(ask, Math.min(1, warmUpSeconds));
      const server = () => (pid === null ? null : usageOf(pid));
      const [serverBefore, postgresBefore, loadBefore] = [server(), postgres(), process.cpuUsage()];
      const { answers, seconds, latenciesMs } = await put(ask, roundSeconds);
      const load = process.cpuUsage(loadBefore); // First: looking at the others takes time too.
      account.serverCpu = sum(account.serverCpu, spent(serverBefore, server()));
      account.postgresCpu = sum(account.postgresCpu, spent(postgresBefore, postgres()));
      account.loadCpu += (load.user + load.system) / 1e6;
      account.rates.push(answers / seconds);
      for (const each of latenciesMs) account.latenciesMs.push(each);
    }
  }
  const memory = postgres()?.memoryBytes ?? null;
  return contenders.map(({ name, pid }, place) => figuresOf(name, pid, accounts[place] as Account, memory));
}

function figuresOf(name: string, pid: number | null, account: Account, postgresMemoryBytes: number | null): Figures {
  const { rates, latenciesMs, serverCpu, postgresCpu, loadCpu } = account;
  const perThousand = (seconds: number | null): number | null =>
    seconds === null ? null : (seconds * 1000) / Math.max(1, latenciesMs.length);
  const rate = median(rates);
  return {
    ...{ name, rate, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) },
    serverCpuSeconds: perThousand(serverCpu),
    postgresCpuSeconds: perThousand(postgresCpu),
    loadCpuSeconds: perThousand(loadCpu) ?? 0,
    memoryBytes: pid === null ? null : (usageOf(pid)?.memoryBytes ?? null),
    postgresMemoryBytes,
    spread: Math.max(...rates.map((each) => Math.abs(each - rate))) / rate,
  };
}
