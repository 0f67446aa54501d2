import { describe, expect, test } from "@jest/globals";
import pg from "pg";
import { parseTime } from "../../../src/database/read-pool.js";

const asPg = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, "text") as (text: string) => unknown;

describe("a time that PostgreSQL tells", () => {
  test.each([
    "2026-01-31 23:59:59.123456+00",
    "2026-01-31 23:59:59.9+00",
    "2026-02-28 00:00:00+00",
    "0099-12-31 12:00:00+00",
    "1969-12-31 23:59:59.999999+00",
    "2026-01-31 23:59:59.123+02",
    "2026-01-31 23:59:59-03:30",
    "12026-01-31 23:59:59+00",
    "0044-03-15 12:00:00+00 BC",
    "infinity",
    "-infinity",
  ])("is read as pg reads it, to the millisecond: %s", (text) => {
    expect(parseTime(text)).toEqual(asPg(text));
  });
});
