import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import { QueryFailedError, QueryRunnerAlreadyReleasedError } from "typeorm";
import { isDatabaseAway, isHindered } from "../../../src/database/availability.js";

const coded = (code: string, more: object = {}): Error => Object.assign(new Error("no"), { code, ...more });
const socket = (code: string): Error => coded(code, { syscall: "connect" });
const ofPostgres = (code: string, severity = "ERROR"): Error =>
  Object.assign(new pg.DatabaseError("no", 2, "error"), { code, severity });

describe("the database is away", () => {
  test.each(["08000", "08003", "08006", "57P01", "57P02", "57P03", "53300", "25P03"])("where it says %s", (state) => {
    expect(isDatabaseAway(ofPostgres(state))).toBe(true);
    expect(isDatabaseAway(new QueryFailedError("SELECT 1", [], ofPostgres(state)))).toBe(true);
  });

  test.each(["23505", "40P01", "42P01", "57014", "22P02"])("and not where it says %s", (state) => {
    expect(isDatabaseAway(ofPostgres(state))).toBe(false);
    expect(isDatabaseAway(new QueryFailedError("SELECT 1", [], ofPostgres(state)))).toBe(false);
  });

  test("where it lets nobody in", () => {
    expect(isDatabaseAway(ofPostgres("55000", "FATAL"))).toBe(true);
    expect(isDatabaseAway(ofPostgres("55000"))).toBe(false);
  });

  test.each(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"])(
    "where its socket says %s, and not where a client's request is cut with that",
    (code) => {
      expect(isDatabaseAway(socket(code))).toBe(true);
      expect(isDatabaseAway(new AggregateError([socket(code)]))).toBe(true);
      expect(isDatabaseAway(coded(code))).toBe(false);
      expect(isDatabaseAway(new AggregateError([coded(code)]))).toBe(false);
    },
  );

  test.each([
    "Connection terminated unexpectedly",
    "Connection terminated due to connection timeout",
    "timeout exceeded when trying to connect",
    "Query read timeout",
    "Client has encountered a connection error and is not queryable",
  ])('where the library says "%s"', (message) => {
    expect(isDatabaseAway(new Error(message))).toBe(true);
    expect(isDatabaseAway(new Error(`Something else: ${message}`))).toBe(false);
  });

  test("where its connection broke between two statements of a transaction", () => {
    expect(isDatabaseAway(new QueryRunnerAlreadyReleasedError())).toBe(true);
    expect(isDatabaseAway("Connection terminated")).toBe(false);
  });
});

describe("a statement is hindered", () => {
  test.each(["57014", "55P03", "40P01", "40001"])("where PostgreSQL says %s", (state) => {
    expect(isHindered(ofPostgres(state))).toBe(true);
    expect(isHindered(new QueryFailedError("SELECT 1", [], ofPostgres(state)))).toBe(true);
  });

  test.each([ofPostgres("23505"), ofPostgres("57P01", "FATAL"), coded("57014"), new Error("57014"), "57014"])(
    "and not where it is %s",
    (error) => {
      expect(isHindered(error)).toBe(false);
    },
  );
});
