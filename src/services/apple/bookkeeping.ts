import type { Allowance } from "../../apple/http/allowance.js";
import type { Unit } from "../../database/tenancy.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import type { CodedError } from "../../errors.js";
import type { UsableKey } from "../signing-key.js";
import { record, type AuditEntry } from "../audit.js";
import type { Purpose } from "./budget.js";
import { ExplainedError } from "./health.js";
import type { Standing } from "./standing.js";

/** An attempt to renew a list, and what was spent on it. */
export interface Attempt {
  readonly key: UsableKey;
  readonly list: AppleList;
  readonly purpose: Purpose;
  readonly meter: { calls: number };
  readonly allowance: Allowance;
  /** What was known of the key before. */
  readonly health: Standing["health"];
}

/** How an attempt ended: when Apple was asked for what is kept now, or why nothing new is. */
export interface Ending {
  readonly attempt: Attempt;
  readonly asOf: Date | null;
  readonly problem: CodedError | null;
}

/** Slots by which calls are counted. */
export const SLOT_SECONDS = 15;
/** Calls that count no more are forgotten now and then: one time in so many. */
const FORGET_EVERY = 20;
/** That a key works is noted once in this time. */
const WORKING_NOTED_MS = 3_600_000;

const NOTE = {
  name: "apple_note",
  text: `INSERT INTO apple_snapshots AS s (root_id, owner_id, credential_id, list, as_of, attempts, attempted_at, problem_code, problem_message)
    SELECT root_id, owner_id, credential_id, list, as_of, 1, clock_timestamp(), problem_code, problem_message
    FROM jsonb_to_recordset($1::jsonb) AS given
      (root_id text, owner_id text, credential_id text, list text, as_of timestamptz, problem_code text, problem_message text)
    ORDER BY credential_id, list
    ON CONFLICT (root_id, credential_id, list) DO UPDATE SET as_of = coalesce(excluded.as_of, s.as_of),
      attempts = s.attempts + 1, attempted_at = excluded.attempted_at,
      problem_code = excluded.problem_code, problem_message = excluded.problem_message`,
};

/** What Apple said last holds, whoever it was told; and of two times to wait until, the later one. */
const BUDGET = {
  name: "apple_note_budget",
  text: `INSERT INTO apple_budgets AS b
      (root_id, owner_id, credential_id, limit_per_hour, remaining, limit_per_minute, remaining_in_minute, as_of, blocked_until)
    SELECT root_id, owner_id, credential_id, limit_per_hour, remaining, limit_per_minute, remaining_in_minute, as_of, blocked_until
    FROM jsonb_to_recordset($1::jsonb) AS given
      (root_id text, owner_id text, credential_id text, limit_per_hour integer, remaining integer, limit_per_minute integer,
       remaining_in_minute integer, as_of timestamptz, blocked_until timestamptz)
    ON CONFLICT (root_id, credential_id) DO UPDATE SET
      (limit_per_hour, remaining, limit_per_minute, remaining_in_minute, as_of) = (
        SELECT told.* FROM (VALUES
          (b.limit_per_hour, b.remaining, b.limit_per_minute, b.remaining_in_minute, b.as_of),
          (excluded.limit_per_hour, excluded.remaining, excluded.limit_per_minute, excluded.remaining_in_minute, excluded.as_of)
        ) AS told (limit_per_hour, remaining, limit_per_minute, remaining_in_minute, as_of) ORDER BY as_of DESC NULLS LAST LIMIT 1),
      blocked_until = greatest(b.blocked_until, excluded.blocked_until)`,
};

const CHARGE = {
  name: "apple_charge",
  text: `INSERT INTO apple_calls AS u (root_id, owner_id, credential_id, tenant_id, slot, calls)
    SELECT root_id, owner_id, credential_id, tenant_id,
      to_timestamp(floor(extract(epoch FROM now()) / ${SLOT_SECONDS}) * ${SLOT_SECONDS}), sum(calls)
    FROM jsonb_to_recordset($1::jsonb) AS given (root_id text, owner_id text, credential_id text, tenant_id text, calls integer)
    GROUP BY root_id, owner_id, credential_id, tenant_id
    ON CONFLICT (root_id, credential_id, tenant_id, slot) DO UPDATE SET calls = u.calls + excluded.calls`,
};

/** That a key was used is noted once a minute. */
const USED = {
  name: "apple_note_use",
  text: `INSERT INTO credential_uses AS u (root_id, credential_id, last_used_at)
    SELECT DISTINCT root_id, credential_id, now()
    FROM jsonb_to_recordset($1::jsonb) AS given (root_id text, credential_id text)
    ON CONFLICT (root_id, credential_id) DO UPDATE SET last_used_at = excluded.last_used_at
    WHERE u.last_used_at < excluded.last_used_at - interval '1 minute'`,
};

const FORGET_CALLS = {
  name: "apple_forget_calls",
  text: "DELETE FROM apple_calls WHERE root_id = ANY ($1) AND credential_id = ANY ($2) AND slot < now() - interval '2 hours'",
};

/** Keys that are locked, so that they stay in their places. By their ids PostgreSQL would go through all of the organization. */
const HEALTH = {
  name: "apple_note_health",
  text: `UPDATE credentials c SET health_status = found.status, health_advice = found.advice, health_checked_at = now()
    FROM (
      SELECT given.status, given.advice, k.ctid AS place
      FROM jsonb_to_recordset($1::jsonb) AS given (root_id text, owner_id text, credential_id text, status text, advice text)
      CROSS JOIN LATERAL (SELECT ctid FROM credentials
        WHERE root_id = given.root_id AND owner_id = given.owner_id AND id = given.credential_id LIMIT 1) k
    ) found WHERE c.ctid = found.place`,
};

const placeOf = ({ rootId, ownerId, credentialId }: UsableKey) => ({
  root_id: rootId,
  owner_id: ownerId,
  credential_id: credentialId,
});

/** What a key was used for. */
export interface Use {
  readonly key: UsableKey;
  /** Set back when it is counted: one right may be used for one thing after another. */
  readonly meter: { calls: number };
  /** A few words for the log. */
  readonly what: string;
  /** Why it came to nothing; null or left out: it did not. */
  readonly problem?: CodedError | null;
  /** Of a read: calls of the sync are nobody's. */
  readonly purpose?: Purpose;
}

/**
 * Counts calls to the tenants that they were made for, and notes in their logs that the keys were used.
 */
export async function charge(unit: Unit, uses: readonly Use[]): Promise<void> {
  const spent = uses
    .filter(({ meter }) => meter.calls > 0)
    .map(({ meter, ...use }) => ({ ...use, calls: meter.calls }));
  for (const { meter } of uses) meter.calls = 0;
  const rowsOf = (some: typeof spent): string =>
    JSON.stringify(some.map(({ key, calls }) => ({ ...placeOf(key), tenant_id: key.tenantId, calls })));
  if (spent.length > 0) {
    const charged = spent.filter(({ purpose }) => purpose !== "SYNC");
    await Promise.all([unit.rows(CHARGE, [rowsOf(charged)]), unit.rows(USED, [rowsOf(spent)])]);
  }
  if (Math.random() < 1 / FORGET_EVERY) {
    const keys = uses.map(({ key }) => key);
    await unit.rows(FORGET_CALLS, [keys.map((key) => key.rootId), keys.map((key) => key.credentialId)]);
  }
  for (const use of spent) record(unit, use.key.actor, entryOf(use));
}

function entryOf({ key, calls, what, problem = null }: Omit<Use, "meter"> & { readonly calls: number }): AuditEntry {
  return {
    tenant: { rootId: key.rootId, id: key.tenantId },
    action: "credential.used",
    outcome: problem === null ? "DONE" : "FAILED",
    subject: { id: key.credentialId, label: key.keyId },
    details: { what, calls, ...(problem !== null && { problem: problem.code }) },
  };
}

/** Keeps how attempts ended, and what they say of budgets and keys. Of one list there is one attempt at a time. */
export async function note(unit: Unit, endings: readonly Ending[]): Promise<void> {
  if (endings.length === 0) return;
  const notes = endings.map(({ attempt, asOf, problem }) => ({
    ...placeOf(attempt.key),
    list: attempt.list,
    as_of: asOf,
    problem_code: problem?.code ?? null,
    problem_message: problem?.message ?? null,
  }));
  // One line a key, whatever lists of it ended together.
  const budgets = new Map(endings.map(({ attempt }) => [attempt.key.credentialId, budgetOf(attempt)]));
  const healths = new Map(
    endings.flatMap((ending) => {
      const health = healthAfter(ending);
      return health === null ? [] : [[ending.attempt.key.credentialId, { ...placeOf(ending.attempt.key), ...health }]];
    }),
  );
  await Promise.all([
    unit.rows(NOTE, [JSON.stringify(notes)]),
    unit.rows(BUDGET, [JSON.stringify([...budgets.values()])]),
    healths.size > 0 && unit.rows(HEALTH, [JSON.stringify([...healths.values()])]),
  ]);
  await charge(
    unit,
    // A meter of its own: where the transaction fails, what was spent is noted by the next that keeps it.
    endings.map(({ attempt: { key, meter, list, purpose }, problem }) => ({
      ...{ key, meter: { ...meter }, problem, purpose },
      what: `read ${list}`,
    })),
  );
}

function budgetOf({ key, allowance: { rateLimit, blockedUntil } }: Attempt) {
  return {
    ...placeOf(key),
    limit_per_hour: rateLimit?.limitPerHour ?? null,
    remaining: rateLimit?.remaining ?? null,
    limit_per_minute: rateLimit?.minute?.limit ?? null,
    remaining_in_minute: rateLimit?.minute?.remaining ?? null,
    as_of: rateLimit?.asOf ?? null,
    blocked_until: blockedUntil,
  };
}

/** What an attempt says of the key; null where that is nothing new, or nothing of the key. */
function healthAfter({ attempt: { health }, problem }: Ending) {
  if (problem instanceof ExplainedError) return { status: problem.finding, advice: problem.message };
  const notedAgo = Date.now() - (health.healthCheckedAt?.getTime() ?? 0);
  const isNoted = health.healthStatus === "WORKING" && notedAgo < WORKING_NOTED_MS;
  return problem !== null || isNoted ? null : { status: "WORKING" as const, advice: null };
}
