import { Writable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import { buildSchema, GraphQLError } from "graphql";
import { pino } from "pino";
import { QueryFailedError } from "typeorm";
import { Denial, Refusal } from "../../../src/errors.js";
import { logFaults, makeErrorFormatter, withoutEcho } from "../../../src/server/error.js";
import { OutageLog } from "../../../src/server/outage.js";
import { TOKENS_MOST, tooComplex } from "../../../src/server/limits.js";

const WORDS = new Set([
  "Query",
  "organizations",
  "CreateCredentialInput",
  "input",
  "privateKey",
  "tenantId",
  "String",
  "ID",
]);
const SECRET = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFy";

describe("a message without an echo", () => {
  test.each([
    [
      `Variable "$input" got invalid value { pem: "${SECRET}" } at "input.privateKey"; String cannot represent a non string value`,
      'Variable "$input" has a value that does not fit its type, at "input.privateKey".',
    ],
    [
      `Variable "$input" got invalid value "${SECRET}" at "input.${SECRET}"; Field "${SECRET}" is not defined by type "CreateCredentialInput".`,
      'Variable "$input" has a value that does not fit its type, at "input".',
    ],
    [
      `Variable "$input" got invalid value { privateKey: "${SECRET}" }; Field "tenantId" of required type "ID!" was not provided.`,
      'Variable "$input" has a value that does not fit its type: "tenantId" is missing.',
    ],
    [
      `Variable "$${SECRET}" of required type "ID!" was not provided.`,
      'Variable "…" has a value that does not fit its type.',
    ],
    [`Syntax Error: Unexpected Name "${SECRET}".`, "Syntax Error: the document cannot be read at this place."],
    [`ID cannot represent value: { a: "${SECRET}" }`, "A value does not fit its type at this place."],
    [`Cannot query field "${SECRET}" on type "Query".`, 'Cannot query field "…" on type "Query".'],
    ['Cannot query field "organizations" on type "Query".', 'Cannot query field "organizations" on type "Query".'],
    ['Cannot query field "short" on type "Query".', 'Cannot query field "short" on type "Query".'],
    [`Unknown operation named "a "quoted" ${SECRET}".`, "The document has no operation of the name asked for."],
    [
      `Unknown argument "${SECRET}" on field "Query.organizations".`,
      'Unknown argument "…" on field "Query.organizations".',
    ],
  ])("of %j is %j", (message, expected) => {
    expect(withoutEcho(message, WORDS)).toBe(expected);
  });

  test("keeps the sentences of Apollo and graphql as they are", () => {
    const sentences = [
      "GraphQL operations must contain a non-empty `query` or a `persistedQuery` extension.",
      "POST body missing, invalid Content-Type, or JSON object has no keys.",
      'Variable "$id" is never used.',
    ];
    for (const sentence of sentences) expect(withoutEcho(sentence, WORDS)).toBe(sentence);
  });
});

describe("an error as a client sees it", () => {
  const lines: string[] = [];
  const destination = new Writable({
    write: (line: Buffer, _, done) => {
      lines.push(line.toString());
      done();
    },
  });
  const log = pino({ base: null }, destination);
  const format = makeErrorFormatter(buildSchema("type Query { a: Int }"));
  /** As Apollo hands it over. */
  const seen = (error: Error, code?: string) => {
    lines.length = 0;
    const wrapped = new GraphQLError(error.message, {
      path: ["a"],
      originalError: error,
      extensions: { ...(code !== undefined && { code }), stacktrace: ["secret"] },
    });
    logFaults([wrapped], "the request", log, new OutageLog(log));
    return { formatted: format(wrapped.toJSON(), wrapped), logged: lines.join("") };
  };

  test("is one of the project's own, with its code and its message", () => {
    for (const own of [
      new Denial("NOT_FOUND"),
      new Denial("FORBIDDEN", "Not here."),
      new Refusal("IN_USE", "By Web."),
    ]) {
      expect(seen(own)).toEqual({
        formatted: { message: own.message, path: ["a"], extensions: { code: own.code } },
        logged: "",
      });
    }
  });

  test("is a limit, by whoever keeps it", () => {
    const code = "GRAPHQL_VALIDATION_FAILED";
    const limits = [
      tooComplex("Too deep."),
      new GraphQLError("Validation aborted."),
      new GraphQLError(`Syntax Error: Document contains more that ${TOKENS_MOST} tokens. Parsing aborted.`),
    ];
    const answers = limits.map((limit) => seen(limit, code).formatted);
    expect(answers.map(({ extensions }) => extensions)).toEqual(limits.map(() => ({ code: "TOO_COMPLEX" })));
    expect(answers[2]?.message).toBe(`The document has more than ${TOKENS_MOST} tokens.`);
  });

  test("is a fault of the request, without its values", () => {
    const { formatted, logged } = seen(new GraphQLError(`ID cannot represent value: "${SECRET}"`), "BAD_USER_INPUT");
    expect(formatted).toMatchObject({ extensions: { code: "INVALID_INPUT" } });
    expect(JSON.stringify(formatted) + logged).not.toContain(SECRET.slice(0, 12));
  });

  test("is of everything else that there was a fault, and the log has no values of the database", () => {
    const driver = Object.assign(new Error(`duplicate key (${SECRET})`), {
      severity: "ERROR",
      code: "23505",
      constraint: "credential_key_id",
      table: "credentials",
      detail: `Key (key_id)=(${SECRET}) already exists.`,
    });
    const fault = new QueryFailedError(`INSERT INTO credentials VALUES ($1)`, [SECRET], driver);
    const { formatted, logged } = seen(fault, "INTERNAL_SERVER_ERROR");
    expect(formatted).toMatchObject({ extensions: { code: "INTERNAL" } });
    expect(JSON.stringify(formatted) + logged).not.toContain(SECRET.slice(0, 12));
    expect(JSON.parse(logged)).toMatchObject({
      level: 50,
      path: ["a"],
      requestId: "the request",
      fault: { type: "QueryFailedError", code: "23505", constraint: "credential_key_id", table: "credentials" },
    });
  });

  test("is a fault too where what was thrown is no error", () => {
    const { formatted, logged } = seen("thrown" as unknown as Error);
    expect(formatted).toMatchObject({ extensions: { code: "INTERNAL" } });
    expect(logged).not.toBe("");
  });
});
