import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../support/database.js";
import { inDays, keepIn } from "../../support/kept.js";
import { codesOf } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { observeStatements } from "../../support/statements.js";

let server: TestServer;
const statements: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  observeStatements(server.platform.readPool, statements);
});
afterAll(() => server.close());

interface Edge {
  readonly cursor: string;
  readonly node: { readonly __typename: string; readonly id: string };
  readonly tenant: { readonly id: string };
  readonly expiresAt: string;
}

const DOCUMENT = `query ($id: ID!, $days: Int!, $first: Int!, $after: String) {
  organization(id: $id) { expiring(withinDays: $days, first: $first, after: $after) {
    edges { cursor node { __typename ... on Node { id } } tenant { id } expiresAt } pageInfo { hasNextPage endCursor }
  } }
}`;

function ask(bearer: string, id: string, variables: { days?: number; first?: number; after?: string | null } = {}) {
  return server.ask<{
    organization: { expiring: { edges: Edge[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } };
  } | null>(bearer, DOCUMENT, { id, days: 30, first: 50, after: null, ...variables });
}

/** The ids of what ends, in order. */
async function ending(bearer: string, id: string, days = 30): Promise<string[]> {
  const { data, errors } = await ask(bearer, id, { days });
  expect(errors).toBeUndefined();
  return data?.organization.expiring.edges.map(({ node }) => node.id) ?? [];
}

/** A token of a tenant that ends in so many days; gives its id. */
async function token(story: Story, tenantId: string, days: number): Promise<string> {
  const { data } = await server.ask<{ createAccessToken: { accessToken: { id: string } } }>(
    story.owner,
    `mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { accessToken { id } } }`,
    { input: { tenantId, name: "CI", permissions: ["SIGNING_VIEW"], expiresAt: inDays(days).toISOString() } },
  );
  return data.createAccessToken.accessToken.id;
}

/** An organization in which something of each kind ends in each of its tenants. */
async function furnished(name: string) {
  const story = await seed(server, name);
  const root = story.organizationId;
  const [web, apps] = [await story.subOrganization("Web"), await story.subOrganization("Apps")];
  const keep = keepIn(server, root);
  const certificate = await keep.certificate(web, { expiresAt: inDays(3) });
  const profile = await keep.profile(apps, { expiresAt: inDays(2) });
  const rootCertificate = await keep.certificate(root, { expiresAt: inDays(20) });
  const webToken = await token(story, web, 10);
  const later = await keep.certificate(apps, { expiresAt: inDays(40) });
  await keep.certificate(web, { expiresAt: inDays(-1) });
  await keep.certificate(web, { expiresAt: inDays(5), revokedAt: inDays(-1) });
  return { ...story, root, web, apps, keep, certificate, profile, rootCertificate, webToken, later };
}

describe("what ends soon", () => {
  test("is told of the organization and all below it, soonest first, with whose it is", async () => {
    const acme = await furnished("Acme");
    const { data, errors } = await ask(acme.owner, acme.root);
    expect(errors).toBeUndefined();
    const edges = data?.organization.expiring.edges ?? [];
    expect(edges.map(({ node, tenant }) => [node.__typename, node.id, tenant.id])).toEqual([
      ["ProvisioningProfile", acme.profile, acme.apps],
      ["Certificate", acme.certificate, acme.web],
      ["AccessToken", acme.webToken, acme.web],
      ["Certificate", acme.rootCertificate, acme.root],
    ]);
    expect(edges.map(({ expiresAt }) => expiresAt)).toEqual(edges.map(({ expiresAt }) => expiresAt).sort());
    expect(data?.organization.expiring.pageInfo.hasNextPage).toBe(false);
  });

  test("is what ends within the days asked for", async () => {
    const acme = await furnished("Acme");
    expect(await ending(acme.owner, acme.root, 1)).toEqual([]);
    expect(await ending(acme.owner, acme.root, 3)).toEqual([acme.profile, acme.certificate]);
    // The owner token ends in six months.
    expect((await ending(acme.owner, acme.root, 60)).at(-1)).toBe(acme.later);
    expect(await ending(acme.owner, acme.root, 366)).toHaveLength(6);
  });

  test("comes in pages, each once, also where several end at the same moment", async () => {
    const acme = await furnished("Acme");
    const moment = inDays(1);
    const together = [
      await acme.keep.certificate(acme.web, { expiresAt: moment }),
      await acme.keep.profile(acme.web, { expiresAt: moment }),
      await acme.keep.certificate(acme.apps, { expiresAt: moment }),
    ];
    // A moment between two milliseconds.
    await query(server.database.ownerUrl, [
      "UPDATE certificates SET expires_at = expires_at + interval '1 microsecond' WHERE id = $1",
      [together[2]],
    ]);
    const found: string[] = [];
    let after: string | null = null;
    for (let page = 0; page < 7; page += 1) {
      const answer = await ask(acme.owner, acme.root, { first: 1, after });
      const { edges, pageInfo } = answer.data?.organization.expiring ?? { edges: [], pageInfo: null };
      found.push(...edges.map(({ node }) => node.id));
      expect([page, pageInfo?.hasNextPage]).toEqual([page, page < 6]);
      after = pageInfo?.endCursor ?? null;
    }
    expect(found).toEqual([
      ...[together[0], together[1], together[2]],
      ...[acme.profile, acme.certificate, acme.webToken, acme.rootCertificate],
    ]);
  });

  test.each([0, -1, 367])("is not told for %s days", async (days) => {
    const acme = await seed(server);
    const answer = await ask(acme.owner, acme.organizationId, { days });
    expect([answer.data, codesOf(answer)]).toEqual([{ organization: null }, ["INVALID_INPUT"]]);
  });

  test.each(["nonsense", Buffer.from("12 nothing").toString("base64url"), Buffer.from("").toString("base64url") + "x"])(
    "is not told behind the cursor %s",
    async (after) => {
      const acme = await seed(server);
      expect(codesOf(await ask(acme.owner, acme.organizationId, { after }))).toEqual(["INVALID_INPUT"]);
    },
  );

  test("is asked of the database in as many statements for 40 things as for 2", async () => {
    const acme = await seed(server);
    const keep = keepIn(server, acme.organizationId);
    const tenants: string[] = [];
    const furnish = async (): Promise<void> => {
      const tenant = await acme.subOrganization(`Sub ${tenants.push("")}`);
      await keep.certificate(tenant, { expiresAt: inDays(5) });
      await keep.profile(tenant, { expiresAt: inDays(5) });
    };
    const asked = async (): Promise<[number, string[]]> => {
      statements.length = 0;
      const found = await ending(acme.owner, acme.organizationId);
      return [found.length, [...statements].sort()];
    };
    await furnish();
    const [few, first] = await asked();
    for (let i = 1; i < 20; i += 1) await furnish();
    const [many, then] = await asked();
    expect([few, many]).toEqual([2, 40]);
    expect(then).toEqual(first);
    expect(then.filter((name) => name === "expiring_by_organization")).toHaveLength(1);
  });
});

describe("of what ends soon, a viewer is told", () => {
  test("no tokens without TOKENS_MANAGE, and nothing that signs without SIGNING_VIEW", async () => {
    const acme = await furnished("Acme");
    const signing = [acme.profile, acme.certificate, acme.rootCertificate];
    const viewer = await acme.member(acme.root, "viewer@acme.example", ["VIEWER"]);
    expect(await ending(viewer, acme.root)).toEqual(signing);
    const tokens = await acme.token(acme.root, ["TOKENS_MANAGE"]);
    expect(await ending(tokens, acme.root)).toEqual([acme.webToken]);
    const both = await acme.token(acme.root, ["TOKENS_MANAGE", "SIGNING_VIEW"]);
    expect(await ending(both, acme.root)).toHaveLength(4);
    const neither = await acme.token(acme.root, ["CREDENTIALS_VIEW"]);
    expect(codesOf(await ask(neither, acme.root))).toEqual(["FORBIDDEN"]);
  });

  test("of the tokens of a sub-organization, where the permission holds there alone", async () => {
    const acme = await furnished("Acme");
    const email = "both@acme.example";
    await acme.member(acme.root, email, ["VIEWER"]);
    const appsToken = await token(acme, acme.apps, 12);
    const bearer = await acme.member(acme.web, email, ["MANAGER"]);
    const found = await ending(bearer, acme.root);
    expect(found).toContain(acme.webToken);
    expect(found).not.toContain(appsToken);
    expect(await ending(acme.owner, acme.root)).toContain(appsToken);
  });

  test("nothing, who stands only below the organization or in another", async () => {
    const [acme, globex] = [await furnished("Acme"), await furnished("Globex")];
    const inWeb = await acme.member(acme.web, "owner@web.example", ["OWNER"]);
    expect(codesOf(await ask(inWeb, acme.root))).toEqual(["FORBIDDEN"]);
    expect(codesOf(await ask(globex.owner, acme.root))).toEqual(["NOT_FOUND"]);
    expect(await ending(globex.owner, globex.root)).toHaveLength(4);
  });
});
