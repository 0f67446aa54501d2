import { describe, expect, test } from "@jest/globals";
import { refusal, type Purpose, type Spending } from "../../../../src/services/apple/budget.js";

const NOW = new Date("2026-01-02T12:00:00Z");
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);
type Budget = NonNullable<Spending["budget"]>;

/** A budget of 1000 an hour of which so many were left a moment ago. */
const budgetOf = (remaining: number, more: Partial<Budget> = {}): Budget => ({
  ...{ limitPerHour: 1000, remaining, limitPerMinute: null, remainingInMinute: null },
  ...{ asOf: NOW, blockedUntil: null },
  ...more,
});

const ALONE = { own: 0, ownInMinute: 0, others: 0, users: 1 };

interface Asked {
  readonly purpose?: Purpose;
  /** The age of what is kept; null: nothing is. By default nothing is. */
  readonly keptSeconds?: number | null;
}

const refused = (budget: Budget | null, spent = ALONE, { purpose = "READ", keptSeconds = null }: Asked = {}) =>
  refusal({ budget, ...spent }, purpose, keptSeconds, NOW);

describe("Apple is asked", () => {
  test("where nothing is known of the budget", () => {
    expect(refused(null)).toBeNull();
    expect(
      refused(null, { ...ALONE, own: 5_000, others: 5, users: 9 }, { purpose: "SYNC", keptSeconds: 1 }),
    ).toBeNull();
  });

  test("where Apple never said what is left", () => {
    const silent = { limitPerHour: null, remaining: null, asOf: null, blockedUntil: ago(1) };
    expect(refused(budgetOf(0, silent), ALONE, { purpose: "SYNC" })).toBeNull();
  });
});

describe("a key that Apple answered 429 to", () => {
  test("is left alone until its time, and used from then on", () => {
    const blocked = (ms: number): string | null =>
      refused(budgetOf(1000, { blockedUntil: new Date(NOW.getTime() + ms) }));
    expect(blocked(61_500)).toBe("Apple's budget of requests for this key is spent: it is used again in 62 s.");
    expect(blocked(1)).toContain("in 1 s");
    expect(blocked(0)).toBeNull();
    expect(blocked(-1)).toBeNull();
  });
});

describe("the last twentieth of a budget", () => {
  test("is left to changes: neither who waits nor the sync takes it, whatever is kept", () => {
    for (const asked of [{}, { keptSeconds: 86_400 }, { purpose: "SYNC" as const }]) {
      expect(refused(budgetOf(50), ALONE, asked)).toContain("kept for changes");
    }
    expect(refused(budgetOf(0))).toContain("kept for changes");
    expect(refused(budgetOf(51))).toBeNull();
  });

  test("is reckoned of 3600 where Apple does not say the limit", () => {
    expect(refused(budgetOf(180, { limitPerHour: null }))).toContain("kept for changes");
    expect(refused(budgetOf(181, { limitPerHour: null }))).toBeNull();
  });

  test("comes back over the hour", () => {
    // A thousand in an hour is one in 3.6 seconds.
    expect(refused(budgetOf(0, { asOf: ago(180) }))).toContain("kept for changes");
    expect(refused(budgetOf(0, { asOf: ago(184) }))).toBeNull();
    expect(refused(budgetOf(0, { asOf: ago(7_200) }), ALONE, { purpose: "SYNC" })).toBeNull();
  });

  test("is what Apple reported, where its clock is ahead", () => {
    expect(refused(budgetOf(50, { asOf: ago(-600) }))).toContain("kept for changes");
    expect(refused(budgetOf(51, { asOf: ago(-600) }))).toBeNull();
  });
});

describe("the minute's budget", () => {
  const minute = (remainingInMinute: number, seconds = 0) =>
    budgetOf(1000, { limitPerMinute: 60, remainingInMinute, asOf: ago(seconds) });

  test("has a last twentieth too, and is whole again a minute later, and not before", () => {
    expect(refused(minute(4))).toBeNull();
    expect(refused(minute(3))).toContain("kept for changes");
    expect(refused(minute(0))).toContain("kept for changes");
    expect(refused(minute(0, 59.9))).toContain("kept for changes");
    expect(refused(minute(0, 60))).toBeNull();
  });

  test("stops the sync where half of it is spent", () => {
    expect(refused(minute(30), ALONE, { purpose: "SYNC" })).toBeNull();
    expect(refused(minute(29), ALONE, { purpose: "SYNC" })).toContain("left to those who ask");
  });

  test("is shared as the hour's is", () => {
    const spent = (ownInMinute: number) => ({ ...ALONE, ownInMinute, users: 5 });
    expect(refused(minute(29), spent(28))).toBeNull();
    expect(refused(minute(29), spent(29))).toContain("fair share");
    expect(refused(minute(30), spent(29))).toBeNull();
    expect(refused(minute(29, 60), spent(29))).toBeNull();
  });
});

describe("the sync", () => {
  test("stops where half is spent, and who waits goes on", () => {
    expect(refused(budgetOf(500), ALONE, { purpose: "SYNC" })).toBeNull();
    expect(refused(budgetOf(499), ALONE, { purpose: "SYNC" })).toContain("left to those who ask");
    expect(refused(budgetOf(499))).toBeNull();
  });
});

describe("where half of the budget is spent, a tenant", () => {
  const HALF_SPENT = budgetOf(499);
  const share = (own: number, others: number, users: number, budget = HALF_SPENT): boolean =>
    refused(budget, { ...ALONE, own, others, users })?.includes("fair share") ?? false;

  test("that is alone takes what it wants", () => {
    expect(share(10_000, 0, 1)).toBe(false);
  });

  test("that shares the key with others who have used none leaves a share for the next", () => {
    expect(share(474, 0, 5)).toBe(false);
    expect(share(475, 0, 5)).toBe(true);
  });

  test.each([
    [1, 3, 316, 317],
    [1, 2, 474, 475],
    [2, 9, 237, 238],
    [8, 9, 105, 106],
  ])("beside %d others that use it, of %d that may, has %d calls and not %d", (others, users, few, many) => {
    expect(share(few, others, users)).toBe(false);
    expect(share(many, others, users)).toBe(true);
  });

  test("that has its share already is not asked to stop before", () => {
    expect(share(900, 3, 4, budgetOf(500))).toBe(false);
    expect(share(900, 3, 4, budgetOf(499))).toBe(true);
  });
});

describe("where three quarters of the budget are spent", () => {
  const young = (remaining: number, keptSeconds: number | null): boolean =>
    refused(budgetOf(remaining), ALONE, { keptSeconds })?.includes("less often") ?? false;

  test("what is kept is renewed the less often the less is left, and after 15 minutes always", () => {
    expect(young(250, 0)).toBe(false);
    // Half of the way to the reserve: half of the 15 minutes.
    expect(young(150, 449)).toBe(true);
    expect(young(150, 450)).toBe(false);
    expect(young(60, 854)).toBe(true);
    expect(young(60, 855)).toBe(false);
    expect(young(51, 900)).toBe(false);
  });

  test("what is not kept is asked for all the same", () => {
    expect(young(51, null)).toBe(false);
    expect(refused(budgetOf(51), ALONE, { keptSeconds: null })).toBeNull();
  });
});
