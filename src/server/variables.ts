import { Kind, visit, type DocumentNode, type NameNode, type ValueNode } from "graphql";
import { tooComplex, VALUE_CHARACTERS, VALUES_MOST } from "./limits.js";

/** Arguments and fields of inputs that take a file, each with a limit of its own where it is read. */
const FILES: ReadonlySet<string> = new Set(["privateKey", "pkcs12", "certificate", "profiles"]);

/** Refuses variables that hold more than an operation takes, before anything reads them: throws TOO_COMPLEX. */
export function checkVariables(query: DocumentNode, variables: object): void {
  if (!hasFewValues(variables)) throw tooComplex(`The variables hold more than ${VALUES_MOST} values.`);
  if (!hasShortValues(query, variables))
    throw tooComplex(`A value of the variables has more than ${VALUE_CHARACTERS} characters.`);
}

/** Characters of the files that an operation is given, in its variables and in its text. */
export function fileCharacters(query: DocumentNode, variables: object): number {
  if (!hasFewValues(variables)) return 0;
  const { names, characters } = filesOf(query);
  const declared = declaredIn(query);
  // What no operation declares is given to nothing.
  const given = Object.fromEntries(Object.entries(variables).filter(([name]) => declared.has(name)));
  return textsOf(given)
    .filter(({ variable, isFile }) => isFile || names.has(variable))
    .reduce((sum, { value }) => sum + value.length, characters);
}

/** The variables that the operations of a document declare. */
function declaredIn(query: DocumentNode): ReadonlySet<string> {
  const definitions = query.definitions.flatMap((each) =>
    each.kind === Kind.OPERATION_DEFINITION ? (each.variableDefinitions ?? []) : [],
  );
  return new Set(definitions.map(({ variable }) => variable.name.value));
}

/** Each is read several times, and a body has room for a million. */
function hasFewValues(variables: object): boolean {
  const found: unknown[] = Object.values(variables);
  for (const value of found) {
    if (found.length > VALUES_MOST) return false;
    if (typeof value !== "object" || value === null) continue;
    const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
    if (found.length + inner.length > VALUES_MOST) return false;
    found.push(...inner);
  }
  return true;
}

/** Whether none of the variables holds a longer text than is taken, where no file is. */
function hasShortValues(query: DocumentNode, variables: object): boolean {
  const long = textsOf(variables).filter(({ value, isFile }) => value.length > VALUE_CHARACTERS && !isFile);
  if (long.length === 0) return true;
  // Whatever the name of a variable is, it may be given as a file.
  const { names } = filesOf(query);
  return long.every(({ variable }) => names.has(variable));
}

/** A text in the variables. */
interface Text {
  readonly value: string;
  /** The variable that it is, or is in the list of; empty where it is in a field of an input. */
  readonly variable: string;
  /** Whether that field takes a file. */
  readonly isFile: boolean;
}

/** The texts in few values. */
function textsOf(variables: object): readonly Text[] {
  const texts: Text[] = [];
  // Not by calling itself: values may be nested as often as there may be values.
  const found = Object.entries(variables).map(([variable, value]: [string, unknown]) => ({
    ...{ value, variable, isFile: false },
  }));
  for (const { value, variable, isFile } of found) {
    if (typeof value === "string") texts.push({ value, variable, isFile });
    else if (Array.isArray(value)) for (const each of value) found.push({ value: each, variable, isFile });
    else if (typeof value === "object" && value !== null) {
      for (const [name, each] of Object.entries(value))
        found.push({ value: each, variable: "", isFile: FILES.has(name) });
    }
  }
  return texts;
}

/** What a document gives as files by themselves: the names of variables, and the characters of what is written in it. */
function filesOf(query: DocumentNode): { readonly names: ReadonlySet<string>; readonly characters: number } {
  const names = new Set<string>();
  let characters = 0;
  const note = ({ name, value }: { readonly name: NameNode; readonly value: ValueNode }): void => {
    if (!FILES.has(name.value)) return;
    for (const each of value.kind === Kind.LIST ? value.values : [value]) {
      if (each.kind === Kind.VARIABLE) names.add(each.name.value);
      if (each.kind === Kind.STRING) characters += each.value.length;
    }
  };
  visit(query, { ObjectField: note, Argument: note });
  return { names, characters };
}
