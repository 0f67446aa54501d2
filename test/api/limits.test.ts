import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { getIntrospectionQuery } from "graphql";
import { NODES_MOST } from "../../src/resolvers/node.js";
import { PAGE_MOST } from "../../src/resolvers/connection.js";
import {
  ALIASES_MOST,
  ASKS_APPLE,
  BODY_BYTES,
  COST_MOST,
  DEPTH_MOST,
  DIRECTIVES_MOST,
  FILES_BODY_BYTES,
  TOKENS_MOST,
  VALIDATION_ERRORS_MOST,
  VALUE_CHARACTERS,
  VALUES_MOST,
} from "../../src/server/limits.js";
import { seed, type Story } from "../support/seed.js";
import { HOSTILE, times } from "./hostile.js";
import { startTestServer, type ClientError, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  await acme.subOrganization("Web");
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly codes: (string | undefined)[];
  readonly data: unknown;
}

async function send(body: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${acme.owner}`, ...headers },
    body,
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data?: unknown; errors?: ClientError[] };
  return { status: response.status, text, codes: (errors ?? []).map(({ extensions }) => extensions.code), data };
}

/** Asks while another client asks too, and is served. How long that takes, `bench/hostile.ts` measures. */
async function ask(query: string, variables: object = {}): Promise<Answer> {
  const body = JSON.stringify({ query, variables: { id: acme.organizationId, ...variables } });
  const [answer, other] = await Promise.all([send(body), server.ask(acme.owner, "{ viewer { __typename } }")]);
  expect(other.errors).toBeUndefined();
  return answer;
}

async function expectServed(query: string, variables: object = {}): Promise<void> {
  const answer = await ask(query, variables);
  expect(answer).toMatchObject({ status: 200, codes: [] });
  expect(answer.data).toBeTruthy();
}

/** Refused as a fault of the request, before anything was asked of it. */
async function expectRefused(code: "TOO_COMPLEX" | "INVALID_INPUT", query: string, variables: object = {}) {
  const answer = await ask(query, variables);
  expect(answer.status).toBeLessThan(500);
  expect(new Set(answer.codes)).toEqual(new Set([code]));
  expect(answer.data ?? null).toBeNull();
}

describe("the size of a body", () => {
  const padded = (bytes: number): string => JSON.stringify({ query: "{ __typename }" }).padEnd(bytes);

  test("is served at the limit", async () => {
    expect(await send(padded(BODY_BYTES))).toMatchObject({ status: 200, codes: [] });
  });

  test("is refused one byte beyond it, in JSON", async () => {
    expect(await send(padded(BODY_BYTES + 1))).toMatchObject({ status: 413, codes: ["TOO_COMPLEX"] });
  });

  test("is counted in bytes", async () => {
    const body = JSON.stringify({ query: "{ __typename }", extensions: { note: "é".repeat(BODY_BYTES / 2) } });
    expect(body.length).toBeLessThan(BODY_BYTES);
    expect(await send(body)).toMatchObject({ status: 413, codes: ["TOO_COMPLEX"] });
  });

  test("is counted where its length is not told", async () => {
    for (const limit of [BODY_BYTES, FILES_BODY_BYTES]) {
      const response = await fetch(`${server.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${acme.owner}` },
        body: new Blob([padded(limit + 1)]).stream(),
        duplex: "half",
      });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "TOO_COMPLEX" } }] });
    }
  });

  describe("with files", () => {
    const file = "A".repeat(BODY_BYTES);
    const upload = (input: string) =>
      `mutation ($p: String! = "", $input: UploadCertificateInput) { uploadCertificate(input: ${input}) { userErrors { code } } }`;
    const given = `{ tenantId: "${"x".repeat(30)}", pkcs12: $p }`;
    const tooLarge = { status: 413, codes: ["TOO_COMPLEX"] };

    test.each<[where: string, query: string, variables: object]>([
      ["a variable", upload(given), { p: file }],
      ["an input", upload("$input"), { input: { tenantId: "x", pkcs12: file } }],
      ["the document", upload(given.replace("$p", `"${file}"`)), {}],
    ])("is larger by those in %s", async (_, query, variables) => {
      expect((await send(JSON.stringify({ query, variables }))).status).toBe(200);
    });

    test.each<[where: string, query: string, variables: object]>([
      ["a variable that is no file", upload(given), { p: "", input: { tenantId: file, pkcs12: "" } }],
      ["a variable that is given to nothing", upload(given.replace("$p", '""')), { p: file }],
      ["a variable that is not declared", "{ __typename }", { pkcs12: file }],
      ["an input that is not declared", "{ __typename }", { input: { pkcs12: file } }],
      ["a document that cannot be read", `${upload(given)} }`, { p: file }],
      ["what is around it", upload(given), { p: file, note: file }],
    ])("is not larger by %s", async (_, query, variables) => {
      expect(await send(JSON.stringify({ query, variables }))).toMatchObject(tooLarge);
    });

    test("has a limit too", async () => {
      const body = (bytes: number): string => {
        const bare = JSON.stringify({ query: upload(given), variables: { p: "" } });
        return bare.replace('"p":""', `"p":"${"A".repeat(bytes - bare.length)}"`);
      };
      expect((await send(body(FILES_BODY_BYTES))).status).toBe(200);
      expect(await send(body(FILES_BODY_BYTES + 1))).toMatchObject(tooLarge);
    });
  });
});

describe("the shape of a document", () => {
  test("may have as many tokens as the limit, and not one more", async () => {
    // Five tokens each; only the first is asked for.
    const operations = times(TOKENS_MOST / 5, (i) => `query Q${i} { __typename }`);
    const first = (query: string): Promise<Answer> => send(JSON.stringify({ query, operationName: "Q0" }));
    expect(await first(operations)).toMatchObject({ status: 200, codes: [], data: { __typename: "Query" } });
    expect(await first(operations.replace("__typename", "__typename,,,"))).toMatchObject({ status: 200, codes: [] });
    expect(await first(operations.replace("__typename", "__typename __typename"))).toMatchObject({
      status: 200,
      codes: ["TOO_COMPLEX"],
    });
  });

  /** Fields below one another. */
  const deep = (depth: number): string => {
    const path = ["organization(id: $id)"];
    while (path.length < depth - 1) path.push(...["subOrganizations(first: 1)", "nodes", "organization"]);
    const fields = [...path.slice(0, depth - 1), "__typename"];
    return `query ($id: ID!) { ${fields.join(" { ")} ${" }".repeat(depth)}`;
  };

  test("may be as deep as the limit, and no deeper", async () => {
    await expectServed(deep(DEPTH_MOST));
    await expectRefused("TOO_COMPLEX", deep(DEPTH_MOST + 1));
  });

  test("is as deep as its fragments are", async () => {
    const chain = (count: number): string =>
      `{ viewer { ...F0 } } ${times(count, (i) => `fragment F${i} on Viewer { ${i + 1 < count ? `...F${i + 1}` : "__typename"} }`)}`;
    // viewer, and each fragment with its name and its field.
    await expectServed(chain(3));
    await expectRefused("TOO_COMPLEX", chain(DEPTH_MOST));
  });

  test("may have as many aliases as the limit, and not one more", async () => {
    const aliases = (count: number): string => `{ ${times(count, (i) => `a${i}: __typename`)} }`;
    await expectServed(aliases(ALIASES_MOST));
    await expectRefused("TOO_COMPLEX", aliases(ALIASES_MOST + 1));
  });

  test("has the aliases that its fragments have", async () => {
    const spread = (count: number): string =>
      `{ viewer { ...F } } fragment F on Viewer { ${times(count, (i) => `a${i}: __typename`)} }`;
    await expectServed(spread(ALIASES_MOST));
    await expectRefused("TOO_COMPLEX", spread(ALIASES_MOST + 1));
  });

  test("may have as many directives as the limit, and not one more", async () => {
    const directives = (count: number): string => `{ ${times(count, () => "__typename @include(if: true)")} }`;
    await expectServed(directives(DIRECTIVES_MOST));
    await expectRefused("TOO_COMPLEX", directives(DIRECTIVES_MOST + 1));
  });
});

describe("the cost of an operation", () => {
  /** Costs 1 + f × (1 + k). */
  const nested = (head: string, f: string, k: string): string =>
    `query (${head}$id: ID!) { organization(id: $id) { subOrganizations${f} { nodes { credentials${k} { edges { node { id } } } } } } }`;
  const AT_LIMIT = { f: 99, k: 100 };
  const BEYOND = { f: 100, k: 99 };

  test("is what these tests take it for", () => {
    expect(1 + AT_LIMIT.f * (1 + AT_LIMIT.k)).toBe(COST_MOST);
    expect(1 + BEYOND.f * (1 + BEYOND.k)).toBe(COST_MOST + 1);
  });

  test("is counted by page sizes that are literals", async () => {
    const literal = ({ f, k }: typeof AT_LIMIT): string => nested("", `(first: ${f})`, `(first: ${k})`);
    await expectServed(literal(AT_LIMIT));
    await expectRefused("TOO_COMPLEX", literal(BEYOND));
  });

  test("is counted by page sizes that are variables", async () => {
    const query = nested("$f: Int!, $k: Int!, ", "(first: $f)", "(first: $k)");
    await expectServed(query, AT_LIMIT);
    await expectRefused("TOO_COMPLEX", query, BEYOND);
  });

  test("is counted by the defaults of variables", async () => {
    const defaults = ({ f, k }: typeof AT_LIMIT): string =>
      nested(`$f: Int! = ${f}, $k: Int! = ${k}, `, "(first: $f)", "(first: $k)");
    await expectServed(defaults(AT_LIMIT));
    await expectRefused("TOO_COMPLEX", defaults(BEYOND));
    await expectServed(defaults(BEYOND), AT_LIMIT);
  });

  test("is counted by the defaults of the schema", async () => {
    // A page of 50 by default: 1 + 199 × 51 is over, 1 + 196 × 51 is not.
    await expectServed(nested("", "(first: 196)", ""));
    await expectRefused("TOO_COMPLEX", nested("", "(first: 199)", ""));
  });

  test("is counted by the ids that are asked for", async () => {
    const query = `query ($ids: [ID!]!, $f: Int!) { nodes(ids: $ids) { ... on Organization { subOrganizations(first: $f) { nodes { id } } } } }`;
    const ids = Array.from({ length: 100 }, () => acme.organizationId);
    expect(ids.length * (1 + 99)).toBe(COST_MOST);
    await expectServed(query, { ids, f: 99 });
    await expectRefused("TOO_COMPLEX", query, { ids, f: 100 });
  });

  test("is higher where Apple is asked", async () => {
    const lists = (names: string[]): string =>
      `query ($id: ID!) { organization(id: $id) { credentials(first: ${PAGE_MOST}) { edges { node { appStoreConnect {
        ${names.map((name) => `${name}(first: 1) { pageInfo { hasNextPage } }`).join(" ")} } } } } } }`;
    expect(PAGE_MOST * 3 * ASKS_APPLE).toBeGreaterThan(COST_MOST);
    await expectServed(lists(["certificates", "devices"]));
    await expectRefused("TOO_COMPLEX", lists(["certificates", "devices", "bundleIds"]));
  });

  test("is the sum over aliases, and over fragments", async () => {
    const { f } = AT_LIMIT;
    const list = (alias: string): string => `${alias}: organization(id: $id) { ...O }`;
    const query = (aliases: string[]): string =>
      `query ($id: ID!) { ${aliases.map(list).join(" ")} } fragment O on Organization { subOrganizations(first: ${f}) { nodes { credentials(first: 50) { edges { node { id } } } } } }`;
    await expectServed(query(["a"]));
    await expectRefused("TOO_COMPLEX", query(["a", "b"]));
  });

  test("is not escaped beside an argument that cannot be read", async () => {
    const beside = `query ($id: ID!, $none: Int) {
      a: organization(id: $id) { subOrganizations(first: $none) { nodes { id } } }
      b: organization(id: $id) { subOrganizations(first: 200) { nodes { credentials(first: 200) { edges { node { id } } } } } } }`;
    await expectRefused("INVALID_INPUT", beside, { none: null });
    await expectRefused("TOO_COMPLEX", beside, { none: 1 });
  });

  test("is that of the operation that is asked for", async () => {
    const query = `query Small { __typename } query Large { viewer { tenants(first: 200) { nodes { ... on Organization { subOrganizations(first: 200) { nodes { id } } } } } } }`;
    const as = (operationName: string) => send(JSON.stringify({ query, operationName }));
    expect(await as("Small")).toMatchObject({ status: 200, codes: [] });
    expect(await as("Large")).toMatchObject({ status: 200, codes: ["TOO_COMPLEX"] });
  });
});

describe("the values in variables", () => {
  const UPLOAD = `mutation ($input: UploadProvisioningProfilesInput!) {
    uploadProvisioningProfiles(input: $input) { userErrors { code } } }`;
  /** So many values in all: the id, the input, its two fields, and the profiles. */
  const upload = (values: number) =>
    ask(UPLOAD, { input: { tenantId: acme.organizationId, profiles: Array.from({ length: values - 4 }, () => "") } });

  test("are as many as the limit, wherever they stand", async () => {
    const refused = { uploadProvisioningProfiles: { userErrors: [{ code: "INVALID_INPUT" }] } };
    expect(await upload(VALUES_MOST)).toMatchObject({ status: 200, codes: [], data: refused });
  });

  test("are not one more", async () => {
    expect(await upload(VALUES_MOST + 1)).toMatchObject({ status: 200, codes: ["TOO_COMPLEX"] });
    const nested = Array.from({ length: 101 }, () => Array.from({ length: 100 }, () => 0));
    await expectRefused("TOO_COMPLEX", UPLOAD, { input: { tenantId: "", profiles: nested } });
    const flat = Object.fromEntries(Array.from({ length: VALUES_MOST + 1 }, (_, i) => [`v${i}`, 0]));
    await expectRefused("TOO_COMPLEX", "{ viewer { __typename } }", flat);
  });

  test("are answered at once, however many a body holds", async () => {
    await expectRefused("TOO_COMPLEX", UPLOAD, { input: { tenantId: "", profiles: new Array(400_000).fill("") } });
  });
});

describe("a value in variables", () => {
  const long = "y".repeat(VALUE_CHARACTERS);

  test.each([
    ["by itself", "query ($id: ID!) { node(id: $id) { id } }", (value: string) => ({ id: value }), "NOT_FOUND"],
    [
      "in a list",
      "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
      (value: string) => ({ ids: [value] }),
      "NOT_FOUND",
    ],
    [
      "in an input",
      `mutation ($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { userErrors { code } } }`,
      (value: string) => ({ input: { organizationId: acme.organizationId, name: value } }),
      undefined,
    ],
  ])("has as many characters as the limit %s, and not one more", async (_, query, variables, code) => {
    expect((await ask(query, variables(long))).codes).toEqual(code === undefined ? [] : [code]);
    await expectRefused("TOO_COMPLEX", query, variables(`${long}y`));
  });

  test("that is a file has a limit of its own, also in a variable of its own", async () => {
    const file = Buffer.alloc(VALUE_CHARACTERS).toString("base64");
    const whole = `mutation ($input: UploadCertificateInput!) { uploadCertificate(input: $input) { userErrors { code } } }`;
    const tenantId = acme.organizationId;
    const refused = { uploadCertificate: { userErrors: [{ code: "INVALID_PKCS12" }] } };
    expect((await ask(whole, { input: { tenantId, pkcs12: file } })).data).toEqual(refused);
    const apart = `mutation ($t: ID!, $p: String!) { uploadCertificate(input: {tenantId: $t, pkcs12: $p}) { userErrors { code } } }`;
    expect((await ask(apart, { t: tenantId, p: file })).data).toEqual(refused);
    await expectRefused("TOO_COMPLEX", whole, { input: { tenantId, pkcs12: "", password: file } });
    const password = apart.replace("pkcs12: $p", 'pkcs12: "", password: $p');
    await expectRefused("TOO_COMPLEX", password, { t: tenantId, p: file });
  });
});

test(`an answer names ${VALIDATION_ERRORS_MOST} errors of validation at most`, async () => {
  const wrong = (count: number): string => `{ ${times(count, (i) => `wrong${i}`)} }`;
  expect((await ask(wrong(VALIDATION_ERRORS_MOST))).codes).toHaveLength(VALIDATION_ERRORS_MOST);
  // One more says that there are more.
  expect((await ask(wrong(VALIDATION_ERRORS_MOST * 10))).codes).toHaveLength(VALIDATION_ERRORS_MOST + 1);
});

describe("the size of a page", () => {
  const page = `query ($id: ID!, $first: Int!) { organization(id: $id) { subOrganizations(first: $first) { nodes { id } } } }`;

  test("may be the limit, and one", async () => {
    await expectServed(page, { first: PAGE_MOST });
    await expectServed(page, { first: 1 });
  });

  test.each([PAGE_MOST + 1, 0, -1, -(2 ** 31)])("is refused at %d, as a literal and as a variable", async (first) => {
    const refused = { status: 200, codes: ["INVALID_INPUT"], data: { organization: null } };
    expect(await ask(page, { first })).toMatchObject(refused);
    const literal = page.replace("$first)", `${first})`).replace(", $first: Int!", "");
    expect(await ask(literal)).toMatchObject(refused);
  });

  test("is limited for ids too", async () => {
    const query = `query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`;
    const ids = (count: number) => ({ ids: Array.from({ length: count }, () => acme.organizationId) });
    await expectServed(query, ids(NODES_MOST));
    await expectRefused("INVALID_INPUT", query, ids(NODES_MOST + 1));
  });
});

describe("a document made to be slow", () => {
  test("a bomb of fragments takes no more than 2.6 KB", () => {
    expect(HOSTILE[0][2].length).toBeLessThan(2_600);
  });

  test("fields that conflict in every pair are refused or answered", async () => {
    const pairs = `{ ${times(320, () => "viewer { __typename }").replaceAll("__typename", "actor { __typename }")} }`;
    expect((await ask(pairs)).status).toBeLessThan(500);
    const fragments = `{ ${times(150, (i) => `...F${i}`)} } ${times(80, (i) => `fragment F${i} on Query { viewer { __typename } }`)}`;
    expect((await ask(fragments)).status).toBeLessThan(500);
  });

  test.each(HOSTILE)("%s is refused", async (_, code, query) => {
    await expectRefused(code, query);
  });

  test("a huge literal is a value like any other", async () => {
    const answer = await ask(`{ node(id: "${"x".repeat(200_000)}") { id } }`);
    expect(answer).toMatchObject({ status: 200, codes: ["NOT_FOUND"] });
    expect(answer.text.length).toBeLessThan(1_000);
  });

  test("huge variables are refused without being repeated", async () => {
    const query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    const wrong = await ask(query, { ids: { x: "y".repeat(VALUE_CHARACTERS) } });
    expect(wrong).toMatchObject({ codes: ["INVALID_INPUT"] });
    expect(wrong.text.length).toBeLessThan(1_000);
    const many = await ask(query, { ids: Array.from({ length: VALUES_MOST - 2 }, () => null) });
    expect(new Set(many.codes)).toEqual(new Set(["INVALID_INPUT"]));
    expect(many.text.length).toBeLessThan(20_000);
    expect((await ask(query, { unused: "y".repeat(VALUE_CHARACTERS), ids: [] })).codes).toEqual([]);
    expect((await ask(query, { unused: "y".repeat(200_000), ids: [] })).codes).toEqual(["TOO_COMPLEX"]);
  });

  test.each([
    [VALUES_MOST, "INVALID_INPUT"],
    [50_000, "TOO_COMPLEX"],
  ])("variables nested %d times are refused", async (times, code) => {
    const nestedJson = `${"[".repeat(times)}${"]".repeat(times)}`;
    const answer = await send(
      `{"query":"query ($ids: [ID!]!) { nodes(ids: $ids) { id } }","variables":{"ids":${nestedJson}}}`,
    );
    expect(answer.status).toBeLessThan(500);
    expect(answer.codes).toEqual([code]);
  });
});

describe("reading the schema", () => {
  const introspections = [
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Credential") { name } }',
    "{ viewer { __typename } s: __schema { types { name } } }",
    "{ ...F } fragment F on Query { __schema { types { name } } }",
  ];

  test.each(introspections)("is off: %s is refused", async (query) => {
    await expectRefused("INVALID_INPUT", query);
  });

  test("leaves __typename, which clients need", async () => {
    await expectServed("{ __typename viewer { __typename actor { __typename } } }");
  });

  test("is no way around through suggestions", async () => {
    const near: readonly (readonly [query: string, hidden: string])[] = [
      ["{ viewe { __typename } }", "viewer"],
      ["{ viewer { actr { __typename } } }", "actor"],
      ['{ organization(di: "x") { id } }', "organization.id"],
      ["query ($a: Organizatio) { __typename }", "Organization"],
      ["{ viewer { actor { ... on Usr { email } } } }", "User"],
      ['mutation { share(input: {subjectId: "x", us: [SIGN]}) { share { id } } }', "uses"],
      ['mutation { share(input: {subjectId: "x", uses: [SIG]}) { share { id } } }', "SIGN"],
      ["{ __typename @inclde(if: true) }", "include"],
    ];
    for (const [query, hidden] of near) {
      const answer = await ask(query);
      expect(answer.codes[0]).toBe("INVALID_INPUT");
      expect(answer.text).not.toMatch(/did you mean/i);
      expect(answer.text).not.toMatch(new RegExp(`\\b${hidden.split(".").at(-1) ?? ""}"`));
    }
    const variable = await ask("mutation ($i: ShareInput!) { share(input: $i) { share { id } } }", {
      i: { subjectId: "x", uss: ["SIG"] },
    });
    expect(variable.codes[0]).toBe("INVALID_INPUT");
    expect(variable.text).not.toMatch(/did you mean/i);
  });

  test("has no explorer", async () => {
    expect((await fetch(`${server.url}/explorer`)).status).toBe(404);
  });
});

describe("where the schema may be read", () => {
  let open: TestServer;
  beforeAll(async () => {
    open = await startTestServer({ GRAPHQL_INTROSPECTION: "true" });
  });
  afterAll(() => open.close());

  test("introspection is answered, to whoever has a token", async () => {
    const { owner } = await seed(open);
    const query = "{ __schema { queryType { name } } }";
    expect((await open.ask(owner, query)).data).toEqual({ __schema: { queryType: { name: "Query" } } });
    expect((await open.ask(null, query)).status).toBe(401);
  });

  test("the explorer's whole introspection is within the limits", async () => {
    const { owner } = await seed(open, "Globex");
    const answer = await open.ask(owner, getIntrospectionQuery());
    expect(answer.errors).toBeUndefined();
  });

  test("the explorer is one page that loads nothing from elsewhere", async () => {
    const response = await fetch(`${open.url}/explorer`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    const page = await response.text();
    expect(page).toContain("/graphql");
    // What the scripts of the page hold as text, such as a template with a placeholder, loads nothing.
    expect(page.match(/<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?\/\/[^"'>\s]+/gi)).toBeNull();
    expect(page).not.toMatch(/@import|url\(["']?https?:|\bimport\(["']https?:|\bfrom ?["']https?:/);
  });
});

describe("what this server does not do", () => {
  test("several operations in one body are refused, one alone is served", async () => {
    const operation = { query: "{ __typename }" };
    expect(await send(JSON.stringify(operation))).toMatchObject({ status: 200, codes: [] });
    const batch = await send(JSON.stringify([operation, operation]));
    expect(batch).toMatchObject({ status: 400, codes: ["INVALID_INPUT"] });
  });

  test("an operation that is named by its hash is refused, and not kept", async () => {
    const query = "{ __typename }";
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const registering = await send(JSON.stringify({ query, extensions }));
    const byHash = await send(JSON.stringify({ extensions }));
    expect(registering.status).toBeLessThan(500);
    expect(byHash).toMatchObject({ codes: ["INVALID_INPUT"] });
    expect(byHash.status).toBeLessThan(500);
  });
});
