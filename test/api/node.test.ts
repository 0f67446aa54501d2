import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId, type IdKind } from "../../src/ids.js";
import { codesOf, mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let globex: Story;
/** A person who owns both organizations, so that one viewer finds everything. */
let jane: string;
/** What there is of Acme, and of an organization that Jane is not in. */
let mine: Record<string, string>;
let theirs: Record<string, string>;

/** One of each type that a story can make. */
async function oneOfEach(story: Story): Promise<Record<string, string>> {
  const root = story.organizationId;
  const sub = await story.subOrganization("Web");
  const key = await story.credential(root);
  const share = await story.share(key);
  const member = await mutate<{ member: { id: string } }>(server, story.owner, "addMember", "member { id }", {
    tenantId: sub,
    email: "somebody@example.com",
    roles: ["VIEWER"],
  });
  const token = await mutate<{ accessToken: { id: string } }>(
    server,
    story.owner,
    "createAccessToken",
    "accessToken { id }",
    {
      tenantId: sub,
      name: "CI",
      permissions: ["AUDIT_VIEW"],
    },
  );
  return {
    Organization: root,
    SubOrganization: sub,
    Credential: key,
    Share: share,
    Member: member.payload?.member.id ?? "",
    AccessToken: token.payload?.accessToken.id ?? "",
  };
}

beforeAll(async () => {
  server = await startTestServer();
  [acme, globex] = await Promise.all([seed(server), seed(server, "Globex")]);
  jane = await acme.member(acme.organizationId, "jane@acme.example", ["OWNER"]);
  const { data } = await server.ask<{ viewer: { actor: { id: string } } }>(
    jane,
    `{ viewer { actor { ... on User { id } } } }`,
  );
  mine = { ...(await oneOfEach(acme)), User: data.viewer.actor.id };
  theirs = { ...(await oneOfEach(globex)), User: newId("user") };
});
afterAll(() => server.close());

interface Found {
  readonly __typename: string;
  readonly id: string;
}

const NODE = `query ($id: ID!) { node(id: $id) { __typename id } }`;
const node = (id: string, token = jane) => server.ask<{ node: Found | null }>(token, NODE, { id });
const nodes = (ids: string[], token = jane) =>
  server.ask<{ nodes: (Found | null)[] } | null>(token, `query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }`, {
    ids,
  });

const TYPES: [type: string, kind: IdKind][] = [
  ["Organization", "organization"],
  ["SubOrganization", "subOrganization"],
  ["Member", "member"],
  ["AccessToken", "accessToken"],
  ["Credential", "credential"],
  ["Share", "share"],
  ["User", "user"],
];

describe("node", () => {
  test("finds every type of thing that has an id", async () => {
    const text = await server.ask(jane, `{ __type(name: "Node") { possibleTypes { name } } }`);
    expect(codesOf(text)).toEqual(["INVALID_INPUT"]); // Introspection is off: the list is of this file.
    expect(Object.keys(mine).sort()).toEqual(TYPES.map(([type]) => type).sort());
  });

  test.each(TYPES)("finds a thing by its id: %s", async (type) => {
    const id = mine[type] ?? "";
    const { data, errors } = await node(id);
    expect([data.node, errors]).toEqual([{ __typename: type, id }, undefined]);
  });

  test.each(TYPES)("answers byte for byte alike where it is another's and where it is not: %s", async (type, kind) => {
    const foreign = await node(theirs[type] ?? "");
    expect([foreign.data.node, codesOf(foreign)]).toEqual([null, ["NOT_FOUND"]]);
    expect((await node(newId(kind))).text).toBe(foreign.text);
  });

  test("answers no less alike for data keys, which are no part of the graph", async () => {
    expect((await node(newId("dataKey"))).text).toBe((await node(newId("credential"))).text);
  });

  test.each([
    "",
    " ",
    "0",
    "cred",
    "cred_",
    "cred_01h455vb4pex5vsknk084sn02",
    "cred_01h455vb4pex5vsknk084sn02qq",
    "cred_81h455vb4pex5vsknk084sn02q",
    "CRED_01H455VB4PEX5VSKNK084SN02Q",
    "none_01h455vb4pex5vsknk084sn02q",
    "cred_01h455vb4pex5vsknk084sn02q\n",
    "cred_01h455vb4pex5vsknk084sn02\u0000",
    "__proto___01h455vb4pex5vsknk084sn02q",
    "' OR ''='",
    "x".repeat(5000),
  ])("answers alike for what is no id: %j", async (id) => {
    expect((await node(id)).text).toBe((await node(newId("credential"))).text);
  });

  test("reads the type that is asked of it through the interface of all tenants", async () => {
    const { data } = await server.ask<{ node: unknown }>(
      jane,
      `query ($id: ID!) { node(id: $id) { id ... on Tenant { name } ... on SubOrganization { organization { name } } ... on Credential { keyId } } }`,
      { id: mine["SubOrganization"] },
    );
    expect(data.node).toEqual({ id: mine["SubOrganization"], name: "Web", organization: { name: "Acme" } });
  });

  test("finds a user for nobody but that user", async () => {
    expect((await node(mine["User"] ?? "")).data.node).toMatchObject({ __typename: "User" });
    expect(codesOf(await node(mine["User"] ?? "", acme.owner))).toEqual(["NOT_FOUND"]);
  });
});

describe("nodes", () => {
  test("finds things in the order of their ids, and as often as they are named", async () => {
    const ids = Object.values(mine).reverse();
    const { data, errors } = await nodes([...ids, ids[0] ?? ""]);
    expect(errors).toBeUndefined();
    expect(data?.nodes.map((found) => found?.id)).toEqual([...ids, ids[0]]);
  });

  test("leaves null, with an error that says where, for each that may not be seen", async () => {
    const [key, foreign, absent] = [mine["Credential"] ?? "", theirs["Credential"] ?? "", newId("credential")];
    const viewer = await acme.token(mine["SubOrganization"] ?? "", ["CREDENTIALS_VIEW"]);
    const { data, errors } = await nodes([foreign, key, mine["Member"] ?? "", absent, "no id", key], viewer);
    expect(data?.nodes).toEqual([
      null,
      { __typename: "Credential", id: key },
      null,
      null,
      null,
      { __typename: "Credential", id: key },
    ]);
    const found = (errors ?? []).map((error) => [error.path?.join("."), error.extensions.code]);
    expect(found.sort()).toEqual([
      ["nodes.0", "NOT_FOUND"],
      ["nodes.2", "FORBIDDEN"],
      ["nodes.3", "NOT_FOUND"],
      ["nodes.4", "NOT_FOUND"],
    ]);
    expect(
      new Set((errors ?? []).filter((error) => error.extensions.code === "NOT_FOUND").map((error) => error.message))
        .size,
    ).toBe(1);
  });

  test("finds nothing where nothing is named", async () => {
    expect((await nodes([])).data).toEqual({ nodes: [] });
  });

  test("takes 200 ids and no more", async () => {
    const id = mine["Credential"] ?? "";
    const most = await nodes(Array.from({ length: 200 }, () => id));
    expect([codesOf(most), most.data?.nodes.length]).toEqual([[], 200]);
    const more = await nodes(Array.from({ length: 201 }, () => id));
    expect([codesOf(more), more.data]).toEqual([["INVALID_INPUT"], null]);
  });
});
