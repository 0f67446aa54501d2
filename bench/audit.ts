import "reflect-metadata";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { readConfig } from "../src/config.js";
import { startEmbeddedPostgres } from "../src/database/embedded/postgres.js";
import { openPlatform } from "../src/platform.js";
import { found } from "../src/services/organization.js";
import { agent, CONNECTIONS, measure, median, start, text } from "./load.js";

/** What the log costs: changes a second with it and without, in one organization and in many at once. */
const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = Number(process.argv[3] ?? 3);

interface Root {
  readonly organizationId: string;
  readonly token: string;
  readonly credentialId: string;
}

const dataDir = await mkdtemp(join(tmpdir(), "countersign-bench-"));
await chmod(dataDir, 0o755);
const postgres = await startEmbeddedPostgres({ dataDir });
const environment = {
  PORT: "0",
  DATABASE_URL: postgres.serverUrl,
  DATABASE_OWNER_URL: postgres.ownerUrl,
  COUNTERSIGN_KEY: randomBytes(32).toString("base64"),
  RATE_REQUESTS_PER_MINUTE: "0",
  RATE_COST_PER_MINUTE: "0",
  APPLE_SYNC_SECONDS: "0",
  LOG_LEVEL: "warn",
};
const owner = new pg.Client({ connectionString: postgres.ownerUrl });
await owner.connect();

const { platform, close } = await openPlatform(readConfig(environment), () => undefined);
const founded: Awaited<ReturnType<typeof found>>[] = [];
for (let n = 0; n < CONNECTIONS; n += 1) founded.push(await found(platform, `Organization ${n}`));
await close();
const server = await start(["dist/src/main.js", "serve"], environment);

let made = 0;
/** Sends a mutation, which has to be done. */
async function act(token: string, name: string, input: object, result = "clientMutationId"): Promise<string> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${result} userErrors { code } } }`;
  const answer = await text(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables: { input } }),
  });
  if (!answer.includes('"userErrors":[]')) throw new Error(answer.slice(0, 300));
  return answer;
}

const privateKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
const roots: Root[] = [];
for (const { organizationId, token } of founded) {
  const key = { keyId: `KEY${roots.length}`, issuerId: "issuer", privateKey, verify: false };
  const answer = await act(
    token,
    "createCredential",
    { tenantId: organizationId, name: "Key", ...key },
    "credential { id }",
  );
  roots.push({ organizationId, token, credentialId: /cred_\w{26}/.exec(answer)?.[0] ?? "" });
}

/** Changes, each with one write of its own and one entry in the log. */
const CHANGES: Readonly<Record<string, (root: Root) => Promise<string>>> = {
  createSubOrganization: ({ token, organizationId }) =>
    act(token, "createSubOrganization", { organizationId, name: `Sub ${(made += 1)}` }),
  updateCredential: ({ token, credentialId }) =>
    act(token, "updateCredential", { credentialId, name: `Key ${(made += 1)}` }),
};

const [kept] = (
  await owner.query<{ text: string }>("SELECT pg_get_functiondef('append_audit(jsonb)'::regprocedure) AS text")
).rows;
const WITHOUT = `CREATE OR REPLACE FUNCTION append_audit(entries jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN END $$`;

try {
  console.log(
    `Changes a second over ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${SECONDS} s, commits on the disk\n`,
  );
  console.log("| change | organizations | with the log | without | ratio |\n|--|--:|--:|--:|--:|");
  for (const [name, change] of Object.entries(CHANGES)) {
    for (const count of [1, CONNECTIONS]) {
      let turn = 0;
      const next = (): Promise<string> => change(roots[(turn += 1) % count] as Root);
      const rates: Record<"with" | "without", number[]> = { with: [], without: [] };
      await measure(next, 1);
      for (let round = 0; round < ROUNDS; round += 1) {
        await owner.query(kept?.text ?? "");
        rates.with.push(await measure(next, SECONDS));
        await owner.query(WITHOUT);
        rates.without.push(await measure(next, SECONDS));
      }
      await owner.query(kept?.text ?? "");
      const [logged, bare] = [median(rates.with), median(rates.without)];
      console.log(`| ${name} | ${count} | ${logged.toFixed(0)} | ${bare.toFixed(0)} | ${(logged / bare).toFixed(2)} |`);
    }
  }
} finally {
  server.child.kill();
  await agent.close();
  await owner.end();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
