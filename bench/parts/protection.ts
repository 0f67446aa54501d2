import pg from "pg";
import type { Bench } from "../harness/bench.js";
import { clientOf } from "../harness/client.js";
import { CONNECTIONS } from "../harness/load.js";
import { compare, type Contender, type Figures } from "../harness/rounds.js";
import type { Owner } from "../harness/rows.js";
import { bearing, countersignEnvironment, ofGraph, startCountersign, tried } from "../harness/servers.js";
import type { Findings, Table, Target } from "../harness/table.js";
import { READS, sentence } from "./read-list.js";

/** How much longer everything may take with all protection than with none. */
const ALL_MOST = 1.4;
const MEASURED_READS = ["nested", "one", "list"];

/** The log, as it is without its work: what the server calls does nothing. */
const NO_LOG =
  "CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN END $$";

/**
 * What protection costs, taken away in the database of the benchmarks and not in the server, which has no switch for it:
 * row-level security is turned off, and the log's function does nothing. The limits of a token are off in another server.
 */
export async function protection(bench: Bench): Promise<Findings> {
  const { postgres, key, rows, pace, say } = bench;
  const environment = countersignEnvironment(postgres, key);
  const on = await startCountersign(environment);
  const off = await startCountersign({ ...environment, RATE_REQUESTS_PER_MINUTE: "0", RATE_COST_PER_MINUTE: "0" });
  const owner = new pg.Client({ connectionString: postgres.ownerUrl });
  await owner.connect();
  const switches = await switchesOf(owner);
  const tables: Table[] = [];
  const targets: Target[] = [];
  try {
    for (const read of READS.filter(({ name }) => MEASURED_READS.includes(name))) {
      say(`protection: ${read.name}`);
      const contender = async (
        name: string,
        { url, pid }: typeof on,
        before: () => Promise<void>,
      ): Promise<Contender> => {
        const { ask } = await tried(ofGraph(url, read.query, read.variables(rows), bearing(rows.token)));
        return { name, ask, pid, before };
      };
      const figures = await compare(
        [
          await contender("all of it", on, switches.everythingOn),
          await contender("without row-level security", on, switches.rowSecurityOff),
          await contender("without limits", off, switches.everythingOn),
          await contender("none of it", off, switches.everythingOff),
        ],
        pace,
        postgres.usage,
      );
      tables.push(tableOf(`Protection: ${read.name}`, sentence(read.about), figures));
      targets.push(targetOf(read.name, figures));
    }
    for (const [name, change, owners] of changesOf(rows.owners)) {
      say(`protection: ${name}`);
      const contender = (called: string, { url, pid }: typeof on, before: () => Promise<void>): Contender => {
        return { name: called, ask: () => change(url), pid, before };
      };
      const figures = await compare(
        [
          contender("all of it", on, switches.everythingOn),
          contender("without the log", on, switches.logOff),
          contender("without row-level security", on, switches.rowSecurityOff),
          contender("none of it", off, switches.everythingOff),
        ],
        pace,
        postgres.usage,
      );
      tables.push(
        tableOf(`Protection: ${name}`, `By ${CONNECTIONS} at once, ${owners}. Each commits to the disk.`, figures),
      );
      targets.push(targetOf(name, figures));
    }
  } finally {
    await switches.everythingOn();
    await owner.end();
  }
  await Promise.all([on.stop(), off.stop()]);
  return { tables, targets };
}

async function switchesOf(owner: pg.Client) {
  const { rows: secured } = await owner.query<{ table: string }>(
    "SELECT relname AS table FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace",
  );
  const { rows: functions } = await owner.query<{ text: string }>(
    "SELECT pg_get_functiondef('append_audit(jsonb)'::regprocedure) AS text",
  );
  const log = functions[0]?.text ?? "";
  const secure = (how: "ENABLE" | "DISABLE"): string =>
    secured.map(({ table }) => `ALTER TABLE ${pg.escapeIdentifier(table)} ${how} ROW LEVEL SECURITY`).join("; ");
  const set = (...statements: string[]) => {
    return async (): Promise<void> => {
      for (const statement of statements) await owner.query(statement);
    };
  };
  return {
    everythingOn: set(secure("ENABLE"), log),
    rowSecurityOff: set(secure("DISABLE"), log),
    logOff: set(secure("ENABLE"), NO_LOG),
    everythingOff: set(secure("DISABLE"), NO_LOG),
  };
}

/** Changes with one write of their own and one entry in the log: its chain is one an organization. */
function changesOf(
  owners: readonly Owner[],
): [name: string, change: (url: string) => Promise<unknown>, where: string][] {
  let made = 0;
  const rename = (among: readonly Owner[]) => (url: string) => {
    made += 1;
    const owner = among[made % among.length] as Owner;
    const credentialId = owner.credentialIds[made % owner.credentialIds.length];
    return clientOf(url, owner.token).act("updateCredential", { credentialId, name: `Key ${made}` });
  };
  const create = (url: string) => {
    made += 1;
    const owner = owners[made % owners.length] as Owner;
    const input = { organizationId: owner.organizationId, name: `Protected ${made}` };
    return clientOf(url, owner.token).act("createSubOrganization", input);
  };
  return [
    ["updateCredential, in one organization", rename(owners.slice(0, 1)), "whose entries wait for one another"],
    ["updateCredential, in many", rename(owners), `in ${owners.length} organizations`],
    ["createSubOrganization, in many", create, `in ${owners.length} organizations`],
  ];
}

function tableOf(title: string, note: string, figures: readonly Figures[]): Table {
  const all = figures[0]?.rate ?? 0;
  return {
    ...{ title, note },
    columns: [
      "protection",
      "requests/s",
      "p50, ms",
      "p99, ms",
      "CPU of the server, s",
      "of PostgreSQL, s",
      "time of all to it",
    ],
    rows: figures.map((each) => [
      ...[each.name, each.rate, each.p50Ms, each.p99Ms, each.serverCpuSeconds, each.postgresCpuSeconds],
      `${(each.rate / all).toFixed(2)}×`,
    ]),
  };
}

function targetOf(name: string, figures: readonly Figures[]): Target {
  const [all, none] = [figures[0]?.rate ?? 0, figures.at(-1)?.rate ?? 0];
  return {
    name: `${name}: time with all protection to none`,
    bound: "at most",
    wanted: ALL_MOST,
    measured: none / all,
  };
}
