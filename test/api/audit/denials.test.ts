import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { askNoted, logLength, mutationOf } from "../../support/audit.js";
import { query } from "../../support/database.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { withoutLog } from "../../support/signing.js";

let server: TestServer;
let acme: Story;
let web: string;
/** A key of the root that is shared with Web, and one of the root alone. */
let shared: string;
let hidden: string;
/** People with one role each. */
let viewerOfRoot: string;
let ownerOfWeb: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  shared = await acme.credential(acme.organizationId);
  hidden = await acme.credential(acme.organizationId);
  await acme.share(shared);
  viewerOfRoot = await acme.member(acme.organizationId, "viewer@acme.example", ["VIEWER"]);
  ownerOfWeb = await acme.member(web, "web@acme.example", ["OWNER"]);
});
afterAll(() => server.close());

const RENAME = mutationOf("updateCredential", "credential { id }");
const rename = (token: string, credentialId: string, name = "Other") =>
  askNoted(server, token, RENAME, { input: { credentialId, name } });

describe("a denial of a known viewer leaves one entry", () => {
  test("of a mutation that takes another role", async () => {
    const { log, requestId } = await rename(viewerOfRoot, shared);
    expect(log).toEqual([
      expect.objectContaining({
        ...{ action: "access.denied", outcome: "DENIED", tenantId: acme.organizationId, requestId },
        ...{ actorLabel: "viewer@acme.example", subjectId: shared, ipAddress: "127.0.0.1" },
        details: { field: "updateCredential", code: "FORBIDDEN", ids: [shared] },
      }),
    ]);
  });

  test("of a change to what the root shared, in the log of whoever tried", async () => {
    const { log } = await rename(ownerOfWeb, shared);
    expect(log).toEqual([
      expect.objectContaining({
        ...{ action: "access.denied", outcome: "DENIED", tenantId: web, subjectId: shared },
        details: { field: "updateCredential", code: "SHARED_FROM_ROOT", ids: [shared] },
      }),
    ]);
  });

  test.each(["what it may not see", "nothing that there is"])("of a mutation on %s: both alike", async (what) => {
    const id = what === "what it may not see" ? hidden : newId("credential");
    const { log } = await rename(ownerOfWeb, id);
    expect(log).toEqual([
      expect.objectContaining({
        ...{ action: "access.denied", outcome: "DENIED", tenantId: web, subjectId: id, subjectLabel: null },
        details: { field: "updateCredential", code: "NOT_FOUND", ids: [id] },
      }),
    ]);
  });

  test("of a query, by the name of the field", async () => {
    const { log } = await askNoted(server, ownerOfWeb, "query ($id: ID!) { credential(id: $id) { name } }", {
      id: hidden,
    });
    expect(log.map(({ outcome, details }) => [outcome, details])).toEqual([
      ["DENIED", { field: "credential", code: "NOT_FOUND", ids: [hidden] }],
    ]);
  });

  test("of a field below, by its path", async () => {
    const document = "query ($id: ID!) { organization(id: $id) { name members { nodes { email } } } }";
    const { log } = await askNoted(server, viewerOfRoot, document, { id: acme.organizationId });
    expect(log.map(({ outcome, details }) => [outcome, details["field"], details["code"]])).toEqual([
      ["DENIED", "organization.members", "FORBIDDEN"],
    ]);
  });

  test("of which an alias does not hide what was asked for", async () => {
    const document = `mutation ($input: UpdateCredentialInput!) { viewer: updateCredential(input: $input) { ...Rest } }
      fragment Rest on UpdateCredentialPayload { name: credential { id } }`;
    const denied = await askNoted(server, viewerOfRoot, document, { input: { credentialId: shared, name: "Other" } });
    expect(denied.log.map(({ details }) => details["field"])).toEqual(["updateCredential"]);
    const below = "query ($id: ID!) { me: organization(id: $id) { name names: members { nodes { email } } } }";
    const query = await askNoted(server, viewerOfRoot, below, { id: acme.organizationId });
    expect(query.log.map(({ details }) => details["field"])).toEqual(["organization.members"]);
  });

  test("in the log of the sub-organization that was named, also where the viewer stands above it", async () => {
    const input = { subOrganizationId: web, name: "Other" };
    const { log } = await askNoted(
      ...([server, viewerOfRoot, mutationOf("updateSubOrganization", ""), { input }] as const),
    );
    expect(log).toEqual([expect.objectContaining({ tenantId: web, outcome: "DENIED" })]);
  });

  test("in the organization whose thing it was, for whoever stands in two", async () => {
    const globex = await seed(server, "Globex");
    for (const story of [acme, globex]) await story.member(story.organizationId, "two@both.example", ["VIEWER"]);
    const token = await server.issuer.token("two@both.example");
    for (const story of [acme, globex]) {
      const { log } = await rename(token, await story.credential(story.organizationId));
      expect(log.map(({ tenantId }) => tenantId)).toEqual([story.organizationId]);
    }
  });

  test("and a thousand of one request leave twenty at most", async () => {
    const ids = Array.from({ length: 100 }, () => newId("credential"));
    const { log, errors } = await askNoted(server, ownerOfWeb, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {
      ids,
    });
    expect(errors.length).toBeGreaterThan(20);
    expect(log).toHaveLength(20);
  });

  test("and what a stranger tries is in the stranger's log, and tells the organization nothing", async () => {
    const initech = await seed(server, "Initech");
    const { log } = await rename(initech.owner, shared);
    expect(log).toEqual([
      expect.objectContaining({ tenantId: initech.organizationId, rootId: initech.organizationId, subjectId: shared }),
    ]);
  });
});

describe("a refusal leaves one entry", () => {
  test("with the code, and nothing of what was asked", async () => {
    const { log } = await rename(acme.owner, shared, " ");
    expect(log).toEqual([
      expect.objectContaining({
        ...{ action: "mutation.refused", outcome: "REFUSED", tenantId: acme.organizationId, subjectId: shared },
        details: { field: "updateCredential", code: "INVALID_INPUT", ids: [shared] },
      }),
    ]);
  });

  test.each([
    ["is not asked why", "{ credential { id } }"],
    ["is asked by another name", "{ credential { id } why: userErrors { what: code } }"],
    ["is asked for no code", "{ userErrors { message } }"],
  ])("also where it %s", async (_, selection) => {
    const document = `mutation ($input: UpdateCredentialInput!) { a: updateCredential(input: $input) ${selection} }`;
    const { log } = await askNoted(server, acme.owner, document, { input: { credentialId: shared, name: " " } });
    expect(log.map(({ outcome, details }) => [outcome, details["field"], details["code"]])).toEqual([
      ["REFUSED", "updateCredential", "INVALID_INPUT"],
    ]);
  });

  test("each of several mutations by its own name, up to the one that is denied", async () => {
    const document = `mutation ($a: UpdateCredentialInput!, $b: UpdateSubOrganizationInput!, $c: UpdateCredentialInput!) {
      one: updateCredential(input: $a) { userErrors { code } } two: updateSubOrganization(input: $b) { userErrors { code } }
      three: updateCredential(input: $c) { userErrors { code } } }`;
    const { log } = await askNoted(server, acme.owner, document, {
      a: { credentialId: shared, name: "Fine" },
      b: { subOrganizationId: web, name: " " },
      c: { credentialId: newId("credential"), name: "X" },
    });
    expect(log.map(({ action, details }) => [action, details["field"]]).sort()).toEqual([
      ["access.denied", "updateCredential"],
      ["credential.renamed", undefined],
      ["mutation.refused", "updateSubOrganization"],
    ]);
  });
});

describe("no entry is left", () => {
  test.each([
    ["nobody", () => Promise.resolve(null)],
    ["an unknown token", () => Promise.resolve("cs_unknown")],
    ["a forged identity token", () => server.issuer.forge({ email: "viewer@acme.example" })],
  ] as const)("by %s, who is answered 401", async (_, token) => {
    const before = await logLength(server);
    expect((await askNoted(server, await token(), RENAME, { input: {} })).status).toBe(401);
    expect(await logLength(server)).toBe(before);
  });

  test.each([
    ["a query that is answered", "{ viewer { tenants { nodes { id } } } }"],
    ["a document that is refused", "{ nothing }"],
    ["a text that is none", "{"],
  ])("by %s", async (_, document) => {
    expect((await askNoted(server, acme.owner, document)).log).toEqual([]);
  });

  test("by a user of nothing, in whose log it could be", async () => {
    const before = await logLength(server);
    const token = await server.issuer.token("nobody@nowhere.example");
    expect((await rename(token, shared)).errors[0]?.extensions.code).toBe("NOT_FOUND");
    expect(await logLength(server)).toBe(before);
  });
});

describe("where the log cannot be written", () => {
  test("a mutation is answered with INTERNAL, and nothing of it is done", async () => {
    const name = async () =>
      (await query<{ name: string }>(server.database.ownerUrl, ["SELECT name FROM tenants WHERE id = $1", [web]]))[0];
    const before = await name();
    const input = { subOrganizationId: web, name: "Half done" };
    const document = mutationOf("updateSubOrganization", "subOrganization { name }");
    const { errors, log } = await withoutLog(server, () => askNoted(server, acme.owner, document, { input }));
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(["INTERNAL"]);
    expect(log).toEqual([]);
    expect(await name()).toEqual(before);
  });

  test("a denial stays one", async () => {
    const { errors, log } = await withoutLog(server, () => rename(viewerOfRoot, shared));
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(["FORBIDDEN"]);
    expect(log).toEqual([]);
  });
});
