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
import { CodedError, ERROR_CODES, type ErrorCode } from "../errors.js";

/** Apollo's codes for what is wrong with the request itself. */
const REQUEST_FAULTS = new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "BAD_USER_INPUT",
  "BAD_REQUEST",
  "OPERATION_RESOLUTION_FAILURE",
  "PERSISTED_QUERY_NOT_SUPPORTED",
]);

/** A word of a message that is longer than this, and none of the schema's, could be part of a secret. */
const UNKNOWN_WORD_CHARACTERS = 11;

/**
 * What a client sees of an error: the project's own as they are; what is wrong with the request, without any echo
 * of its values; and of everything else that there was a fault, which is logged.
 */
export function makeErrorFormatter(schema: GraphQLSchema, log: Logger) {
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
    if (code === "TOO_COMPLEX") return { message: formatted.message, ...place, extensions: { code } };
    if (isRequestFault(code, original)) {
      return { message: withoutEcho(formatted.message, words), ...place, extensions: { code: "INVALID_INPUT" } };
    }
    log.error({ fault: describe(original), path: formatted.path }, "a request failed");
    return { message: ERROR_CODES.INTERNAL, ...place, extensions: { code: "INTERNAL" satisfies ErrorCode } };
  };
}

/** The error below the wrappings that say where it happened. */
function originalOf(error: unknown): unknown {
  let current = error;
  while (current instanceof GraphQLError && current.originalError !== undefined) current = current.originalError;
  return current;
}

function isRequestFault(code: unknown, original: unknown): boolean {
  // Thrown by graphql itself, on arguments and variables that do not fit, with nothing below.
  return (
    typeof code === "string" &&
    REQUEST_FAULTS.has(code) &&
    (original instanceof GraphQLError || original instanceof Error)
  );
}

/** Names that a message may hold: those of the schema and of the language. */
function wordsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const words = new Set(["operationName", "application/json", "implementation", "subscription"]);
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
 * only the place is kept; the others name words of the document, and unknown long ones may be anything.
 */
export function withoutEcho(message: string, words: ReadonlySet<string>): string {
  if (message.startsWith("Syntax Error")) return "Syntax Error: the document cannot be read at this place.";
  const variable = /^Variable "(\$[A-Za-z_]\w{0,40})"/.exec(message)?.[1];
  if (variable !== undefined && /(?:got invalid value|of required type|of non-null type)/.test(message)) {
    const place = /at "([A-Za-z_][\w.[\]]*)"/.exec(message)?.[1]?.split(/[.[\]]+/) ?? [];
    const known = place.filter((part) => words.has(part) || /^\d+$/.test(part)).join(".");
    const missing = /Field "(\w+)" of required type/.exec(message)?.[1];
    const why = missing !== undefined && words.has(missing) ? `: "${missing}" is missing` : "";
    return `Variable "${masked(variable, words)}" has a value that does not fit its type${known && `, at "${known}"`}${why}.`;
  }
  if (/cannot represent|Expected value of type|Expected type|is not defined by type|found /.test(message)) {
    return "A value does not fit its type at this place.";
  }
  return message.replaceAll(/[A-Za-z0-9_+/=.-]+/g, (word) => masked(word, words));
}

function masked(word: string, words: ReadonlySet<string>): string {
  if (word.length <= UNKNOWN_WORD_CHARACTERS) return word;
  // "Organization.credentials" is two words; English words have no digits and no capitals inside.
  const parts = word.split(/[./]/);
  if (
    parts.every(
      (part) => part.length <= UNKNOWN_WORD_CHARACTERS || words.has(part) || /^[A-Za-z]?[a-z]{1,19}$/.test(part),
    )
  )
    return word;
  return "…";
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
