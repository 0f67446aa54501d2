import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../src/ids.js";
import { query } from "../support/database.js";
import { ShareDocument, type Permission, type ShareInput } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type ClientError, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let web: string;
let apps: string;
/** Bearers of people who view and operate in one sub-organization each. */
let inWeb: string;
let inApps: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  apps = await acme.subOrganization("Apps");
  inWeb = await acme.member(web, "operator@web.example", ["OPERATOR"]);
  inApps = await acme.member(apps, "operator@apps.example", ["OPERATOR"]);
});
afterAll(() => server.close());

/** A key of the root that Apple knows; it is not verified, which takes a call less. */
const rootKey = (name = "Main"): Promise<string> => acme.credential(acme.organizationId, { name, verify: false });

const codesOf = (errors: readonly ClientError[] | undefined): string[] =>
  (errors ?? []).map((error) => error.extensions.code);

/** How a key is in the list of a tenant, as somebody sees it: undefined where it is not. */
async function listed(
  tenantId: string,
  key: string,
  bearer: string = acme.owner,
): Promise<{ tag: string | null; node: { id: string; name: string; program: string } } | undefined> {
  const { data, errors } = await server.ask<{
    node: { credentials: { edges: { tag: string | null; node: { id: string; name: string; program: string } }[] } };
  }>(
    bearer,
    `query ($id: ID!) { node(id: $id) { ... on Tenant { credentials(first: 200) { edges { tag node { id name program } } } } } }`,
    { id: tenantId },
  );
  expect(errors).toBeUndefined();
  return data.node.credentials.edges.find(({ node }) => node.id === key);
}

/** The code with which a key answers by its id; null where it is there. */
async function codeOf(key: string, bearer: string): Promise<string | null> {
  const { data, errors } = await server.ask<{ credential: { id: string } | null }>(
    bearer,
    `query ($id: ID!) { credential(id: $id) { id } }`,
    { id: key },
  );
  expect(data.credential).toEqual(errors === undefined ? { id: key } : null);
  return codesOf(errors)[0] ?? null;
}

/** The code with which the devices of a key's team answer; null where they come. */
async function codeOfUse(key: string, bearer: string): Promise<string | null> {
  const { errors } = await server.ask(
    bearer,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect { devices { nodes { udid } } } } }`,
    { id: key },
  );
  return codesOf(errors)[0] ?? null;
}

async function setShare(input: ShareInput, bearer: string = acme.owner) {
  const { data, errors } = await server.ask(bearer, ShareDocument, { input });
  expect(errors).toBeUndefined();
  return data.share;
}

const UNSHARE = `mutation ($id: ID!) { unshare(input: { subjectId: $id }) { deletedId userErrors { code field } } }`;

describe("a key is shared", () => {
  test("with chosen sub-organizations: those have it, and no other", async () => {
    const key = await rootKey();
    expect(await setShare({ subjectId: key, subOrganizationIds: [web] })).toMatchObject({
      share: {
        withAllSubOrganizations: false,
        uses: ["VIEW", "SIGN", "PUBLISH"],
        bundleIdentifiers: [],
        expiresAt: null,
        subOrganizations: { nodes: [{ id: web }] },
      },
      userErrors: [],
    });
    expect(await listed(web, key, inWeb)).toMatchObject({ tag: "ROOT" });
    expect(await codeOfUse(key, inWeb)).toBeNull();
    expect(await listed(apps, key, inApps)).toBeUndefined();
    expect(await codeOf(key, inApps)).toBe("NOT_FOUND");
    expect(await codeOfUse(key, inApps)).toBe("NOT_FOUND");
  });

  test("with all: also with a sub-organization that is made later", async () => {
    const key = await rootKey();
    const { share } = await setShare({ subjectId: key, withAllSubOrganizations: true });
    expect(share).toMatchObject({ withAllSubOrganizations: true, subOrganizations: { nodes: [] } });
    for (const [tenant, bearer] of [
      [web, inWeb],
      [apps, inApps],
    ] as const) {
      expect(await listed(tenant, key, bearer)).toMatchObject({ tag: "ROOT" });
    }
    const later = await acme.subOrganization("Later");
    const inLater = await acme.member(later, "viewer@later.example", ["VIEWER"]);
    expect(await listed(later, key, inLater)).toMatchObject({ tag: "ROOT" });
    expect(await codeOfUse(key, inLater)).toBeNull();
  });

  test("with all, and with nobody of another organization", async () => {
    const key = await rootKey();
    await acme.share(key);
    const globex = await seed(server, "Globex");
    const theirs = await globex.subOrganization("Web");
    const stranger = await globex.member(theirs, "owner@globex.example", ["OWNER"]);
    for (const bearer of [stranger, globex.owner]) {
      expect(await codeOf(key, bearer)).toBe("NOT_FOUND");
      expect(await codeOfUse(key, bearer)).toBe("NOT_FOUND");
    }
    expect(await listed(theirs, key, stranger)).toBeUndefined();
  });

  test("by a second call as that one says, and as nothing the first said", async () => {
    const key = await rootKey();
    const first = await setShare({
      subjectId: key,
      subOrganizationIds: [web],
      uses: ["VIEW"],
      bundleIdentifiers: ["com.acme.*"],
      expiresAt: "2100-01-01T00:00:00.000Z",
    });
    expect(first.share).toMatchObject({ uses: ["VIEW"], expiresAt: "2100-01-01T00:00:00.000Z" });
    const second = await setShare({ subjectId: key, subOrganizationIds: [apps, apps] });
    expect(second.share).toEqual({
      id: first.share?.id,
      withAllSubOrganizations: false,
      uses: ["VIEW", "SIGN", "PUBLISH"],
      bundleIdentifiers: [],
      expiresAt: null,
      subOrganizations: { nodes: [{ id: apps }] },
    });
    expect(await codeOf(key, inWeb)).toBe("NOT_FOUND");
    expect(await codeOf(key, inApps)).toBeNull();
    const third = await setShare({ subjectId: key, withAllSubOrganizations: true });
    expect(third.share).toMatchObject({ id: first.share?.id, subOrganizations: { nodes: [] } });
    expect(await codeOf(key, inWeb)).toBeNull();
    const fourth = await setShare({ subjectId: key, subOrganizationIds: [web] });
    expect(fourth.share).toMatchObject({ id: first.share?.id, withAllSubOrganizations: false });
    expect(await codeOf(key, inApps)).toBe("NOT_FOUND");
  });

  test("and renamed in the same step, everywhere", async () => {
    const key = await rootKey("Before");
    await setShare({ subjectId: key, name: " After ", subOrganizationIds: [web] });
    expect(await listed(web, key, inWeb)).toMatchObject({ node: { name: "After" } });
    expect(await listed(acme.organizationId, key)).toMatchObject({ tag: "SHARED", node: { name: "After" } });
  });

  test("and not renamed where the share is refused", async () => {
    const key = await rootKey("Before");
    for (const input of [
      { subjectId: key, name: "After", subOrganizationIds: [newId("subOrganization")] },
      { subjectId: key, name: "n".repeat(101), withAllSubOrganizations: true },
      { subjectId: key, name: " ", withAllSubOrganizations: true },
    ]) {
      expect((await setShare(input)).userErrors).toHaveLength(1);
    }
    expect(await listed(acme.organizationId, key)).toMatchObject({ tag: null, node: { name: "Before" } });
  });

  test("by a root manager and a token with CREDENTIALS_SHARE, and by no operator of the root", async () => {
    const manager = await acme.member(acme.organizationId, "manager@share.example", ["MANAGER"]);
    const token = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "CREDENTIALS_SHARE"]);
    const operator = await acme.member(acme.organizationId, "operator@share.example", ["OPERATOR"]);
    const key = await rootKey();
    const input = { subjectId: key, subOrganizationIds: [web] };
    const refused = await server.ask(operator, ShareDocument, { input });
    expect(codesOf(refused.errors)).toEqual(["FORBIDDEN"]);
    expect(await codeOf(key, inWeb)).toBe("NOT_FOUND");
    for (const bearer of [manager, token]) expect((await setShare(input, bearer)).userErrors).toEqual([]);
    expect(await codeOf(key, inWeb)).toBeNull();
  });
});

describe("a share is refused", () => {
  test.each<[string, (key: string) => Omit<ShareInput, "subjectId">, string, string]>([
    ["that is with nobody", () => ({}), "INVALID_INPUT", "subOrganizationIds"],
    [
      "that is with all and with some",
      () => ({ withAllSubOrganizations: true, subOrganizationIds: [web] }),
      "INVALID_INPUT",
      "subOrganizationIds",
    ],
    ["that allows nothing", () => ({ withAllSubOrganizations: true, uses: [] }), "INVALID_INPUT", "uses"],
    [
      "that ended before it began",
      () => ({ withAllSubOrganizations: true, expiresAt: "2020-01-01T00:00:00Z" }),
      "INVALID_INPUT",
      "expiresAt",
    ],
    [
      "for a bundle identifier with a wildcard in the middle",
      () => ({ withAllSubOrganizations: true, bundleIdentifiers: ["com.*.shop"] }),
      "INVALID_INPUT",
      "bundleIdentifiers",
    ],
    [
      "for an empty bundle identifier",
      () => ({ withAllSubOrganizations: true, bundleIdentifiers: [""] }),
      "INVALID_INPUT",
      "bundleIdentifiers",
    ],
    [
      "for more than 100 bundle identifiers",
      () => ({
        withAllSubOrganizations: true,
        bundleIdentifiers: Array.from({ length: 101 }, (_, index) => `com.acme.app${index}`),
      }),
      "INVALID_INPUT",
      "bundleIdentifiers",
    ],
    ["with the root itself", () => ({ subOrganizationIds: [acme.organizationId] }), "NOT_FOUND", "subOrganizationIds"],
    [
      "with one that is there and one that is not",
      () => ({ subOrganizationIds: [web, newId("subOrganization")] }),
      "NOT_FOUND",
      "subOrganizationIds",
    ],
  ])("%s", async (_, terms, code, field) => {
    const key = await rootKey();
    expect(await setShare({ subjectId: key, ...terms(key) })).toMatchObject({
      share: null,
      userErrors: [{ code, field: [field] }],
    });
    expect(await listed(acme.organizationId, key)).toMatchObject({ tag: null });
  });

  test("with a sub-organization of another organization, in the words for one that is not there", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await globex.subOrganization("Web");
    const key = await rootKey();
    const foreign = await setShare({ subjectId: key, subOrganizationIds: [web, theirs] });
    const absent = await setShare({ subjectId: key, subOrganizationIds: [web, newId("subOrganization")] });
    expect(foreign.userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
    expect(foreign).toEqual(absent);
  });

  test("of a key of another organization, in the words for one that is not there", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await globex.credential(globex.organizationId, { verify: false });
    const ask = (subjectId: string) =>
      server.ask(acme.owner, ShareDocument, { input: { subjectId, withAllSubOrganizations: true } });
    const [foreign, absent] = [await ask(theirs), await ask(newId("credential"))];
    expect(codesOf(foreign.errors)).toEqual(["NOT_FOUND"]);
    expect(foreign.text).toBe(absent.text);
  });

  test("of what a sub-organization owns, to its owner and to the root's", async () => {
    const own = await acme.credential(web, { verify: false });
    const subOwner = await acme.member(web, "owner@web.example", ["OWNER"]);
    for (const bearer of [subOwner, acme.owner]) {
      const { errors } = await server.ask(bearer, ShareDocument, {
        input: { subjectId: own, withAllSubOrganizations: true },
      });
      expect(codesOf(errors)).toEqual(["FORBIDDEN"]);
    }
    expect(await codeOf(own, inApps)).toBe("NOT_FOUND");
    const rootOwned = await rootKey();
    expect((await setShare({ subjectId: rootOwned, withAllSubOrganizations: true })).userErrors).toEqual([]);
  });
});

describe("the database itself", () => {
  const insertTarget = (rootId: string, share: string, target: string): Promise<object[]> =>
    query(server.database.ownerUrl, [
      "INSERT INTO share_targets (root_id, share_id, sub_organization_id) VALUES ($1, $2, $3) RETURNING share_id",
      [rootId, share, target],
    ]);

  test("holds no share with a sub-organization of another organization, even for the owner of its tables", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await globex.subOrganization("Web");
    const share = await acme.share(await rootKey(), { subOrganizationIds: [web] });
    for (const rootId of [acme.organizationId, globex.organizationId]) {
      await expect(insertTarget(rootId, share, theirs)).rejects.toMatchObject({ code: "23503" });
    }
    await expect(insertTarget(acme.organizationId, share, acme.organizationId)).rejects.toMatchObject({
      code: "23514",
    });
    expect(await insertTarget(acme.organizationId, share, apps)).toEqual([{ share_id: share }]);
  });

  test("holds no share of what a sub-organization owns, or another organization", async () => {
    const insert = (rootId: string, ownerId: string, key: string): Promise<object[]> =>
      query(server.database.ownerUrl, [
        `INSERT INTO shares (root_id, id, owner_id, credential_id, with_all, uses)
         VALUES ($1, $2, $3, $4, true, '{VIEW}') RETURNING credential_id`,
        [rootId, newId("share"), ownerId, key],
      ]);
    const globex = await seed(server, "Globex");
    const own = await acme.credential(web, { verify: false });
    const root = await rootKey();
    await expect(insert(acme.organizationId, web, own)).rejects.toMatchObject({ code: "23514" });
    await expect(insert(acme.organizationId, acme.organizationId, own)).rejects.toMatchObject({ code: "23503" });
    await expect(insert(globex.organizationId, globex.organizationId, root)).rejects.toMatchObject({ code: "23503" });
    expect(await insert(acme.organizationId, acme.organizationId, root)).toEqual([{ credential_id: root }]);
  });
});

describe("the terms of a share", () => {
  test("end it by themselves: it hides the key from the moment on, and use of it too", async () => {
    const key = await rootKey();
    await setShare({ subjectId: key, subOrganizationIds: [web], expiresAt: "2100-01-01T00:00:00Z" });
    expect(await codeOf(key, inWeb)).toBeNull();
    expect(await codeOfUse(key, inWeb)).toBeNull();

    await query(server.database.ownerUrl, [
      "UPDATE shares SET expires_at = now() - interval '1 second' WHERE credential_id = $1",
      [key],
    ]);
    expect(await codeOf(key, inWeb)).toBe("NOT_FOUND");
    expect(await codeOfUse(key, inWeb)).toBe("NOT_FOUND");
    expect(await listed(web, key, inWeb)).toBeUndefined();
    expect(await listed(web, key)).toBeUndefined();
    expect(await listed(acme.organizationId, key)).toMatchObject({ tag: null });
    const seen = await server.ask(acme.owner, `query ($id: ID!) { credential(id: $id) { share { expiresAt } } }`, {
      id: key,
    });
    expect(seen.data).toMatchObject({ credential: { share: { expiresAt: expect.any(String) as unknown } } });

    await setShare({ subjectId: key, subOrganizationIds: [web] });
    expect(await codeOfUse(key, inWeb)).toBeNull();
  });

  test("without VIEW leave the key in the list and refuse what Apple holds; the root's own use is not bound", async () => {
    const key = await rootKey();
    await setShare({ subjectId: key, subOrganizationIds: [web], uses: ["SIGN"] });
    expect(await listed(web, key, inWeb)).toMatchObject({ tag: "ROOT" });
    server.sandbox.clearJournal();
    expect(await codeOfUse(key, inWeb)).toBe("FORBIDDEN");
    expect(server.sandbox.journal).toEqual([]);
    expect(await codeOfUse(key, acme.owner)).toBeNull();
    await setShare({ subjectId: key, subOrganizationIds: [web], uses: ["VIEW"] });
    expect(await codeOfUse(key, inWeb)).toBeNull();
  });

  test("for bundle identifiers narrow bundle ids and profiles; certificates and devices stay whole", async () => {
    const named = (id: string, identifier: string) => ({ id, attributes: { identifier } });
    const of = (name: string, bundleId: string) => ({ attributes: { name }, relationships: { bundleId } });
    const key = await acme.credential(
      acme.organizationId,
      { verify: false },
      {
        contents: {
          bundleIds: [
            named("SHOP", "com.acme.shop"),
            named("WIDGET", "com.acme.shop.widget"),
            named("SHOPPING", "com.acme.shopping"),
            named("BANK", "com.acme.bank"),
          ],
          profiles: [of("Shop", "SHOP"), of("Widget", "WIDGET"), of("Shopping", "SHOPPING"), of("Bank", "BANK")],
          certificates: 2,
          devices: 3,
        },
      },
    );
    interface Held {
      credential: {
        appStoreConnect: {
          bundleIds: { nodes: { identifier: string }[] };
          provisioningProfiles: { nodes: { name: string }[] };
          certificates: { nodes: object[] };
          devices: { nodes: object[] };
        };
      };
    }
    const held = async (bearer: string) => {
      const { data, errors } = await server.ask<Held>(
        bearer,
        `query ($id: ID!) { credential(id: $id) { appStoreConnect {
          bundleIds { nodes { identifier } } provisioningProfiles { nodes { name } }
          certificates { nodes { appleId } } devices { nodes { appleId } } } } }`,
        { id: key },
      );
      expect(errors).toBeUndefined();
      const { bundleIds, provisioningProfiles, certificates, devices } = data.credential.appStoreConnect;
      return {
        bundleIds: bundleIds.nodes.map(({ identifier }) => identifier),
        profiles: provisioningProfiles.nodes.map(({ name }) => name),
        counts: [certificates.nodes.length, devices.nodes.length],
      };
    };
    const whole = await held(acme.owner);
    expect(whole.profiles).toEqual(["Shop", "Widget", "Shopping", "Bank"]);
    expect(whole.counts).toEqual([2, 3]);
    for (const [patterns, identifiers, profiles] of [
      [["com.acme.shop"], ["com.acme.shop"], ["Shop"]],
      [["com.acme.shop.*"], ["com.acme.shop.widget"], ["Widget"]],
      [
        ["com.acme.shop*"],
        ["com.acme.shop", "com.acme.shop.widget", "com.acme.shopping"],
        ["Shop", "Widget", "Shopping"],
      ],
      [
        ["com.acme.bank", "com.acme.shop"],
        ["com.acme.shop", "com.acme.bank"],
        ["Shop", "Bank"],
      ],
      [["*"], whole.bundleIds, whole.profiles],
      [["com.other"], [], []],
      [[], whole.bundleIds, whole.profiles],
    ] as const) {
      await setShare({ subjectId: key, subOrganizationIds: [web], bundleIdentifiers: [...patterns] });
      expect(await held(inWeb)).toEqual({ bundleIds: [...identifiers], profiles: [...profiles], counts: whole.counts });
      expect(await held(acme.owner)).toEqual(whole);
    }
  });

  test("bind, whatever is selected: a profile outside is in no page, no filter and no relation", async () => {
    const key = await acme.credential(
      acme.organizationId,
      { verify: false },
      {
        contents: {
          bundleIds: [{ id: "BANK", attributes: { identifier: "com.acme.bank" } }],
          profiles: [{ attributes: { name: "Bank" }, relationships: { bundleId: "BANK" } }],
        },
      },
    );
    await setShare({ subjectId: key, subOrganizationIds: [web], bundleIdentifiers: ["com.acme.shop*"] });
    const document = `query ($id: ID!) { credential(id: $id) { appStoreConnect {
      all: provisioningProfiles { nodes { uuid } }
      page: provisioningProfiles(first: 1) { edges { node { uuid } } pageInfo { hasNextPage endCursor } }
      named: provisioningProfiles(bundleIdentifier: "com.acme.bank") { nodes { bundleId { identifier } } } } } }`;
    const none = { nodes: [] };
    const below = await server.ask(inWeb, document, { id: key });
    expect(below.data).toEqual({
      credential: {
        appStoreConnect: {
          all: none,
          page: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } },
          named: none,
        },
      },
    });
    const above = await server.ask(acme.owner, document, { id: key });
    expect(above.data).toMatchObject({
      credential: { appStoreConnect: { all: { nodes: [{}] }, named: { nodes: [{}] } } },
    });
  });
});

describe("a share is ended", () => {
  test("and the very next request below is refused", async () => {
    const key = await rootKey();
    const share = await acme.share(key, { subOrganizationIds: [web] });
    expect(await codeOfUse(key, inWeb)).toBeNull();
    const { data } = await server.ask(acme.owner, UNSHARE, { id: key });
    expect(data).toEqual({ unshare: { deletedId: share, userErrors: [] } });
    expect(await codeOfUse(key, inWeb)).toBe("NOT_FOUND");
    expect(await codeOf(key, inWeb)).toBe("NOT_FOUND");
    expect(await listed(web, key, inWeb)).toBeUndefined();
    expect(await codeOfUse(key, acme.owner)).toBeNull();
  });

  test("once: a second time it is not shared", async () => {
    const key = await rootKey();
    await acme.share(key);
    await server.ask(acme.owner, UNSHARE, { id: key });
    const again = await server.ask(acme.owner, UNSHARE, { id: key });
    expect(again.data).toEqual({
      unshare: { deletedId: null, userErrors: [{ code: "NOT_FOUND", field: ["subjectId"] }] },
    });
  });

  test("by no operator of the root, and by its manager", async () => {
    const operator = await acme.member(acme.organizationId, "operator@unshare.example", ["OPERATOR"]);
    const manager = await acme.member(acme.organizationId, "manager@unshare.example", ["MANAGER"]);
    const key = await rootKey();
    await acme.share(key);
    expect(codesOf((await server.ask(operator, UNSHARE, { id: key })).errors)).toEqual(["FORBIDDEN"]);
    expect(await codeOf(key, inWeb)).toBeNull();
    expect((await server.ask(manager, UNSHARE, { id: key })).errors).toBeUndefined();
    expect(await codeOf(key, inWeb)).toBe("NOT_FOUND");
  });

  test("with the sub-organization that it was with", async () => {
    const gone = await acme.subOrganization("Gone");
    const key = await rootKey();
    await acme.share(key, { subOrganizationIds: [web, gone] });
    const { errors } = await server.ask(
      acme.owner,
      `mutation ($id: ID!) { deleteSubOrganization(input: { subOrganizationId: $id }) { userErrors { code } } }`,
      { id: gone },
    );
    expect(errors).toBeUndefined();
    const { data } = await server.ask(
      acme.owner,
      `query ($id: ID!) { credential(id: $id) { share { subOrganizations { nodes { id } } } } }`,
      { id: key },
    );
    expect(data).toEqual({ credential: { share: { subOrganizations: { nodes: [{ id: web }] } } } });
  });
});

describe("a key in a list", () => {
  test("is tagged ROOT below, SHARED at the root, and not at all where it is not shared", async () => {
    const [shared, kept, own] = [await rootKey(), await rootKey(), await acme.credential(web, { verify: false })];
    await acme.share(shared, { subOrganizationIds: [web] });
    expect(await listed(acme.organizationId, shared)).toMatchObject({ tag: "SHARED" });
    expect(await listed(acme.organizationId, kept)).toMatchObject({ tag: null });
    for (const bearer of [inWeb, acme.owner]) {
      expect(await listed(web, shared, bearer)).toMatchObject({ tag: "ROOT" });
      expect(await listed(web, own, bearer)).toMatchObject({ tag: null });
      expect(await listed(web, kept, bearer)).toBeUndefined();
    }
    expect(await listed(apps, shared)).toBeUndefined();
    expect(await listed(acme.organizationId, own)).toBeUndefined();
  });

  test("stays ENTERPRISE below, and its name follows the root's", async () => {
    const key = await acme.credential(acme.organizationId, { name: "In-house", program: "ENTERPRISE" });
    await acme.share(key, { subOrganizationIds: [web] });
    expect(await listed(web, key, inWeb)).toMatchObject({ node: { name: "In-house", program: "ENTERPRISE" } });
    await server.ask(
      acme.owner,
      `mutation ($id: ID!) { updateCredential(input: { credentialId: $id, name: "House" }) { userErrors { code } } }`,
      { id: key },
    );
    expect(await listed(web, key, inWeb)).toMatchObject({ node: { name: "House", program: "ENTERPRISE" } });
    expect(await codeOfUse(key, inWeb)).toBeNull();
  });

  test("names its owner below, and does not say how else it is shared", async () => {
    const key = await rootKey();
    const share = await acme.share(key, { subOrganizationIds: [web, apps] });
    const document = `query ($id: ID!) { credential(id: $id) { owner { id name } share { id } } }`;
    const owner = { id: acme.organizationId, name: "Acme" };
    expect((await server.ask(inWeb, document, { id: key })).data).toEqual({ credential: { owner, share: null } });
    expect((await server.ask(acme.owner, document, { id: key })).data).toEqual({
      credential: { owner, share: { id: share } },
    });
    for (const field of ["share(id: $id) { id }", "node(id: $id) { id }"]) {
      const below = await server.ask(inWeb, `query ($id: ID!) { ${field} }`, { id: share });
      expect(codesOf(below.errors)).toEqual(["NOT_FOUND"]);
      const above = await server.ask(acme.owner, `query ($id: ID!) { ${field} }`, { id: share });
      expect(above.errors).toBeUndefined();
    }
  });

  test("of a sub-organization is seen by its root, and by no sibling", async () => {
    const own = await acme.credential(web, { verify: false });
    expect(await codeOf(own, inWeb)).toBeNull();
    expect(await codeOf(own, acme.owner)).toBeNull();
    expect(await codeOf(own, inApps)).toBe("NOT_FOUND");
    expect(await codeOfUse(own, inApps)).toBe("NOT_FOUND");
    const sibling = await server.ask(
      inApps,
      `query ($id: ID!) { subOrganization(id: $id) { credentials { nodes { id } } } }`,
      { id: web },
    );
    expect(codesOf(sibling.errors)).toEqual(["NOT_FOUND"]);
  });
});

describe("what the root shares is listed to the root", () => {
  test("with what is shared and with whom, and to nobody below", async () => {
    const globex = await seed(server, "Globex");
    const sub = await globex.subOrganization("Web");
    const key = await globex.credential(globex.organizationId, { name: "Common", verify: false });
    const share = await globex.share(key, { subOrganizationIds: [sub], uses: ["VIEW"], bundleIdentifiers: ["com.*"] });
    const document = `query ($id: ID!) { organization(id: $id) { shares { nodes {
      id uses bundleIdentifiers subject { ... on Credential { id name } } subOrganizations { nodes { id } } } } } }`;
    const above = await server.ask(globex.owner, document, { id: globex.organizationId });
    expect(above.data).toEqual({
      organization: {
        shares: {
          nodes: [
            {
              id: share,
              uses: ["VIEW"],
              bundleIdentifiers: ["com.*"],
              subject: { id: key, name: "Common" },
              subOrganizations: { nodes: [{ id: sub }] },
            },
          ],
        },
      },
    });
    const below = await globex.member(sub, "owner@globex-web.example", ["OWNER"]);
    const refused = await server.ask(below, document, { id: globex.organizationId });
    expect(codesOf(refused.errors)).toEqual(["FORBIDDEN"]);
  });
});

describe("a token below", () => {
  test.each<[string, (key: string) => Promise<unknown>]>([
    ["with chosen sub-organizations", (key) => acme.share(key, { subOrganizationIds: [web] })],
    ["with all", (key) => acme.share(key, { withAllSubOrganizations: true })],
  ])("sees and uses a key that is shared %s as far as its permissions go", async (_, share) => {
    const key = await rootKey();
    await share(key);
    const may = async (...permissions: Permission[]): Promise<(string | null)[]> => {
      const token = await acme.token(web, permissions);
      return [await codeOf(key, token), await codeOfUse(key, token)];
    };
    expect(await may("CREDENTIALS_VIEW", "SIGNING_VIEW")).toEqual([null, null]);
    expect(await may("CREDENTIALS_VIEW")).toEqual([null, "FORBIDDEN"]);
    expect(await may("SIGNING_VIEW")).toEqual(["FORBIDDEN", "FORBIDDEN"]);
  });

  test("of one sub-organization does not see a key through what its bearer may in another organization", async () => {
    const key = await rootKey();
    await acme.share(key, { withAllSubOrganizations: true });
    const globex = await seed(server, "Globex");
    const person = "both@acme.example";
    await globex.member(globex.organizationId, person, ["OWNER"]);
    const bearer = await acme.member(web, person, ["VIEWER"]);
    expect(await codeOf(key, bearer)).toBeNull();
    expect(await codeOf(await rootKey(), bearer)).toBe("NOT_FOUND");
    const rename = await server.ask(
      bearer,
      `mutation ($id: ID!) { updateCredential(input: { credentialId: $id, name: "Theirs" }) { userErrors { code } } }`,
      { id: key },
    );
    expect(codesOf(rename.errors)).toEqual(["SHARED_FROM_ROOT"]);
  });
});
