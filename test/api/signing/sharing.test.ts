import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../support/database.js";
import { keepIn, inDays, type Keep } from "../../support/kept.js";
import { codesOf, mutate } from "../../support/mutation.js";
import type { ShareInput } from "../../support/operations.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let acme: Story;
let keep: Keep;
let web: string;
let apps: string;
/** Bearers of people who operate in one sub-organization each. */
let inWeb: string;
let inApps: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  keep = keepIn(server, acme.organizationId);
  web = await acme.subOrganization("Web");
  apps = await acme.subOrganization("Apps");
  inWeb = await acme.member(web, "operator@web.example", ["OPERATOR"]);
  inApps = await acme.member(apps, "operator@apps.example", ["OPERATOR"]);
});
afterAll(() => server.close());

/** What is shared the same way, and how each is asked for. */
const KINDS = [
  ["a certificate", "certificate", "certificates", () => keep.certificate(acme.organizationId)],
  ["a profile", "provisioningProfile", "provisioningProfiles", () => keep.profile(acme.organizationId)],
] as const;

/** The tag of a thing in a tenant's list; undefined where it is not in it. */
async function tagOf(list: string, tenantId: string, id: string, bearer: string): Promise<string | null | undefined> {
  const { data, errors } = await server.ask<{
    node: Record<string, { edges: { tag: string | null; node: { id: string } }[] }>;
  }>(
    bearer,
    `query ($id: ID!) { node(id: $id) { ... on Tenant { ${list}(first: 200) { edges { tag node { id } } } } } }`,
    { id: tenantId },
  );
  expect(errors).toBeUndefined();
  return data.node[list]?.edges.find(({ node }) => node.id === id)?.tag;
}

/** What a viewer is told of a thing: whether its file may be had, or the code it answers with. */
async function canDownload(field: string, id: string, bearer: string): Promise<boolean | string | undefined> {
  const answer = await server.ask<Record<string, { viewerCanDownload: boolean } | null>>(
    bearer,
    `query ($id: ID!) { ${field}(id: $id) { viewerCanDownload } }`,
    { id },
  );
  return answer.data[field]?.viewerCanDownload ?? codesOf(answer)[0];
}

const share = (subjectId: string, terms: Omit<ShareInput, "subjectId">, bearer = acme.owner) =>
  mutate<{ share: { id: string } | null }>(server, bearer, "share", "share { id }", { subjectId, ...terms });

describe.each(KINDS)("%s", (_, field, list, make) => {
  test("that is shared is in the lists of those it reaches, tagged, and in no other", async () => {
    const id = await make();
    expect(await tagOf(list, acme.organizationId, id, acme.owner)).toBeNull();
    await acme.share(id, { subOrganizationIds: [web] });
    expect(await tagOf(list, web, id, inWeb)).toBe("ROOT");
    expect(await tagOf(list, web, id, acme.owner)).toBe("ROOT");
    expect(await tagOf(list, acme.organizationId, id, acme.owner)).toBe("SHARED");
    expect(await tagOf(list, apps, id, inApps)).toBeUndefined();
    expect(await tagOf(list, apps, id, acme.owner)).toBeUndefined();
    expect(await canDownload(field, id, inWeb)).toBe(true);
    expect(await canDownload(field, id, inApps)).toBe("NOT_FOUND");
  });

  test("that is shared with all is shared with a sub-organization that is made later", async () => {
    const id = await make();
    await acme.share(id);
    const later = await acme.subOrganization(`Later ${field}`);
    expect(await tagOf(list, later, id, acme.owner)).toBe("ROOT");
  });

  test("that is shared is told with its share to the root, and without it below", async () => {
    const id = await make();
    const shareId = await acme.share(id, { subOrganizationIds: [web], uses: ["VIEW"] });
    const ask = async (bearer: string) => {
      const { data } = await server.ask<Record<string, { share: object | null }>>(
        bearer,
        `query ($id: ID!) { ${field}(id: $id) { owner { id name } share { id uses subject { __typename ... on Node { id } } } } }`,
        { id },
      );
      return data[field];
    };
    const typeName = field.replace(/^./, (letter) => letter.toUpperCase());
    const owner = { id: acme.organizationId, name: "Acme" };
    expect(await ask(acme.owner)).toEqual({
      owner,
      share: { id: shareId, uses: ["VIEW"], subject: { __typename: typeName, id } },
    });
    expect(await ask(inWeb)).toEqual({ owner, share: null });
  });

  test("is seen with VIEW, and had with SIGN", async () => {
    const id = await make();
    await acme.share(id, { subOrganizationIds: [web], uses: ["VIEW"] });
    expect([await tagOf(list, web, id, inWeb), await canDownload(field, id, inWeb)]).toEqual(["ROOT", false]);
    await acme.share(id, { subOrganizationIds: [web], uses: ["SIGN"] });
    expect([await tagOf(list, web, id, inWeb), await canDownload(field, id, inWeb)]).toEqual([undefined, "FORBIDDEN"]);
    await acme.share(id, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
    expect([await tagOf(list, web, id, inWeb), await canDownload(field, id, inWeb)]).toEqual(["ROOT", true]);
    const viewer = await acme.member(web, `viewer-${field}@web.example`.toLowerCase(), ["VIEWER"]);
    expect(await canDownload(field, id, viewer)).toBe(false);
  });

  test("is gone below once the share is over or taken back, and stays at the root", async () => {
    for (const over of ["unshare", "expire"] as const) {
      const id = await make();
      await acme.share(id, { subOrganizationIds: [web] });
      expect(await canDownload(field, id, inWeb)).toBe(true);
      if (over === "unshare") {
        const { payload } = await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: id });
        expect(payload).toMatchObject({ deletedId: expect.stringMatching(/^shr_/) });
      } else await end(id);
      expect(await canDownload(field, id, inWeb)).toBe("NOT_FOUND");
      expect(await tagOf(list, web, id, inWeb)).toBeUndefined();
      expect(await canDownload(field, id, acme.owner)).toBe(true);
    }
  });

  test("is shared by nobody below, and by no operator of the root", async () => {
    const id = await make();
    await acme.share(id, { subOrganizationIds: [web] });
    const owner = await acme.member(web, `owner-${field}@web.example`.toLowerCase(), ["OWNER"]);
    const operator = await acme.member(acme.organizationId, `operator-${field}@acme.example`.toLowerCase(), [
      "OPERATOR",
    ]);
    const manager = await acme.member(acme.organizationId, `manager-${field}@acme.example`.toLowerCase(), ["MANAGER"]);
    const terms = { withAllSubOrganizations: true };
    expect((await share(id, terms, owner)).denied).toBe("SHARED_FROM_ROOT");
    expect((await share(id, terms, operator)).denied).toBe("FORBIDDEN");
    expect(await tagOf(list, apps, id, inApps)).toBeUndefined();
    expect(await share(id, terms, manager)).toMatchObject({ denied: null, refused: null });
    expect(await tagOf(list, apps, id, inApps)).toBe("ROOT");
  });

  test("is changed by its owner alone, as the viewer is told", async () => {
    const id = await make();
    await acme.share(id, { subOrganizationIds: [web] });
    const owner = await acme.member(web, `other-owner-${field}@web.example`.toLowerCase(), ["OWNER"]);
    const can = async (bearer: string) => {
      const fields = field === "certificate" ? "viewerCanUpdate viewerCanRevoke" : "viewerCanRenew";
      const { data } = await server.ask<Record<string, Record<string, boolean>>>(
        bearer,
        `query ($id: ID!) { ${field}(id: $id) { viewerCanDelete ${fields} } }`,
        { id },
      );
      return new Set(Object.values(data[field] ?? {}));
    };
    expect(await can(owner)).toEqual(new Set([false]));
    expect(await can(acme.owner)).toEqual(new Set([true]));
  });
});

/** Lets the share of a thing be over, without waiting for it. */
async function end(subjectId: string): Promise<void> {
  const ended = await query<{ id: string }>(server.database.ownerUrl, [
    `UPDATE shares SET expires_at = now() - interval '1 second'
     WHERE coalesce(certificate_id, provisioning_profile_id) = $1 RETURNING id`,
    [subjectId],
  ]);
  expect(ended).toHaveLength(1);
}

describe("the name of a share", () => {
  test("renames a certificate, for all who see it", async () => {
    const id = await keep.certificate(acme.organizationId, { name: "Before" });
    expect(await share(id, { name: " After ", subOrganizationIds: [web] })).toMatchObject({ refused: null });
    const { data } = await server.ask(inWeb, `query ($id: ID!) { certificate(id: $id) { name } }`, { id });
    expect(data).toEqual({ certificate: { name: "After" } });
  });

  test("is refused for a profile, which is not shared then", async () => {
    const id = await keep.profile(acme.organizationId, { name: "Before" });
    const { refused } = await share(id, { name: "After", subOrganizationIds: [web] });
    expect(refused).toEqual({ code: "INVALID_INPUT", field: ["name"] });
    expect(await tagOf("provisioningProfiles", web, id, inWeb)).toBeUndefined();
    const { data } = await server.ask(acme.owner, `query ($id: ID!) { provisioningProfile(id: $id) { name } }`, { id });
    expect(data).toEqual({ provisioningProfile: { name: "Before" } });
  });

  test("takes SIGNING_MANAGE for a certificate", async () => {
    const id = await keep.certificate(acme.organizationId);
    const sharing = await acme.token(acme.organizationId, ["CREDENTIALS_SHARE", "CREDENTIALS_MANAGE"]);
    const both = await acme.token(acme.organizationId, ["CREDENTIALS_SHARE", "SIGNING_MANAGE"]);
    const terms = { name: "Other", subOrganizationIds: [web] };
    expect((await share(id, terms, sharing)).denied).toBe("FORBIDDEN");
    expect(await share(id, terms, both)).toMatchObject({ denied: null, refused: null });
  });
});

test("the bundle identifiers of a share bind the use of a profile, and not that it is seen", async () => {
  const id = await keep.profile(acme.organizationId, { bundleIdentifier: "com.acme.shop" });
  for (const [bundleIdentifiers, expected] of [
    [["com.acme.*"], true],
    [["com.other.*"], false],
    [["com.other.*", "com.acme.shop"], true],
  ] as const) {
    await acme.share(id, { subOrganizationIds: [web], bundleIdentifiers: [...bundleIdentifiers] });
    expect(await tagOf("provisioningProfiles", web, id, inWeb)).toBe("ROOT");
    expect(await canDownload("provisioningProfile", id, inWeb)).toBe(expected);
  }
});

test.each([
  ["certificates", (tenant: string) => keep.certificate(tenant, { name: "Theirs" })],
  ["provisioning profiles", (tenant: string) => keep.profile(tenant, { name: "Theirs" })],
])("a sub-organization is not deleted while it owns %s", async (what, make) => {
  const sub = await acme.subOrganization(`Owner of ${what}`);
  await make(sub);
  const remove = (id: string) =>
    server.ask<{ deleteSubOrganization: { deletedId: string | null; userErrors: object[] } }>(
      acme.owner,
      `mutation ($id: ID!) { deleteSubOrganization(input: { subOrganizationId: $id }) { deletedId userErrors { code message } } }`,
      { id },
    );
  expect((await remove(sub)).data.deleteSubOrganization).toEqual({
    deletedId: null,
    userErrors: [{ code: "IN_USE", message: `It owns ${what}, which would be lost: delete them first (Theirs).` }],
  });
  const empty = await acme.subOrganization(`Owner of no ${what}`);
  expect((await remove(empty)).data.deleteSubOrganization).toEqual({ deletedId: empty, userErrors: [] });
});

describe("an explanation", () => {
  const explained = async (subjectId: string, use: string, bundleIdentifier: string | null = null) => {
    const { data, errors } = await server.ask<{ explainAccess: { allowed: boolean; reasons: string[] } }>(
      inWeb,
      `query ($tenant: ID!, $subject: ID!, $use: ShareUse!, $app: String) {
        explainAccess(tenantId: $tenant, subjectId: $subject, use: $use, bundleIdentifier: $app) { allowed reasons share { id } }
      }`,
      { tenant: web, subject: subjectId, use, app: bundleIdentifier },
    );
    expect(errors).toBeUndefined();
    return data.explainAccess;
  };

  test("says by what share and role a certificate is used", async () => {
    const id = await keep.certificate(acme.organizationId);
    const shareId = await acme.share(id, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
    expect(await explained(id, "SIGN")).toEqual({
      allowed: true,
      reasons: [
        `Grant: "Acme" shares the certificate with "Web" (share ${shareId}).`,
        `Term uses: the share ${shareId} allows VIEW, SIGN.`,
        'Role: operator@web.example (OPERATOR) holds SIGNING_DOWNLOAD in "Web", which SIGN takes.',
      ],
      share: null,
    });
  });

  test.each([
    ["without its private key", { sealedKey: null }, "NO_PRIVATE_KEY: the private key of the certificate is not here."],
    ["that is over", { expiresAt: inDays(-1) }, "EXPIRED: the time of the certificate is over."],
    ["that was revoked", { revokedAt: inDays(-1) }, "REVOKED: the certificate was revoked."],
  ])("says that a certificate %s is seen, and signs nothing", async (_, what, reason) => {
    const id = await keep.certificate(web, what);
    expect(await explained(id, "SIGN")).toMatchObject({ allowed: false, reasons: [`Limit ${reason}`] });
    expect(await explained(id, "VIEW")).toMatchObject({ allowed: true });
  });

  test("holds the bundle identifier of a profile against the terms of its share", async () => {
    const id = await keep.profile(acme.organizationId, { bundleIdentifier: "com.acme.shop" });
    const shareId = await acme.share(id, { subOrganizationIds: [web], bundleIdentifiers: ["com.other.*"] });
    expect(await explained(id, "SIGN")).toMatchObject({
      allowed: false,
      reasons: [`Term bundleIdentifiers: the share ${shareId} is for com.other.*.`],
    });
    expect(await explained(id, "VIEW")).toMatchObject({ allowed: true });
    await acme.share(id, { subOrganizationIds: [web], bundleIdentifiers: ["com.acme.*"] });
    expect(await explained(id, "SIGN")).toMatchObject({ allowed: true });
    expect(await explained(id, "SIGN", "com.acme.other")).toMatchObject({
      allowed: false,
      reasons: ["Limit bundleIdentifier: the profile is for com.acme.shop."],
    });
  });
});
