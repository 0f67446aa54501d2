import { describe, expect, test } from "@jest/globals";
import { readRateLimit, readRetryAfter } from "../../../../src/apple/http/rate-limit.js";

const asOf = new Date("2026-01-02T03:04:05Z");

describe("the header of Apple's budget", () => {
  test.each<[string, string | string[]]>([
    ["as documented", "user-hour-lim:3500;user-hour-rem:500;"],
    ["without the last semicolon", "user-hour-lim:3500;user-hour-rem:500"],
    ["with blanks", " user-hour-lim : 3500 ; user-hour-rem : 500 ; "],
    ["the other way round", "user-hour-rem:500;user-hour-lim:3500;"],
    ["with parts that are new", "user-day-lim:9;user-hour-lim:3500;x;:;user-hour-rem:500;"],
    ["with half of the minute's", "user-hour-lim:3500;user-hour-rem:500;user-minute-lim:150;"],
    ["of one header of several", ["user-day-lim:9;", "user-hour-lim:3500;user-hour-rem:500;"]],
  ])("is read %s", (_, header) => {
    expect(readRateLimit(header, asOf)).toEqual({ limitPerHour: 3500, remaining: 500, minute: null, asOf });
  });

  test.each<[string, string | string[]]>([
    ["behind the hour's", "user-hour-lim:3500;user-hour-rem:500;user-minute-lim:150;user-minute-rem:149;"],
    ["before the hour's", "user-minute-lim:150;user-minute-rem:149;user-hour-lim:3500;user-hour-rem:500;"],
    ["joined of two headers", "user-minute-lim:150;user-minute-rem:149;, user-hour-lim:3500;user-hour-rem:500;"],
    ["of two headers", ["user-minute-lim:150;user-minute-rem:149;", "user-hour-lim:3500;user-hour-rem:500;"]],
  ])("is read with the minute's budget %s", (_, header) => {
    const minute = { limit: 150, remaining: 149 };
    expect(readRateLimit(header, asOf)).toEqual({ limitPerHour: 3500, remaining: 500, minute, asOf });
  });

  test("is read where it comes twice: the last one counts", () => {
    const twice = "user-hour-lim:3500;user-hour-rem:500;, user-hour-lim:3600;user-hour-rem:499;";
    expect(readRateLimit(twice, asOf)).toMatchObject({ limitPerHour: 3600, remaining: 499 });
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

describe("how long Apple asks to wait", () => {
  const now = new Date("2026-01-02T03:04:05.250Z");

  test.each<[string, string | string[], number]>([
    ["in seconds", "120", 120],
    ["in no seconds", "0", 0],
    ["as a date, rounded up to whole seconds", "Fri, 02 Jan 2026 03:04:35 GMT", 30],
    ["as a date that is over", "Fri, 02 Jan 2026 03:00:00 GMT", 0],
    ["for longer than an hour, which is what is believed", "86400", 3600],
    ["until a date beyond an hour", "Sat, 03 Jan 2026 03:04:05 GMT", 3600],
    ["twice: the first counts", ["5", "10"], 5],
  ])("is read %s", (_, header, seconds) => {
    expect(readRetryAfter(header, now)).toBe(seconds);
  });

  test.each<[string, string | string[] | undefined]>([
    ["missing", undefined],
    ["none at all", []],
    ["empty", ""],
    ["a word", "soon"],
    ["a number too long to be one", "9".repeat(400)],
  ])("is not known where it is %s", (_, header) => {
    expect(readRetryAfter(header, now)).toBeNull();
  });
});
