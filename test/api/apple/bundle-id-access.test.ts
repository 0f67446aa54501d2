import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { heldKey, postsOf, refusalsOf, type HeldKey } from "./held-key.js";

let server: TestServer;
let acme: Story;
let web: string;
/** An operator of the sub-organization Web. */
let inWeb: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  inWeb = await acme.member(web, "operator@web.example", ["OPERATOR"]);
});
afterAll(() => server.close());

const held = (): Promise<HeldKey> => heldKey(server, acme);

/** Registers a bundle id: the code with which that was refused, null where it was done. */
async function codeOf(key: HeldKey, identifier: string, bearer: string, tenantId: string): Promise<string | null> {
  const before = postsOf(server, key).length;
  const { refusals, denied } = await refusalsOf(
    server,
    bearer,
    `mutation ($input: RegisterBundleIdInput!) { registerBundleId(input: $input) {
      bundleId { appleId } userErrors { code field message } } }`,
    { tenantId, credentialId: key.id, identifier, name: "App" },
  );
  const code = denied ?? refusals[0]?.code ?? null;
  const isThere = key.team.bundleIds.some(({ attributes }) => attributes.identifier === identifier);
  // What is said to be done is done, and what is denied was not even sent.
  expect([isThere, postsOf(server, key).length - before]).toEqual(code === null ? [true, 1] : [false, 0]);
  return code;
}

describe("bundle ids are registered", () => {
  test("with SIGNING_MANAGE, and not without it", async () => {
    const key = await held();
    const without = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "CREDENTIALS_MANAGE"]);
    const having = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_MANAGE"]);
    expect(await codeOf(key, "com.acme.shop", without, acme.organizationId)).toBe("FORBIDDEN");
    expect(await codeOf(key, "com.acme.shop", having, acme.organizationId)).toBeNull();
  });

  test("with a key of one's own, and not with one of somebody else, which might not be there", async () => {
    const key = await held();
    const globex = await seed(server, "Globex");
    const theirs = await heldKey(server, globex);
    expect(await codeOf(key, "com.globex.shop", globex.owner, globex.organizationId)).toBe("NOT_FOUND");
    expect(await codeOf(theirs, "com.globex.shop", globex.owner, globex.organizationId)).toBeNull();
  });
});

describe("a sub-organization registers bundle ids through a key of the root", () => {
  test("where the share has SIGN among its uses, and not where it has not", async () => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["VIEW", "PUBLISH"] });
    expect(await codeOf(key, "com.acme.web", inWeb, web)).toBe("FORBIDDEN");
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
    expect(await codeOf(key, "com.acme.web", inWeb, web)).toBeNull();
  });

  test.each<[patterns: string[], inside: string[], outside: string[]]>([
    [
      ["com.acme.web.*"],
      ["com.acme.web.app", "com.acme.web.app.widget", "com.acme.web.*"],
      ["com.acme.website", "com.acme.*", "*", "com.acme.ios.app"],
    ],
    [["com.acme.web"], ["com.acme.web"], ["com.acme.web.app", "com.acme.webs", "com.acme"]],
    [["com.acme.web.*", "com.acme.kiosk"], ["com.acme.web.app", "com.acme.kiosk"], ["com.acme.kiosk.app"]],
  ])("within the terms %j of the share: %j, and not %j", async (bundleIdentifiers, inside, outside) => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web], bundleIdentifiers });
    for (const identifier of outside) expect(await codeOf(key, identifier, inWeb, web)).toBe("FORBIDDEN");
    for (const identifier of inside) expect(await codeOf(key, identifier, inWeb, web)).toBeNull();
    // They bind those below, and not the root.
    for (const identifier of outside) {
      expect(await codeOf(key, identifier, acme.owner, acme.organizationId)).toBeNull();
    }
  });

  test("and its owner at the root is bound in its name too", async () => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web], bundleIdentifiers: ["com.acme.web.*"] });
    expect(await codeOf(key, "com.acme.ios.app", acme.owner, web)).toBe("FORBIDDEN");
    expect(await codeOf(key, "com.acme.web.app", acme.owner, web)).toBeNull();
  });
});
