import { setTimeout as delay } from "node:timers/promises";
import type { Signer } from "../../apple/signer.js";
import { withKeysToView } from "../../database/readable-by.js";
import type { AppleBudget } from "../../entities/apple/budget.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import { CodedError, Denial, type ErrorCode } from "../../errors.js";
import type { Refreshed, Snapshots } from "../../services/apple/snapshot.js";
import type { UsableKey } from "../../services/signing-key.js";
import type { Assumptions } from "../assumption.js";
import { Loader, oneByKey } from "../batch.js";
import type { AppleReader } from "./list.js";

/** Whoever has something to show waits so long for something newer, and no longer. */
export const PATIENCE_MS = 5_000;
/** How often it is noted, at most, that a list is wanted. */
const WANTED_INTERVAL_MS = 10 * 60_000;

/** A list that shall be no older. */
export interface Wanted {
  readonly credentialId: string;
  readonly list: AppleList;
  readonly maxAgeSeconds: number;
}

/** How old an answer is, and why it is not newer. */
export interface SnapshotFreshness {
  readonly asOf: Date;
  readonly stale: boolean;
  readonly problem: { readonly code: ErrorCode; readonly message: string } | null;
}

/** How a wanted list stands: `isNew` where it was renewed for this. */
export interface Prepared extends SnapshotFreshness {
  readonly isNew: boolean;
}

interface StateRow {
  readonly rootId: string;
  readonly ownerId: string;
  readonly credentialId: string;
  readonly keyType: string;
  readonly list: AppleList | null;
  readonly asOf: Date | null;
  readonly ageSeconds: number | null;
  readonly attempts: number;
  readonly wantedAt: Date | null;
}

const STATE = {
  name: "apple_snapshots_by_key",
  text: `${withKeysToView()}
    SELECT u.root_id AS "rootId", u.owner_id AS "ownerId", u.id AS "credentialId", u.key_type AS "keyType", s.list,
      s.as_of AS "asOf", extract(epoch FROM statement_timestamp() - s.as_of)::float8 AS "ageSeconds",
      coalesce(s.attempts, 0) AS attempts, s.wanted_at AS "wantedAt"
    FROM usable u LEFT JOIN apple_snapshots s ON s.root_id = u.root_id AND s.credential_id = u.id`,
};

const BUDGET = {
  name: "apple_budget_by_key",
  text: `${withKeysToView()} SELECT u.id, b.limit_per_hour AS "limitPerHour", b.remaining, b.as_of AS "asOf"
    FROM usable u JOIN apple_budgets b ON b.root_id = u.root_id AND b.credential_id = u.id WHERE b.as_of IS NOT NULL`,
};

/** Where lists are renewed: with keys that the viewer may use now. */
export interface SnapshotSources {
  readonly signer: Signer<UsableKey>;
  readonly snapshots: Snapshots;
  readonly assumptions: Assumptions;
  /** Its signal is aborted when the request has to end. */
  readonly deadline: { readonly signal: AbortSignal };
}

/** Loaders of how old is what is kept; a list that is older than wanted is renewed first. */
export function appleSnapshotLoaders(
  { reads, roots, tenants }: AppleReader,
  { signer, snapshots, assumptions, deadline }: SnapshotSources,
) {
  async function renewed(wanted: Wanted, state: StateRow | null): Promise<Prepared | Error> {
    const kept = state?.asOf ?? null;
    // Apple is asked for nothing that is only taken for granted: whoever asked is answered anew.
    if (!(await assumptions.hold())) return new Denial("NOT_FOUND");
    const authorization = await signer.load(wanted.credentialId);
    const refreshed = snapshots.refresh({
      authorization,
      list: wanted.list,
      attempts: state?.attempts ?? 0,
      purpose: "READ",
    });
    const outcome = await Promise.race([refreshed, kept === null ? untilAborted(deadline.signal) : tooLate()]);
    if (outcome.problem === null) return { asOf: outcome.asOf, stale: false, problem: null, isNew: true };
    if (kept === null || outcome.problem.code === "FORBIDDEN") return outcome.problem;
    const { code, message } = outcome.problem;
    return { asOf: kept, stale: true, problem: { code, message }, isNew: false };
  }

  async function prepare(wants: readonly Wanted[]): Promise<(Prepared | Error)[]> {
    const rows = await reads.rows<StateRow>(STATE, [roots, tenants, [...new Set(wants.map((w) => w.credentialId))]]);
    const usable = new Map(rows.map((row) => [row.credentialId, row]));
    const states = new Map(rows.map((row) => [`${row.credentialId} ${row.list ?? ""}`, row]));
    noteWanted(wants, usable, states);
    return Promise.all(
      wants.map(async (wanted) => {
        const key = usable.get(wanted.credentialId);
        if (key === undefined) return signer.load(wanted.credentialId).then(unusable, asError);
        if (key.keyType === "INDIVIDUAL") return new Denial("INDIVIDUAL_KEY_CANNOT_SIGN");
        const state = states.get(`${wanted.credentialId} ${wanted.list}`) ?? null;
        if (state?.asOf && (state.ageSeconds ?? Infinity) < wanted.maxAgeSeconds) {
          return { asOf: state.asOf, stale: false, problem: null, isNew: false };
        }
        return renewed(wanted, state).catch(asError);
      }),
    );
  }

  const underWay = new Map<string, Set<Promise<unknown>>>();
  const prepared = new Loader<Wanted, Prepared, string>(
    (wants) => {
      const work = prepare(wants);
      for (const { credentialId } of wants) {
        underWay.set(credentialId, (underWay.get(credentialId) ?? new Set()).add(work));
      }
      return work;
    },
    { cacheKeyFn: ({ credentialId, list, maxAgeSeconds }) => `${credentialId} ${list} ${maxAgeSeconds}` },
  );

  function noteWanted(
    wants: readonly Wanted[],
    usable: ReadonlyMap<string, StateRow>,
    states: ReadonlyMap<string, StateRow>,
  ): void {
    const since = Date.now() - WANTED_INTERVAL_MS;
    const unnoted = wants.flatMap(({ credentialId, list }) => {
      const key = usable.get(credentialId);
      const wantedAt = states.get(`${credentialId} ${list}`)?.wantedAt?.getTime() ?? 0;
      return key === undefined || key.keyType === "INDIVIDUAL" || wantedAt > since
        ? []
        : [{ rootId: key.rootId, ownerId: key.ownerId, credentialId, list }];
    });
    if (unnoted.length > 0) snapshots.want(unnoted);
  }

  return {
    /** Sees to it that lists are no older than wanted, and says how they stand. All that is wanted in a tick is asked together. */
    applePrepared: prepared,
    /** Waits for the lists of a key that this request has renewed. */
    appleSettled: async (credentialId: string): Promise<void> => {
      await Promise.allSettled([...(underWay.get(credentialId) ?? [])]);
    },
    /** The budget of a key as Apple last reported it to any process; null before the first call. */
    appleBudget: oneByKey<Pick<AppleBudget, "limitPerHour" | "remaining" | "asOf"> & { id: string }>(
      (ids) => reads.rows(BUDGET, [roots, tenants, ids]),
      (row) => row.id,
    ),
  };
}

const asError = (error: unknown): Error => error as Error;
/** The signer knows why a key may not be used; where it disagrees, the share has changed between the two questions. */
const unusable = (): Error => new Denial("FORBIDDEN");

/** Rejects when the request has to end. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

async function tooLate(): Promise<Refreshed> {
  await delay(PATIENCE_MS, undefined, { ref: false });
  return { problem: new Late("APPLE_UNAVAILABLE", "Apple has not answered yet: what is kept is shown meanwhile.") };
}

class Late extends CodedError {}
