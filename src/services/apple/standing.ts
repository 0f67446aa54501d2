import type { Pool } from "pg";
import { ReadSession } from "../../database/tenancy.js";
import type { AppleSnapshot } from "../../entities/apple/snapshot.js";
import type { Credential } from "../../entities/credential.js";
import { Denial } from "../../errors.js";
import { SLOT_SECONDS } from "./bookkeeping.js";
import type { Spending } from "./budget.js";
import type { Refreshed, RefreshRequest } from "./snapshot.js";

/** How things stand with a list whose turn it is. */
export interface Standing {
  /** The database's time. */
  readonly now: Date;
  /** When Apple was asked for what is kept; null: nothing is. */
  readonly asOf: Date | null;
  readonly attempts: number;
  /** How the last attempt ended. */
  readonly outcome: Refreshed;
  readonly spending: Spending;
  readonly health: Pick<Credential, "healthStatus" | "healthAdvice" | "healthCheckedAt">;
}

type Row = Pick<AppleSnapshot, "asOf" | "attempts" | "problemCode" | "problemMessage"> &
  Standing["health"] &
  Pick<Standing, "now"> &
  NonNullable<Spending["budget"]> &
  Pick<Spending, "own" | "ownInMinute" | "others" | "users"> & { readonly n: number };

const STANDING = {
  name: "apple_standing",
  text: `SELECT asked.n::int, clock_timestamp() AS now, s.as_of AS "asOf", coalesce(s.attempts, 0) AS attempts, s.problem_code AS "problemCode",
      s.problem_message AS "problemMessage", c.health_status AS "healthStatus", c.health_advice AS "healthAdvice",
      c.health_checked_at AS "healthCheckedAt",
      b.limit_per_hour AS "limitPerHour", b.remaining, b.limit_per_minute AS "limitPerMinute",
      b.remaining_in_minute AS "remainingInMinute", b.as_of AS "budgetAsOf", b.blocked_until AS "blockedUntil",
      spent.own, spent."ownInMinute", spent.others,
      1 + CASE WHEN sh.with_all THEN (SELECT count(*) FROM tenants t WHERE t.root_id = sh.root_id AND t.id <> t.root_id)
        WHEN sh.id IS NULL THEN 0
        ELSE (SELECT count(*) FROM share_targets t WHERE t.root_id = sh.root_id AND t.share_id = sh.id) END::int AS users
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (root_id, credential_id, list, tenant_id, n)
    CROSS JOIN LATERAL (SELECT * FROM credentials k WHERE k.root_id = asked.root_id AND k.id = asked.credential_id LIMIT 1) c
    LEFT JOIN apple_snapshots s ON s.root_id = c.root_id AND s.credential_id = c.id AND s.list = asked.list
    LEFT JOIN apple_budgets b ON b.root_id = c.root_id AND b.credential_id = c.id
    LEFT JOIN shares sh ON sh.root_id = c.root_id AND sh.credential_id = c.id
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(u.calls) FILTER (WHERE u.tenant_id = asked.tenant_id), 0)::int AS own,
        coalesce(sum(u.calls) FILTER (WHERE u.tenant_id = asked.tenant_id
          AND u.slot > now() - interval '${60 + SLOT_SECONDS} seconds'), 0)::int AS "ownInMinute",
        count(DISTINCT u.tenant_id) FILTER (WHERE u.tenant_id <> asked.tenant_id)::int AS others
      FROM apple_calls u WHERE u.root_id = c.root_id AND u.credential_id = c.id AND u.slot > now() - interval '1 hour') spent`,
};

/** Profiles that hold more of a relation than Apple includes: root, key, how many Apple includes. */
export const LARGE_PROFILES = {
  name: "apple_large_profiles",
  text: `SELECT p.uuid, held.relation, array_agg(held.id ORDER BY held.place) AS ids
    FROM apple_provisioning_profiles p JOIN (
      SELECT root_id, credential_id, profile_id, device_id AS id, place, 'devices' AS relation FROM apple_profile_devices
      UNION ALL SELECT root_id, credential_id, profile_id, certificate_id, place, 'certificates' FROM apple_profile_certificates
    ) held ON held.root_id = p.root_id AND held.credential_id = p.credential_id AND held.profile_id = p.apple_id
    WHERE p.root_id = $1 AND p.credential_id = $2 GROUP BY p.apple_id, p.uuid, held.relation HAVING count(*) > $3`,
};

/** How things stand with lists: one statement for all of a tick, whosever they are. Null where the key is gone. */
export async function standingOf(pool: Pool, requests: readonly RefreshRequest[]): Promise<(Standing | null)[]> {
  const keys = requests.map(({ authorization }) => authorization.key);
  const scope = {
    roots: [...new Set(keys.map((key) => key.rootId))],
    tenants: [...new Set(keys.map((key) => key.ownerId))],
  };
  const rows = await new ReadSession(pool, scope).rows<Row & { budgetAsOf: Date | null }>(STANDING, [
    keys.map((key) => key.rootId),
    keys.map((key) => key.credentialId),
    requests.map(({ list }) => list),
    keys.map((key) => key.tenantId),
  ]);
  const byPlace = new Map(rows.map((row) => [row.n, row]));
  return requests.map((_, index) => {
    const row = byPlace.get(index + 1);
    return row === undefined ? null : readStanding(row);
  });
}

function readStanding({
  now,
  asOf,
  attempts,
  problemCode,
  problemMessage,
  own,
  ownInMinute,
  others,
  users,
  budgetAsOf,
  ...row
}: Row & {
  budgetAsOf: Date | null;
}): Standing {
  const problem =
    problemCode !== null || asOf === null
      ? new Denial(problemCode ?? "APPLE_UNAVAILABLE", problemMessage ?? undefined)
      : null;
  const isBudgetKnown = budgetAsOf !== null || row.blockedUntil !== null;
  return {
    now,
    asOf,
    attempts,
    outcome:
      problem !== null || asOf === null
        ? { problem: problem ?? new Denial("APPLE_UNAVAILABLE") }
        : { asOf, problem: null },
    spending: { budget: isBudgetKnown ? { ...row, asOf: budgetAsOf } : null, own, ownInMinute, others, users },
    health: row,
  };
}
