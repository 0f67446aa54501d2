import { readFileSync } from "node:fs";
import ts from "typescript";
import type { Mutant } from "./mutant.js";
import { lineOf, replaced } from "./source.js";

const PATH = "src/rules/index.ts";
/** Allows everybody who is signed in, and nobody else gets as far as a rule. */
const ALLOWS = "isSignedIn";

/** Each line of the rules by itself, and each of those that are joined in a line: in its place a rule that always allows. */
export function ruleMutants(): Mutant[] {
  const text = readFileSync(PATH, "utf8");
  const file = ts.createSourceFile(PATH, text, ts.ScriptTarget.ESNext, true);
  const mutants: Mutant[] = [];
  const take = (field: string, node: ts.Node): void => {
    mutants.push({
      kind: "rule",
      place: lineOf(file, node),
      what: `${field}: ${node.getText()}`,
      source: { path: PATH, text: replaced(text, node, ALLOWS) },
      sql: "",
      tests: [
        { file: "test/rules.test", title: `${field.replace(".", "\\.")}[ (]` },
        { file: "test/api/immutability", title: null },
        { file: "test/rules.test", title: null },
      ],
    });
  };
  for (const [type, fields] of propertiesOf(treeOf(file))) {
    if (!ts.isObjectLiteralExpression(fields)) continue;
    for (const [field, rule] of propertiesOf(fields)) {
      if (rule.getText() === "comesAlong") continue;
      take(`${type}.${field}`, rule);
      const isJoined = ts.isCallExpression(rule) && rule.expression.getText() === "and";
      if (isJoined) for (const each of rule.arguments) take(`${type}.${field}`, each);
    }
  }
  return mutants;
}

function treeOf(file: ts.SourceFile): ts.ObjectLiteralExpression {
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (name.getText() === "rules" && initializer !== undefined && ts.isObjectLiteralExpression(initializer)) {
        return initializer;
      }
    }
  }
  throw new Error(`${PATH} has no tree of rules`);
}

const propertiesOf = (object: ts.ObjectLiteralExpression): [name: string, value: ts.Expression][] =>
  object.properties.filter(ts.isPropertyAssignment).map((property) => [property.name.getText(), property.initializer]);
