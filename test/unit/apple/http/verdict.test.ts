import { describe, expect, test } from "@jest/globals";
import { AppleError, errorOf, unexpected, unreachable } from "../../../../src/apple/error.js";
import { isNotMade, isOutcomeUnknown, notMade, verdictOn, type Verdict } from "../../../../src/apple/http/verdict.js";

const answered = (status: number, code = "X", title = ""): AppleError =>
  errorOf({ status, body: { errors: [{ code, title }] }, isChange: false, clockSkewSeconds: null });
const withCode = (code: unknown): AppleError => unreachable(Object.assign(new Error("It failed"), { code }));

/** Every way in which a call ends, what each method does about it, and whether a change may have been made. */
const TABLE: [failure: string, error: AppleError, get: Verdict, patch: Verdict, post: Verdict, unknown: boolean][] = [
  ["400", answered(400), "fail", "fail", "fail", false],
  ["401", answered(401), "renew", "renew", "fail", false],
  ["403", answered(403), "fail", "fail", "fail", false],
  [
    "403 for want of an agreement",
    answered(403, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED"),
    "retry",
    "fail",
    "fail",
    false,
  ],
  [
    "403 for want of one in the words of 2020",
    answered(403, "FORBIDDEN", "Access Unavailable"),
    "fail",
    "fail",
    "fail",
    false,
  ],
  ["404", answered(404), "fail", "fail", "fail", false],
  ["405", answered(405), "fail", "fail", "fail", false],
  ["409", answered(409), "fail", "fail", "fail", false],
  ["410", answered(410), "fail", "fail", "fail", false],
  ["415", answered(415), "fail", "fail", "fail", false],
  ["422", answered(422), "fail", "fail", "fail", false],
  ["429", answered(429), "retry", "retry", "fail", false],
  ["500", answered(500), "retry", "retry", "reconcile", true],
  ["501", answered(501), "fail", "fail", "fail", false],
  ["502", answered(502), "retry", "retry", "reconcile", true],
  ["503", answered(503), "retry", "retry", "reconcile", true],
  ["504", answered(504), "retry", "retry", "reconcile", true],
  ["520, of a gateway", answered(520), "retry", "retry", "reconcile", true],
  ["no connection", withCode("ECONNREFUSED"), "retry", "retry", "retry", false],
  ["no host of this name", withCode("ENOTFOUND"), "retry", "retry", "retry", false],
  ["no name server", withCode("EAI_AGAIN"), "retry", "retry", "retry", false],
  ["no way to the host", withCode("EHOSTUNREACH"), "retry", "retry", "retry", false],
  ["no connection in time", withCode("UND_ERR_CONNECT_TIMEOUT"), "retry", "retry", "retry", false],
  [
    "a budget that is spent, so that nothing was sent",
    new AppleError("APPLE_RATE_LIMITED", "Wait."),
    "retry",
    "retry",
    "retry",
    false,
  ],
  ["a call that was never made", unreachable(notMade()), "retry", "retry", "retry", false],
  ["a socket that was closed", withCode("UND_ERR_SOCKET"), "retry", "retry", "reconcile", true],
  ["a connection that was reset", withCode("ECONNRESET"), "retry", "retry", "reconcile", true],
  ["a broken pipe", withCode("EPIPE"), "retry", "retry", "reconcile", true],
  ["no headers in time", withCode("UND_ERR_HEADERS_TIMEOUT"), "fail", "reconcile", "reconcile", true],
  ["no body in time", withCode("UND_ERR_BODY_TIMEOUT"), "fail", "reconcile", "reconcile", true],
  [
    "the deadline",
    unreachable(AbortSignal.timeout(0).reason ?? new DOMException("", "TimeoutError")),
    "fail",
    "reconcile",
    "reconcile",
    true,
  ],
  ["a failure without a code", unreachable(new Error("It failed")), "fail", "reconcile", "reconcile", true],
  ["a failure without a cause", unreachable(undefined), "fail", "reconcile", "reconcile", true],
  ["an answer that makes no sense", unexpected("No sense."), "fail", "reconcile", "reconcile", true],
];

describe("what is done about a failure", () => {
  test.each(TABLE)("%s", (_, error, get, patch, post, unknown) => {
    const verdicts = {
      GET: verdictOn("GET", error),
      PATCH: verdictOn("PATCH", error),
      POST: verdictOn("POST", error),
      unknown: isOutcomeUnknown(error),
    };
    expect(verdicts).toEqual({ GET: get, PATCH: patch, POST: post, unknown });
  });

  test("is never that a POST is sent again where Apple may have made what it says", () => {
    const risky = TABLE.filter(([, error]) => isOutcomeUnknown(error));
    expect(risky.length).toBeGreaterThan(10);
    expect(new Set(risky.map(([, error]) => verdictOn("POST", error)))).toEqual(new Set(["reconcile"]));
  });
});

describe("a call that was never made", () => {
  test("is told from one that could not be sent", () => {
    expect(isNotMade(unreachable(notMade()))).toBe(true);
    for (const error of [withCode("ECONNREFUSED"), unreachable(undefined), answered(503)]) {
      expect(isNotMade(error)).toBe(false);
    }
  });
});
