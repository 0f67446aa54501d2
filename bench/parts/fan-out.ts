import { Agent, request } from "undici";
import { CONNECTIONS as APPLE_CONNECTIONS } from "../../src/apple/http/transport.js";
import type { Bench } from "../harness/bench.js";
import { clientOf } from "../harness/client.js";
import { median, timed } from "../harness/load.js";
import { startSandboxProgram, type SandboxProgram } from "../harness/sandbox.js";
import { countersignEnvironment, startCountersign } from "../harness/servers.js";
import type { Cell, Findings, Table, Target } from "../harness/table.js";
import { signing, tokenOf } from "./signing.js";

const COLD_KEYS = 200;
const UPSTREAM_MS = 50;
const COLD_MOST = 1.15;

const COLD = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Credential { appStoreConnect { certificates(first: 1) {
  nodes { serialNumber } freshness { stale } } } } } }`;
/** For the count of calls: two lists of each key, one of them with what it refers to. */
const WIDE_KEYS = 50;
const WIDE = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Credential { name appStoreConnect {
  certificates(first: 5) { nodes { name type } }
  provisioningProfiles(first: 5) { nodes { name bundleId { identifier } certificates { name } devices { udid } } } } } } }`;

interface StoredKey {
  readonly id: string;
  readonly key: Awaited<ReturnType<SandboxProgram["makeKey"]>>;
}
type AskFor = (keys: readonly StoredKey[]) => Promise<unknown>;

/** Many keys in one query, none of whose lists is kept; and the signatures that it takes. */
export async function fanOut(bench: Bench): Promise<Findings> {
  const sandbox = await startSandboxProgram();
  const environment = { ...countersignEnvironment(bench.postgres, bench.key), APPLE_BASE_URL: sandbox.url };
  const server = await startCountersign(environment);
  const [owner] = bench.rows.owners;
  if (owner === undefined) throw new Error("There is no organization to write in");
  const { ask, addKey } = clientOf(server.url, owner.token);
  const make = async (count: number): Promise<StoredKey[]> => {
    const made: StoredKey[] = [];
    for (let n = 0; n < count; n += 1) {
      const key = await sandbox.makeKey(2);
      const { keyId, issuerId, privateKey } = key;
      const input = { tenantId: owner.organizationId, name: "Key", keyId, issuerId, privateKey, verify: false };
      made.push({ id: await addKey(input), key });
    }
    return made;
  };
  const idsOf = (keys: readonly StoredKey[]) => ({ ids: keys.map(({ id }) => id) });
  bench.say("fan-out: counting");
  const counted = await countCalls(sandbox, await make(WIDE_KEYS), (keys) => ask(WIDE, idsOf(keys)));
  const cold = await coldKeys(
    bench,
    sandbox,
    () => make(COLD_KEYS),
    (keys) => ask(COLD, idsOf(keys)),
  );
  await server.stop();
  bench.say("fan-out: signing");
  return { tables: [counted, ...cold.tables, await signing(bench.repeats)], targets: cold.targets };
}

async function countCalls(sandbox: SandboxProgram, keys: readonly StoredKey[], ask: AskFor): Promise<Table> {
  await sandbox.forgetCalls();
  const first = await timed(() => ask(keys));
  const { count, tokens } = await sandbox.calls();
  const again = await timed(() => ask(keys));
  const { count: after } = await sandbox.calls();
  return {
    title: `One query over ${WIDE_KEYS} keys, two lists of each`,
    note: "The profiles come with their bundle ids, certificates and devices. Apple answers at once.",
    columns: ["asked", "calls to Apple", "tokens in them", "ms"],
    rows: [
      ["at first", count, tokens, first],
      ["again", after - count, null, again],
    ],
  };
}

/** Cold keys in one query, beside the same requests by bare undici over as many connections. */
async function coldKeys(
  { repeats, say }: Bench,
  sandbox: SandboxProgram,
  make: () => Promise<StoredKey[]>,
  ask: AskFor,
): Promise<Findings> {
  await sandbox.configure({ pageDelayMs: UPSTREAM_MS });
  const dispatcher = new Agent({ connections: APPLE_CONNECTIONS });
  const cells: Cell[][] = [];
  const ratios: number[] = [];
  // The first round makes the connections of the server, and is left out.
  for (let round = 0; round <= repeats; round += 1) {
    say(`fan-out: cold keys, round ${round}`);
    const keys = await make();
    const tokens = await Promise.all(keys.map(({ key }) => tokenOf(key)));
    const bare = () =>
      Promise.all(
        tokens.map(async (token) => {
          const headers = { authorization: `Bearer ${token}` };
          const { body } = await request(`${sandbox.url}/v1/certificates?limit=200`, { dispatcher, headers });
          await body.json();
        }),
      );
    await bare(); // Its connections are made, as those of the server are.
    const theirs = await timed(bare);
    const ours = await timed(() => ask(keys));
    if (round === 0) continue;
    ratios.push(ours / theirs);
    cells.push([String(round), ours, theirs, `${(ours / theirs).toFixed(2)}×`]);
  }
  await dispatcher.close();
  await sandbox.configure({ pageDelayMs: 0 });
  const target: Target = {
    ...{ name: `${COLD_KEYS} cold keys: time to bare undici's`, bound: "at most" },
    ...{ wanted: COLD_MOST, measured: median(ratios) },
  };
  const table: Table = {
    title: `${COLD_KEYS} cold keys in one query`,
    note: `Apple answers after ${UPSTREAM_MS} ms. Beside it the same requests by undici alone, over as many connections (${APPLE_CONNECTIONS}), with tokens that are signed already. Countersign reads the keys, opens each, signs with it, and keeps what comes.`,
    columns: ["round", "Countersign, ms", "bare undici, ms", "ratio"],
    rows: [...cells, ["median", null, null, `${median(ratios).toFixed(2)}×`]],
  };
  return { tables: [table], targets: [target] };
}
