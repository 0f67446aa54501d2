import { randomInt } from "node:crypto";
import { Writable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { print } from "graphql";
import { pino } from "pino";
import { ERROR_CODES } from "../../src/errors.js";
import { startServer, type RunningServer } from "../../src/server.js";
import { query as sql } from "../support/database.js";
import { CreateCredentialDocument } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type ClientError, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
/** A second server on the same platform, whose log these tests read. */
let logged: RunningServer;
let log: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  const destination = new Writable({
    write: (line: Buffer, _, done) => {
      log.push(line.toString());
      done();
    },
  });
  const platform = { ...server.platform, log: pino({ level: "trace", base: null }, destination) };
  logged = await startServer(platform, { port: 0, host: "127.0.0.1", introspection: false });
});
beforeEach(() => {
  log = [];
});
afterAll(async () => {
  await logged.close();
  await server.close();
});

async function ask(query: string, variables: object = {}, token = acme.owner) {
  const response = await fetch(`${logged.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { data?: unknown; errors?: ClientError[] };
  return { status: response.status, requestId: response.headers.get("x-request-id"), text, ...body };
}

/** Lines of the log that tell of a fault of the server's. */
const faults = (): string[] => log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50);

/** Everything that an answer to a fault may say. */
const INTERNAL = { message: ERROR_CODES.INTERNAL, extensions: { code: "INTERNAL" } };

describe("an unexpected fault", () => {
  const members = "query ($id: ID!) { organization(id: $id) { members(first: 1) { nodes { email } } } }";

  test("is answered without detail and logged, and what is sound is answered", async () => {
    const variables = { id: acme.organizationId };
    let failed: string | null;
    expect((await ask(members, variables)).errors).toBeUndefined();
    await sql(server.database.ownerUrl, "ALTER TABLE members RENAME TO members_gone");
    try {
      const answer = await ask(members, variables);
      failed = answer.requestId;
      expect(answer.errors).toEqual([expect.objectContaining(INTERNAL)]);
      expect(Object.keys(answer.errors?.[0] ?? {}).sort()).toEqual(["extensions", "locations", "message", "path"]);
      expect((await ask("{ viewer { __typename } }")).data).toEqual({ viewer: { __typename: "Viewer" } });
    } finally {
      await sql(server.database.ownerUrl, "ALTER TABLE members_gone RENAME TO members");
    }
    expect(faults()).toHaveLength(1);
    expect(JSON.parse(faults()[0] ?? "")).toMatchObject({
      level: 50,
      fault: { code: "42P01" },
      requestId: failed,
      path: ["organization", "members"],
    });
    expect((await ask(members, variables)).errors).toBeUndefined();
  });

  test("while a key is stored leaves nothing of the key in the answer and in the log", async () => {
    const marker = randomText("abcdefghijklmnopqrstuvwxyz0123456789", 40);
    const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
    const create = print(CreateCredentialDocument);
    const input = { tenantId: acme.organizationId, name: marker, keyId, issuerId, privateKey };
    await sql(
      server.database.ownerUrl,
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room for %', NEW USING DETAIL = NEW::text; END $$`,
      "CREATE TRIGGER refuse BEFORE INSERT ON credentials FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    try {
      const answer = await ask(create, { input });
      expect(answer.errors).toEqual([expect.objectContaining(INTERNAL)]);
      expectNothingOf([marker, privateKey, keyId], answer.text);
    } finally {
      await sql(server.database.ownerUrl, "DROP TRIGGER refuse ON credentials", "DROP FUNCTION refuse()");
    }
    expect(log).toHaveLength(1);
    expect(log[0]).toContain("the database refused a statement");
    expectNothingOf([marker, privateKey, keyId], log.join(""));
    expect((await ask(create, { input })).errors).toBeUndefined();
  });

  test("is a sealed key that was changed: the answer tells nothing of it, the log no bytes", async () => {
    const key = await acme.credential(acme.organizationId, { name: "Broken" });
    const read = `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { certificates { nodes { appleId } } } } }`;
    expect((await ask(read, { id: key })).errors).toBeUndefined();
    const [row] = await sql<{ sealed: string }>(server.database.ownerUrl, [
      `UPDATE credentials SET sealed_key = set_byte(sealed_key, octet_length(sealed_key) - 1, 255 - get_byte(sealed_key, octet_length(sealed_key) - 1)),
       key_version = key_version + 1 WHERE id = $1 RETURNING encode(sealed_key, 'hex') AS sealed`,
      [key],
    ]);
    log = [];
    const answer = await ask(read, { id: key });
    expect(answer.errors).toEqual([expect.objectContaining(INTERNAL)]);
    expect(log).toHaveLength(1);
    const sealed = row?.sealed ?? "";
    expectNothingOf([sealed, Buffer.from(sealed, "hex").toString("base64")], answer.text + log.join(""));
  });

  test("before GraphQL runs is answered alike, in JSON, and logged without the token", async () => {
    let failed: string | null;
    await sql(server.database.ownerUrl, "ALTER TABLE access_tokens RENAME TO access_tokens_gone");
    try {
      const answer = await ask("{ viewer { __typename } }");
      failed = answer.requestId;
      expect(answer).toMatchObject({ status: 500, errors: [INTERNAL] });
      expect(answer).not.toHaveProperty("data");
    } finally {
      await sql(server.database.ownerUrl, "ALTER TABLE access_tokens_gone RENAME TO access_tokens");
    }
    expect(log).toHaveLength(1);
    expect(JSON.parse(log[0] ?? "")).toMatchObject({ level: 50, requestId: failed });
    expectNothingOf([acme.owner], log.join(""));
    expect((await ask("{ viewer { __typename } }")).status).toBe(200);
  });

  test("is none where the request is refused: no fault is logged", async () => {
    const refused = await Promise.all([
      ask("{ nothing }"),
      ask("{"),
      ask("query ($id: ID!) { node(id: $id) { id } }"),
      ask('{ node(id: "x") { id } }'),
      ask("{ viewer { __typename } }", {}, "cs_unknown"),
    ]);
    expect(refused.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual([
      ...["INVALID_INPUT", "INVALID_INPUT", "INVALID_INPUT", "NOT_FOUND", "UNAUTHENTICATED"],
    ]);
    expect(faults()).toEqual([]);
  });
});

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** Characters of a secret that may be seen at most: fewer tell nothing. */
const WINDOW_CHARACTERS = 12;

/** Checks that of none of the secrets a stretch of twelve characters is in a text, in whatever case. */
function expectNothingOf(secrets: readonly (string | null)[], text: string): void {
  const lower = text.toLowerCase();
  for (const secret of secrets) {
    const flat = (secret ?? "").toLowerCase();
    const windows = Array.from({ length: Math.max(0, flat.length - WINDOW_CHARACTERS + 1) }, (_, i) =>
      flat.slice(i, i + WINDOW_CHARACTERS),
    );
    const seen = windows.filter((window) => lower.includes(window) && !window.includes("private key"));
    expect(seen).toEqual([]);
  }
}

type Request = readonly [path: string, init: RequestInit];
const post = (body: unknown, headers: Record<string, string> = {}): Request => [
  "/graphql",
  {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  },
];
const document = (query: string, variables?: unknown, operationName?: unknown): Request =>
  post({ query, variables, operationName });
const get = (search: string, headers: Record<string, string> = {}): Request => [
  `/graphql?${search}`,
  { headers: { "apollo-require-preflight": "1", ...headers } },
];
const create = "mutation ($input: CreateCredentialInput!) { createCredential(input: $input) { userErrors { code } } }";
const input = { tenantId: "org_x", name: "Main", keyId: "K", privateKey: "P" };
const literal = (value: string): string => JSON.stringify(value);

/** Requests that hold a secret in a value, where it does not belong or what is around it is wrong. */
const withValue: Readonly<Record<string, (value: string) => Request>> = {
  "an id": (v) => document(`{ node(id: ${literal(v)}) { id } }`),
  "an object for an id": (v) => document(`{ node(id: {a: ${literal(v)}}) { id } }`),
  "a list for an id": (v) => document(`{ node(id: [${literal(v)}]) { id } }`),
  "a string for a number": (v) => document(`{ viewer { tenants(first: ${literal(v)}) { nodes { id } } } }`),
  "a string for an enum": (v) =>
    document(`{ explainAccess(tenantId: "a", subjectId: "b", use: ${literal(v)}) { allowed } }`),
  "a cursor": (v) => document(`{ viewer { tenants(after: ${literal(v)}) { nodes { id } } } }`),
  "a key in an incomplete input": (v) =>
    document(`mutation { createCredential(input: {privateKey: ${literal(v)}}) { userErrors { code } } }`),
  "a key as a list": (v) =>
    document(
      `mutation { createCredential(input: {tenantId: "o", name: "n", keyId: "k", privateKey: {pem: ${literal(v)}}}) { userErrors { code } } }`,
    ),
  "a key where no tenant is": (v) => document(create, { input: { ...input, privateKey: v } }),
  "a key in a list of a variable": (v) => document(create, { input: { ...input, privateKey: [v] } }),
  "a key in an object of a variable": (v) => document(create, { input: { ...input, privateKey: { pem: v } } }),
  "an unknown enum of a variable": (v) => document(create, { input: { ...input, program: v } }),
  "the name of a field of a variable": (v) => document(create, { input: { ...input, [v]: true } }),
  "a nested name of a variable": (v) => document(create, { input: { ...input, name: { [v]: v } } }),
  "an input with all else missing": (v) => document(create, { input: { privateKey: v } }),
  "a string for an input": (v) => document(create, { input: v }),
  "a date": (v) =>
    document('mutation ($at: DateTime) { share(input: {subjectId: "c", expiresAt: $at}) { userErrors { code } } }', {
      at: v,
    }),
  "a variable in a list": (v) =>
    document("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: [null, { [v]: v }] }),
  "a variable that nobody named": (v) => document("query ($id: ID!) { node(id: $id) { id } }", { [v]: v }),
  "a string that does not end": (v) => document(`{ node(id: ${literal(v).slice(0, -1)}`),
  "a block string that does not end": (v) => document(`{ node(id: """${v}`),
  "a string with a wrong escape": (v) => document(`{ node(id: "${v.replaceAll(/["\\]/g, "x")}\\q") { id } }`),
  "beside a syntax error": (v) => document(`{ node(id: ${literal(v)}) { id } } }} ${literal(v)}`),
  "a comment beside a syntax error": (v) => document(`# ${v}\n{ node( }`),
  "bare in the document": (v) => document(v),
  "an operation's name that is none": (v) => document("query A { __typename } query B { __typename }", {}, v),
  "an operation's name that is an object": (v) => document("{ __typename }", {}, { [v]: v }),
  "a document that is an object": (v) => post({ query: { [v]: v } }),
  "a document that is a list": (v) => post({ query: [v] }),
  "variables that are a string": (v) => post({ query: "{ __typename }", variables: v }),
  "variables that are a list": (v) => post({ query: "{ nothing }", variables: [v] }),
  "extensions that are a string": (v) => post({ query: "{ __typename }", extensions: v }),
  "extensions for a document by hash": (v) => post({ extensions: { persistedQuery: { version: 1, sha256Hash: v } } }),
  "a body that is a string": (v) => post(literal(v)),
  "a body that is a list": (v) => post([v]),
  "a body that is broken JSON": (v) => post(`{"query": ${literal(v)}, ${v}`),
  "a body with a prototype": (v) => post(`{"__proto__": ${literal(v)}, "query": "{ __typename }"}`),
  "a body that is a form": (v) =>
    post(`query=${encodeURIComponent(v)}`, { "content-type": "application/x-www-form-urlencoded" }),
  "a GET's document": (v) => get(`query=${encodeURIComponent(v)}`),
  "a GET's variables": (v) => get(`query={__typename}&variables=${encodeURIComponent(v)}`),
  "a GET's variables in JSON": (v) =>
    get(`query={node(id:1){id}}&variables=${encodeURIComponent(JSON.stringify([v]))}`),
  "a GET's operation name": (v) => get(`query={__typename}&operationName=${encodeURIComponent(v)}`),
  "a GET's parameter twice": (v) => get(`query=${encodeURIComponent(v)}&query=${encodeURIComponent(v)}`),
  "a GET without the header": (v) => [`/graphql?query=${encodeURIComponent(v)}`, {}],
  "a path": (v) => [`/${encodeURIComponent(v)}`, {}],
  "a path that is none": (v) => [`/graphql/%zz${encodeURIComponent(v)}`, {}],
  "a bearer token": (v) => post({ query: "{ __typename }" }, { authorization: `Bearer ${v}` }),
  "a bearer token of ours": (v) => post({ query: "{ __typename }" }, { authorization: `Bearer cs_${v}` }),
  "another authorization": (v) => post({ query: "{ __typename }" }, { authorization: `Basic ${v}` }),
  "a content type": (v) => post("{}", { "content-type": `text/${v.replaceAll(/[^\w+.-]/g, "x")}` }),
  "a content type that is none": (v) => post("{}", { "content-type": v }),
  "a charset": (v) => post("{ nothing", { "content-type": `application/json; charset=${v}` }),
  "what is accepted": (v) => post({ query: "{ nothing }" }, { accept: `text/${v}` }),
  "a request id": (v) => post({ query: "{ nothing }" }, { "x-request-id": v, cookie: `session=${v}` }),
};

/** Requests that hold a secret as a name of the document. */
const withName: Readonly<Record<string, (name: string) => string>> = {
  "a field": (n) => `{ ${n} }`,
  "a field of a viewer": (n) => `{ viewer { ${n} { id } } }`,
  "a field below a scalar": (n) => `{ viewer { __typename { ${n} } } }`,
  "an alias that conflicts": (n) => `{ viewer { actor { ${n}: __typename ... on User { ${n}: email } } } }`,
  "an argument": (n) => `{ node(${n}: 1) { id } }`,
  "an argument twice": (n) => `{ node(id: 1, ${n}: 1, ${n}: 2) { id } }`,
  "a directive": (n) => `{ __typename @${n} }`,
  "a directive's argument": (n) => `{ __typename @include(${n}: true) }`,
  "an enum's literal": (n) => `{ explainAccess(tenantId: "a", subjectId: "b", use: ${n}) { allowed } }`,
  "an enum for a string": (n) => `{ node(id: ${n}) { id } }`,
  "an input field": (n) => `mutation { unshare(input: {subjectId: "a", ${n}: 1}) { deletedId } }`,
  "an input field twice": (n) => `mutation { unshare(input: {${n}: 1, ${n}: 2}) { deletedId } }`,
  "a fragment": (n) => `{ ...${n} }`,
  "a fragment that nothing spreads": (n) => `{ __typename } fragment ${n} on Query { __typename }`,
  "a fragment of itself": (n) => `{ ...${n} } fragment ${n} on Query { ...${n} }`,
  "a fragment twice": (n) => `{ ...${n} } fragment ${n} on Query { __typename } fragment ${n} on Query { __typename }`,
  "a fragment of another type": (n) => `{ ...${n} } fragment ${n} on Viewer { __typename }`,
  "an operation": (n) => `query ${n} { nothing }`,
  "an operation twice": (n) => `query ${n} { __typename } query ${n} { __typename }`,
  "a type of a variable": (n) => `query ($a: ${n}) { __typename }`,
  "a type that a fragment is on": (n) => `{ ... on ${n} { id } }`,
  "a variable that is not defined": (n) => `{ node(id: $${n}) { id } }`,
  "a variable that is not used": (n) => `query ($${n}: ID!) { __typename }`,
  "a variable twice": (n) => `query ($${n}: ID!, $${n}: ID!) { node(id: $${n}) { id } }`,
  "a variable that is missing": (n) => `query ($${n}: ID!) { node(id: $${n}) { id } }`,
  "a variable of another type": (n) => `query ($${n}: Boolean) { node(id: $${n}) { id } }`,
  "a definition": (n) => `type ${n} { a: Int }`,
  "what is no keyword": (n) => `${n} { __typename }`,
};

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const ALPHABETS: Readonly<Record<string, string>> = {
  "letters and digits": `${LETTERS}${LETTERS.toUpperCase()}0123456789`,
  "small letters": LETTERS,
  base64: `${LETTERS}${LETTERS.toUpperCase()}0123456789+/=`,
  "words with dots and dashes": "abcdefghij..--__//",
  "all that can be typed": Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).join(""),
};
const NAME_ALPHABETS = ["letters and digits", "small letters"];
const SECRET_CHARACTERS = 40;

async function expectNoEcho([path, init]: Request, secret: string): Promise<void> {
  const headers = { authorization: `Bearer ${acme.owner}`, ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(`${logged.url}${path}`, { ...init, headers });
  const answer = `${JSON.stringify([...response.headers])} ${await response.text()}`;
  expect(response.status).toBeLessThan(500);
  expect(answer).toMatch(/"errors"|"data"/);
  expectNothingOf([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)], answer + log.join(""));
}

describe.each(Object.entries(ALPHABETS))("a secret of %s", (alphabetName, alphabet) => {
  test.each(Object.entries(withValue))("as %s is in no answer and no log", async (_, request) => {
    const secret = randomText(alphabet, SECRET_CHARACTERS);
    await expectNoEcho(request(secret), secret);
  });

  if (NAME_ALPHABETS.includes(alphabetName)) {
    test.each(Object.entries(withName))("as the name of %s is in no answer and no log", async (_, query) => {
      const secret = `a${randomText(alphabet, SECRET_CHARACTERS - 1)}`;
      await expectNoEcho(document(query(secret)), secret);
    });
  }
});
