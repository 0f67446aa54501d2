import "reflect-metadata";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { buildSchema, getOperationAST, getVariableValues, parse, validate } from "graphql";
import * as apple from "../src/apple/client.js";
import { ANSWER_BYTES, CONNECTIONS } from "../src/apple/http/transport.js";
import { ROLE_PERMISSIONS } from "../src/auth/permissions.js";
import { readConfig } from "../src/config.js";
import { PERMISSIONS, type Permission } from "../src/entities/access-token.js";
import { ERROR_CODES } from "../src/errors.js";
import { PROFILE_MAX_BYTES } from "../src/files/mobileprovision.js";
import { P8_MAX_CHARACTERS } from "../src/files/p8.js";
import { PKCS12_MAX_BYTES } from "../src/files/pkcs12.js";
import { PATIENCE_MS } from "../src/loaders/apple/snapshot.js";
import { STATEMENT_TIMEOUT_MS } from "../src/database/availability.js";
import { QUERY_DEADLINE_MS } from "../src/server/deadline.js";
import { KIT_IDENTIFIERS_MOST } from "../src/services/signing/kit/prepare.js";
import { PAGE_DEFAULT, PAGE_MOST } from "../src/resolvers/connection.js";
import { NODES_MOST } from "../src/resolvers/node.js";
import { EXPIRING_DAYS_MOST } from "../src/resolvers/signing/expiring.js";
import { FAILURE_KINDS } from "../src/sandbox/failure.js";
import * as limits from "../src/server/limits.js";
import { TOKEN_DEFAULT_MONTHS, TOKEN_LONGEST_MONTHS } from "../src/services/access-token.js";
import { CAPABILITIES_MOST } from "../src/services/apple/bundle-id.js";
import { DEVICES_MOST } from "../src/services/apple/device.js";
import { NAME_CHARACTERS } from "../src/services/input.js";
import { SHARE_BUNDLE_IDENTIFIERS } from "../src/services/share.js";
import { PKCS12_PASSWORD_CHARACTERS } from "../src/services/signing/export.js";
import { DELETED_AT_ONCE } from "../src/services/signing/profile/profile-deletion.js";
import { KEPT_AT_ONCE, UPLOADED_AT_ONCE } from "../src/services/signing/profile/profile-keeping.js";

const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/asvs.md", "docs/sandbox.md", "docs/vault.md"],
  ...["docs/operations.md", "docs/performance.md"],
];
const textOf = (path: string): string => readFileSync(path, "utf8");
const README = textOf("README.md");

/** The text from a heading to the next of its level. */
function section(heading: string, text = README): string {
  const [, body = ""] = text.split(`\n## ${heading}\n`);
  expect(body).not.toBe("");
  return body.split("\n## ")[0] ?? "";
}

/** The rows of the first table of a text, without its head; without the marks of code. */
function table(text: string): string[][] {
  const lines = /(?:^\|.*\n)+/m.exec(text)?.[0].trim().split("\n") ?? [];
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

const fences = (language: string, text = README): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, body = ""]) => body);

describe("the README's table of", () => {
  test("permissions is ROLE_PERMISSIONS, with what each permission allows", () => {
    const marks = (permission: Permission) =>
      Object.values(ROLE_PERMISSIONS).map((held) => (held.includes(permission) ? "✓" : ""));
    const names = Object.keys(PERMISSIONS) as Permission[];
    expect(section("Permissions")).toMatch(/^\| permission +\| OWNER \| MANAGER \| OPERATOR \| VIEWER \|/m);
    expect(Object.keys(ROLE_PERMISSIONS)).toEqual(["OWNER", "MANAGER", "OPERATOR", "VIEWER"]);
    expect(table(section("Permissions"))).toEqual(names.map((name) => [name, ...marks(name), PERMISSIONS[name]]));
  });

  test("error codes is ERROR_CODES, with the meaning of each", () => {
    expect(table(section("Error codes"))).toEqual(Object.entries(ERROR_CODES));
  });

  test("limits has every limit of the server, and the value of each", () => {
    const number = (value: number) => value.toLocaleString("en-US");
    const { BODY_BYTES, FILES_BODY_BYTES, REQUEST_TIMEOUT_MS, ...counts } = Object.fromEntries(
      Object.entries(limits).filter((each): each is [string, number] => typeof each[1] === "number"),
    );
    const values = {
      BODY_BYTES: `${Number(BODY_BYTES) / 1024} KB`,
      FILES_BODY_BYTES: `${Number(FILES_BODY_BYTES) / 1024 / 1024} MB`,
      REQUEST_TIMEOUT_MS: `${Number(REQUEST_TIMEOUT_MS) / 1000} s`,
      STATEMENT_TIMEOUT_MS: `${STATEMENT_TIMEOUT_MS / 1000} s`,
      QUERY_DEADLINE_MS: `${QUERY_DEADLINE_MS / 1000} s`,
      KIT_IDENTIFIERS_MOST: number(KIT_IDENTIFIERS_MOST),
      ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, number(count)])),
      PAGE_MOST: number(PAGE_MOST),
      PAGE_DEFAULT: number(PAGE_DEFAULT),
      NODES_MOST: number(NODES_MOST),
      EXPIRING_DAYS_MOST: `${EXPIRING_DAYS_MOST} days`,
      NAME_CHARACTERS: number(NAME_CHARACTERS),
      P8_MAX_CHARACTERS: number(P8_MAX_CHARACTERS),
      SHARE_BUNDLE_IDENTIFIERS: number(SHARE_BUNDLE_IDENTIFIERS),
      TOKEN_DEFAULT_MONTHS: `${TOKEN_DEFAULT_MONTHS} months`,
      TOKEN_LONGEST_MONTHS: `${TOKEN_LONGEST_MONTHS} months`,
      DEADLINE_MS: `${apple.DEADLINE_MS / 1000} s`,
      RETRIES: number(apple.RETRIES),
      CONCURRENCY: number(apple.CONCURRENCY),
      CONNECTIONS: number(CONNECTIONS),
      ANSWER_BYTES: `${ANSWER_BYTES / 1024 / 1024} MB`,
      PATIENCE_MS: `${PATIENCE_MS / 1000} s`,
      DEVICES_MOST: number(DEVICES_MOST),
      CAPABILITIES_MOST: number(CAPABILITIES_MOST),
      KEPT_AT_ONCE: number(KEPT_AT_ONCE),
      UPLOADED_AT_ONCE: number(UPLOADED_AT_ONCE),
      DELETED_AT_ONCE: number(DELETED_AT_ONCE),
      PKCS12_MAX_BYTES: `${PKCS12_MAX_BYTES / 1024} KB`,
      PKCS12_PASSWORD_CHARACTERS: number(PKCS12_PASSWORD_CHARACTERS),
      PROFILE_MAX_BYTES: `${PROFILE_MAX_BYTES / 1024 / 1024} MB`,
    };
    const shown = table(section("Limits")).map(([, value = "", constant = ""]): [string, string] => [constant, value]);
    expect(Object.fromEntries(shown)).toEqual(values);
  });

  test("configuration names exactly the variables that the configuration reads, with their defaults", () => {
    const rows = table(section("Configuration"));
    const source = textOf("src/config.ts");
    const checked = [...source.matchAll(/^ {4}([A-Z][A-Z_]+): /gm)].map(([, name]) => name);
    expect(checked.length).toBeGreaterThan(10);
    const set = [...source.matchAll(/process\.env\["(\w+)"\] \?\?= "(\w+)"/g)];
    expect(rows.map(([name]) => name)).toEqual([...checked, ...set.map(([, name]) => name)]);
    const config = readConfig({});
    const defaults = new Map(rows.map(([name = "", , value = ""]) => [name, value]));
    expect(Object.fromEntries([...defaults].filter(([, value]) => !value.includes(" ")))).toEqual({
      PORT: String(config.port),
      HOST: config.host,
      DATA_DIR: config.dataDir,
      APPLE_BASE_URL: config.appleBaseUrl,
      APPLE_ENTERPRISE_BASE_URL: config.appleEnterpriseBaseUrl,
      APPLE_DEADLINE_MS: String(config.appleDeadlineMs),
      APPLE_SYNC_SECONDS: String(config.syncSeconds),
      RATE_REQUESTS_PER_MINUTE: String(config.requestsPerMinute),
      RATE_COST_PER_MINUTE: String(config.costPerMinute),
      DRAIN_SECONDS: String(config.drainSeconds),
      GRAPHQL_INTROSPECTION: String(config.introspection),
      LOG_LEVEL: config.logLevel,
      ...Object.fromEntries(set.map(([, name = "", value = ""]) => [name, value])),
    });
  });
});

test("the sandbox's table of failures has every kind", () => {
  const rows = table(section("Make it fail", textOf("docs/sandbox.md")));
  expect(rows.map(([kind]) => kind)).toEqual(FAILURE_KINDS);
});

describe("the README's tree", () => {
  /** A line that is indented is in the folder that the last line without indent names. */
  const paths: string[] = [];
  let folder = "";
  for (const line of fences("text", section("The tree")).join("").trimEnd().split("\n")) {
    const [name = ""] = line.trim().split(/ {2,}/);
    if (!line.startsWith(" ")) folder = name;
    paths.push(line.startsWith(" ") ? `${folder}/${name}` : name);
  }

  test("has only what is there", () => {
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });

  test("has every file and folder of src", () => {
    const there = readdirSync("src").map((name) => `src/${name}`);
    expect(there.filter((path) => !paths.includes(path))).toEqual([]);
  });
});

describe.each(DOCUMENTS)("%s", (path) => {
  const text = textOf(path);

  test("names only paths that there are", () => {
    const named = [...text.matchAll(/(?<!dist\/)\b(?:src|test|docs|migrations|schema|bench)\/[\w./-]*\w/g)].map(
      ([name]) => name,
    );
    const linked = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, name = ""]) => name);
    expect(new Set([...named, ...linked].filter((name) => !existsSync(name)))).toEqual(new Set());
  });

  test("links only to headings that there are", () => {
    const links = [...text.matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)];
    const missing = links.filter(([, file = "", anchor]) => {
      const headings = [...textOf(file || path).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
      return !headings.some((heading) => heading.toLowerCase().replaceAll(" ", "-") === anchor);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });

  test("names only commands that there are", () => {
    const { scripts, bin } = JSON.parse(textOf("package.json")) as Record<"scripts" | "bin", Record<string, string>>;
    const runs = [...text.matchAll(/\bnpm (?:run )?([\w:-]+)/g)].map(([, name = ""]) => name);
    expect(runs.filter((name) => !["ci", ...Object.keys(scripts)].includes(name))).toEqual([]);
    const programs = [...text.matchAll(/\bnpx ([\w-]+)/g)].map(([, name = ""]) => name);
    expect(programs.filter((name) => !(name in bin) && !existsSync(`node_modules/.bin/${name}`))).toEqual([]);
    const commands = [...text.matchAll(/\bnpx countersign ([\w-]+)/g)].map(([, name = ""]) => name);
    const known = [...textOf("src/main.ts").matchAll(/\.?command\("([\w-]+)"/g)].map(([, name = ""]) => name);
    expect(commands.filter((name) => !known.includes(name))).toEqual([]);
  });
});

test("every command that is not hidden is in the README", () => {
  const hidden = ["schema"];
  const known = [...textOf("src/main.ts").matchAll(/^ *\.command\("([\w-]+)"/gm)].map(([, name = ""]) => name);
  const shown = section("Run it");
  expect(known.filter((name) => !hidden.includes(name) && !shown.includes(name))).toEqual([]);
});

describe("GraphQL in the README", () => {
  const schema = buildSchema(textOf("schema/schema.graphql"));

  test("is valid at the top, and where a build signs", () => {
    const documents = fences("graphql").map((document) => parse(document));
    expect(documents).toHaveLength(2);
    expect(documents.flatMap((document) => validate(schema, document))).toEqual([]);
  });

  test("is valid in the first steps, with variables that fit", () => {
    const bodies = [...section("First steps").matchAll(/<<JSON\n(.*?)\nJSON\n/gs)].map(([, body = ""]) => body);
    expect(bodies).toHaveLength(4);
    for (const body of bodies) {
      const { query, variables } = JSON.parse(body.replaceAll("\\$", "$")) as { query: string; variables: object };
      const document = parse(query);
      expect(validate(schema, document)).toEqual([]);
      const definitions = getOperationAST(document)?.variableDefinitions ?? [];
      expect(getVariableValues(schema, definitions, { ...variables }).errors).toBeUndefined();
    }
  });
});
