import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import type { Bench } from "../harness/bench.js";
import { clientOf, type Client } from "../harness/client.js";
import { query } from "../harness/database.js";
import { put, timed, type Ask, type Load } from "../harness/load.js";
import { startSandboxProgram, type SandboxProgram } from "../harness/sandbox.js";
import { bearing, countersignEnvironment, ofGraph, startCountersign, tried } from "../harness/servers.js";
import type { Cell, Findings, Table } from "../harness/table.js";

const ASKERS = 1_000;
const STALE_KEYS = 50;
const HUNG_KEYS = 20;
const UPSTREAM_MS = 50;

const LIST = `query ($id: ID!, $age: Int!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: $age) {
  certificates(first: 1) { nodes { serialNumber } freshness { stale } } } } }`;
const NO_APPLE = `query ($id: ID!) { credential(id: $id) { id name program owner { id name } } }`;

/** Many who ask for the same at once, two processes that share what Apple said, and an Apple that hangs. */
export async function outage(bench: Bench): Promise<Findings> {
  const sandbox = await startSandboxProgram();
  const environment = { ...countersignEnvironment(bench.postgres, bench.key), APPLE_BASE_URL: sandbox.url };
  const urls = [(await startCountersign(environment)).url, (await startCountersign(environment)).url] as const;
  const owner = bench.rows.owners[1];
  if (owner === undefined) throw new Error("There is no organization to write in");
  const clients = [clientOf(urls[0], owner.token), clientOf(urls[1], owner.token)] as const;
  const make = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) {
      const { keyId, issuerId, privateKey } = await sandbox.makeKey(2);
      const input = { tenantId: owner.organizationId, name: "Key", keyId, issuerId, privateKey, verify: false };
      ids.push(await clients[0].addKey(input));
    }
    return ids;
  };
  bench.say("outage: many askers");
  const asked = await askers(bench, sandbox, clients, await make(1), await make(STALE_KEYS));
  bench.say("outage: an Apple that hangs");
  const hungIds = await make(HUNG_KEYS);
  for (const id of hungIds) await clients[0].ask(LIST, { id, age: 300 });
  const { ask: read } = await tried(ofGraph(urls[0], NO_APPLE, { id: hungIds[0] }, bearing(owner.token)));
  return { tables: [asked, await hanging(bench, sandbox, clients[0], read, hungIds)], targets: [] };
}

async function askers(
  { postgres }: Bench,
  sandbox: SandboxProgram,
  clients: readonly [Client, Client],
  [cold = ""]: readonly string[],
  stale: readonly string[],
): Promise<Table> {
  const count = async (name: string, ask: (n: number) => Promise<unknown>): Promise<Cell[]> => {
    await sandbox.forgetCalls();
    const ms = await timed(() => Promise.all(Array.from({ length: ASKERS }, (_, n) => ask(n))));
    return [name, (await sandbox.calls()).count, ms];
  };
  const rows = [await count("one cold key, one process", () => clients[0].ask(LIST, { id: cold, age: 300 }))];
  for (const id of stale) await clients[0].ask(LIST, { id, age: 300 });
  const listed = stale.map((id) => `'${id}'`).join(", ");
  await query(
    postgres.ownerUrl,
    `UPDATE apple_snapshots SET as_of = as_of - interval '1 hour' WHERE credential_id IN (${listed})`,
  );
  await sandbox.configure({ pageDelayMs: UPSTREAM_MS });
  const ofTwo = (n: number): Promise<unknown> =>
    clients[n % 2 === 0 ? 0 : 1].ask(LIST, { id: stale[n % stale.length], age: 300 });
  rows.push(await count(`${STALE_KEYS} stale keys, two processes`, ofTwo));
  await sandbox.configure({ pageDelayMs: 0 });
  return {
    title: `${ASKERS.toLocaleString("en-US")} who ask at once`,
    note: `Each list is renewed once for all who ask, in every process. For the stale keys Apple answers after ${UPSTREAM_MS} ms.`,
    columns: ["for", "calls to Apple", "ms"],
    rows,
  };
}

/** Reads that need no Apple, while others wait for an Apple that hangs: each key is asked for once a second. */
async function hanging(
  { pace }: Bench,
  sandbox: SandboxProgram,
  client: Client,
  read: Ask,
  ids: readonly string[],
): Promise<Table> {
  const seconds = Math.max(5, pace.rounds * pace.roundSeconds);
  await put(read, pace.warmUpSeconds);
  // Connections of their own, as many as it takes: those who wait for Apple are not to hold up the load on our side.
  const waiting = new Agent();
  const pending = new Set<Promise<void>>();
  let stale = 0;
  const over = new AbortController();
  const asking = (async () => {
    for (let n = 0; !over.signal.aborted; n += 1) {
      const answer = client.ask<object>(LIST, { id: ids[n % ids.length], age: 0 }, waiting);
      const done = answer.then((data) => {
        if (JSON.stringify(data).includes('"stale":true')) stale += 1;
        pending.delete(done);
      });
      pending.add(done);
      await delay(1_000 / ids.length);
    }
  })();
  const before = await put(read, seconds);
  await sandbox.hang();
  const during = await put(read, seconds);
  over.abort();
  await sandbox.mend();
  await Promise.all([asking, ...pending]);
  await waiting.close();
  const rateOf = ({ answers, seconds: took }: Load): number => answers / took;
  return {
    title: "An Apple that hangs",
    note: `Reads of a key that need no Apple, for ${seconds} s each, beside ${ids.length} questions to Apple a second.`,
    columns: ["Apple", "reads/s", "of that before", "answers marked stale meanwhile"],
    rows: [
      ["answers", rateOf(before), null, null],
      ["hangs", rateOf(during), `${((100 * rateOf(during)) / rateOf(before)).toFixed(0)} %`, stale],
    ],
  };
}
