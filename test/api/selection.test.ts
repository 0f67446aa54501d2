import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildSchema, getNamedType, isLeafType, isObjectType } from "graphql";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const type = buildSchema(readFileSync("schema/schema.graphql", "utf8")).getType("Credential");
const fields = isObjectType(type) ? Object.values(type.getFields()) : [];
const asked = fields.map(({ name, type: of }) => (isLeafType(getNamedType(of)) ? name : `${name} { __typename }`));

let server: TestServer;
let acme: Story;
let mobile: string;
let keys: string[];

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  mobile = await acme.subOrganization("Mobile");
  const shared = await acme.credential(acme.organizationId, { verify: false });
  await acme.share(shared);
  keys = [shared, await acme.credential(mobile, { verify: false })].sort();
});
afterAll(() => server.close());

/** What lists and fragments make of a selection. */
const FORMS: [form: string, selectionOf: (selection: string) => string, nodesOf: (list: List) => unknown][] = [
  ["nodes", (selection) => `nodes { ${selection} }`, ({ nodes }) => nodes],
  ["edges", (selection) => `edges { tag node { ${selection} } }`, ({ edges }) => edges?.map(({ node }) => node)],
  ["nodes, by a fragment", () => "...Keys", ({ nodes }) => nodes],
  ["nodes, twice", (selection) => `nodes { id } ... { nodes { ${selection} } }`, ({ nodes }) => nodes],
];

interface List {
  readonly nodes?: readonly object[];
  readonly edges?: readonly { readonly node: object }[];
}

test("every field of a key is looked at", () => {
  expect(asked).toEqual(expect.arrayContaining(["name", "createdAt", "health { __typename }"]));
});

describe.each(FORMS)("whatever a list of keys is asked for in its %s", (_, selectionOf, nodesOf) => {
  test.each(asked)("it tells what each key does by itself: %s", async (selection) => {
    const both = `id ${selection}`;
    const fragment = `fragment Key on Credential { ${both} } fragment Keys on TenantCredentialConnection { nodes { ...Key } }`;
    const list = selectionOf(both);
    const { data, errors } = await server.ask<{ subOrganization: { credentials: List } }>(
      acme.owner,
      `query ($id: ID!) { subOrganization(id: $id) { credentials { ${list} } } } ${list === "...Keys" ? fragment : ""}`,
      { id: mobile },
    );
    expect(errors).toBeUndefined();
    const each = await Promise.all(
      keys.map((id) =>
        server.ask<{ credential: object }>(acme.owner, `query ($id: ID!) { credential(id: $id) { ${both} } }`, { id }),
      ),
    );
    expect(nodesOf(data.subOrganization.credentials)).toEqual(each.map((answer) => answer.data.credential));
  });
});

test("a list that is selected twice is read for both, also when it comes again", async () => {
  for (let times = 0; times < 3; times += 1) {
    const { data, errors } = await server.ask<{ subOrganization: { credentials: { nodes: { createdAt: string }[] } } }>(
      acme.owner,
      `query ($id: ID!) { subOrganization(id: $id) {
        credentials { nodes { id } } ... on Tenant { credentials { nodes { createdAt } } } } }`,
      { id: mobile },
    );
    expect(errors).toBeUndefined();
    expect(data.subOrganization.credentials.nodes.map(({ createdAt }) => typeof createdAt)).toEqual([
      "string",
      "string",
    ]);
  }
});
