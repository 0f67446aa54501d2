// Kills a server at random instants while it makes certificates and answers of Apple's are lost, and counts what that cost.
// node dist/bench/crash.js [kills] [loss in percent]
import { setTimeout as delay } from "node:timers/promises";
import globalSetup from "../test/support/global-setup.js";
import globalTeardown from "../test/support/global-teardown.js";
import { addKey, create, toll, type TeamKey } from "../test/support/crash/toll.js";
import { Victim } from "../test/support/crash/victim.js";

const [kills = 100, loss = 20] = process.argv.slice(2).map(Number);
const AT_ONCE = 3;
const WITHIN_MS = 1_500;

await globalSetup();
const victim = await Victim.start();
try {
  const keys: TeamKey[] = [];
  const acknowledged: string[] = [];
  let asked = 0;
  for (let round = 0; round < kills; round += 1) {
    const key = await addKey(victim);
    keys.push(key);
    // Half of the losses before Apple has the request, half after Apple has done it.
    victim.ambush.onPost = () => Math.random() < loss / 200;
    const burst = Array.from({ length: AT_ONCE }, () => create(victim, key));
    asked += AT_ONCE;
    const dies = delay(Math.random() * WITHIN_MS).then(() => {
      victim.kill();
    });
    acknowledged.push(...(await Promise.all(burst)).flatMap((answer) => answer?.id ?? []));
    await dies;
    victim.ambush.onPost = () => false;
    await victim.revive();
  }
  const { orphans, lost, open } = await toll(victim, keys, acknowledged);
  const made = keys.reduce(
    (sum, { teamId, before }) =>
      sum + victim.sandbox.team(teamId).certificates.filter(({ id }) => !before.has(id)).length,
    0,
  );
  console.table({
    "times killed": kills,
    "lost answers, %": loss,
    "certificates asked for": asked,
    acknowledged: acknowledged.length,
    "made at Apple": made,
    "at Apple and not kept with its key": orphans,
    "acknowledged and lost": lost,
    "intents open 10 s after the last start": open,
  });
  if (orphans + lost + open > 0) process.exitCode = 1;
} finally {
  await victim.end();
  await globalTeardown();
}
