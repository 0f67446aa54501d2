// Makes certificates while answers of Apple's are lost, and counts what that cost.
// node dist/bench/lost-answers.js [creations]
import globalSetup from "../test/support/global-setup.js";
import globalTeardown from "../test/support/global-teardown.js";
import { addKey, create, toll } from "../test/support/crash/toll.js";
import { Victim } from "../test/support/crash/victim.js";
import pLimit from "p-limit";

const creations = Number(process.argv[2] ?? 100);
const AT_ONCE = 8;

await globalSetup();
const victim = await Victim.start();
const rows: Record<string, object> = {};
try {
  for (const loss of [5, 20, 40]) {
    const key = await addKey(victim);
    let sent = 0;
    victim.ambush.onPost = (_, when) => {
      if (when === "asked") sent += 1;
      return Math.random() < loss / 200;
    };
    const turns = pLimit(AT_ONCE);
    const times: number[] = [];
    const answers = await Promise.all(
      Array.from({ length: creations }, () =>
        turns(async () => {
          const start = performance.now();
          const answer = await create(victim, key);
          times.push(performance.now() - start);
          return answer?.id ?? null;
        }),
      ),
    );
    victim.ambush.onPost = () => false;
    const acknowledged = answers.filter((id) => id !== null);
    const { orphans, lost, open } = await toll(victim, [key], acknowledged);
    const made = victim.sandbox.team(key.teamId).certificates.filter(({ id }) => !key.before.has(id)).length;
    times.sort((a, b) => a - b);
    const at = (part: number): number => Math.round(times[Math.floor(times.length * part)] ?? 0);
    rows[`${loss} %`] = {
      ...{ acknowledged: acknowledged.length, "made at Apple": made, sent, orphans, lost, open },
      ...{ "p50 ms": at(0.5), "p95 ms": at(0.95) },
    };
    if (acknowledged.length < creations || orphans + lost + open > 0) process.exitCode = 1;
  }
  console.table(rows);
} finally {
  await victim.end();
  await globalTeardown();
}
