import {
  GraphQLError,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from "graphql";
import type { Logger } from "pino";
import { isDatabaseAway, isHindered } from "../database/availability.js";
import { CodedError, ERROR_CODES, type ErrorCode } from "../errors.js";
import { TOKENS_MOST } from "./limits.js";
import type { OutageLog } from "./outage.js";
import type { RefusalLog, Refused } from "./refusal-log.js";

/** Apollo's codes for what is wrong with the request itself. */
const REQUEST_FAULTS = new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "BAD_USER_INPUT",
  "BAD_REQUEST",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_SUPPORTED",
]);

/** What a message quotes and is longer than this, and not the schema's, could be part of a secret. */
const UNKNOWN_CHARACTERS = 11;

/**
 * What a client sees of an error: the project's own as they are; what is wrong with the request, without any echo
 * of its values; that the database is away, or others in the way; and of everything else that there was a fault, which is logged.
 */
export function makeErrorFormatter(schema: GraphQLSchema) {
  const words = wordsOf(schema);
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const original = originalOf(error);
    const place = {
      ...(formatted.locations && { locations: formatted.locations }),
      ...(formatted.path && { path: formatted.path }),
    };
    if (original instanceof CodedError) {
      return { message: original.message, ...place, extensions: { code: original.code } };
    }
    const code = formatted.extensions?.["code"];
    const tooComplex = tooComplexMessage(original);
    if (tooComplex !== null) return { message: tooComplex, ...place, extensions: { code: "TOO_COMPLEX" } };
    if (isRequestFault(code, original)) {
      return { message: withoutEcho(formatted.message, words), ...place, extensions: { code: "INVALID_INPUT" } };
    }
    const fault: ErrorCode = isDatabaseAway(original) || isHindered(original) ? "UNAVAILABLE" : "INTERNAL";
    return { message: ERROR_CODES[fault], ...place, extensions: { code: fault } };
  };
}

/** Logs the faults of the server among the errors of a request, under the id that the client was told. */
export function logFaults(errors: readonly GraphQLError[], requestId: string, log: Logger, outages: OutageLog): void {
  for (const error of errors) {
    const original = originalOf(error);
    if (isDatabaseAway(original)) {
      outages.note(original, requestId);
      continue;
    }
    const isFault =
      !(original instanceof CodedError) &&
      tooComplexMessage(original) === null &&
      !isRequestFault(error.extensions["code"], original);
    if (isFault) log.error({ fault: describe(original), path: error.path, requestId }, "a request failed");
  }
}

const LIMIT_CODES: ReadonlySet<ErrorCode> = new Set(["TOO_COMPLEX", "RATE_LIMITED"]);

/** Notes that a request was over a limit. */
export function noteLimit(errors: readonly GraphQLError[], refused: Refused, refusals: RefusalLog): void {
  for (const error of errors) {
    const original = originalOf(error);
    const code = original instanceof CodedError ? original.code : "TOO_COMPLEX";
    const message = original instanceof CodedError ? original.message : tooComplexMessage(original);
    if (message === null || !LIMIT_CODES.has(code)) continue;
    refusals.note(code, message, refused);
    return;
  }
}

/** The error below the wrappings that say where it happened. */
export function originalOf(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError && current.originalError !== undefined) current = current.originalError;
  return current;
}

/** Why an operation is over a limit, ours or one that graphql itself keeps; null where it is not. */
function tooComplexMessage(original: unknown): string | null {
  if (!(original instanceof GraphQLError)) return null;
  // Apollo gives each error of validation a code of its own; ours is on the error below.
  if (original.extensions["code"] === "TOO_COMPLEX") return original.message;
  if (original.message.startsWith("Syntax Error: Document contains more tha"))
    return `The document has more than ${TOKENS_MOST} tokens.`;
  // A rule of the specification gave up comparing fields with one another.
  return original.message === "Validation aborted." ? "The operation is too large." : null;
}

function isRequestFault(code: unknown, original: unknown): boolean {
  // Thrown by graphql itself, on arguments and variables that do not fit, with nothing below.
  if (typeof code === "string" && REQUEST_FAULTS.has(code)) return original instanceof Error;
  return original instanceof GraphQLError && original.message.startsWith("Too many errors processing variables");
}

/** Names that a message may quote: those of the schema. */
function wordsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const words = new Set<string>();
  for (const type of Object.values(schema.getTypeMap())) {
    words.add(type.name);
    if (isEnumType(type)) for (const value of type.getValues()) words.add(value.name);
    if (isInputObjectType(type)) for (const name of Object.keys(type.getFields())) words.add(name);
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        for (const { name } of [field, ...field.args]) words.add(name);
      }
    }
  }
  return words;
}

/**
 * The message of a fault in the request, without its values. Those of coercion print the whole input, so of them
 * only the place is kept; the others quote names of the document, and unknown long ones may be anything.
 */
export function withoutEcho(message: string, words: ReadonlySet<string>): string {
  if (message.startsWith("Syntax Error")) return "Syntax Error: the document cannot be read at this place.";
  if (message.startsWith("Unknown operation named")) return "The document has no operation of the name asked for.";
  const variable = /^Variable "(\$[A-Za-z_]\w*)"/.exec(message)?.[1];
  if (variable !== undefined && /(?:got invalid value|of required type|of non-null type)/.test(message)) {
    const place = /at "([A-Za-z_][\w.[\]]*)"/.exec(message)?.[1]?.split(/[.[\]]+/) ?? [];
    const known = place.filter((part) => words.has(part) || /^\d{1,6}$/.test(part)).join(".");
    const missing = /Field "(\w+)" of required type/.exec(message)?.[1];
    const why = missing !== undefined && words.has(missing) ? `: "${missing}" is missing` : "";
    return `Variable ${masked(`"${variable}"`, words)} has a value that does not fit its type${known && `, at "${known}"`}${why}.`;
  }
  if (/cannot represent|Expected value of type|Expected type|is not defined by type|found /.test(message)) {
    return "A value does not fit its type at this place.";
  }
  return message.replaceAll(/"[^"]*"/g, (quoted) => masked(quoted, words));
}

/** What a message quotes: `"Query.node(id:)"` is made of words of the schema, and what is short tells nothing. */
function masked(quoted: string, words: ReadonlySet<string>): string {
  if (quoted.length - 2 <= UNKNOWN_CHARACTERS) return quoted;
  return (quoted.match(/\w+/g) ?? []).every((word) => words.has(word)) ? quoted : '"…"';
}

/** A fault for the log: never a database error's bound parameters or details, which hold what was being stored. */
function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown };
  const database = "driverError" in error || "severity" in error;
  return {
    type: error.name,
    message: database ? "the database refused a statement" : error.message,
    ...(typeof code === "string" && { code }),
    ...(typeof constraint === "string" && { constraint }),
    ...(typeof table === "string" && { table }),
    stack: error.stack
      ?.split("\n")
      .filter((line) => line.startsWith("    at "))
      .slice(0, 12),
  };
}
