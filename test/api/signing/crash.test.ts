import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { addKey, create, toll, type TeamKey } from "../../support/crash/toll.js";
import { Victim } from "../../support/crash/victim.js";

/** Room for a process that starts twice. */
const PATIENCE_MS = 60_000;
const NOTHING_LOST = { orphans: 0, lost: 0, open: 0 };

let victim: Victim;
let key: TeamKey;

beforeAll(async () => {
  victim = await Victim.start();
}, PATIENCE_MS);
afterAll(() => victim.end());
beforeEach(async () => {
  key = await addKey(victim);
});

/** Where a process can die while it makes a certificate, in the order of the making, and whether Apple has made it by then. */
const POINTS = [
  ["before what is wanted is written down", "intent_open", "before", false],
  ["when what is wanted is written down", "intent_open", "after", false],
  ["before it is written down that Apple may be told", "intent_send", "before", false],
  ["when it is written down that Apple may be told", "intent_send", "after", false],
  ["when Apple has been asked and has done nothing yet", "/v1/certificates", "asked", false],
  ["when Apple has made it and not answered", "/v1/certificates", "answered", true],
  ["when Apple has answered, before the certificate is kept", "intent_end", "before", true],
  ["when the certificate is kept, before the caller is told", "intent_end", "after", true],
] as const;

/** Kills the victim the next time that it comes to a point. */
function ambush(where: string, when: string): void {
  const strike = (place: string, moment: string): boolean => {
    if (place !== where || moment !== when) return false;
    spare();
    victim.kill();
    return true;
  };
  victim.ambush.onCommit = strike;
  victim.ambush.onPost = strike;
}

function spare(): void {
  victim.ambush.onCommit = () => false;
  victim.ambush.onPost = () => false;
}

const madeAtApple = (): number =>
  victim.sandbox.team(key.teamId).certificates.filter(({ id }) => !key.before.has(id)).length;

describe("a server that is killed", () => {
  test.each(POINTS)(
    "%s leaves no certificate at Apple that is not kept, with its key",
    async (_, where, when, isMade) => {
      ambush(where, when);
      expect(await create(victim, key, `build-${key.teamId}`)).toBeNull();
      await victim.revive();
      expect(await toll(victim, [key], [])).toEqual(NOTHING_LOST);
      expect(madeAtApple()).toBe(isMade ? 1 : 0);

      // The same request again gives what was made, or makes it now; never two.
      const again = await create(victim, key, `build-${key.teamId}`);
      expect(again).toMatchObject({ id: expect.stringMatching(/^cert_/), code: null });
      expect(madeAtApple()).toBe(1);
      expect(await toll(victim, [key], [again?.id ?? ""])).toEqual(NOTHING_LOST);
    },
    PATIENCE_MS,
  );

  test(
    "over and over, while answers of Apple's are lost, loses nothing that it has acknowledged",
    async () => {
      const acknowledged: string[] = [];
      for (let round = 0; round < 5; round += 1) {
        let posts = 0;
        // Every third POST is lost: before Apple has it, or after Apple has done it.
        victim.ambush.onPost = (_, when) => {
          if (when === "asked") posts += 1;
          return posts % 3 === 0 && (posts % 2 === 0 ? when === "asked" : when === "answered");
        };
        const burst = [1, 2, 3].map(() => create(victim, key));
        const dies = new Promise((resolve) => setTimeout(resolve, 150 + 200 * round)).then(() => {
          victim.kill();
        });
        const answers = await Promise.all(burst);
        await dies;
        spare();
        acknowledged.push(...answers.flatMap((answer) => answer?.id ?? []));
        await victim.revive();
      }
      expect(await toll(victim, [key], acknowledged)).toEqual(NOTHING_LOST);
    },
    2 * PATIENCE_MS,
  );
});
