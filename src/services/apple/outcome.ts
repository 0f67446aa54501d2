import type { Pool } from "pg";
import type { Unit } from "../../database/tenancy.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import { CodedError, Denial } from "../../errors.js";
import { newId } from "../../ids.js";
import { note, type Attempt, type Ending } from "./bookkeeping.js";
import type { Drift } from "./drift.js";
import { asOwners, ROTATED } from "./owner.js";
import { STORE, type Fetched, type Item, type Moment } from "./store.js";

/** Outcomes that one transaction keeps at most, and transactions at once. */
const TOGETHER = 64;
const AT_ONCE = 4;
/** While a group is being kept, the next gathers so long before it is kept beside it: one that waits for a lock holds up no other. */
const GATHER_MS = 250;
/** Events are kept for so long. */
const DRIFT_KEPT = "90 days";

/** How an attempt ended: with what Apple answered, or with a problem. */
export type Outcome<List extends AppleList = AppleList> = { readonly attempt: Attempt & { readonly list: List } } & (
  | { readonly fetched: Fetched[List]; readonly before: Date | null; readonly at: Date }
  | { readonly problem: CodedError }
);

interface Waiting {
  readonly outcome: Outcome;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps how attempts ended: of each all of it, or nothing. Those that end while others are being kept are kept together,
 * in one transaction: hundreds of lists cost a few statements.
 */
export class Outcomes {
  #waiting: Waiting[] = [];
  #running = 0;
  #isGathering = false;

  constructor(private readonly pool: Pool) {}

  /** Keeps an outcome. Rejects with NOT_FOUND where the key was rotated or deleted meanwhile. */
  keep(outcome: Outcome): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ outcome, resolve, reject });
      // What ends in the same turn of the event loop comes along.
      setImmediate(() => {
        this.#next();
      });
    });
  }

  /** Begins with a group, where there is one that may. */
  #next(hasGathered = false): void {
    if (this.#waiting.length === 0 || this.#running === AT_ONCE) return;
    if (this.#running > 0 && !hasGathered) {
      this.#gather();
      return;
    }
    const group = this.#waiting.splice(0, TOGETHER);
    this.#running += 1;
    void this.#keepGroup(group).finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setTimeout(() => {
      this.#isGathering = false;
      this.#next(true);
    }, GATHER_MS);
  }

  /** A group; where it fails, each by itself, so that one that cannot be kept keeps no other from it. */
  async #keepGroup(group: readonly Waiting[]): Promise<void> {
    const spent = group.map(({ outcome }) => outcome.attempt.meter.calls);
    try {
      const gone = await keepAll(
        this.pool,
        group.map(({ outcome }) => outcome),
      );
      for (const { outcome, resolve, reject } of group) {
        if (gone.has(outcome)) reject(new Denial("NOT_FOUND", ROTATED));
        else resolve();
      }
    } catch (error) {
      // What was counted and noted is undone with the rest: it is to be counted and noted again.
      for (const [index, calls] of spent.entries()) {
        const attempt = group[index]?.outcome.attempt;
        if (attempt !== undefined) attempt.meter.calls = calls;
      }
      const [first] = group;
      if (group.length > 1) for (const waiting of group) await this.#keepGroup([waiting]);
      else first?.reject(error);
    }
  }
}

/** Keeps outcomes, and gives those whose key is another by now. */
async function keepAll(pool: Pool, outcomes: readonly Outcome[]): Promise<ReadonlySet<Outcome>> {
  const keys = outcomes.map(({ attempt }) => attempt.key);
  return asOwners(pool, keys, async (unit, isCurrent) => {
    const current = outcomes.filter(({ attempt }) => isCurrent(attempt.key));
    const answers = current.filter((outcome) => "fetched" in outcome);
    const drifts = [
      ...(await storeAll(unit, "CERTIFICATES", answers)),
      ...(await storeAll(unit, "DEVICES", answers)),
      ...(await storeAll(unit, "BUNDLE_IDS", answers)),
      ...(await storeAll(unit, "PROFILES", answers)),
    ];
    await Promise.all([keepDrift(unit, drifts), note(unit, current.map(endingOf))]);
    return new Set(outcomes.filter((outcome) => !current.includes(outcome)));
  });
}

type Answered = Extract<Outcome, { readonly fetched: unknown }>;

/** Stores the answers that are of one list. */
async function storeAll<List extends AppleList>(
  unit: Unit,
  list: List,
  answers: readonly Answered[],
): Promise<readonly (readonly [Moment, Drift])[]> {
  const items = answers
    .filter(({ attempt }) => attempt.list === list)
    .map(({ attempt: { key }, fetched, before, at }): Item<List> => {
      const { rootId, ownerId, credentialId } = key;
      return { moment: { rootId, ownerId, credentialId, before, at }, fetched: fetched as Fetched[List] };
    });
  return items.length === 0 ? [] : STORE[list](unit, items);
}

function endingOf(outcome: Outcome): Ending {
  const { attempt } = outcome;
  return "fetched" in outcome
    ? { attempt, asOf: outcome.at, problem: null }
    : { attempt, asOf: null, problem: outcome.problem };
}

const KEEP_DRIFT = {
  name: "apple_keep_drift",
  text: `INSERT INTO drift_events (root_id, owner_id, credential_id, id, kind, apple_id, label, bundle_identifier)
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS given
      (root_id text, owner_id text, credential_id text, id text, kind text, apple_id text, label text, bundle_identifier text)`,
};
const FORGET_DRIFT = {
  name: "apple_forget_drift",
  text: `DELETE FROM drift_events WHERE root_id = ANY ($1) AND credential_id = ANY ($2) AND at < now() - interval '${DRIFT_KEPT}'`,
};

async function keepDrift(unit: Unit, drifts: readonly (readonly [Moment, Drift])[]): Promise<void> {
  if (drifts.length === 0) return;
  const rows = drifts.map(([{ rootId, ownerId, credentialId }, { kind, appleId, label, bundleIdentifier }]) => ({
    ...{ root_id: rootId, owner_id: ownerId, credential_id: credentialId, id: newId("driftEvent"), kind },
    ...{ apple_id: appleId, label, bundle_identifier: bundleIdentifier },
  }));
  await Promise.all([
    unit.rows(KEEP_DRIFT, [JSON.stringify(rows)]),
    unit.rows(FORGET_DRIFT, [rows.map((row) => row.root_id), rows.map((row) => row.credential_id)]),
  ]);
}
