import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { codesOf, mutate } from "../support/mutation.js";
import type { Role } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let root: string;
let web: string;
let ios: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  root = acme.organizationId;
  [web, ios] = await Promise.all([acme.subOrganization("Web"), acme.subOrganization("iOS")]);
});
afterAll(() => server.close());

interface Member {
  readonly id: string;
  readonly email: string;
  readonly roles: Role[];
  readonly inheritedFrom: { id: string } | null;
}

const MEMBER = "member { id email roles inheritedFrom { id } }";
const add = (tenantId: string, email: string, roles: Role[], maker = acme.owner) =>
  mutate<{ member: Member | null }>(server, maker, "addMember", MEMBER, { tenantId, email, roles });
const update = (memberId: string, roles: Role[], by = acme.owner) =>
  mutate<{ member: Member | null }>(server, by, "updateMember", MEMBER, { memberId, roles });
const remove = (memberId: string, by = acme.owner) =>
  mutate<{ deletedId: string | null }>(server, by, "removeMember", "deletedId", { memberId });

/** Adds a person, and gives the member with the token that the person signs in with. */
async function person(
  tenantId: string,
  name: string,
  roles: Role[],
  story = acme,
): Promise<{ id: string; token: string }> {
  const email = `${name}@acme.example`;
  const { payload } = await add(tenantId, email, roles, story.owner);
  return { id: payload?.member?.id ?? "", token: await server.issuer.token(email) };
}

async function membersOf(tenantId: string, token = acme.owner): Promise<Member[]> {
  const { data } = await server.ask<{ node: { members: { nodes: Member[] } } }>(
    token,
    `query ($id: ID!) { node(id: $id) { ... on Tenant { members(first: 200) { nodes { id email roles inheritedFrom { id } } } } } }`,
    { id: tenantId },
  );
  return data.node.members.nodes;
}

/** The tenants that a person may enter, each with the roles there. */
async function rolesOf(token: string): Promise<Record<string, string>> {
  const { data } = await server.ask<{ viewer: { tenants: { edges: { node: { id: string }; roles: Role[] }[] } } }>(
    token,
    `{ viewer { tenants(first: 200) { edges { roles node { id } } } } }`,
  );
  return Object.fromEntries(data.viewer.tenants.edges.map(({ node, roles }) => [node.id, [...roles].sort().join()]));
}

const renames = async (token: string, tenantId: string): Promise<string> => {
  const input = { subOrganizationId: tenantId, name: `Renamed ${tenantId}` };
  return (await mutate(server, token, "updateSubOrganization", "subOrganization { id }", input)).denied ?? "ALLOWED";
};

describe("a role in the root", () => {
  test("is shown as inherited in every sub-organization, and as its own in the root", async () => {
    const { id } = await person(root, "inherited", ["VIEWER"]);
    const seen = async (tenantId: string) => (await membersOf(tenantId)).find((member) => member.id === id);
    expect(await seen(root)).toMatchObject({ roles: ["VIEWER"], inheritedFrom: null });
    expect(await seen(web)).toMatchObject({ roles: ["VIEWER"], inheritedFrom: { id: root } });
    expect(await seen(ios)).toMatchObject({ roles: ["VIEWER"], inheritedFrom: { id: root } });
  });

  test("holds in every sub-organization, also in one that is made later", async () => {
    const { token } = await person(root, "later", ["MANAGER"]);
    const later = await acme.subOrganization("Made later");
    expect(await rolesOf(token)).toMatchObject({ [root]: "MANAGER", [web]: "MANAGER", [later]: "MANAGER" });
    expect(await renames(token, later)).toBe("ALLOWED");
  });

  test("is neither changed nor taken from below", async () => {
    const { id } = await person(root, "above", ["VIEWER"]);
    const { token } = await person(web, "below", ["OWNER"]);
    expect((await update(id, ["OPERATOR"], token)).denied).toBe("FORBIDDEN");
    expect((await remove(id, token)).denied).toBe("FORBIDDEN");
    expect((await membersOf(web, token)).find((member) => member.id === id)?.roles).toEqual(["VIEWER"]);
    expect((await update(id, ["OPERATOR"])).payload?.member?.roles).toEqual(["OPERATOR"]);
  });
});

describe("a role in a sub-organization", () => {
  test("holds there alone", async () => {
    const { id, token } = await person(web, "web-only", ["MANAGER"]);
    expect(await rolesOf(token)).toEqual({ [web]: "MANAGER" });
    expect(await renames(token, web)).toBe("ALLOWED");
    expect(await renames(token, ios)).toBe("NOT_FOUND");
    const inLists = await Promise.all(
      [root, web, ios].map(async (tenant) => (await membersOf(tenant)).map((member) => member.id)),
    );
    expect(inLists.map((list) => list.includes(id))).toEqual([false, true, false]);
  });

  test("is joined with the roles of the same person in the root and in another sub-organization", async () => {
    const { token } = await person(root, "joined", ["VIEWER"]);
    await add(web, "joined@acme.example", ["MANAGER"]);
    expect(await rolesOf(token)).toMatchObject({ [root]: "VIEWER", [web]: "MANAGER,VIEWER", [ios]: "VIEWER" });
    expect(await renames(token, web)).toBe("ALLOWED");
    expect(await renames(token, ios)).toBe("FORBIDDEN");
  });

  test("does not name siblings, whose lists its members do not see", async () => {
    const { token } = await person(web, "curious", ["OWNER"]);
    await person(ios, "sibling", ["VIEWER"]);
    const text = JSON.stringify(await membersOf(web, token));
    expect(text).toContain("curious@acme.example");
    expect(text).not.toContain("sibling@acme.example");
  });
});

describe("what is changed of a member", () => {
  test("holds from the next request on", async () => {
    const { id, token } = await person(web, "changing", ["VIEWER"]);
    expect(await renames(token, web)).toBe("FORBIDDEN");
    expect((await update(id, ["MANAGER", "VIEWER"])).payload?.member?.roles).toEqual(["MANAGER", "VIEWER"]);
    expect(await renames(token, web)).toBe("ALLOWED");
    expect((await remove(id)).payload?.deletedId).toBe(id);
    expect(await renames(token, web)).toBe("NOT_FOUND");
    expect(await rolesOf(token)).toEqual({});
    expect((await remove(id)).denied).toBe("NOT_FOUND");
  });

  test("is at least one role, and each but once", async () => {
    const refusal = { code: "INVALID_INPUT", field: ["roles"] };
    expect((await add(web, "roleless@acme.example", [])).refused).toEqual(refusal);
    const { id } = await person(web, "roles", ["OPERATOR", "VIEWER", "OPERATOR"]);
    expect((await membersOf(web)).find((member) => member.id === id)?.roles).toEqual(["OPERATOR", "VIEWER"]);
    expect((await update(id, [])).refused).toEqual(refusal);
    expect((await membersOf(web)).find((member) => member.id === id)?.roles).toEqual(["OPERATOR", "VIEWER"]);
  });

  test("is never a role that the graph does not know", async () => {
    const answer = await add(web, "unknown@acme.example", ["ADMIN" as Role]);
    expect(answer.denied).toBe("INVALID_INPUT");
    expect(JSON.stringify(await membersOf(web))).not.toContain("unknown@acme.example");
  });
});

describe("an owner", () => {
  test.each([
    ["the root", () => root],
    ["a sub-organization", () => web],
  ])("is made and unmade by owners alone: in %s", async (where, tenantOf) => {
    const name = where.replaceAll(" ", "-");
    const manager = await person(tenantOf(), `manager-of-${name}`, ["MANAGER"]);
    const owner = await person(tenantOf(), `owner-of-${name}`, ["OWNER"]);
    const candidate = await person(tenantOf(), `candidate-of-${name}`, ["VIEWER"]);
    expect((await update(candidate.id, ["OWNER"], manager.token)).denied).toBe("FORBIDDEN");
    expect((await update(manager.id, ["OWNER"], manager.token)).denied).toBe("FORBIDDEN");
    expect((await update(owner.id, ["VIEWER"], manager.token)).denied).toBe("FORBIDDEN");
    expect((await remove(owner.id, manager.token)).denied).toBe("FORBIDDEN");
    expect((await add(tenantOf(), `new-${name}@acme.example`, ["VIEWER", "OWNER"], manager.token)).denied).toBe(
      "FORBIDDEN",
    );
    expect((await update(candidate.id, ["OPERATOR"], manager.token)).payload?.member?.roles).toEqual(["OPERATOR"]);
    expect((await update(candidate.id, ["OWNER"], owner.token)).payload?.member?.roles).toEqual(["OWNER"]);
    expect((await remove(candidate.id, owner.token)).payload?.deletedId).toBe(candidate.id);
    expect((await membersOf(tenantOf())).find((member) => member.id === owner.id)?.roles).toEqual(["OWNER"]);
  });

  test("of a sub-organization makes no owner of the root", async () => {
    const { id, token } = await person(web, "climber", ["OWNER"]);
    expect((await add(root, "climber@acme.example", ["OWNER"], token)).denied).toBe("FORBIDDEN");
    expect((await update(id, ["OWNER", "MANAGER"], token)).payload?.member?.roles).toEqual(["OWNER", "MANAGER"]);
  });
});

describe("the last owner", () => {
  const LAST_OWNER = { code: "LAST_OWNER", field: ["memberId"] };

  test("of an organization is neither removed nor made anything less, until there is another", async () => {
    const globex = await seed(server, "Globex");
    const owner = await person(globex.organizationId, "first", ["OWNER"], globex);
    await person(globex.organizationId, "manager", ["MANAGER"], globex);
    for (const token of [globex.owner, owner.token]) {
      expect((await remove(owner.id, token)).refused).toEqual(LAST_OWNER);
      expect((await update(owner.id, ["MANAGER"], token)).refused).toEqual(LAST_OWNER);
    }
    expect(await rolesOf(owner.token)).toEqual({ [globex.organizationId]: "OWNER" });
    expect((await update(owner.id, ["VIEWER", "OWNER"], owner.token)).refused).toBeNull();
    await person(globex.organizationId, "second", ["OWNER"], globex);
    expect((await update(owner.id, ["MANAGER"], owner.token)).refused).toBeNull();
    expect((await remove(owner.id, globex.owner)).refused).toBeNull();
  });

  test("is counted in the root alone: an owner of a sub-organization is no owner of the root", async () => {
    const globex = await seed(server, "Globex");
    const sub = await globex.subOrganization("Sub");
    const owner = await person(globex.organizationId, "only", ["OWNER"], globex);
    const below = await person(sub, "owner-below", ["OWNER"], globex);
    expect((await remove(owner.id, globex.owner)).refused).toEqual(LAST_OWNER);
    expect((await remove(below.id, globex.owner)).payload?.deletedId).toBe(below.id);
  });

  test.each([
    ["demote", (id: string, by: string) => update(id, ["VIEWER"], by)],
    ["remove", (id: string, by: string) => remove(id, by)],
  ])("stays where two owners %s one another at the same moment: exactly one succeeds", async (_, act) => {
    for (let round = 1; round <= 5; round += 1) {
      const sole = await seed(server, `Round ${round}`);
      const one = await person(sole.organizationId, "one", ["OWNER"], sole);
      const other = await person(sole.organizationId, "other", ["OWNER"], sole);
      const outcomes = await Promise.all([act(other.id, one.token), act(one.id, other.token)]);
      const done = outcomes.filter(({ refused, denied }) => refused === null && denied === null);
      expect(done).toHaveLength(1);
      const owners = (await membersOf(sole.organizationId, sole.owner)).filter((member) =>
        member.roles.includes("OWNER"),
      );
      expect(owners).toHaveLength(1);
    }
  });

  test("stays where both owners step down at the same moment", async () => {
    const sole = await seed(server, "Stepping down");
    const one = await person(sole.organizationId, "one", ["OWNER"], sole);
    const other = await person(sole.organizationId, "other", ["OWNER"], sole);
    const outcomes = await Promise.all([remove(one.id, one.token), update(other.id, ["MANAGER"], other.token)]);
    expect(outcomes.map(({ refused }) => refused?.code ?? "DONE").sort()).toEqual(["DONE", "LAST_OWNER"]);
  });
});

describe("an e-mail address", () => {
  test("is kept in lower case and matched without case", async () => {
    const { payload } = await add(web, "  Jane.Doe@Acme.Example ", ["MANAGER"]);
    expect(payload?.member?.email).toBe("jane.doe@acme.example");
    for (const claim of ["jane.doe@acme.example", "JANE.DOE@ACME.EXAMPLE", "Jane.Doe@acme.example"]) {
      expect(await rolesOf(await server.issuer.token(claim))).toEqual({ [web]: "MANAGER" });
    }
    expect(await rolesOf(await server.issuer.token("jane.do@acme.example"))).toEqual({});
  });

  test("is a member once in a tenant, whatever its case, and may be one in another", async () => {
    const taken = { code: "ALREADY_EXISTS", field: ["email"] };
    expect((await add(web, "once@acme.example", ["VIEWER"])).refused).toBeNull();
    expect((await add(web, "ONCE@acme.example", ["MANAGER"])).refused).toEqual(taken);
    expect((await add(ios, "once@acme.example", ["VIEWER"])).refused).toBeNull();
    expect((await add(root, "once@acme.example", ["VIEWER"])).refused).toBeNull();
  });

  test("is a member once where several add it at the same moment", async () => {
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => add(web, "several@acme.example", ["VIEWER"])));
    expect(outcomes.map(({ refused }) => refused?.code ?? "DONE").sort()).toEqual([
      "ALREADY_EXISTS",
      "ALREADY_EXISTS",
      "ALREADY_EXISTS",
      "DONE",
    ]);
  });

  test.each([
    "",
    "   ",
    "nobody",
    "@acme.example",
    "nobody@",
    "two@at@acme.example",
    "with space@acme.example",
    "line\nbreak@acme.example",
    "nul\u0000@acme.example",
    `${"x".repeat(250)}@a.example`,
  ])("is refused where it is none: %j", async (email) => {
    expect((await add(web, email, ["VIEWER"])).refused).toEqual({ code: "INVALID_INPUT", field: ["email"] });
  });

  test.each([
    "o'hara@acme.example",
    "a+b_c@sub.acme.example",
    "jörg@müller.example",
    "x@localhost",
    "50%,off@acme.example",
  ])("is taken as people have it: %s", async (email) => {
    expect((await add(web, email, ["VIEWER"])).payload?.member?.email).toBe(email);
    expect(await rolesOf(await server.issuer.token(email))).toEqual({ [web]: "VIEWER" });
  });

  test("of a member of one organization says nothing in another", async () => {
    const globex = await seed(server, "Globex");
    const { token } = await person(web, "guest", ["OWNER"]);
    const input = { organizationId: globex.organizationId, name: "Taken over" };
    expect((await mutate(server, token, "updateOrganization", "organization { id }", input)).denied).toBe("NOT_FOUND");
    await add(globex.organizationId, "guest@acme.example", ["OWNER"], globex.owner);
    expect((await mutate(server, token, "updateOrganization", "organization { id }", input)).denied).toBeNull();
    expect(await rolesOf(token)).toEqual({ [web]: "OWNER", [globex.organizationId]: "OWNER" });
    expect(codesOf(await server.ask(token, `{ viewer { actor { __typename } } }`))).toEqual([]);
  });
});
