import { describe, expect, test } from "@jest/globals";
import { date, documentOf, only, required, related, text, type AppleResource } from "../../../src/apple/document.js";

const withAttribute = (value: unknown): AppleResource => ({ type: "things", id: "1", attributes: { value } });

describe("a date of Apple's", () => {
  test.each([
    ["2020-02-12T13:17:50.000+0000", "2020-02-12T13:17:50.000Z"],
    ["2024-05-06T07:08:09.000+00:00", "2024-05-06T07:08:09.000Z"],
    ["2021-02-02T04:00:19-08:00", "2021-02-02T12:00:19.000Z"],
    ["2021-02-02T04:00:19-0800", "2021-02-02T12:00:19.000Z"],
    ["2021-02-02T04:00:19Z", "2021-02-02T04:00:19.000Z"],
    ["2021-02-02T04:00:19.123Z", "2021-02-02T04:00:19.123Z"],
  ])("is read in the form %s", (written, expected) => {
    expect(date(withAttribute(written), "value")?.toISOString()).toBe(expected);
  });

  test.each([["someday"], [""], [null], [1_700_000_000], [{}], ["2020-13-45T00:00:00Z"]])(
    "is null where it is %j",
    (value) => {
      expect(date(withAttribute(value), "value")).toBeNull();
      expect(date({ type: "things", id: "1" }, "value")).toBeNull();
    },
  );
});

describe("a text of Apple's", () => {
  test("is null where it is missing or something else", () => {
    expect(text(withAttribute("word"), "value")).toBe("word");
    for (const value of [null, undefined, 1, true, ["word"]]) expect(text(withAttribute(value), "value")).toBeNull();
    expect(text({ type: "things", id: "1", attributes: null }, "value")).toBeNull();
  });

  test("has no NUL, which PostgreSQL cannot store", () => {
    expect(text(withAttribute("a\u0000b\u0000"), "value")).toBe("a\ufffdb\ufffd");
  });
});

describe("a document of Apple's", () => {
  test("is read with data, included, next page and total", () => {
    const document = documentOf({
      data: [{ type: "profiles", id: "1", relationships: { devices: { data: [{ type: "devices", id: "2" }] } } }],
      included: [{ type: "devices", id: "2", attributes: { name: "Phone" } }],
      links: { self: "https://apple.example/v1/profiles", next: "https://apple.example/v1/profiles?cursor=x" },
      meta: { paging: { total: 3, limit: 1 } },
    });
    expect(document).toMatchObject({ next: "https://apple.example/v1/profiles?cursor=x", total: 3 });
    const [profile] = document.data;
    if (profile === undefined) throw new Error("There is one");
    expect(related(profile, "devices")).toEqual({ ids: ["2"], total: 1 });
    expect([...document.included]).toEqual([
      ["devices:2", { type: "devices", id: "2", attributes: { name: "Phone" } }],
    ]);
  });

  test("of one resource is a list of one", () => {
    expect(documentOf({ data: { type: "apps", id: "1" } }).data).toEqual([{ type: "apps", id: "1" }]);
  });

  test("may leave out, or have null for, all that is not its data", () => {
    const bare = { included: new Map(), next: null, total: null };
    expect(documentOf({ data: [] })).toEqual({ data: [], ...bare });
    const nulls = documentOf({ data: [], included: null, links: null, meta: null });
    expect(nulls).toEqual({ data: [], ...bare });
    expect(documentOf({ data: [], links: { next: null }, meta: { paging: null } })).toEqual({ data: [], ...bare });
    const nullFields = { type: "apps", id: "1", attributes: null, relationships: null };
    expect(documentOf({ data: [nullFields] }).data).toEqual([nullFields]);
  });

  test.each([
    ["nothing", null],
    ["a text", "data"],
    ["a list", []],
    ["without data", {}],
    ["with null for data", { data: null }],
    ["with data of another shape", { data: [{ id: 1, type: "apps" }] }],
    ["with a next page that is no text", { data: [], links: { next: { href: "x" } } }],
  ])("is refused where it is %s", (_, body) => {
    expect(() => documentOf(body)).toThrow("does not have the shape");
  });
});

describe("what a resource is related to", () => {
  const profile = (devices: NonNullable<AppleResource["relationships"]>[string]): AppleResource => ({
    type: "profiles",
    id: "1",
    relationships: { devices },
  });
  const named = [
    { type: "devices", id: "1" },
    { type: "devices", id: "2" },
  ];

  test("is what it names, in this order and each once, and as many as Apple says there are", () => {
    expect(related(profile({ data: named }), "devices")).toEqual({ ids: ["1", "2"], total: 2 });
    expect(related(profile({ data: [...named.toReversed(), ...named] }), "devices")).toEqual({
      ids: ["2", "1"],
      total: 2,
    });
    const more = { data: named, meta: { paging: { total: 120 } } };
    expect(related(profile(more), "devices")).toEqual({ ids: ["1", "2"], total: 120 });
  });

  test("is as many as it names where Apple says fewer", () => {
    const fewer = { data: named, meta: { paging: { total: 0 } } };
    expect(related(profile(fewer), "devices")).toEqual({ ids: ["1", "2"], total: 2 });
  });

  test("is nothing where it was not asked for, or there is none", () => {
    for (const relation of [undefined, null, {}, { data: null }, { data: [] }, { data: [], meta: { paging: null } }]) {
      expect(related(profile(relation), "devices")).toEqual({ ids: [], total: 0 });
    }
    expect(related({ type: "profiles", id: "1" }, "devices")).toEqual({ ids: [], total: 0 });
  });

  test("is one where the relation is to one", () => {
    expect(related(profile({ data: { type: "devices", id: "1" } }), "devices")).toEqual({ ids: ["1"], total: 1 });
  });
});

describe("the one thing of a document", () => {
  const document = (...ids: string[]) => documentOf({ data: ids.map((id) => ({ type: "devices", id })) });

  test("is read where it holds one, and refused where it holds none or several", () => {
    expect(only(document("1"), ({ id }) => id)).toBe("1");
    expect(only(documentOf({ data: { type: "devices", id: "1" } }), ({ id }) => id)).toBe("1");
    for (const strange of [document(), document("1", "2")]) {
      expect(() => only(strange, ({ id }) => id)).toThrow("does not hold the one thing");
    }
  });

  test.each([
    ["there is none", document(), "id"],
    ["there are several", document("1", "2"), "id"],
    ["it lacks what it is known by", document("1"), "udid"],
  ])("says that a change may have been made where %s", (_, strange, name) => {
    const read = (): unknown => only(strange, (resource) => required(resource, name));
    expect(read).toThrow(expect.objectContaining({ code: "APPLE_UNEXPECTED_ANSWER", outcomeUnknown: true }));
  });
});
