import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let mobile: string;
let key: string;
let below: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  mobile = await acme.subOrganization("Mobile");
  key = await acme.credential(acme.organizationId, { verify: false });
  await acme.share(key);
  below = await acme.token(mobile, ["CREDENTIALS_VIEW"]);
});
afterAll(() => server.close());

/** The first time a query is interpreted, from the second on it is compiled. */
const TIMES = 4;

describe("a query that comes again is answered as the first time", () => {
  const cases: [what: string, query: string, variables: () => Record<string, unknown>, asks?: () => string][] = [
    [
      "with things of several types, by their ids",
      "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Credential { name owner { __typename name } share { id } } ... on Organization { name } } }",
      () => ({ ids: [key, acme.organizationId, mobile] }),
    ],
    [
      "with an error for each that may not be seen, in its place",
      "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
      () => ({ ids: [key, "cred_00000000000000000000000000", "none"] }),
    ],
    [
      "with null and an error where a field is denied",
      "query ($id: ID!) { subOrganization(id: $id) { name members { nodes { id } } } }",
      () => ({ id: mobile }),
      () => below,
    ],
    [
      "with null and an error for what is not there",
      "query ($id: ID!) { credential(id: $id) { name } other: organization(id: $id) { name } }",
      () => ({ id: "cred_00000000000000000000000000" }),
    ],
    [
      "with the defaults of variables, arguments and inputs",
      "query ($id: ID!, $first: Int = 1) { organization(id: $id) { subOrganizations(first: $first) { edges { cursor node { name } } pageInfo { hasNextPage } } credentials(filter: {}) { nodes { name createdAt } } } }",
      () => ({ id: acme.organizationId }),
    ],
    [
      "with fragments, aliases and conditions",
      "query ($id: ID!, $with: Boolean!) { a: credential(id: $id) { ...Key b: name @skip(if: $with) } c: credential(id: $id) @include(if: $with) { ...Key } } fragment Key on Credential { id health { status } }",
      () => ({ id: key, with: true }),
    ],
    [
      "with what does not fit a variable",
      "query ($id: ID!, $first: Int) { organization(id: $id) { subOrganizations(first: $first) { nodes { id } } } }",
      () => ({ id: acme.organizationId, first: "many" }),
    ],
    [
      "with what is wrong with an argument",
      "query ($id: ID!, $first: Int!) { organization(id: $id) { subOrganizations(first: $first) { nodes { id } } } }",
      () => ({ id: acme.organizationId, first: 0 }),
    ],
    ["with the viewer", "{ viewer { actor { __typename ... on AccessToken { name } } } }", () => ({})],
  ];

  test.each(cases)("%s", async (_, query, variables, asks = () => acme.owner) => {
    const first = await server.ask(asks(), query, variables());
    for (let time = 1; time < TIMES; time += 1) {
      const again = await server.ask(asks(), query, variables());
      expect({ status: again.status, text: again.text }).toEqual({ status: first.status, text: first.text });
    }
  });

  test("also under other variables", async () => {
    const query =
      "query ($id: ID!, $first: Int!) { organization(id: $id) { subOrganizations(first: $first) { nodes { name } } } }";
    for (let time = 0; time < TIMES; time += 1) {
      const answer = await server.ask(acme.owner, query, { id: acme.organizationId, first: 5 });
      expect(answer.data).toEqual({ organization: { subOrganizations: { nodes: [{ name: "Mobile" }] } } });
      const over = await server.ask(acme.owner, query, { id: acme.organizationId, first: 1_000_000 });
      expect(over.errors?.map(({ extensions }) => extensions.code)).toEqual(["TOO_COMPLEX"]);
    }
  });
});

describe("whoever asks again", () => {
  test("is asked for anew: what was taken meanwhile is taken at once", async () => {
    const query = "query ($id: ID!) { credential(id: $id) { name } }";
    const token = await acme.token(mobile, ["CREDENTIALS_VIEW"]);
    for (let time = 0; time < TIMES; time += 1) expect((await server.ask(token, query, { id: key })).status).toBe(200);
    const viewer = await server.ask<{ viewer: { actor: { id: string } } }>(
      token,
      "{ viewer { actor { ... on AccessToken { id } } } }",
    );
    await server.ask(
      acme.owner,
      "mutation ($input: RevokeAccessTokenInput!) { revokeAccessToken(input: $input) { deletedId } }",
      {
        input: { accessTokenId: viewer.data.viewer.actor.id },
      },
    );
    expect((await server.ask(token, query, { id: key })).status).toBe(401);
    expect((await server.ask(token, "{ viewer { __typename } }")).status).toBe(401);
    expect((await server.ask(acme.owner, query, { id: key })).status).toBe(200);
  });
});
