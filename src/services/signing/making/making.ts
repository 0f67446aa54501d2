import { setTimeout as delay } from "node:timers/promises";
import { AppleError } from "../../../apple/error.js";
import type { Platform } from "../../../context.js";
import { inPreparedTransaction, type Unit } from "../../../database/tenancy.js";
import { Denial, Refusal } from "../../../errors.js";
import { charge } from "../../apple/bookkeeping.js";
import { spend, type Change } from "../../apple/change.js";
import { readyToSeal } from "../../vault/data-key.js";
import * as intents from "./intent.js";
import type { Intent, NewIntent } from "./intent.js";

/** How something is made at Apple, found there again, and kept here. */
export interface Making<Found> {
  /** What Apple has of it; null: nothing. Throws AppleError. */
  readonly find: (change: Change) => Promise<Found | null>;
  /** Throws AppleError. */
  readonly make: (change: Change) => Promise<Found>;
  /** Keeps it, in the transaction that ends the intent. Gives the id of what is kept. */
  readonly keep: (unit: Unit, intent: Intent, found: Found) => Promise<string>;
}

/** What the making works with. */
export type MakingSources = Pick<Platform, "apple" | "readPool" | "locks" | "vault" | "log">;

/** After a lost answer Apple's list is looked at so often, since it may lag: only what it never shows is surely not there. */
const LOOKS_AFTER_MS = [0, 400, 1_200, 2_500];
/** How often one thing is asked to be made at most, each time only when it is surely not there. */
const MOST_TIMES = 6;
/** After this no other attempt is begun: the caller is told that the outcome is unknown. */
const PATIENCE_MS = 60_000;
/** When it is looked for what a caller was told is unknown. */
const LOOK_AGAIN_SECONDS = 1;

const OUTCOME_UNKNOWN =
  "Apple did not say whether this was made. It is not sent again; this server goes on looking for it, and keeps it as soon as Apple shows it: ask again with the same idempotencyKey, or look at the tenant's list in a minute.";

/** The lock under which an intent is worked on: while it is held, no other process touches it. */
export const lockOf = (id: string): string => `signing intent ${id}`;

/**
 * Makes something at Apple, and keeps it: written down before the first byte goes out, looked for when the answer is
 * lost, and sent again only when it is surely not there. Gives the id of what is kept. Throws AppleError where Apple
 * refuses, and OUTCOME_UNKNOWN where nobody knows yet: `reconcile` goes on from there.
 */
export function bringAbout<Found>(
  sources: MakingSources,
  change: Change,
  intent: NewIntent,
  making: Making<Found>,
): Promise<string> {
  const work = async (): Promise<string> => {
    await intents.open(sources.readPool, sources.vault, intent);
    await intents.markSent(sources.readPool, intent);
    const found = await makeSurely(sources, change, intent, making);
    return keep(sources, change, intent, making, found);
  };
  return sources.locks.exclusively(lockOf(intent.id), 0, work, () => {
    throw new Error("An intent is worked on before it is there");
  });
}

async function makeSurely<Found>(
  sources: MakingSources,
  change: Change,
  intent: NewIntent,
  making: Making<Found>,
): Promise<Found> {
  const until = Date.now() + PATIENCE_MS;
  let wasLost = false;
  for (let time = 1; ; time += 1) {
    const { calls } = change.meter;
    try {
      return await making.make(change);
    } catch (error) {
      if (!(error instanceof Denial)) throw error;
      if (!(error instanceof AppleError)) {
        // The right to ask is over. What may be made already, the owner of the key looks for.
        if (wasLost || change.meter.calls > calls) return untold(sources, intent);
        return fail(sources, change, intent, error);
      }
      const isRejected = error.status === 401;
      // The token that was refused: the next call is made with another.
      if (isRejected) await change.token(await change.token());
      // Once an answer was lost, what Apple has against it may be what was made then.
      if (!error.outcomeUnknown && !isRejected && !wasLost) return fail(sources, change, intent, error);
      wasLost ||= error.outcomeUnknown;
      const found = await settle(change, making, wasLost);
      // A 401 says that nothing was made, and the key may not even look.
      if (found instanceof Denial && !wasLost) return fail(sources, change, intent, found);
      if (found instanceof Denial || (found === null && wasLost && (time === MOST_TIMES || Date.now() > until))) {
        return untold(sources, intent);
      }
      if (found !== null) return found;
      if (!error.outcomeUnknown && (!isRejected || time > 1)) return fail(sources, change, intent, error);
    }
  }
}

/** Leaves to the reconciler what nobody knows. */
async function untold(sources: MakingSources, intent: NewIntent): Promise<never> {
  await intents.lookLater(sources.readPool, intent, "SENT", LOOK_AGAIN_SECONDS);
  throw new Refusal("OUTCOME_UNKNOWN", OUTCOME_UNKNOWN);
}

async function fail(sources: MakingSources, change: Change, intent: NewIntent, error: Denial): Promise<never> {
  await intents.markFailed(sources.readPool, intent, error);
  await spend(sources.readPool, change, `make a ${intent.kind.toLowerCase()}`, error);
  throw error;
}

/** Looks for what may have been made: the thing, null where it is surely not there, or why that cannot be told. */
async function settle<Found>(change: Change, making: Making<Found>, mayLag: boolean): Promise<Found | null | Denial> {
  let last: Found | null | Denial = null;
  for (const afterMs of mayLag ? LOOKS_AFTER_MS : [0]) {
    await delay(afterMs);
    try {
      last = await making.find(change);
    } catch (error) {
      if (!(error instanceof Denial)) throw error;
      last = error;
    }
    if (last !== null && !(last instanceof Denial)) return last;
  }
  return last;
}

/** Keeps what was found, once: of several that find it all give the same id. */
export async function keep<Found>(
  sources: MakingSources,
  change: Change,
  intent: Pick<Intent, "rootId" | "ownerId" | "id">,
  making: Making<Found>,
  found: Found,
): Promise<string> {
  const { rootId, ownerId } = change.key;
  await readyToSeal(sources, rootId);
  const scope = { roots: [rootId], tenants: [...new Set([ownerId, intent.ownerId])] };
  return inPreparedTransaction(sources.readPool, scope, async (unit) => {
    const current = await intents.locked(unit, intent);
    if (current.subjectId !== null) return current.subjectId;
    const id = await making.keep(unit, current, found);
    await charge(unit, [{ ...change, what: `make a ${current.kind.toLowerCase()}` }]);
    await intents.markDone(unit, intent, id);
    return id;
  });
}
