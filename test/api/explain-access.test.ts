import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../src/ids.js";
import { query } from "../support/database.js";
import type { ShareInput, ShareUse } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let web: string;
let apps: string;
/** A person who operates in the sub-organization Web: may view and sign there. */
let inWeb: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  apps = await acme.subOrganization("Apps");
  inWeb = await acme.member(web, "operator@web.example", ["OPERATOR"]);
});
afterAll(() => server.close());

interface Explanation {
  readonly allowed: boolean;
  readonly reasons: string[];
  readonly share: { readonly id: string } | null;
}

interface Question {
  readonly tenantId: string;
  readonly subjectId: string;
  readonly use?: ShareUse;
  readonly bundleIdentifier?: string | null;
}

const DOCUMENT = `query ($tenantId: ID!, $subjectId: ID!, $use: ShareUse! = VIEW, $bundleIdentifier: String) {
  explainAccess(tenantId: $tenantId, subjectId: $subjectId, use: $use, bundleIdentifier: $bundleIdentifier) {
    allowed reasons share { id } } }`;

async function explain(bearer: string, question: Question): Promise<Explanation> {
  const { data, errors } = await server.ask<{ explainAccess: Explanation }>(bearer, DOCUMENT, { ...question });
  expect(errors).toBeUndefined();
  return data.explainAccess;
}

async function refusedWith(bearer: string, question: Question): Promise<string[] | undefined> {
  const { errors } = await server.ask(bearer, DOCUMENT, { ...question });
  return errors?.map((error) => error.extensions.code);
}

const rootKey = (): Promise<string> => acme.credential(acme.organizationId, { verify: false });

/** A key of the root that is shared as said. */
async function sharedKey(terms: Omit<ShareInput, "subjectId">): Promise<{ subjectId: string; share: string }> {
  const subjectId = await rootKey();
  return { subjectId, share: await acme.share(subjectId, terms) };
}

const mayDevices = async (bearer: string, subjectId: string): Promise<boolean> => {
  const { errors } = await server.ask(
    bearer,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect { devices { nodes { udid } } } } }`,
    { id: subjectId },
  );
  return errors === undefined;
};

describe("access is explained as allowed", () => {
  test("by the tenant's own key: the grant and the role that decide", async () => {
    const subjectId = await acme.credential(web, { verify: false });
    expect(await explain(inWeb, { tenantId: web, subjectId })).toEqual({
      allowed: true,
      reasons: [
        'Grant: "Web" owns the key.',
        'Role: operator@web.example (OPERATOR) holds SIGNING_VIEW in "Web", which VIEW takes.',
      ],
      share: null,
    });
    expect(await mayDevices(inWeb, subjectId)).toBe(true);
  });

  test("by a share and its terms, in the order they are asked", async () => {
    const { subjectId, share } = await sharedKey({
      subOrganizationIds: [web],
      uses: ["VIEW", "SIGN"],
      bundleIdentifiers: ["com.acme.*"],
      expiresAt: "2100-01-01T00:00:00.000Z",
    });
    const question = { tenantId: web, subjectId, use: "SIGN", bundleIdentifier: "com.acme.shop" } as const;
    expect(await explain(inWeb, question)).toEqual({
      allowed: true,
      reasons: [
        `Grant: "Acme" shares the key with "Web" (share ${share}).`,
        `Term expiresAt: the share ${share} ends at 2100-01-01T00:00:00.000Z.`,
        `Term uses: the share ${share} allows VIEW, SIGN.`,
        `Term bundleIdentifiers: the share ${share} is for com.acme.*.`,
        'Role: operator@web.example (OPERATOR) holds SIGNING_MANAGE in "Web", which SIGN takes.',
      ],
      share: null,
    });
    expect(await explain(acme.owner, question)).toMatchObject({ allowed: true, share: { id: share } });
  });

  test("by a share with all, to each sub-organization", async () => {
    const { subjectId } = await sharedKey({ withAllSubOrganizations: true });
    for (const tenantId of [web, apps]) {
      expect(await explain(acme.owner, { tenantId, subjectId })).toMatchObject({ allowed: true });
    }
  });

  test("for the root by its own key, whatever the terms of its share", async () => {
    const { subjectId } = await sharedKey({ subOrganizationIds: [web], uses: ["SIGN"], bundleIdentifiers: ["com.x"] });
    const question = { tenantId: acme.organizationId, subjectId, bundleIdentifier: "com.acme.shop" };
    expect(await explain(acme.owner, question)).toMatchObject({
      allowed: true,
      reasons: ['Grant: "Acme" owns the key.', 'Role: Owner (token) holds SIGNING_VIEW in "Acme", which VIEW takes.'],
    });
  });
});

describe("access is explained as refused, by what refuses it alone,", () => {
  test("where the key is not shared", async () => {
    const subjectId = await rootKey();
    expect(await explain(acme.owner, { tenantId: web, subjectId })).toEqual({
      allowed: false,
      reasons: ['Grant: "Acme" owns the key and does not share it with "Web".'],
      share: null,
    });
    await acme.share(subjectId);
    expect(await explain(acme.owner, { tenantId: web, subjectId })).toMatchObject({ allowed: true });
  });

  test("where the key is shared, but not with this tenant", async () => {
    const { subjectId, share } = await sharedKey({ subOrganizationIds: [apps] });
    expect(await explain(acme.owner, { tenantId: web, subjectId })).toEqual({
      allowed: false,
      reasons: [`Grant: "Acme" shares the key, but not with "Web" (share ${share}).`],
      share: { id: share },
    });
    expect(await explain(acme.owner, { tenantId: apps, subjectId })).toMatchObject({ allowed: true });
  });

  test("where the use is not among those of the share, as the use itself is refused", async () => {
    const { subjectId, share } = await sharedKey({ subOrganizationIds: [web], uses: ["SIGN"] });
    expect(await explain(inWeb, { tenantId: web, subjectId, use: "VIEW" })).toEqual({
      allowed: false,
      reasons: [`Term uses: the share ${share} allows SIGN.`],
      share: null,
    });
    expect(await mayDevices(inWeb, subjectId)).toBe(false);
    expect(await explain(inWeb, { tenantId: web, subjectId, use: "SIGN" })).toMatchObject({ allowed: true });
  });

  test("where the bundle identifier is outside of the share", async () => {
    const { subjectId, share } = await sharedKey({
      subOrganizationIds: [web],
      bundleIdentifiers: ["com.acme.shop", "com.acme.tv.*"],
    });
    const explainFor = (bundleIdentifier: string | null) =>
      explain(inWeb, { tenantId: web, subjectId, use: "SIGN", bundleIdentifier });
    for (const outside of ["com.acme.bank", "com.acme.shop.widget", "com.acme.tv", ""]) {
      expect(await explainFor(outside)).toEqual({
        allowed: false,
        reasons: [`Term bundleIdentifiers: the share ${share} is for com.acme.shop, com.acme.tv.*.`],
        share: null,
      });
    }
    for (const inside of ["com.acme.shop", "com.acme.tv.player", null]) {
      expect(await explainFor(inside)).toMatchObject({ allowed: true });
    }
  });

  test("where the share is over, as the root sees it; below it the key is not there", async () => {
    const { subjectId, share } = await sharedKey({ subOrganizationIds: [web], expiresAt: "2100-01-01T00:00:00Z" });
    expect(await explain(inWeb, { tenantId: web, subjectId })).toMatchObject({ allowed: true });
    await query(server.database.ownerUrl, ["UPDATE shares SET expires_at = '2024-01-01Z' WHERE id = $1", [share]]);
    expect(await explain(acme.owner, { tenantId: web, subjectId })).toEqual({
      allowed: false,
      reasons: [`Term expiresAt: the share ${share} ended at 2024-01-01T00:00:00.000Z.`],
      share: { id: share },
    });
    expect(await refusedWith(inWeb, { tenantId: web, subjectId })).toEqual(["NOT_FOUND"]);
  });

  test("where an enterprise key would publish, whoever owns it", async () => {
    const subjectId = await acme.credential(acme.organizationId, { program: "ENTERPRISE", verify: false });
    await acme.share(subjectId);
    for (const tenantId of [acme.organizationId, web]) {
      expect(await explain(acme.owner, { tenantId, subjectId, use: "PUBLISH" })).toMatchObject({
        allowed: false,
        reasons: [expect.stringMatching(/^Limit ENTERPRISE_KEY_CANNOT_PUBLISH: /)],
      });
      expect(await explain(acme.owner, { tenantId, subjectId, use: "SIGN" })).toMatchObject({ allowed: true });
    }
  });

  test("where an individual key would sign or view, and not where it would publish", async () => {
    const subjectId = await acme.credential(
      acme.organizationId,
      { keyType: "INDIVIDUAL", verify: false },
      { keyType: "individual" },
    );
    for (const use of ["SIGN", "VIEW"] as const) {
      expect(await explain(acme.owner, { tenantId: acme.organizationId, subjectId, use })).toMatchObject({
        allowed: false,
        reasons: [expect.stringMatching(/^Limit INDIVIDUAL_KEY_CANNOT_SIGN: /)],
      });
    }
    const publish = { tenantId: acme.organizationId, subjectId, use: "PUBLISH" } as const;
    expect(await explain(acme.owner, publish)).toMatchObject({ allowed: true });
  });

  test("where the role lacks the permission, which is named with who has it", async () => {
    const { subjectId } = await sharedKey({ subOrganizationIds: [web] });
    const viewer = await acme.member(web, "viewer@web.example", ["VIEWER"]);
    expect(await explain(viewer, { tenantId: web, subjectId, use: "SIGN" })).toEqual({
      allowed: false,
      reasons: ['Role: viewer@web.example (VIEWER) lacks SIGNING_MANAGE in "Web", which SIGN takes.'],
      share: null,
    });
    expect(await explain(viewer, { tenantId: web, subjectId, use: "VIEW" })).toMatchObject({ allowed: true });
    expect(await explain(inWeb, { tenantId: web, subjectId, use: "SIGN" })).toMatchObject({ allowed: true });
    const token = await acme.token(web, ["CREDENTIALS_VIEW"]);
    expect(await explain(token, { tenantId: web, subjectId, use: "PUBLISH" })).toMatchObject({
      allowed: false,
      reasons: ['Role: CI (token) lacks PUBLISH_MANAGE in "Web", which PUBLISH takes.'],
    });
  });

  test("by all that refuses it at once, grant, terms, limit and role", async () => {
    const subjectId = await acme.credential(acme.organizationId, { program: "ENTERPRISE", verify: false });
    const share = await acme.share(subjectId, {
      subOrganizationIds: [apps],
      uses: ["VIEW"],
      bundleIdentifiers: ["com.acme.shop"],
    });
    const viewer = await acme.member(acme.organizationId, "viewer@root.example", ["VIEWER"]);
    const { allowed, reasons } = await explain(viewer, {
      tenantId: web,
      subjectId,
      use: "PUBLISH",
      bundleIdentifier: "com.acme.bank",
    });
    expect(allowed).toBe(false);
    expect(reasons.map((reason) => reason.split(":")[0])).toEqual([
      "Grant",
      "Term uses",
      "Term bundleIdentifiers",
      "Limit ENTERPRISE_KEY_CANNOT_PUBLISH",
      "Role",
    ]);
    expect(reasons[0]).toContain(share);
  });
});

describe("an explanation is given", () => {
  test("to nobody who may not see the tenant or the key: foreign and absent ids answer alike", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await globex.credential(globex.organizationId, { verify: false });
    const { subjectId } = await sharedKey({ subOrganizationIds: [web] });
    const unshared = await rootKey();
    for (const question of [
      { tenantId: globex.organizationId, subjectId },
      { tenantId: newId("organization"), subjectId },
      { tenantId: web, subjectId: theirs },
      { tenantId: web, subjectId: newId("credential") },
      { tenantId: apps, subjectId },
      { tenantId: web, subjectId: unshared },
    ]) {
      expect(await refusedWith(inWeb, question)).toEqual(["NOT_FOUND"]);
    }
    expect(await refusedWith(inWeb, { tenantId: web, subjectId })).toBeUndefined();
  });

  test("to nobody below about the root, which they know only by its name", async () => {
    const { subjectId } = await sharedKey({ subOrganizationIds: [web] });
    expect(await refusedWith(inWeb, { tenantId: acme.organizationId, subjectId })).toEqual(["FORBIDDEN"]);
    expect(await refusedWith(acme.owner, { tenantId: acme.organizationId, subjectId })).toBeUndefined();
  });

  test("to no token without CREDENTIALS_VIEW", async () => {
    const { subjectId } = await sharedKey({ subOrganizationIds: [web] });
    const without = await acme.token(web, ["SIGNING_VIEW"]);
    const having = await acme.token(web, ["CREDENTIALS_VIEW"]);
    expect(await refusedWith(without, { tenantId: web, subjectId })).toEqual(["FORBIDDEN"]);
    expect(await refusedWith(having, { tenantId: web, subjectId })).toBeUndefined();
  });
});
