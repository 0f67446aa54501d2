import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId, type IdKind } from "../../src/ids.js";
import { codesOf, mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let globex: Story;

beforeAll(async () => {
  server = await startTestServer();
  [acme, globex] = await Promise.all([seed(server), seed(server, "Globex")]);
});
afterAll(() => server.close());

interface SubOrganization {
  readonly id: string;
  readonly name: string;
}

const create = (name: string, { owner, organizationId }: Story = acme) =>
  mutate<{ subOrganization: SubOrganization | null }>(
    server,
    owner,
    "createSubOrganization",
    "subOrganization { id name }",
    {
      organizationId,
      name,
    },
  );
const rename = (subOrganizationId: string, name: string) =>
  mutate<{ subOrganization: SubOrganization | null }>(
    server,
    acme.owner,
    "updateSubOrganization",
    "subOrganization { id name }",
    {
      subOrganizationId,
      name,
    },
  );
const remove = (subOrganizationId: string) =>
  mutate<{ deletedId: string | null }>(server, acme.owner, "deleteSubOrganization", "deletedId", { subOrganizationId });
const nameOf = async (id: string): Promise<string | null> => {
  const { data } = await server.ask<{ node: { name: string } | null }>(
    acme.owner,
    `query ($id: ID!) { node(id: $id) { ... on Tenant { name } } }`,
    { id },
  );
  return data.node?.name ?? null;
};

const TAKEN = { code: "ALREADY_EXISTS", field: ["name"] };

describe("a sub-organization", () => {
  test("is made, renamed and deleted", async () => {
    const made = await create("  Payments ");
    expect(made.payload?.subOrganization).toEqual({ id: expect.stringMatching(/^sub_/), name: "Payments" });
    const id = made.payload?.subOrganization?.id ?? "";
    expect((await rename(id, "Billing")).payload?.subOrganization).toEqual({ id, name: "Billing" });
    expect(await nameOf(id)).toBe("Billing");
    expect((await remove(id)).payload?.deletedId).toBe(id);
    expect(await nameOf(id)).toBeNull();
    expect((await remove(id)).denied).toBe("NOT_FOUND");
  });

  test.each([
    ["ASCII", "Shop", "sHOP"],
    ["umlauts", "ÄRGER", "ärger"],
    ["Greek", "ΑΘΗΝΑ", "αθηνα"],
    ["composed letters", "Caf\u00e9", "CAFE\u0301"],
    ["ligatures", "O\ufb03ce", "OFFICE"],
    ["spaces around", "Depot", "  depot  "],
  ])("cannot have the name of another, whatever the case: %s", async (_, name, other) => {
    expect((await create(name)).refused).toBeNull();
    expect((await create(other)).refused).toEqual(TAKEN);
    const third = await acme.subOrganization(`Not ${name}`);
    expect((await rename(third, other)).refused).toEqual(TAKEN);
    expect(await nameOf(third)).toBe(`Not ${name}`);
  });

  test("can have the name of one in another organization", async () => {
    expect((await create("Everywhere")).refused).toBeNull();
    expect((await create("EVERYWHERE", globex)).refused).toBeNull();
  });

  test("can have the name of its organization, and that of one that was deleted", async () => {
    const id = (await create("Acme")).payload?.subOrganization?.id ?? "";
    await remove(id);
    expect((await create("acme")).refused).toBeNull();
  });

  test("can be renamed to its own name in another case", async () => {
    const id = await acme.subOrganization("Lower");
    expect((await rename(id, "LOWER")).payload?.subOrganization?.name).toBe("LOWER");
  });

  test("is made once where several ask for the same name at the same moment", async () => {
    const outcomes = await Promise.all(["race", "Race", "RACE", "rAcE"].map((name) => create(name)));
    expect(outcomes.filter((outcome) => outcome.refused === null)).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.refused !== null).map((outcome) => outcome.refused)).toEqual([
      TAKEN,
      TAKEN,
      TAKEN,
    ]);
  });

  test.each([
    ["nothing", ""],
    ["spaces", "   "],
    ["101 characters", "x".repeat(101)],
    ["a line break", "two\nlines"],
    ["a NUL", "nul\u0000"],
    ["a zero-width space", "in\u200bvisible"],
    ["text that turns right to left", "\u202eevil"],
  ])("cannot be called %s", async (_, name) => {
    const refusal = { code: "INVALID_INPUT", field: ["name"] };
    expect((await create(name)).refused).toEqual(refusal);
    const id = await acme.subOrganization(newId("subOrganization"));
    expect((await rename(id, name)).refused).toEqual(refusal);
  });

  test.each([
    ["100 characters", "y".repeat(100)],
    ["quotes and signs", `O'Hara & "Søn" %_\\`],
    ["other scripts", "東京 Київ 🚀"],
  ])("can be called with %s", async (_, name) => {
    const made = await create(name);
    expect(made.payload?.subOrganization?.name).toBe(name);
    expect(await nameOf(made.payload?.subOrganization?.id ?? "")).toBe(name);
  });

  test("cannot be made below another sub-organization", async () => {
    const web = await acme.subOrganization("Parent");
    expect((await create("Child", { ...acme, organizationId: web })).denied).toBe("NOT_FOUND");
  });
});

describe("deleting a sub-organization", () => {
  test("is refused while it owns keys, and done once it owns none", async () => {
    const id = await acme.subOrganization("Keyholder");
    const key = await acme.credential(id);
    expect((await remove(id)).refused).toEqual({ code: "IN_USE", field: ["subOrganizationId"] });
    expect(await nameOf(id)).toBe("Keyholder");
    await mutate(server, acme.owner, "deleteCredential", "deletedId", { credentialId: key });
    expect((await remove(id)).payload?.deletedId).toBe(id);
  });

  test("ends a share that was with it alone, and leaves those with others or with all", async () => {
    const [gone, stays] = await Promise.all([acme.subOrganization("Gone"), acme.subOrganization("Stays")]);
    const [alone, both, all] = await Promise.all([1, 2, 3].map(() => acme.credential(acme.organizationId)));
    const shares = [
      await acme.share(alone ?? "", { subOrganizationIds: [gone] }),
      await acme.share(both ?? "", { subOrganizationIds: [gone, stays] }),
      await acme.share(all ?? "", { withAllSubOrganizations: true }),
    ];
    await remove(gone);
    const { data } = await server.ask<{ nodes: unknown[] }>(
      acme.owner,
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Share { withAllSubOrganizations subOrganizations { nodes { id } } } } }`,
      { ids: shares },
    );
    expect(data.nodes).toEqual([
      null,
      { withAllSubOrganizations: false, subOrganizations: { nodes: [{ id: stays }] } },
      { withAllSubOrganizations: true, subOrganizations: { nodes: [] } },
    ]);
  });

  test("ends its tokens and the roles of its members at once", async () => {
    const id = await acme.subOrganization("Closing");
    const token = await acme.token(id, ["CREDENTIALS_VIEW"]);
    const person = await acme.member(id, "closing@acme.example", ["OWNER"]);
    const tenantsOf = async (who: string) =>
      server.ask<{ viewer: { tenants: { nodes: unknown[] } } } | undefined>(
        who,
        `{ viewer { tenants { nodes { id } } } }`,
      );
    expect((await tenantsOf(token)).data?.viewer.tenants.nodes).toEqual([{ id }]);
    expect((await tenantsOf(person)).data?.viewer.tenants.nodes).toEqual([{ id }]);
    await remove(id);
    expect((await tenantsOf(token)).status).toBe(401);
    expect((await tenantsOf(person)).data?.viewer.tenants.nodes).toEqual([]);
  });
});

describe("an organization", () => {
  test("is renamed by its own mutation alone", async () => {
    const asSub = await rename(acme.organizationId, "Renamed");
    expect(asSub.denied).toBe("NOT_FOUND");
    const input = { organizationId: globex.organizationId, name: "Globex Ltd", clientMutationId: "7" };
    const { payload } = await mutate(
      server,
      globex.owner,
      "updateOrganization",
      "clientMutationId organization { name }",
      input,
    );
    expect(payload).toMatchObject({ clientMutationId: "7", organization: { name: "Globex Ltd" } });
    expect(await nameOf(acme.organizationId)).toBe("Acme");
  });
});

describe("an id of another organization", () => {
  const input = (type: string, name: string, selection = "userErrors { code message }") =>
    `mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} } }`;
  const byId = (field: string) => `query ($id: ID!) { ${field}(id: $id) { id } }`;
  const explain = (variable: string) => (id: string) => ({
    tenantId: acme.organizationId,
    subjectId: id,
    [variable]: id,
  });
  const EXPLAIN = `query ($tenantId: ID!, $subjectId: ID!) { explainAccess(tenantId: $tenantId, subjectId: $subjectId) { allowed } }`;
  const key = { name: "K", keyId: "K", issuerId: "I", privateKey: "P", verify: false };

  const ASKS: [name: string, kind: IdKind, document: string, variables: (id: string) => Record<string, unknown>][] = [
    ["node", "subOrganization", byId("node"), (id) => ({ id })],
    ["nodes", "credential", `query ($id: ID!) { nodes(ids: [$id]) { id } }`, (id) => ({ id })],
    ["organization", "organization", byId("organization"), (id) => ({ id })],
    ["subOrganization", "subOrganization", byId("subOrganization"), (id) => ({ id })],
    ["credential", "credential", byId("credential"), (id) => ({ id })],
    ["share", "share", byId("share"), (id) => ({ id })],
    ["explainAccess of a tenant", "subOrganization", EXPLAIN, explain("tenantId")],
    ["explainAccess of a key", "credential", EXPLAIN, explain("subjectId")],
    [
      "updateOrganization",
      "organization",
      input("UpdateOrganizationInput", "updateOrganization"),
      (id) => ({ input: { organizationId: id, name: "N" } }),
    ],
    [
      "createSubOrganization",
      "organization",
      input("CreateSubOrganizationInput", "createSubOrganization"),
      (id) => ({ input: { organizationId: id, name: "N" } }),
    ],
    [
      "updateSubOrganization",
      "subOrganization",
      input("UpdateSubOrganizationInput", "updateSubOrganization"),
      (id) => ({ input: { subOrganizationId: id, name: "N" } }),
    ],
    [
      "deleteSubOrganization",
      "subOrganization",
      input("DeleteSubOrganizationInput", "deleteSubOrganization"),
      (id) => ({ input: { subOrganizationId: id } }),
    ],
    [
      "addMember",
      "organization",
      input("AddMemberInput", "addMember"),
      (id) => ({ input: { tenantId: id, email: "a@b.example", roles: ["OWNER"] } }),
    ],
    [
      "updateMember",
      "member",
      input("UpdateMemberInput", "updateMember"),
      (id) => ({ input: { memberId: id, roles: ["OWNER"] } }),
    ],
    ["removeMember", "member", input("RemoveMemberInput", "removeMember"), (id) => ({ input: { memberId: id } })],
    [
      "createAccessToken",
      "subOrganization",
      input("CreateAccessTokenInput", "createAccessToken"),
      (id) => ({ input: { tenantId: id, name: "N", permissions: ["AUDIT_VIEW"] } }),
    ],
    [
      "revokeAccessToken",
      "accessToken",
      input("RevokeAccessTokenInput", "revokeAccessToken"),
      (id) => ({ input: { accessTokenId: id } }),
    ],
    [
      "createCredential",
      "subOrganization",
      input("CreateCredentialInput", "createCredential"),
      (id) => ({ input: { tenantId: id, ...key } }),
    ],
    [
      "updateCredential",
      "credential",
      input("UpdateCredentialInput", "updateCredential"),
      (id) => ({ input: { credentialId: id, name: "N" } }),
    ],
    [
      "rotateCredential",
      "credential",
      input("RotateCredentialInput", "rotateCredential"),
      (id) => ({ input: { credentialId: id, keyId: "K", privateKey: "P", verify: false } }),
    ],
    [
      "verifyCredential",
      "credential",
      input("VerifyCredentialInput", "verifyCredential"),
      (id) => ({ input: { credentialId: id } }),
    ],
    [
      "deleteCredential",
      "credential",
      input("DeleteCredentialInput", "deleteCredential"),
      (id) => ({ input: { credentialId: id, force: true } }),
    ],
    [
      "share",
      "credential",
      input("ShareInput", "share"),
      (id) => ({ input: { subjectId: id, withAllSubOrganizations: true } }),
    ],
    ["unshare", "credential", input("UnshareInput", "unshare"), (id) => ({ input: { subjectId: id } })],
  ];

  const theirs: Partial<Record<IdKind, string>> = {};
  beforeAll(async () => {
    const member = await mutate<{ member: { id: string } }>(server, globex.owner, "addMember", "member { id }", {
      tenantId: globex.organizationId,
      email: "theirs@globex.example",
      roles: ["OWNER"],
    });
    const token = await mutate<{ accessToken: { id: string } }>(
      server,
      globex.owner,
      "createAccessToken",
      "accessToken { id }",
      {
        tenantId: globex.organizationId,
        name: "Theirs",
        permissions: ["AUDIT_VIEW"],
      },
    );
    theirs.organization = globex.organizationId;
    theirs.subOrganization = await globex.subOrganization("Theirs");
    theirs.credential = await globex.credential(globex.organizationId);
    theirs.share = await globex.share(theirs.credential);
    theirs.member = member.payload?.member.id ?? "";
    theirs.accessToken = token.payload?.accessToken.id ?? "";
  });

  test.each(ASKS)("is answered byte for byte like one that is not there: %s", async (_, kind, document, variables) => {
    const [foreign, absent] = await Promise.all(
      [theirs[kind] ?? "", newId(kind)].map((id) => server.ask(acme.owner, document, variables(id))),
    );
    expect(codesOf(foreign ?? { errors: undefined })).toEqual(["NOT_FOUND"]);
    expect(foreign?.text).toBe(absent?.text);
  });

  test.each(ASKS)("and so is a text that is no id: %s", async (_, kind, document, variables) => {
    const absent = await server.ask(acme.owner, document, variables(newId(kind)));
    for (const id of [
      "",
      "1",
      "sub_",
      `${newId(kind)}\u0000`,
      newId(kind).toUpperCase(),
      "ü".repeat(500),
      "' OR 1=1 --",
    ]) {
      expect((await server.ask(acme.owner, document, variables(id))).text).toBe(absent.text);
    }
  });

  test("cannot be a target of a share, like one that is not there", async () => {
    const subjectId = await acme.credential(acme.organizationId);
    const shareWith = (subOrganizationId: string) =>
      mutate<{ share: unknown }>(server, acme.owner, "share", "share { id }", {
        subjectId,
        subOrganizationIds: [subOrganizationId],
      });
    const foreign = await shareWith(theirs.subOrganization ?? "");
    expect(foreign.refused).toEqual({ code: "NOT_FOUND", field: ["subOrganizationIds"] });
    expect(foreign.text).toBe((await shareWith(newId("subOrganization"))).text);
    for (const id of [acme.organizationId, "", "sub_", "\u0000"]) expect((await shareWith(id)).text).toBe(foreign.text);
    expect((await shareWith(await acme.subOrganization("Own target"))).refused).toBeNull();
  });
});

interface Page {
  readonly nodes: { id: string }[];
  readonly edges: { cursor: string; node: { id: string } }[];
  readonly pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
}

describe("a list", () => {
  const PAGE = `edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }`;
  const ITEMS = 5;
  let initech: Story;
  let share: string;

  beforeAll(async () => {
    initech = await seed(server, "Initech");
    const root = initech.organizationId;
    const subs: string[] = [];
    for (let i = 1; i <= ITEMS; i += 1) {
      subs.push(await initech.subOrganization(`Sub ${i}`));
      await initech.member(root, `${i}@initech.example`, ["VIEWER"]);
      await initech.token(root, ["AUDIT_VIEW"]);
      const key = await initech.credential(root);
      share = await initech.share(key, { subOrganizationIds: [...subs] });
    }
  });

  const LISTS: [name: string, selection: string, items: number][] = [
    ["viewer.tenants", "viewer { list: tenants", ITEMS + 1],
    ["subOrganizations", "node(id: $root) { ... on Organization { list: subOrganizations", ITEMS],
    ["members", "node(id: $root) { ... on Organization { list: members", ITEMS],
    ["accessTokens", "node(id: $root) { ... on Organization { list: accessTokens", ITEMS + 1],
    ["credentials", "node(id: $root) { ... on Organization { list: credentials", ITEMS],
    ["shares", "node(id: $root) { ... on Organization { list: shares", ITEMS],
    ["subOrganizations of a share", "node(id: $share) { ... on Share { list: subOrganizations", ITEMS],
  ];

  const ask = async (selection: string, first: number | null, after: string | null = null) => {
    const close = "}".repeat(selection.split("{").length - 1);
    const args = first === null ? "(after: $after)" : `(first: $first, after: $after)`;
    const variables = { root: initech.organizationId, share, after, ...(first !== null && { first }) };
    const used = ["root", "share", "first"].filter((name) => `${selection}${args}`.includes(`$${name}`));
    const types: Record<string, string> = { root: "ID!", share: "ID!", first: "Int!" };
    const declared = used.map((name) => `$${name}: ${types[name] ?? ""}`).join(", ");
    const answer = await server.ask<Record<string, { list: Page } | null> | null>(
      initech.owner,
      `query ($after: String ${declared}) { ${selection} ${args} { ${PAGE} } ${close} }`,
      variables,
    );
    return { codes: codesOf(answer), page: Object.values(answer.data ?? {})[0]?.list };
  };

  test.each(LISTS)("is walked page by page, each item once: %s", async (_, selection, items) => {
    const whole = await ask(selection, null);
    const ids = whole.page?.edges.map((edge) => edge.node.id) ?? [];
    expect(new Set(ids).size).toBe(items);
    expect(whole.page?.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    for (const first of [1, 2, items - 1, items, 200]) {
      const walked: string[] = [];
      let after: string | null = null;
      for (let pages = 1; ; pages += 1) {
        const { page }: { page: Page | undefined } = await ask(selection, first, after);
        if (page === undefined) throw new Error("The list is gone");
        walked.push(...page.edges.map((edge) => edge.node.id));
        expect(page.pageInfo.hasPreviousPage).toBe(pages > 1);
        expect(page.pageInfo.startCursor).toBe(page.edges[0]?.cursor ?? null);
        expect(page.pageInfo.endCursor).toBe(page.edges.at(-1)?.cursor ?? null);
        expect(page.edges.length).toBeLessThanOrEqual(first);
        if (!page.pageInfo.hasNextPage) break;
        after = page.pageInfo.endCursor;
      }
      expect(walked).toEqual(ids);
    }
    const last = await ask(selection, 2, whole.page?.pageInfo.endCursor ?? null);
    expect(last.page).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
    });
  });

  test.each(LISTS)("has pages of 1 to 200: %s", async (_, selection) => {
    for (const first of [0, -1, 201, 2_147_483_647]) {
      expect([first, (await ask(selection, first)).codes]).toEqual([
        first,
        [expect.stringMatching(/^(INVALID_INPUT|TOO_COMPLEX)$/)],
      ]);
    }
    expect((await ask(selection, 201)).codes).toEqual(["INVALID_INPUT"]);
    expect((await ask(selection, 1)).codes).toEqual([]);
    expect((await ask(selection, 200)).codes).toEqual([]);
  });

  test.each(LISTS)("takes no text for a cursor that is none: %s", async (_, selection) => {
    const { page } = await ask(selection, 1);
    const cursor = page?.pageInfo.endCursor ?? "";
    for (const bad of ["%", "no cursor", `${cursor}=`, Buffer.from("\u0000").toString("base64url"), "A".repeat(201)]) {
      expect([bad, (await ask(selection, 1, bad)).codes]).toEqual([bad, ["INVALID_INPUT"]]);
    }
    expect((await ask(selection, 1, cursor)).codes).toEqual([]);
  });

  test("goes on behind an item that is no longer there", async () => {
    const selection = "node(id: $root) { ... on Organization { list: subOrganizations";
    const extra = await initech.subOrganization("Extra");
    const { page } = await ask(selection, 200);
    const cursor = page?.edges.find((edge) => edge.node.id === extra)?.cursor ?? "";
    await mutate(server, initech.owner, "deleteSubOrganization", "deletedId", { subOrganizationId: extra });
    const next = await ask(selection, 200, cursor);
    expect([next.codes, next.page?.edges]).toEqual([[], []]);
  });

  test("shows no cursor of one organization anything of another", async () => {
    const selection = "node(id: $root) { ... on Organization { list: subOrganizations";
    const foreign = Buffer.from(acme.organizationId).toString("base64url");
    const { page } = await ask(selection, 200, foreign);
    expect(page?.edges).toHaveLength(ITEMS);
  });
});

describe("searching", () => {
  let hooli: Story;
  const names = ["ÄRGER Nord", "ärger süd", "Web 100%", "Web_Shop", "Œuvre"];

  beforeAll(async () => {
    hooli = await seed(server, "Hooli");
    for (const name of names) await hooli.subOrganization(name);
    for (const name of names) await hooli.credential(hooli.organizationId, { name });
  });

  const found = async (search: string | null) => {
    const { data } = await server.ask<{
      organization: Record<"subOrganizations" | "credentials", { nodes: { name: string }[] }>;
    }>(
      hooli.owner,
      `query ($id: ID!, $search: String) { organization(id: $id) {
        subOrganizations(search: $search) { nodes { name } } credentials(filter: { search: $search }) { nodes { name } } } }`,
      { id: hooli.organizationId, search },
    );
    const { subOrganizations, credentials } = data.organization;
    return [subOrganizations, credentials].map((list) => list.nodes.map((node) => node.name));
  };

  test.each([
    ["ärg", ["ÄRGER Nord", "ärger süd"]],
    ["ÄRG", ["ÄRGER Nord", "ärger süd"]],
    ["A\u0308RGER", ["ÄRGER Nord", "ärger süd"]],
    ["œUVRE", ["Œuvre"]],
    ["100%", ["Web 100%"]],
    ["b_s", ["Web_Shop"]],
    ["%", ["Web 100%"]],
    ["", names],
    [null, names],
    ["nowhere", []],
    ["\u0000", []],
    ["' OR ''='", []],
  ])("finds a part of the name without case: %j", async (search, expected) => {
    expect(await found(search)).toEqual([expected, expected]);
  });
});
