import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** The TypeScript files below a folder, in their order. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
    .sort();

/** A text with something else in the place of a node. */
export const replaced = (text: string, node: ts.Node, by: string): string =>
  text.slice(0, node.getStart()) + by + text.slice(node.getEnd());

/** Where a node is, as `path:line`. */
export const lineOf = (file: ts.SourceFile, node: ts.Node): string => placeAt(file, node.getStart());

/** Where an offset is, as `path:line`. */
export const placeAt = (file: ts.SourceFile, offset: number): string =>
  `${file.fileName}:${file.getLineAndCharacterOfPosition(offset).line + 1}`;

/** All nodes of a file. */
export function nodesOf(file: ts.SourceFile): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    node.forEachChild(visit);
  };
  visit(file);
  return nodes;
}

const CONFIG = ts.parseJsonConfigFileContent(
  ts.readConfigFile("tsconfig.json", (path) => ts.sys.readFile(path)).config,
  ts.sys,
  ".",
);

/** What the compiler makes of one file by itself. */
export function compiled(path: string, text: string): string {
  // Of a file by itself the compiler does not know that its package is of ES modules.
  const compilerOptions = { ...CONFIG.options, module: ts.ModuleKind.ESNext, sourceMap: false };
  return ts.transpileModule(text, { fileName: path, compilerOptions }).outputText;
}
