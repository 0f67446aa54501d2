import { readFileSync } from "node:fs";
import ts from "typescript";
import type { Mutant } from "./mutant.js";
import { filesBelow, lineOf, nodesOf, placeAt, replaced } from "./source.js";
import { testsOf } from "./tests.js";

/** The functions of `src/database/readable-by.ts` that give a condition. */
const CONDITIONS = new Set([
  "readableBy",
  "readableOnTerms",
  "ownedBy",
  "standsIn",
  "reaches",
  "liveFor",
  "live",
  "allows",
]);
/** Those that give the rest of a statement; what they join and leave ends with this. */
const JOINS = new Set(["sharedFor", "withKeysToView"]);
const JOINED = "IS NOT NULL)";
/** Constants of loaders that hold the same condition for what is not shared. */
const CONSTANTS = new Set(["VISIBLE", "READABLE"]);

/** Conditions as they are written in statements, beside those that have a function. */
const WRITTEN = [
  // Whose the rows are: those of a tenant, of an actor, or of the tenants that the viewer stands in.
  /\b(?:\w+\.)?(?:owner_id|tenant_id) = \$\d+(?!\) DESC)/g,
  /\bactor_id = \$3/g,
  /\((?:\w+|\$\{\w+\})\.root_id = ANY \([^()]+\) OR [^()]+ = ANY \([^()]+\)\)/g,
  /\(root_id = ANY \(:tenants\) OR \$\{column\} = ANY \(:tenants\)\)/g,
  /\broot_id = ANY \(:tenants\)(?! OR)/g,
  /\bk\.root_id = ANY \(\$3\)|\bk\.owner_id = k\.root_id/g,
  /\broot_id = \$1(?= AND (?:serial_number|certificate_sha1s))/g,
  // What a share allows.
  /(?:\$\{use\}|'VIEW') = ANY \(s\.uses\)/g,
  /is_within\([^()]+\)/g,
];

/**
 * Each use of a condition on whose rows may be read or written: `true` in its place. The condition itself stays behind
 * the OR, so that a statement is never broken, and what is red is red for what it finds.
 */
export function clauseMutants(sql: string): Mutant[] {
  return ["src/database/readable-by.ts", ...filesBelow("src/loaders"), ...filesBelow("src/services")].flatMap(
    (path) => {
      const text = readFileSync(path, "utf8");
      const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
      return nodesOf(file).flatMap((node): Mutant[] => {
        const kind = isInWrite(node) ? "write" : "read";
        const taken = (place: string, what: string, changed: string): Mutant => ({
          ...{ kind, place, what: what.replaceAll(/\s+/g, " ").slice(0, 90), source: { path, text: changed }, sql },
          tests: testsOf(path),
        });
        const by = substitute(node);
        if (by !== null) return [taken(lineOf(file, node), node.getText(), replaced(text, node, by))];
        if (!isText(node)) return [];
        return writtenIn(node).map(({ at, found }) =>
          taken(placeAt(file, at), found, `${text.slice(0, at)}(true OR ${found})${text.slice(at + found.length)}`),
        );
      });
    },
  );
}

/** What stands in the place of a condition that has a function or a constant; null: it is none. */
function substitute(node: ts.Node): string | null {
  const code = node.getText();
  if (ts.isCallExpression(node)) {
    const name = node.expression.getText();
    if (CONDITIONS.has(name)) return `\`(true OR \${${code}})\``;
    if (JOINS.has(name)) return `${code}.replace("${JOINED}", "IS NOT NULL OR true)")`;
    if (name === "ownedWhere")
      return `(([clause, values]) => [\`(\${clause.replace(" AND ", " AND (true OR ")}))\`, values])(${code})`;
  }
  if (isText(node) && ts.isVariableDeclaration(node.parent) && CONSTANTS.has(node.parent.name.getText())) {
    return `\`(true OR (\${${code}}))\``;
  }
  return null;
}

const isText = (node: ts.Node): boolean =>
  ts.isTemplateExpression(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isStringLiteral(node);

/** Whether it is in a statement that changes rows, or takes them to be changed. */
function isInWrite(node: ts.Node): boolean {
  if (node.getSourceFile().fileName === "src/services/write.ts") return true;
  if (ts.isCallExpression(node) && node.expression.getText() === "ownedWhere") return true;
  for (let at = node; !ts.isSourceFile(at); at = at.parent) {
    if (isText(at) && /\b(?:INSERT INTO|UPDATE|DELETE FROM)\b/.test(at.getText())) return true;
  }
  return false;
}

/** The conditions that are written in a text, with their offsets. */
function writtenIn(node: ts.Node): { readonly at: number; readonly found: string }[] {
  return WRITTEN.flatMap((pattern) =>
    [...node.getText().matchAll(pattern)].map((match) => ({ at: node.getStart() + match.index, found: match[0] })),
  );
}
