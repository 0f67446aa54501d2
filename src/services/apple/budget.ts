import type { AppleBudget } from "../../entities/apple/budget.js";

/** What Apple is asked for: a client that waits, a change that cannot be made without, or the sync that nobody waits for. */
export type Purpose = "READ" | "CHANGE" | "SYNC";

/** Apple's documented budget, taken until it says otherwise. */
const LIMIT_UNTIL_KNOWN = 3_600;
const HOUR_SECONDS = 3_600;
const MINUTE_SECONDS = 60;
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
  /** Calls for the tenant that asks: in the hour, and of them in the last minute. */
  readonly own: number;
  readonly ownInMinute: number;
  /** Other tenants that have spent some. */
  readonly others: number;
  /** Tenants that may use the key, its owner too. */
  readonly users: number;
}

/** Why Apple is not asked now; null: it is. `keptSeconds` is the age of what is kept; null: nothing is. */
export function refusal(
  { budget, own, ownInMinute, others, users }: Spending,
  purpose: Purpose,
  keptSeconds: number | null,
  now: Date,
): string | null {
  if (budget === null) return null;
  if (budget.blockedUntil !== null && budget.blockedUntil > now) {
    const seconds = Math.ceil((budget.blockedUntil.getTime() - now.getTime()) / 1000);
    return `Apple's budget of requests for this key is spent: it is used again in ${seconds} s.`;
  }
  // The reserve is for changes.
  if (purpose === "CHANGE") return null;
  const windows = windowsOf(budget, own, ownInMinute, now);
  if (windows.some(({ limit, left }) => left <= limit * RESERVE)) {
    return "Apple's budget of requests for this key is nearly spent: what is left is kept for changes.";
  }
  if (purpose === "SYNC" && windows.some(({ limit, left }) => left < limit * SYNC_STOPS_BELOW)) {
    return "Apple's budget of requests for this key is half spent: the rest is left to those who ask.";
  }
  // One share more than there are users so far is for the next who comes, as long as somebody may.
  const shares = Math.min(others + 2, users);
  const hasItsShare = windows.some(
    ({ limit, left, spent }) => left < limit * SHARES_BELOW && spent >= (limit * (1 - RESERVE)) / shares,
  );
  if (shares > 1 && hasItsShare) {
    return "This tenant has used its fair share of Apple's budget for this key: the rest is left to the others.";
  }
  const [{ limit, left }] = windows;
  if (left < limit * SLOW_BELOW && keptSeconds !== null) {
    const scarcity = (limit * SLOW_BELOW - left) / (limit * (SLOW_BELOW - RESERVE));
    if (keptSeconds < SLOWEST_SECONDS * Math.min(scarcity, 1)) {
      return "Apple's budget of requests for this key runs low: what is kept is renewed less often.";
    }
  }
  return null;
}

/** What there is in a span of time, what is left of it by now, and what the tenant that asks has spent of it. */
interface Window {
  readonly limit: number;
  readonly left: number;
  readonly spent: number;
}

/**
 * The hour, and the minute where Apple counts it: what Apple reported, and what has come back since. Of the hour that is
 * a part of it with time; of the minute all when it is over, since a minute's calls may have been those of a moment.
 */
function windowsOf(
  { limitPerHour, remaining, limitPerMinute, remainingInMinute, asOf }: NonNullable<Spending["budget"]>,
  own: number,
  ownInMinute: number,
  now: Date,
): [hour: Window, ...minute: Window[]] {
  const limit = limitPerHour ?? LIMIT_UNTIL_KNOWN;
  if (remaining === null || asOf === null) return [{ limit, left: limit, spent: own }];
  const seconds = Math.max(0, (now.getTime() - asOf.getTime()) / 1000);
  const left = Math.min(limit, remaining + (limit * seconds) / HOUR_SECONDS);
  const hour = { limit, left, spent: own };
  if (limitPerMinute === null || remainingInMinute === null) return [hour];
  const leftInMinute = seconds < MINUTE_SECONDS ? remainingInMinute : limitPerMinute;
  return [hour, { limit: limitPerMinute, left: leftInMinute, spent: ownInMinute }];
}
