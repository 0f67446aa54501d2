import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { Bench } from "../harness/bench.js";
import { clientOf, type Client } from "../harness/client.js";
import { CONNECTIONS, putAll, quantile, type Ask, type Load } from "../harness/load.js";
import type { Owner } from "../harness/rows.js";
import { startSandboxProgram } from "../harness/sandbox.js";
import { countersignEnvironment, startCountersign } from "../harness/servers.js";
import type { Cell, Findings } from "../harness/table.js";
import { usageOf } from "../harness/usage.js";

/** Of each kind and round. */
const WRITES = 320;
const CERTIFICATES = 48;
const RSA_BITS = 2048;

/** A writing organization, and who writes for it. */
interface Writer extends Owner {
  readonly client: Client;
}

/** Changes, each with its entry in the log, by 16 at once in organizations of their own; commits wait for the disk. */
export async function writes({ postgres, key, rows, repeats, say }: Bench): Promise<Findings> {
  const sandbox = await startSandboxProgram();
  const server = await startCountersign({ ...countersignEnvironment(postgres, key), APPLE_BASE_URL: sandbox.url });
  const writers = rows.owners.map((owner): Writer => ({ ...owner, client: clientOf(server.url, owner.token) }));
  const cells: Cell[][] = [];
  const usages = () => [usageOf(server.pid), postgres.usage()].map((usage) => usage?.cpuSeconds ?? null);
  /** The first round warms up, and is left out. */
  const measure = async (name: string, asks: (round: number) => readonly Ask[]): Promise<void> => {
    say(`writes: ${name}`);
    await putAll(asks(0));
    const before = usages();
    const loads: Load[] = [];
    for (let round = 1; round <= repeats; round += 1) loads.push(await putAll(asks(round)));
    const after = usages();
    cells.push([name, ...loadCells(loads), ...before.map((was, n) => perThousand(loads, was, after[n] ?? null))]);
  };
  const spread = (count: number, write: (writer: Writer, n: number) => Promise<unknown>): Ask[] =>
    Array.from({ length: count }, (_, n) => () => write(writers[n % writers.length] as Writer, n));

  let made = 0;
  await measure("createSubOrganization", () =>
    spread(WRITES, ({ client, organizationId }) =>
      client.act("createSubOrganization", { organizationId, name: `Made ${(made += 1)}` }),
    ),
  );
  await measure("share", () =>
    spread(WRITES, ({ client, credentialIds }, n) => {
      const uses = n % 2 === 0 ? ["VIEW"] : ["VIEW", "SIGN"];
      const subjectId = credentialIds[Math.floor(n / writers.length) % credentialIds.length];
      return client.act("share", { subjectId, withAllSubOrganizations: true, uses });
    }),
  );
  // A key of Apple's a round: a tenant keeps a key once, and each round goes to the same tenants.
  const keys = await Promise.all(Array.from({ length: repeats + 1 }, () => sandbox.makeKey(0)));
  await measure("createCredential, which asks Apple first", (round) =>
    spread(WRITES, ({ client, subOrganizationIds }, n) => {
      const tenantId = subOrganizationIds[Math.floor(n / writers.length)];
      return client.act("createCredential", { tenantId, name: "Key", ...keyInput(keys[round]) });
    }),
  );
  const credentials = new Map<Writer, string>();
  for (const writer of writers) {
    const input = { tenantId: writer.organizationId, name: "Key", ...keyInput(await sandbox.makeKey(0)) };
    credentials.set(writer, await writer.client.addKey(input));
  }
  await measure("createCertificate, made at Apple", () =>
    spread(CERTIFICATES, (writer) => {
      const credentialId = credentials.get(writer);
      const input = { tenantId: writer.organizationId, credentialId, type: "DEVELOPMENT" };
      return writer.client.act("createCertificate", input);
    }),
  );
  await server.stop();
  const makePair = promisify(generateKeyPair);
  const pairs = await putAll(
    Array.from({ length: CERTIFICATES }, () => () => makePair("rsa", { modulusLength: RSA_BITS })),
  );
  cells.push([`RSA key pairs of ${RSA_BITS} bits alone`, ...loadCells([pairs]), null, null]);
  return {
    tables: [
      {
        title: "Changes",
        note: `${CONNECTIONS} at once in ${writers.length} organizations, ${WRITES} of each in a round (${CERTIFICATES} certificates), the sandbox at 0 ms. Every change commits to the disk with its entry in the log. A certificate takes a new RSA key, whose making alone is the last line.`,
        columns: ["change", "changes/s", "p50, ms", "p99, ms", "CPU of the server, s for 1,000", "of PostgreSQL, s"],
        rows: cells,
      },
    ],
    targets: [],
  };
}

/** What `createCredential` takes of a key of the sandbox. */
function keyInput(key: { keyId: string; issuerId: string; privateKey: string } | undefined) {
  if (key === undefined) throw new Error("There is no key for this round");
  const { keyId, issuerId, privateKey } = key;
  return { keyId, issuerId, privateKey };
}

function loadCells(loads: readonly Load[]): Cell[] {
  const latencies = loads.flatMap(({ latenciesMs }) => latenciesMs);
  const rates = loads.map(({ answers, seconds }) => answers / seconds);
  return [quantile(rates, 0.5), quantile(latencies, 0.5), quantile(latencies, 0.99)];
}

function perThousand(loads: readonly Load[], before: number | null, after: number | null): number | null {
  const answers = loads.reduce((sum, load) => sum + load.answers, 0);
  return before === null || after === null ? null : ((after - before) * 1000) / answers;
}
