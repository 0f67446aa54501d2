import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { AppleError, errorOf, unreachable } from "../../../../src/apple/error.js";
import { Breakers, FAILURES_UNTIL_OPEN, OPEN_MS } from "../../../../src/apple/http/breaker.js";
import { isOutcomeUnknown, notMade } from "../../../../src/apple/http/verdict.js";
import type { ErrorCode } from "../../../../src/errors.js";
import { stopClock } from "../../../support/clock.js";

let passTime: (ms: number) => void;
let breakers: Breakers;

beforeEach(() => {
  passTime = stopClock();
  breakers = new Breakers();
});
afterEach(() => {
  jest.useRealTimers();
});

const errorWith = (status: number): AppleError => errorOf({ status, body: null, isChange: true, clockSkewSeconds: 7 });
const outage = errorWith(503);
const rejected = errorWith(401);

/** Runs a call of a key at a host; gives whether it was made, and what came of it. */
async function run(outcome: "works" | Error, { host = "apple", key = "key" } = {}) {
  let isMade = false;
  const call = (): Promise<string> => {
    isMade = true;
    return outcome === "works" ? Promise.resolve("works") : Promise.reject(outcome);
  };
  const came: unknown = await breakers.run(host, key, call).catch((error: unknown) => error);
  return { isMade, came };
}

async function fail(error: Error, times: number, place: { host?: string; key?: string } = {}): Promise<void> {
  for (let n = 0; n < times; n += 1) await run(error, place);
}

describe("a host", () => {
  test("is left alone after some outages in a row, whoever asks; the last one is the answer", async () => {
    await fail(errorWith(500), FAILURES_UNTIL_OPEN - 1);
    expect(await run("works", { key: "another" })).toEqual({ isMade: true, came: "works" });
    await fail(errorWith(500), FAILURES_UNTIL_OPEN - 1);
    await fail(outage, 1);
    for (const key of ["key", "another"]) {
      const { isMade, came } = await run("works", { key });
      expect(isMade).toBe(false);
      expect(came).toMatchObject({ code: "APPLE_UNAVAILABLE", message: outage.message });
    }
  });

  test("is asked by one when the time is over, and by all when that one comes through", async () => {
    await fail(outage, FAILURES_UNTIL_OPEN);
    passTime(OPEN_MS - 1);
    expect(await run("works")).toMatchObject({ isMade: false });
    passTime(1);
    expect(await run("works")).toEqual({ isMade: true, came: "works" });
    expect(await run(outage)).toEqual({ isMade: true, came: outage });
    expect(await run("works")).toEqual({ isMade: true, came: "works" });
  });

  test("is left alone again where that one fails", async () => {
    await fail(outage, FAILURES_UNTIL_OPEN);
    passTime(OPEN_MS);
    expect(await run(outage)).toEqual({ isMade: true, came: outage });
    expect(await run("works")).toMatchObject({ isMade: false });
    passTime(OPEN_MS);
    expect(await run("works")).toMatchObject({ isMade: true });
  });

  test("is another than another", async () => {
    await fail(outage, FAILURES_UNTIL_OPEN);
    expect(await run("works", { host: "enterprise" })).toEqual({ isMade: true, came: "works" });
  });

  test("is not down because calls did not get their turn", async () => {
    await fail(unreachable(notMade()), FAILURES_UNTIL_OPEN);
    expect(await run("works")).toEqual({ isMade: true, came: "works" });
    await fail(unreachable(Object.assign(new Error(), { code: "ECONNREFUSED" })), FAILURES_UNTIL_OPEN);
    expect(await run("works")).toMatchObject({ isMade: false });
  });
});

describe("a key", () => {
  test.each<[number, ErrorCode]>([
    [401, "APPLE_KEY_REJECTED"],
    [403, "APPLE_FORBIDDEN"],
  ])("that Apple refuses several times in a row (%d) is left alone, and other keys are not", async (status, code) => {
    await fail(errorWith(status), FAILURES_UNTIL_OPEN);
    const { isMade, came } = await run("works");
    expect(isMade).toBe(false);
    expect(came).toMatchObject({ code, clockSkewSeconds: 7 });
    expect(await run("works", { key: "another" })).toEqual({ isMade: true, came: "works" });
    passTime(OPEN_MS);
    expect(await run("works")).toEqual({ isMade: true, came: "works" });
  });

  test.each([400, 404, 409, 429])("may meet %d any number of times", async (status) => {
    await fail(errorWith(status), 2 * FAILURES_UNTIL_OPEN);
    expect(await run("works")).toEqual({ isMade: true, came: "works" });
  });

  test("that is refused is told so, whatever its host had failed with before", async () => {
    await fail(outage, 1);
    await run("works");
    await fail(rejected, FAILURES_UNTIL_OPEN);
    expect(await run("works")).toMatchObject({ isMade: false, came: { code: "APPLE_KEY_REJECTED" } });
  });
});

describe("the answer to a call that was spared", () => {
  test.each([
    ["an outage", outage],
    ["a refusal of the key", rejected],
  ])("is known to have had no effect, after %s", async (_, error) => {
    await fail(error, FAILURES_UNTIL_OPEN);
    const { came } = await run("works");
    if (!(came instanceof AppleError)) throw new Error("It was not spared");
    expect(came).not.toBe(error);
    expect(came).toMatchObject({ code: error.code, message: error.message, status: null, outcomeUnknown: false });
    expect(isOutcomeUnknown(came)).toBe(false);
  });
});

test("a fault of our own opens nothing, and comes through as it is", async () => {
  const fault = new TypeError("broken");
  await fail(fault, 2 * FAILURES_UNTIL_OPEN);
  expect(await run(fault)).toEqual({ isMade: true, came: fault });
  expect(await run("works")).toEqual({ isMade: true, came: "works" });
});
