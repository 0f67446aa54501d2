import type { AppleBudget } from "../../entities/apple/budget.js";

/** What Apple is asked for: a client that waits, or the sync that nobody waits for. */
export type Purpose = "READ" | "SYNC";

/** Apple's documented budget, taken until it says otherwise. */
const LIMIT_UNTIL_KNOWN = 3_600;
const HOUR_SECONDS = 3_600;
/** Parts of the budget: below the first the sync stops, below the second tenants have their fair share and no more ... */
const SYNC_STOPS_BELOW = 0.5;
const SHARES_BELOW = 0.5;
/** ... below the third what is kept has to be older before it is renewed, and the last is left to changes. */
const SLOW_BELOW = 0.25;
const RESERVE = 0.05;
/** How old what is kept has to be before it is renewed, where the reserve is reached. */
const SLOWEST_SECONDS = 900;

/** A key's budget and who has spent it within the hour. */
export interface Spending {
  readonly budget: Pick<
    AppleBudget,
    "limitPerHour" | "remaining" | "limitPerMinute" | "remainingInMinute" | "asOf" | "blockedUntil"
  > | null;
  /** Calls for the tenant that asks. */
  readonly own: number;
  /** Other tenants that have spent some. */
  readonly others: number;
  /** Tenants that may use the key, its owner too. */
  readonly users: number;
}

/** Why Apple is not asked now; null: it is. `keptSeconds` is the age of what is kept; null: nothing is. */
export function refusal(
  { budget, own, others, users }: Spending,
  purpose: Purpose,
  keptSeconds: number | null,
  now: Date,
): string | null {
  if (budget === null) return null;
  if (budget.blockedUntil !== null && budget.blockedUntil > now) {
    const seconds = Math.ceil((budget.blockedUntil.getTime() - now.getTime()) / 1000);
    return `Apple's budget of requests for this key is spent: it is used again in ${seconds} s.`;
  }
  const limit = budget.limitPerHour ?? LIMIT_UNTIL_KNOWN;
  const left = leftOf(limit, budget.remaining, HOUR_SECONDS, budget.asOf, now);
  const inMinute = leftOf(budget.limitPerMinute, budget.remainingInMinute, 60, budget.asOf, now);
  if (left <= limit * RESERVE || inMinute < 1) {
    return "Apple's budget of requests for this key is nearly spent: what is left is kept for changes.";
  }
  if (purpose === "SYNC" && left < limit * SYNC_STOPS_BELOW) {
    return "Apple's budget of requests for this key is half spent: the rest is left to those who ask.";
  }
  // One share more than there are users so far is for the next who comes, as long as somebody may.
  const shares = Math.min(others + 2, users);
  if (left < limit * SHARES_BELOW && shares > 1 && own >= (limit * (1 - RESERVE)) / shares) {
    return "This tenant has used its fair share of Apple's budget for this key: the rest is left to the others.";
  }
  if (left < limit * SLOW_BELOW && keptSeconds !== null) {
    const scarcity = (limit * SLOW_BELOW - left) / (limit * (SLOW_BELOW - RESERVE));
    if (keptSeconds < SLOWEST_SECONDS * Math.min(scarcity, 1)) {
      return "Apple's budget of requests for this key runs low: what is kept is renewed less often.";
    }
  }
  return null;
}

/** What is left by now: what Apple reported, and what has come back since, as it does over the window. No limit: any number. */
function leftOf(
  limit: number | null,
  remaining: number | null,
  windowSeconds: number,
  asOf: Date | null,
  now: Date,
): number {
  if (limit === null || remaining === null || asOf === null) return limit ?? Number.POSITIVE_INFINITY;
  const back = (limit * (now.getTime() - asOf.getTime())) / (windowSeconds * 1000);
  return Math.min(limit, remaining + Math.max(back, 0));
}
