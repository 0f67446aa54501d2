import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { PAGE_MOST } from "../../../src/resolvers/connection.js";
import { query } from "../../support/database.js";
import type { Permission } from "../../support/operations.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Answer, type TestServer } from "../../support/server.js";

let server: TestServer;
let acme: Story;
let globex: Story;
let web: string;
let ios: string;
/** Keys of the root, of Web and of the other organization. */
let rootsKey: string;
let websKey: string;
let globexKey: string;

beforeAll(async () => {
  server = await startTestServer();
  [acme, globex] = [await seed(server), await seed(server, "Globex")];
  [web, ios] = [await acme.subOrganization("Web"), await acme.subOrganization("iOS")];
  rootsKey = await acme.credential(acme.organizationId, { name: "Root" });
  websKey = await acme.credential(web, { name: "Web" });
  globexKey = await globex.credential(globex.organizationId, { name: "Globex" });
});
afterAll(() => server.close());

interface Event {
  readonly id: string;
  readonly action: string;
  readonly subjectId: string | null;
  readonly at: string;
  readonly tenant: { readonly id: string } | null;
}
interface Page {
  readonly nodes: readonly Event[];
  readonly edges: readonly { readonly cursor: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const LIST = `query ($id: ID!, $first: Int, $after: String, $filter: AuditEventFilter) { node(id: $id) { ... on Tenant {
  auditEvents(first: $first, after: $after, filter: $filter) {
    nodes { id action subjectId at tenant { id } } edges { cursor } pageInfo { hasNextPage endCursor } } } } }`;

async function list(token: string, id: string, args: object = {}) {
  const answer: Answer<{ node: { auditEvents: Page } | null }> = await server.ask(token, LIST, {
    ...{ id, first: 100 },
    ...args,
  });
  const page = answer.data.node?.auditEvents ?? null;
  return { page, nodes: page?.nodes ?? [], code: answer.errors?.[0]?.extensions.code ?? null };
}
const subjectsOf = (nodes: readonly Event[]): ReadonlySet<string | null> =>
  new Set(nodes.map(({ subjectId }) => subjectId));

describe("who sees which entries", () => {
  test("the root's owner sees those of the root and of every sub-organization", async () => {
    const { nodes, code } = await list(acme.owner, acme.organizationId);
    expect(code).toBeNull();
    expect(subjectsOf(nodes)).toEqual(expect.objectContaining(new Set([rootsKey, websKey])));
    expect(subjectsOf(nodes).has(rootsKey) && subjectsOf(nodes).has(websKey)).toBe(true);
    expect(new Set(nodes.map(({ tenant }) => tenant?.id))).toEqual(new Set([acme.organizationId, web]));
  });

  test("of a sub-organization there are its own alone, whoever asks", async () => {
    const owner = await acme.member(web, "owner@web.example", ["OWNER"]);
    for (const token of [owner, acme.owner]) {
      const { nodes } = await list(token, web);
      expect(subjectsOf(nodes).has(websKey)).toBe(true);
      expect(new Set(nodes.map(({ tenant }) => tenant?.id))).toEqual(new Set([web]));
    }
  });

  test("the owner of a sub-organization does not see the root's, nor a sibling's", async () => {
    const owner = await acme.member(web, "owner2@web.example", ["OWNER"]);
    expect(await list(owner, acme.organizationId)).toMatchObject({ page: null, code: "FORBIDDEN" });
    expect(await list(owner, ios)).toMatchObject({ page: null, code: "NOT_FOUND" });
  });

  test("another organization sees none of them, by its list or by the id of an entry", async () => {
    expect(await list(globex.owner, acme.organizationId)).toMatchObject({ page: null, code: "NOT_FOUND" });
    const [entry] = (await list(acme.owner, web)).nodes;
    const byId = (token: string) =>
      server.ask<{ node: { id: string } | null }>(token, "query ($id: ID!) { node(id: $id) { id } }", {
        id: entry?.id,
      });
    expect((await byId(acme.owner)).data.node).toEqual({ id: entry?.id });
    expect((await byId(globex.owner)).errors?.[0]?.extensions.code).toBe("NOT_FOUND");
    expect(subjectsOf((await list(globex.owner, globex.organizationId)).nodes).has(globexKey)).toBe(true);
    expect(subjectsOf((await list(globex.owner, globex.organizationId)).nodes).has(rootsKey)).toBe(false);
  });

  test.each([
    ["with AUDIT_VIEW alone", ["AUDIT_VIEW"], null],
    ["with all of a viewer", ["CREDENTIALS_VIEW", "SIGNING_VIEW", "PUBLISH_VIEW"], "FORBIDDEN"],
  ] as const)("a token %s", async (_, permissions, code) => {
    const token = await acme.token(web, [...permissions] as Permission[]);
    expect((await list(token, web)).code).toBe(code);
    const [entry] = (await list(acme.owner, web)).nodes;
    const byId = await server.ask(token, "query ($id: ID!) { node(id: $id) { id } }", { id: entry?.id });
    expect(byId.errors?.[0]?.extensions.code ?? null).toBe(code === null ? null : "NOT_FOUND");
  });

  test("an entry of the root cannot be read by its id from below", async () => {
    const token = await acme.token(web, ["AUDIT_VIEW"]);
    const roots = (await list(acme.owner, acme.organizationId)).nodes.find(
      ({ tenant }) => tenant?.id === acme.organizationId,
    );
    const byId = await server.ask(token, "query ($id: ID!) { node(id: $id) { id } }", { id: roots?.id });
    expect(byId.errors?.[0]?.extensions.code).toBe("NOT_FOUND");
  });

  test("an entry of a sub-organization that is gone is the root's still", async () => {
    const gone = await acme.subOrganization("Gone");
    const key = await acme.credential(gone);
    const remove = (name: string, input: object) =>
      server.ask(
        acme.owner,
        `mutation ($input: ${name}Input!) { a: ${name.charAt(0).toLowerCase() + name.slice(1)}(input: $input) { deletedId } }`,
        { input },
      );
    await remove("DeleteCredential", { credentialId: key });
    await remove("DeleteSubOrganization", { subOrganizationId: gone });
    const { nodes } = await list(acme.owner, acme.organizationId, { filter: { subjectId: key } });
    expect(nodes.map(({ action, tenant }) => [action, tenant?.id])).toEqual([
      ["credential.deleted", acme.organizationId],
      ["credential.created", acme.organizationId],
    ]);
  });
});

describe("a filter", () => {
  const actionsOf = async (filter: object) =>
    new Set((await list(acme.owner, acme.organizationId, { filter })).nodes.map(({ action }) => action));

  test("by action takes one, or all that begin with it, and no half of a word", async () => {
    expect(await actionsOf({ action: "credential.created" })).toEqual(new Set(["credential.created"]));
    await acme.share(rootsKey);
    expect([...(await actionsOf({ action: "credential" }))].every((action) => action.startsWith("credential."))).toBe(
      true,
    );
    expect(await actionsOf({ action: "cred" })).toEqual(new Set());
    expect(await actionsOf({ action: "credential.%" })).toEqual(new Set());
    expect(await actionsOf({ action: "credential_created" })).toEqual(new Set());
  });

  test("by actor takes an e-mail address in any case, the name of a token, or an id", async () => {
    const email = "ada@acme.example";
    const token = await acme.member(acme.organizationId, email, ["OWNER"]);
    const renamed = `mutation ($input: UpdateCredentialInput!) { updateCredential(input: $input) { userErrors { code } } }`;
    await server.ask(token, renamed, { input: { credentialId: rootsKey, name: "By Ada" } });
    for (const actor of [email, "ADA@ACME.example"])
      expect(await actionsOf({ actor })).toEqual(new Set(["credential.renamed"]));
    const { nodes } = await list(acme.owner, acme.organizationId, { filter: { actor: "Owner" } });
    expect(nodes.length).toBeGreaterThan(3);
    const [row] = await query<{ id: string }>(server.database.ownerUrl, [
      "SELECT DISTINCT actor_id AS id FROM audit_events WHERE actor_label = $1",
      [email],
    ]);
    expect(await actionsOf({ actor: row?.id })).toEqual(new Set(["credential.renamed"]));
    expect(await actionsOf({ actor: "ada" })).toEqual(new Set());
  });

  test("by subject, by outcome, and by both", async () => {
    await server.ask(acme.owner, LIST, { id: newId("credential") });
    const denied = await list(acme.owner, acme.organizationId, { filter: { outcome: "DENIED" } });
    expect(new Set(denied.nodes.map(({ action }) => action))).toEqual(new Set(["access.denied"]));
    const about = await list(acme.owner, acme.organizationId, { filter: { subjectId: websKey } });
    expect(new Set(about.nodes.map(({ subjectId }) => subjectId))).toEqual(new Set([websKey]));
    const both = await list(acme.owner, acme.organizationId, { filter: { subjectId: websKey, outcome: "DENIED" } });
    expect(both.nodes).toEqual([]);
  });

  test("by time takes what is at `since` or later, and before `until`", async () => {
    const { nodes } = await list(acme.owner, acme.organizationId);
    const times = [...new Set(nodes.map(({ at }) => at))];
    const [later, at = "", earlier] = times.slice(Math.floor(times.length / 2) - 1);
    const timesIn = async (filter: object) =>
      new Set((await list(acme.owner, acme.organizationId, { filter })).nodes.map((node) => node.at));
    const since = await timesIn({ since: at });
    expect([since.has(later ?? ""), since.has(at), since.has(earlier ?? "")]).toEqual([true, true, false]);
    const until = await timesIn({ until: at });
    expect([until.has(later ?? ""), until.has(at), until.has(earlier ?? "")]).toEqual([false, false, true]);
    expect(await timesIn({ since: at, until: at })).toEqual(new Set());
  });
});

describe("pages", () => {
  test("come newest first, and together are the whole list without repetition", async () => {
    const whole = (await list(acme.owner, acme.organizationId)).nodes.map(({ id }) => id);
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const { page }: Awaited<ReturnType<typeof list>> = await list(acme.owner, acme.organizationId, {
        first: 4,
        after,
      });
      ids.push(...(page?.nodes ?? []).map(({ id }) => id));
      expect(page?.edges).toHaveLength(page?.nodes.length ?? -1);
      after = page?.pageInfo.hasNextPage === true ? page.pageInfo.endCursor : null;
    } while (after !== null);
    expect(ids).toEqual(whole);
    const [first] = await query<{ id: string }>(server.database.ownerUrl, [
      "SELECT id FROM audit_events WHERE root_id = $1 ORDER BY seq DESC LIMIT 1",
      [acme.organizationId],
    ]);
    expect(whole[0]).toBe(first?.id);
  });

  test("stay as they were while entries are added", async () => {
    const first = await list(acme.owner, acme.organizationId, { first: 2 });
    const next = () => list(acme.owner, acme.organizationId, { first: 2, after: first.page?.pageInfo.endCursor });
    const before = (await next()).nodes;
    await acme.subOrganization("Added meanwhile");
    expect((await next()).nodes).toEqual(before);
  });

  test.each(["nonsense", "", "AAAA", "LTE=", Buffer.from('["1","2"]').toString("base64url"), "x".repeat(5000)])(
    "after the bad cursor %j are refused",
    async (after) => {
      const { page, code } = await list(acme.owner, acme.organizationId, { after });
      expect([page, code]).toEqual([null, "INVALID_INPUT"]);
    },
  );

  test.each([0, -1, PAGE_MOST + 1])("of %i entries are refused", async (first) => {
    expect((await list(acme.owner, acme.organizationId, { first })).code).toBe("INVALID_INPUT");
  });
});
