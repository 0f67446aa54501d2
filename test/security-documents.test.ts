import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import ts from "typescript";

const ASVS = readFileSync("docs/asvs.md", "utf8");

/** The requirements of levels 1 and 2 of the chapters that are gone through, by their section and the last number. */
const REQUIREMENTS: Readonly<Record<string, readonly number[]>> = {
  ...{ "2.1": [1, 2, 3], "2.2": [1, 2, 3], "2.3": [1, 2, 3, 4], "2.4": [1] },
  ...{ "4.1": [1, 2, 3], "4.2": [1], "4.3": [1, 2], "4.4": [1, 2, 3, 4] },
  ...{ "5.1": [1], "5.2": [1, 2, 3], "5.3": [1, 2], "5.4": [1, 2, 3] },
  ...{ "8.1": [1, 2], "8.2": [1, 2, 3], "8.3": [1], "8.4": [1] },
  ...{ "9.1": [1, 2, 3], "9.2": [1, 2, 3, 4] },
  ...{ "11.1": [1, 2], "11.2": [1, 2, 3], "11.3": [1, 2, 3], "11.4": [1, 2, 3, 4], "11.5": [1], "11.6": [1] },
  ...{ "13.1": [1], "13.2": [1, 2, 3, 4, 5], "13.3": [1, 2], "13.4": [1, 2, 3, 4, 5] },
  ...{ "14.1": [1, 2], "14.2": [1, 2, 3, 4], "14.3": [1, 2, 3] },
  ...{ "16.1": [1], "16.2": [1, 2, 3, 4, 5], "16.3": [1, 2, 3, 4], "16.4": [1, 2, 3], "16.5": [1, 2, 3] },
};

/** Rows of the tables of requirements: number, level, gist, how it is held. */
const rows = [...ASVS.matchAll(/^\| ([\d.]+) +\| +(\d) +\| (.+?) +\| (.+?) +\|$/gm)].map(([, ...cells]) => cells);

/** The titles in a test file: of tests, and of groups of tests. */
function titlesIn(path: string): Set<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.add(title.text);
    }
    node.forEachChild(visit);
  };
  visit(ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ESNext, true));
  return titles;
}

/** The tests that a text names: a file, and one of its titles or null. */
const namedIn = (text: string): [path: string, title: string | null][] =>
  [...text.matchAll(/`(test\/[\w./-]+\.test\.ts)`(?:: "([^"]+)")?/g)].map(([, path = "", title]) => [
    path,
    title ?? null,
  ]);

describe.each(["SECURITY.md", "docs/asvs.md"])("%s", (document) => {
  const named = namedIn(readFileSync(document, "utf8"));

  test("names only tests that there are", () => {
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(([path]) => !existsSync(path))).toEqual([]);
    expect(named.filter(([path, title]) => title !== null && !titlesIn(path).has(title))).toEqual([]);
  });
});

describe("the table of the ASVS", () => {
  test("has every requirement of its chapters, in their order, at level 1 or 2", () => {
    const numbers = Object.entries(REQUIREMENTS).flatMap(([part, last]) => last.map((number) => `${part}.${number}`));
    expect(rows.map(([number]) => number)).toEqual(numbers);
    expect(new Set(rows.map(([, level]) => level))).toEqual(new Set(["1", "2"]));
  });

  test("says of each which test shows it, why it does not apply, or that it is not met", () => {
    const silent = rows.filter(
      ([, , , how = ""]) =>
        namedIn(how).length === 0 && !/^Does not apply: .{10}|^Not met(?: in full)?: .{10}/.test(how),
    );
    expect(silent.map(([number]) => number)).toEqual([]);
  });
});
