import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { AppleError, errorOf, says, unexpected, unreachable } from "../../../src/apple/error.js";
import { ERROR_CODES } from "../../../src/errors.js";

/** Real answers of Apple's, which are collected beside this repository and are not part of it. */
const FIXTURES = new URL("../../../../../shared/apple/fixtures/errors/", import.meta.url);

const body = (...errors: unknown[]): unknown => ({ errors });
/** The error of an answer to a question. */
const errorTo = (status: number, answer: unknown, clockSkewSeconds: number | null = null): AppleError =>
  errorOf({ status, body: answer, isChange: false, clockSkewSeconds });
/** The error of an answer to a change. */
const errorToChange = (status: number, answer: unknown): AppleError =>
  errorOf({ status, body: answer, isChange: true, clockSkewSeconds: null });

describe("an answer of Apple's that is an error", () => {
  test.each<[string, number, unknown, string]>([
    ["a key that is not accepted", 401, body({ code: "NOT_AUTHORIZED" }), "APPLE_KEY_REJECTED"],
    ["a key that is not accepted, with no word why", 401, null, "APPLE_KEY_REJECTED"],
    ["a role that may not", 403, body({ code: "FORBIDDEN_ERROR" }), "APPLE_FORBIDDEN"],
    ["a refusal with no word why", 403, null, "APPLE_FORBIDDEN"],
    [
      "an agreement that is missing",
      403,
      body({ code: "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED" }),
      "APPLE_AGREEMENT_MISSING",
    ],
    [
      "an agreement that is missing, under a longer code",
      403,
      body({ code: "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED.PLA" }),
      "APPLE_AGREEMENT_MISSING",
    ],
    [
      "an agreement that is missing, said after something else",
      403,
      body({ code: "FORBIDDEN_ERROR" }, { code: "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED" }),
      "APPLE_AGREEMENT_MISSING",
    ],
    [
      "an agreement that is missing, in the words of 2020",
      403,
      body({ code: "FORBIDDEN", title: "Access Unavailable" }),
      "APPLE_AGREEMENT_MISSING",
    ],
    [
      "a code that only begins alike",
      403,
      body({ code: "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED_NOT" }),
      "APPLE_FORBIDDEN",
    ],
    ["a budget that is spent", 429, body({ code: "RATE_LIMIT_EXCEEDED" }), "APPLE_RATE_LIMITED"],
    ["a fault", 500, body({ code: "UNEXPECTED_ERROR" }), "APPLE_UNAVAILABLE"],
    ["a gateway's page", 502, null, "APPLE_UNAVAILABLE"],
    ["an overload", 503, null, "APPLE_UNAVAILABLE"],
    ["a timeout of a gateway", 504, null, "APPLE_UNAVAILABLE"],
    ["a status that is new", 599, null, "APPLE_UNAVAILABLE"],
    ["a parameter that is wrong", 400, body({ code: "PARAMETER_ERROR.INVALID" }), "APPLE_UNEXPECTED_ANSWER"],
    ["something that is not there", 404, body({ code: "NOT_FOUND" }), "APPLE_UNEXPECTED_ANSWER"],
    ["no error at all", 204, null, "APPLE_UNEXPECTED_ANSWER"],
  ])("is told apart: %s", (_, status, answer, code) => {
    const error = errorTo(status, answer);
    expect(error).toMatchObject({ code, status });
    expect(error.message).toMatch(/^[A-Z].*\.$/);
  });

  test.each<[string, unknown]>([
    ["a text", "<html>"],
    ["no list", { errors: "many" }],
    ["entries that are null", { errors: [null] }],
    ["entries of numbers", { errors: [{ code: 1, title: 2, detail: 3 }] }],
    ["an empty list", { errors: [] }],
  ])("is read leniently where its document is %s", (_, answer) => {
    expect(errorTo(403, answer).code).toBe("APPLE_FORBIDDEN");
  });

  test("keeps what Apple said, entries without detail too, and no more than twenty", () => {
    const error = errorTo(409, body({ status: "409", code: "ENTITY_ERROR", title: "No" }), 7);
    expect(error.entries).toEqual([{ code: "ENTITY_ERROR", title: "No", detail: "" }]);
    expect(error.clockSkewSeconds).toBe(7);
    expect(errorTo(409, body(...Array.from({ length: 50 }, () => ({ code: "X" })))).entries).toHaveLength(20);
  });

  test("shows clients words of ours, and none of Apple's", () => {
    const error = errorTo(403, body({ code: "FORBIDDEN_ERROR", title: "Apple's title", detail: "Apple's detail" }));
    expect(error.message).not.toMatch(/Apple's title|Apple's detail/);
  });
});

describe("an answer to a change that is an error", () => {
  test.each([400, 404, 405, 409, 410, 415, 422])("is the user's to mend: %d", (status) => {
    const answer = body({ code: "ENTITY_ERROR", title: "Title", detail: "There is no such thing." });
    expect(errorToChange(status, answer)).toMatchObject({
      code: "APPLE_REFUSED",
      status,
      message: "Apple refuses this: There is no such thing.",
    });
    expect(errorTo(status, answer).code).toBe("APPLE_UNEXPECTED_ANSWER");
  });

  test.each([
    [401, "APPLE_KEY_REJECTED"],
    [403, "APPLE_FORBIDDEN"],
    [429, "APPLE_RATE_LIMITED"],
    [500, "APPLE_UNAVAILABLE"],
    [503, "APPLE_UNAVAILABLE"],
  ])("is what it is to a question where it is no refusal of the change: %d", (status, code) => {
    expect(errorToChange(status, body({ code: "X", detail: "Apple's detail" })).code).toBe(code);
  });

  test.each<[string, unknown, string]>([
    ["each of several", body({ detail: "First." }, { detail: "Second." }), "First. Second."],
    ["the title where there is no detail", body({ title: "Title" }, { detail: "Detail." }), "Title Detail."],
    ["one line of many", body({ detail: "One  line.\n\tAnother." }), "One line. Another."],
    ["no control characters", body({ detail: "\u0007Beep\u001b[31m." }), "Beep[31m."],
    ["nothing where Apple says nothing", null, "it gives no reason."],
    ["nothing where what Apple says is empty", body({ detail: " ", title: "" }), "it gives no reason."],
  ])("takes over Apple's words: %s", (_, answer, words) => {
    expect(errorToChange(409, answer).message).toBe(`Apple refuses this: ${words}`);
  });

  test("takes over 500 characters of Apple's words at most", () => {
    const { message } = errorToChange(409, body({ detail: "x".repeat(501) }));
    expect(message).toBe(`Apple refuses this: ${"x".repeat(500)}`);
  });
});

describe("what an error says", () => {
  const error = errorTo(400, body({ code: "PARAMETER_ERROR.INVALID" }, { code: "ENTITY_ERROR" }));

  test("is a code, or one below it, of any entry", () => {
    for (const code of ["PARAMETER_ERROR", "PARAMETER_ERROR.INVALID", "ENTITY_ERROR"]) {
      expect([code, says(error, code)]).toEqual([code, true]);
    }
    for (const code of ["PARAMETER", "PARAMETER_ERROR.INVALID.MORE", "ENTITY_ERROR.ATTRIBUTE", ""]) {
      expect([code, says(error, code)]).toEqual([code, false]);
    }
  });
});

describe("a call that came to nothing", () => {
  test("is unavailable where no answer came, and unexpected where it makes no sense; the cause is kept", () => {
    const cause = new Error("socket");
    expect(unreachable(cause)).toMatchObject({ code: "APPLE_UNAVAILABLE", status: null, cause });
    expect(unexpected("No sense.", cause)).toMatchObject({
      code: "APPLE_UNEXPECTED_ANSWER",
      message: "No sense.",
      cause,
    });
    expect(unreachable(cause)).toBeInstanceOf(AppleError);
    expect(unreachable(cause).message).not.toContain("socket");
  });
});

describe("every error that was seen of Apple", () => {
  const files = existsSync(FIXTURES) ? readdirSync(FIXTURES).filter((name) => name.endsWith(".json")) : [];
  if (files.length === 0) console.log(`There are no collected answers at ${FIXTURES.pathname}: they are not checked.`);

  const CODES: Record<string, string> = {
    "400": "APPLE_UNEXPECTED_ANSWER",
    "401": "APPLE_KEY_REJECTED",
    "403": "APPLE_FORBIDDEN",
    "404": "APPLE_UNEXPECTED_ANSWER",
    "409": "APPLE_UNEXPECTED_ANSWER",
    "429": "APPLE_RATE_LIMITED",
    "500": "APPLE_UNAVAILABLE",
    "403-required-agreements.json": "APPLE_AGREEMENT_MISSING",
    "403-pla-legacy.json": "APPLE_AGREEMENT_MISSING",
  };

  test("has a code and words of ours, and Apple's own code beside", () => {
    for (const file of files) {
      const answer: unknown = JSON.parse(readFileSync(new URL(file, FIXTURES), "utf8"));
      const status = file.slice(0, 3);
      const error = errorTo(Number(status), answer);
      expect([file, error.code]).toEqual([file, CODES[file] ?? CODES[status]]);
      expect(Object.keys(ERROR_CODES)).toContain(error.code);
      expect(error.entries.length).toBeGreaterThan(0);
      for (const { code } of error.entries) expect([file, code]).toEqual([file, expect.stringMatching(/^[A-Z_]+/)]);
    }
  });
});
