import { describe, expect, test } from "@jest/globals";
import { Assumptions, SeenRows } from "../../../src/loaders/assumption.js";
import { oneById } from "../../../src/loaders/batch.js";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly at: Date;
}

const row = (name: string): Row => ({ id: "a", name, at: new Date(0) });

/** A loader of one request, from what is there now. */
function request(seen: SeenRows, there: readonly Row[] | Error, { viewer = "1", mayTake = true } = {}) {
  const assumptions = Assumptions.of(seen, viewer, mayTake);
  const noted: string[] = [];
  let asked = 0;
  const rows = oneById<Row>(
    () => {
      asked += 1;
      return there instanceof Error ? Promise.reject(there) : Promise.resolve(there);
    },
    assumptions,
    ({ name }) => noted.push(name),
  );
  return { assumptions, rows, noted, asked: () => asked };
}

describe("what a viewer was shown", () => {
  test("is taken for granted the next time, told to whoever wants to know, and holds where it is the same", async () => {
    const seen = new SeenRows();
    const first = request(seen, [row("Acme")]);
    expect(first.rows.find("a")).toBeInstanceOf(Promise);
    expect(await first.rows.load("a")).toEqual(row("Acme"));
    const next = request(seen, [row("Acme")]);
    expect(next.rows.find("a")).toEqual(row("Acme"));
    expect(next.noted).toEqual(["Acme"]);
    expect(next.rows.find("a")).toEqual(row("Acme"));
    expect([await first.assumptions.hold(), await next.assumptions.hold(), next.asked()]).toEqual([true, true, 1]);
  });

  test.each([
    ["changed", [row("Globex")]],
    ["is gone", []],
    ["cannot be asked for", new Error("away")],
  ])("does not hold where it %s", async (_, there) => {
    const seen = new SeenRows();
    await request(seen, [row("Acme")]).rows.load("a");
    const next = request(seen, there);
    expect(await next.rows.load("a")).toEqual(row("Acme"));
    expect(await next.assumptions.hold()).toBe(false);
  });

  test("is what was seen last", async () => {
    const seen = new SeenRows();
    await request(seen, [row("Acme")]).rows.load("a");
    const changed = request(seen, [row("Globex")]);
    await changed.rows.load("a");
    await changed.assumptions.hold();
    expect(request(seen, []).rows.find("a")).toEqual(row("Globex"));
    const gone = request(seen, []);
    await gone.rows.load("a");
    await gone.assumptions.hold();
    expect(request(seen, []).rows.find("a")).toBeInstanceOf(Promise);
  });

  test("is nothing to another viewer, to a change, and where it has failed to hold", async () => {
    const seen = new SeenRows();
    await request(seen, [row("Acme")]).rows.load("a");
    expect(request(seen, [], { viewer: "2" }).rows.find("a")).toBeInstanceOf(Promise);
    expect(request(seen, [], { mayTake: false }).rows.find("a")).toBeInstanceOf(Promise);
    const changing = request(seen, []);
    changing.assumptions.end();
    expect(await changing.rows.load("a")).toBeNull();
  });

  test("is remembered 20,000 times, and what was longest unseen is forgotten", () => {
    const seen = new SeenRows();
    for (let n = 0; n < 20_000; n += 1) seen.set(String(n), { n });
    seen.set("0", { n: 0 });
    seen.set("new", {});
    expect([seen.get("0"), seen.get("1"), seen.get("2")]).toEqual([{ n: 0 }, null, { n: 2 }]);
  });
});
