import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { AppleError, errorOf } from "../../../../src/apple/error.js";
import { Allowance, Allowances } from "../../../../src/apple/http/allowance.js";
import type { RateLimit } from "../../../../src/apple/http/rate-limit.js";
import { stopClock } from "../../../support/clock.js";

let passTime: (ms: number) => void;
let allowance: Allowance;

beforeEach(() => {
  passTime = stopClock();
  allowance = new Allowance();
});
afterEach(() => {
  jest.useRealTimers();
});

const never = new AbortController().signal;
const now = (): Date => new Date();
const SPENT: RateLimit = { limitPerHour: 3500, remaining: 0, minute: null, asOf: new Date("2026-01-02T03:04:05Z") };
const LEFT: RateLimit = { ...SPENT, remaining: 100 };

/** A call that Apple answers with 429, as it says it. */
async function refuse(retryAfterSeconds: number | null, rateLimit: RateLimit | null = null): Promise<void> {
  const error = errorOf({ status: 429, body: null, isChange: false, clockSkewSeconds: null, retryAfterSeconds });
  const call = allowance.heed((onRateLimit) => {
    if (rateLimit !== null) onRateLimit(rateLimit);
    return Promise.reject(error);
  });
  await expect(call).rejects.toBe(error);
}

/** For how many seconds the key is left alone; null where it may be used. */
const blockedSeconds = (): number | null =>
  allowance.blockedUntil && (allowance.blockedUntil.getTime() - Date.now()) / 1000;

describe("a key's allowance", () => {
  test("knows nothing before the first call, and lets it be made", async () => {
    expect(allowance.rateLimit).toBeNull();
    expect(allowance.blockedUntil).toBeNull();
    await allowance.wait(never);
  });

  test("is as the last answer says, good or bad", async () => {
    await allowance.heed((onRateLimit) => {
      onRateLimit(LEFT);
      return Promise.resolve("answer");
    });
    expect(allowance.rateLimit).toBe(LEFT);
    await refuse(1, SPENT);
    expect(allowance.rateLimit).toBe(SPENT);
  });

  test("gives what a call gives, and throws what it throws", async () => {
    expect(await allowance.heed(() => Promise.resolve("answer"))).toBe("answer");
    const fault = new TypeError("broken");
    await expect(allowance.heed(() => Promise.reject(fault))).rejects.toBe(fault);
    expect(blockedSeconds()).toBeNull();
  });
});

describe("after a 429", () => {
  test.each<[string, number, RateLimit | null]>([
    ["nothing was ever said of the budget", 60, null],
    ["the hour's budget is spent", 60, SPENT],
    ["the minute's budget is spent", 60, { ...LEFT, minute: { limit: 150, remaining: 0 } }],
    ["Apple says that some is left", 1, LEFT],
    ["Apple says that some is left of both", 1, { ...LEFT, minute: { limit: 150, remaining: 1 } }],
  ])("that names no time, where %s, the key is left alone for %d s", async (_, seconds, rateLimit) => {
    await refuse(null, rateLimit);
    expect(blockedSeconds()).toBe(seconds);
  });

  test("each further one doubles the wait, up to fifteen minutes; an answer begins anew", async () => {
    const waits: (number | null)[] = [];
    for (let n = 0; n < 6; n += 1) {
      await refuse(null);
      waits.push(blockedSeconds());
      passTime(15 * 60_000);
    }
    expect(waits).toEqual([60, 120, 240, 480, 900, 900]);
    await allowance.heed(() => Promise.resolve("answer"));
    await refuse(null);
    expect(blockedSeconds()).toBe(60);
  });

  test.each([0, 5, 3600])("that names %d s the key is left alone for so long", async (seconds) => {
    await refuse(seconds);
    expect(blockedSeconds()).toBe(seconds === 0 ? null : seconds);
  });

  test("a shorter wait does not end a longer one", async () => {
    await refuse(120);
    await refuse(5);
    expect(blockedSeconds()).toBe(120);
  });

  test.each([400, 401, 403, 500, 503])("and after %d not", async (status) => {
    const error = errorOf({ status, body: null, isChange: false, clockSkewSeconds: null, retryAfterSeconds: 60 });
    await expect(allowance.heed(() => Promise.reject(error))).rejects.toBe(error);
    expect(blockedSeconds()).toBeNull();
  });
});

describe("a key that is left alone", () => {
  test("is refused, with the time to wait, where that is longer than a call waits", async () => {
    allowance.block(new Date(Date.now() + 2_001));
    const refused: unknown = await allowance.wait(never).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AppleError);
    expect(refused).toMatchObject({ code: "APPLE_RATE_LIMITED", retryAfterSeconds: 3, status: null });
    expect((refused as AppleError).message).toContain("3 s");
  });

  test("makes a call wait where that is short", async () => {
    allowance.block(new Date(Date.now() + 1));
    await allowance.wait(never);
    allowance.block(new Date(Date.now() + 2_000));
    await expect(allowance.wait(AbortSignal.abort())).rejects.toMatchObject({ code: "APPLE_UNAVAILABLE" });
  });

  test("is used again when the time is over, and no moment before", async () => {
    allowance.block(new Date(Date.now() + 60_000));
    passTime(57_999);
    await expect(allowance.wait(never)).rejects.toMatchObject({ retryAfterSeconds: 3 });
    passTime(2_001);
    expect(allowance.blockedUntil).toBeNull();
    await allowance.wait(never);
  });

  test("is used again when it is released", async () => {
    allowance.block(new Date(Date.now() + 60_000));
    await expect(allowance.wait(never)).rejects.toMatchObject({ code: "APPLE_RATE_LIMITED" });
    allowance.release();
    await allowance.wait(never);
    expect(allowance.blockedUntil).toBeNull();
  });

  test("is left alone until the later of two times, whichever is told first", () => {
    const [sooner, later] = [new Date(Date.now() + 1_000), new Date(Date.now() + 2_000)];
    allowance.block(later);
    allowance.block(sooner);
    expect(allowance.blockedUntil).toEqual(later);
    allowance.block(now());
    expect(allowance.blockedUntil).toEqual(later);
  });
});

describe("the allowances of a process", () => {
  test("are one for each key", () => {
    const allowances = new Allowances();
    allowances.of("cred_1").block(new Date(Date.now() + 60_000));
    expect(allowances.of("cred_1").blockedUntil).not.toBeNull();
    expect(allowances.of("cred_2").blockedUntil).toBeNull();
  });

  test("are 10,000 at most: those not used for longest are learnt anew", () => {
    const allowances = new Allowances();
    const until = new Date(Date.now() + 60_000);
    for (const key of ["used", "unused"]) allowances.of(key).block(until);
    for (let n = 0; n < 9_998; n += 1) allowances.of(`cred_${n}`);
    allowances.of("used");
    allowances.of("one more");
    expect(allowances.of("used").blockedUntil).toEqual(until);
    expect(allowances.of("unused").blockedUntil).toBeNull();
  });
});
