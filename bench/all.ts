// Measures Countersign: npm run bench -- --help
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import type { Part } from "./harness/bench.js";
import { startBenchPostgres } from "./harness/database.js";
import { agent } from "./harness/load.js";
import { readOptions, USAGE, type Options } from "./harness/options.js";
import { installPeers } from "./harness/peers.js";
import { stopAll } from "./harness/program.js";
import { printed, readResults, resultOf, writeDocument, writeResults, type Results } from "./harness/results.js";
import { fill } from "./harness/rows.js";
import { fanOut } from "./parts/fan-out.js";
import { growth } from "./parts/growth.js";
import { outage } from "./parts/outage.js";
import { protection } from "./parts/protection.js";
import { reads } from "./parts/reads.js";
import { scale } from "./parts/scale.js";
import { soak } from "./parts/soak.js";
import { writes } from "./parts/writes.js";

const PARTS: Readonly<Record<string, Part>> = {
  ...{ reads, growth, writes, "fan-out": fanOut },
  ...{ outage, protection, scale, soak },
};

const say = (line: string): void => {
  console.error(`${new Date().toISOString().slice(11, 19)}  ${line}`);
};

/** Runs parts, and gives what each found as soon as it did. */
async function run(options: Options, found: (name: string, result: Results[string]) => Promise<void>): Promise<void> {
  if (options.parts.includes("reads")) installPeers(say);
  const postgres = await startBenchPostgres();
  let ending: Promise<void> | null = null;
  const end = (): Promise<void> =>
    (ending ??= (async () => {
      await stopAll();
      await agent.destroy();
      await postgres.stop();
    })());
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void end().finally(() => process.exit(130)));
  try {
    say("filling the database");
    const rows = await fill(postgres.ownerUrl);
    const bench = { ...options, postgres, rows, key: randomBytes(32).toString("base64"), say };
    for (const name of options.parts) {
      say(name);
      const findings = await PARTS[name]?.(bench);
      await stopAll();
      if (findings !== undefined) await found(name, resultOf(findings, options.pace, postgres.version));
    }
  } finally {
    await end();
  }
}

/** What the command line says; where it says something else, that, and status 2. */
function optionsOf(args: readonly string[]): Options | null {
  try {
    return readOptions(args, Object.keys(PARTS));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

const options = optionsOf(process.argv.slice(2));
if (options === null) {
  console.log(USAGE.replace("%PARTS%", Object.keys(PARTS).join(", ")));
} else {
  const { json, from } = options;
  let results: Results = from !== null ? await readResults(from) : {};
  if (from === null) {
    await run(options, async (name, result) => {
      results = { ...results, [name]: result };
      if (json !== null) await writeResults(json, { ...(await readResults(json)), [name]: result });
    });
    if (json !== null) say(`written to ${json}`);
  }
  console.log(printed(results));
  if (from === null) console.log(JSON.stringify(results));
  if (options.writeDocs) await writeDocument(json === null ? results : await readResults(json));
}
