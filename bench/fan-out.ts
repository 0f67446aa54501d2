import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../src/config.js";
import { startEmbeddedPostgres } from "../src/database/embedded/postgres.js";
import { openPlatform } from "../src/platform.js";
import { startSandbox } from "../src/sandbox/server.js";
import { startServer } from "../src/server.js";
import { found } from "../src/services/organization.js";

const KEYS = 50;
const UPSTREAM_DELAYS_MS = [0, 50];

const CREATE = `mutation ($input: CreateCredentialInput!) { createCredential(input: $input) { credential { id } } }`;
const ASK = `query ($id: ID!) { organization(id: $id) { credentials(first: ${KEYS}) { nodes { name appStoreConnect {
  certificates { nodes { name type } }
  provisioningProfiles { nodes { name bundleId { identifier } certificates { name } devices { udid } } }
} } } } }`;

const key = randomBytes(32).toString("base64");
const dataDir = await mkdtemp(join(tmpdir(), "countersign-bench-"));
await chmod(dataDir, 0o755);
const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
try {
  console.log(`One query over ${KEYS} keys, two lists of each, cold and again\n`);
  console.log(
    "| Apple answers after | calls to Apple | tokens in them | signatures | cold | again |\n|--:|--:|--:|--:|--:|--:|",
  );
  for (const pageDelayMs of UPSTREAM_DELAYS_MS) await measure(pageDelayMs);
} finally {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function measure(pageDelayMs: number): Promise<void> {
  const sandbox = await startSandbox({ pageDelayMs });
  const { platform, close } = await openPlatform(
    readConfig({
      DATABASE_URL: postgres.serverUrl,
      DATABASE_OWNER_URL: postgres.ownerUrl,
      COUNTERSIGN_KEY: key,
      APPLE_BASE_URL: sandbox.url,
      APPLE_ENTERPRISE_BASE_URL: sandbox.url,
      LOG_LEVEL: "warn",
    }),
    () => undefined,
  );
  const server = await startServer(platform, { port: 0, host: "127.0.0.1", introspection: false });
  const { organizationId, token } = await found(platform, "Acme");
  const ask = async (query: string, variables: object): Promise<void> => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const { errors } = (await response.json()) as { errors?: readonly { message: string }[] };
    if (errors !== undefined) throw new Error(errors[0]?.message);
  };
  for (let n = 0; n < KEYS; n += 1) {
    const { keyId, issuerId, privateKey } = await sandbox.registerKey({ program: "app-store" });
    const input = { tenantId: organizationId, name: `Key ${n}`, keyId, issuerId, privateKey, verify: false };
    await ask(CREATE, { input });
  }
  const timed = async (): Promise<string> => {
    const start = performance.now();
    await ask(ASK, { id: organizationId });
    return `${(performance.now() - start).toFixed(0)} ms`;
  };
  const cold = await timed();
  const calls = sandbox.journal.length;
  const tokens = new Set(sandbox.journal.map(({ tokenId }) => tokenId)).size;
  const { signatures } = platform.tokens;
  const again = await timed();
  console.log(`| ${pageDelayMs} ms | ${calls} | ${tokens} | ${signatures} | ${cold} | ${again} |`);
  await server.close();
  await close();
  await sandbox.close();
}
