import { describe, expect, test } from "@jest/globals";
import { readRateLimit } from "../../../src/apple/rate-limit.js";

const asOf = new Date("2026-01-02T03:04:05Z");

describe("the header of Apple's budget", () => {
  test.each<[string, string | string[]]>([
    ["as documented", "user-hour-lim:3500;user-hour-rem:500;"],
    ["without the last semicolon", "user-hour-lim:3500;user-hour-rem:500"],
    ["with blanks", " user-hour-lim : 3500 ; user-hour-rem : 500 ; "],
    ["the other way round", "user-hour-rem:500;user-hour-lim:3500;"],
    [
      "with the minute's budget beside",
      "user-hour-lim:3500;user-hour-rem:500;user-minute-lim:150;user-minute-rem:149;",
    ],
    ["joined of two headers", "user-minute-lim:150;user-minute-rem:149;, user-hour-lim:3500;user-hour-rem:500;"],
    ["of two headers", ["user-minute-lim:150;user-minute-rem:149;", "user-hour-lim:3500;user-hour-rem:500;"]],
    ["with parts that are new", "user-day-lim:9;user-hour-lim:3500;x;:;user-hour-rem:500;"],
  ])("is read %s", (_, header) => {
    expect(readRateLimit(header, asOf)).toEqual({ limitPerHour: 3500, remaining: 500, asOf });
  });

  test("is read where nothing is left", () => {
    expect(readRateLimit("user-hour-lim:3600;user-hour-rem:0;", asOf)).toMatchObject({ remaining: 0 });
  });

  test.each<[string, string | string[] | undefined]>([
    ["missing", undefined],
    ["empty", ""],
    ["none at all", []],
    ["without what remains", "user-hour-lim:3500;"],
    ["without the limit", "user-hour-rem:3500;"],
    ["of the minute alone", "user-minute-lim:150;user-minute-rem:149;"],
    ["negative", "user-hour-lim:3500;user-hour-rem:-1;"],
    ["no number", "user-hour-lim:many;user-hour-rem:few;"],
    ["a number too long to be one", `user-hour-lim:${"9".repeat(400)};user-hour-rem:1;`],
  ])("says nothing where it is %s", (_, header) => {
    expect(readRateLimit(header, asOf)).toBeNull();
  });
});
