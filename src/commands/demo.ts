import { join } from "node:path";
import pg from "pg";
import { readConfig, type Config } from "../config.js";
import { startEmbeddedPostgres } from "../database/embedded/postgres.js";
import { openPlatform } from "../platform.js";
import { startSandbox } from "../sandbox/server.js";
import { startServer, type RunningServer } from "../server.js";
import * as organizations from "../services/organization.js";
import type { Platform } from "../context.js";
import { untilStopped } from "./signal.js";
import { tellStory } from "./story/story.js";

/** The demo's own database: made anew by each run, in a PostgreSQL that stays for the next. */
const DATABASE = "countersign_demo";

/** Tells the whole story on a throw-away database, with the sandbox as Apple; then stays up, unless `once`. */
export async function demo(config: Config, options: { once?: boolean }): Promise<void> {
  const say = (line: string): void => {
    console.log(line);
  };
  const stopped = untilStopped();
  const closers: (() => Promise<unknown>)[] = [];
  try {
    say("Starting PostgreSQL, the sandbox as Apple, and Countersign …");
    const dataDir = join(config.dataDir, "demo");
    const postgres = await startEmbeddedPostgres({ dataDir, durable: false, onProgress: say });
    closers.push(() => postgres.stop());
    const sandbox = await startSandbox();
    closers.push(() => sandbox.close());
    const { platform, close } = await openPlatform(
      readConfig({
        DATABASE_URL: onDemo(postgres.serverUrl),
        DATABASE_OWNER_URL: await anew(postgres.ownerUrl),
        DATA_DIR: dataDir,
        COUNTERSIGN_KEY: Buffer.alloc(32, "demo").toString("base64"),
        APPLE_BASE_URL: sandbox.url,
        APPLE_ENTERPRISE_BASE_URL: sandbox.enterpriseUrl,
        LOG_LEVEL: "warn",
      }),
      say,
    );
    closers.push(close);
    const server = await listen(platform, config);
    closers.push(server.close);

    const { organizationId, token: owner } = await organizations.found(platform, "Acme");
    const { failures, tokens } = await tellStory(
      { url: server.url, sandboxUrl: sandbox.url, organizationId, owner, dataDir },
      say,
    );
    say(failures === 0 ? "\nEvery step was as expected." : `\n${failures} steps were not as expected.`);
    if (failures > 0) process.exitCode = 1;
    if (options.once === true) return;

    say(`\nThe explorer: ${server.url}/explorer    The graph: ${server.url}/graphql`);
    say("Set one of these as a header of the explorer:");
    for (const [name, token] of Object.entries(tokens))
      say(`  ${name.padEnd(12)} {"Authorization": "Bearer ${token}"}`);
    say("Ctrl-C ends it; the next run starts anew.");
    await stopped;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

const onDemo = (url: string): string => Object.assign(new URL(url), { pathname: `/${DATABASE}` }).href;

/** Makes the demo's database anew, and gives its owner's URL. */
async function anew(ownerUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
  return onDemo(ownerUrl);
}

/** On the configured port, or on any where that one is taken. */
async function listen(platform: Platform, { host, port }: Config): Promise<RunningServer> {
  try {
    return await startServer(platform, { host, port, introspection: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return startServer(platform, { host, port: 0, introspection: true });
  }
}
