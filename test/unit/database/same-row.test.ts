import { describe, expect, test } from "@jest/globals";
import { isSameRow } from "../../../src/database/same-row.js";

const row = () => ({
  id: "a",
  count: 1,
  gone: null,
  at: new Date(5),
  roles: ["OWNER", "VIEWER"],
  content: Buffer.from("content"),
  details: { ids: ["b"], nested: { more: [1, null] } },
});

describe("two rows are the same", () => {
  test("where every column is", () => {
    expect(isSameRow(row(), row())).toBe(true);
  });

  test.each<[string, object]>([
    ["a text", { id: "b" }],
    ["a number", { count: 2 }],
    ["a number that is a text", { count: "1" }],
    ["something in place of nothing", { gone: "x" }],
    ["nothing in place of a time", { at: null }],
    ["another time", { at: new Date(6) }],
    ["a text in place of a time", { at: new Date(5).toISOString() }],
    ["a shorter list", { roles: ["OWNER"] }],
    ["another order", { roles: ["VIEWER", "OWNER"] }],
    ["other bytes", { content: Buffer.from("contenT") }],
    ["something deep inside", { details: { ids: ["b"], nested: { more: [1, 2] } } }],
  ])("and not where %s is another", (_, other) => {
    expect(isSameRow(row(), { ...row(), ...other })).toBe(false);
    expect(isSameRow({ ...row(), ...other }, row())).toBe(false);
  });
});
