import { maxAliasesRule } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthRule } from "@escape.tech/graphql-armor-max-depth";
import { maxDirectivesRule } from "@escape.tech/graphql-armor-max-directives";
import {
  getNamedType,
  GraphQLError,
  isCompositeType,
  Kind,
  type ASTVisitor,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ValidationContext,
} from "graphql";
// Its other build brings a second graphql, to which no schema of ours is one.
import { getComplexity, type ComplexityEstimatorArgs } from "graphql-query-complexity/cjs";
import { coerce } from "./execution.js";

/** Bytes of a request's body, but for the files in it. */
export const BODY_BYTES = 256 * 1024;
/** And with them: 20 profiles of 75 KB, or one of the largest that is taken, in base64. */
export const FILES_BODY_BYTES = 2 * 1024 * 1024;
/** Tokens of a document. */
export const TOKENS_MOST = 1_000;
/** Fields below one another; a fragment counts as one. */
export const DEPTH_MOST = 10;
export const ALIASES_MOST = 15;
export const DIRECTIVES_MOST = 20;
/** Objects that an answer may hold, by the page sizes asked for, and `ASKS_APPLE` for each list that may ask Apple. */
export const COST_MOST = 10_000;
/** Values in the variables of an operation: each list and object, and what is in it. */
export const VALUES_MOST = 10_000;
/** Characters of one value in the variables, but for those that are files. */
export const VALUE_CHARACTERS = 10_000;
/** What a list that may ask Apple costs. */
export const ASKS_APPLE = 20;
/** Validation errors that one answer names. */
export const VALIDATION_ERRORS_MOST = 3;
/** Time that a request may take to arrive whole. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** The refusal of an operation that is over a limit. */
export function tooComplex(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "TOO_COMPLEX", http: { status: 400 } } });
}

const badInput = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT", http: { status: 400 } } });

/** What armor's rules are made of: each counts an operation when it is entered. */
interface OperationVisitor {
  readonly OperationDefinition: { readonly enter: (operation: OperationDefinitionNode) => void };
}

/**
 * Checks depth, aliases and directives before any other rule has looked at the document, since those of the
 * specification are slow on documents made to be slow.
 */
export function limitsRule(context: ValidationContext): ASTVisitor {
  const check = (document: DocumentNode): void => {
    const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
    const over: string[] = [];
    const options = (n: number, message: string) => ({
      n,
      propagateOnRejection: false,
      onReject: [() => over.push(message)],
    });
    const rules = [
      maxDepthRule(options(DEPTH_MOST, `The operation is deeper than ${DEPTH_MOST} fields.`)),
      maxAliasesRule({
        ...options(ALIASES_MOST, `The operation has more than ${ALIASES_MOST} aliases.`),
        allowList: [],
      }),
      maxDirectivesRule(options(DIRECTIVES_MOST, `The operation has more than ${DIRECTIVES_MOST} directives.`)),
    ];
    for (const rule of rules) {
      const visitor = rule(context) as unknown as OperationVisitor;
      for (const operation of operations) visitor.OperationDefinition.enter.call(visitor, operation);
    }
    // Reported once more than validation names errors, it ends validation here; the answer shows it once.
    const [first] = over;
    if (first === undefined) return;
    for (let i = 0; i <= VALIDATION_ERRORS_MOST; i += 1) context.reportError(tooComplex(first));
  };
  return { Document: { enter: check } };
}

/** One for each object; what a page may hold is counted by its size; Apple's lists cost what asking does. */
function estimate({ type, field, args, childComplexity }: ComplexityEstimatorArgs): number {
  if (type.name === "AppStoreConnect" && field.args.length > 0) return ASKS_APPLE;
  const named = getNamedType(field.type);
  if (!isCompositeType(named)) return 0;
  if (named.name.endsWith("Connection"))
    return Math.max(1, typeof args["first"] === "number" ? args["first"] : 1) * childComplexity;
  // Edges and nodes of a page are the same objects, counted where they are reached.
  if (Array.isArray(args["ids"])) return args["ids"].length * (1 + childComplexity);
  if (named.name.endsWith("Edge") || named.name === "PageInfo") return childComplexity;
  return 1 + childComplexity;
}

/**
 * Refuses an operation whose answer could be larger than the server gives: throws TOO_COMPLEX. Throws BAD_USER_INPUT
 * where an argument cannot be read, since what is beside it could not be counted. Gives the cost.
 */
export function checkCost(
  schema: GraphQLSchema,
  query: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): number {
  if (!schema.getRootType(operation.operation)) throw badInput(`There is no ${operation.operation} to ask for.`);
  // Variables that do not fit: the execution that follows refuses them, and says which.
  const { errors, coerced } = coerce(schema, operation, variables);
  if (errors !== undefined) return 0;
  const cost = knownCost(operation, coerced, () => countCost(schema, query, operation, variables));
  if (cost > COST_MOST)
    throw tooComplex(`The operation could answer with more than ${COST_MOST} objects: ask for smaller pages.`);
  return cost;
}

/** Costs of operations by the variables that they depend on: the document of an operation is kept, and so is this. */
const costs = new WeakMap<OperationDefinitionNode, Map<string, number>>();
/** Of one operation. */
const COSTS_KEPT = 100;

/** An operation costs the same wherever its numbers, flags and lists of ids are of the same size. */
function knownCost(
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  count: () => number,
): number {
  const sizes = Object.entries(variables).map(([name, value]) => [name, sizeOf(value)]);
  const key = JSON.stringify(sizes);
  const known = costs.get(operation) ?? new Map<string, number>();
  costs.set(operation, known);
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  const cost = count();
  if (known.size < COSTS_KEPT) known.set(key, cost);
  return cost;
}

/** What of a variable can decide the cost: a page size, a condition, how many ids. Of what is deeper, nothing. */
function sizeOf(value: unknown): unknown {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  return Array.isArray(value) ? [value.length] : typeof value;
}

function countCost(
  schema: GraphQLSchema,
  query: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): number {
  try {
    const operationName = operation.name?.value;
    return getComplexity({
      schema,
      query,
      variables,
      estimators: [estimate],
      ...(operationName !== undefined && { operationName }),
    });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw error.message.startsWith("Query exceeds")
      ? tooComplex("The operation is too large.")
      : badInput(error.message);
  }
}
