import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeSchema } from "../../../src/schema.js";
import { askNoted, usesOf } from "../../support/audit.js";
import { query } from "../../support/database.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { deskIn, type Desk } from "./desk.js";
import { documentOf, LINES } from "./table.js";

let server: TestServer;
let acme: Story;
let desk: Desk;
/** A person who owns the root organization. */
let owner: { readonly email: string; readonly token: string; readonly id: string };

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  desk = deskIn(server, acme, await acme.subOrganization("Web"));
  const email = "ada@acme.example";
  const token = await acme.member(acme.organizationId, email, ["OWNER"]);
  const asked = await server.ask<{ viewer: { actor: { id: string } } }>(
    token,
    "{ viewer { actor { ... on User { id } } } }",
  );
  owner = { email, token, id: asked.data.viewer.actor.id };
});
afterAll(() => server.close());

describe("a mutation that is done leaves one entry of its own", () => {
  test("every one of the schema has a line here, and every line is one of the schema", async () => {
    const fields = (await makeSchema()).getMutationType()?.getFields() ?? {};
    expect(Object.keys(LINES).sort()).toEqual(Object.keys(fields).sort());
  });

  test.each(Object.entries(LINES))("%s", async (name, { own, also = [], usesKey = false, inRoot = false, input }) => {
    const answer = await askNoted<Record<string, { userErrors: unknown[] } | null>>(
      ...([server, owner.token, documentOf(name), { input: await input(desk) }] as const),
    );
    expect([answer.errors, answer.data?.[name]?.userErrors]).toEqual([[], []]);
    const { log, requestId } = answer;
    const uses = log.filter(({ action }) => action === "credential.used");
    const others = log.filter(({ action }) => action !== "credential.used");
    expect(others.map(({ action }) => action).sort()).toEqual([own, ...also].sort());
    expect(uses.length > 0).toBe(usesKey);
    for (const row of log) {
      expect(row).toMatchObject({ outcome: "DONE", actorId: owner.id, actorLabel: owner.email });
      expect(row).toMatchObject({ requestId, ipAddress: "127.0.0.1", rootId: acme.organizationId });
      expect([row.action, row.subjectId]).toEqual([row.action, expect.any(String)]);
    }
    const tenantId = inRoot ? acme.organizationId : desk.web;
    expect([...new Set(log.map((row) => row.tenantId))]).toEqual([tenantId]);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a mutation of several things leaves one for each of them", async () => {
    const { id: credentialId, team } = await desk.key();
    const appleIds = team.profiles.filter(({ attributes }) => attributes.profileState === "ACTIVE").map(({ id }) => id);
    const input = { tenantId: desk.web, credentialId, appleIds };
    const { log } = await askNoted(server, owner.token, documentOf("keepProvisioningProfiles"), { input });
    const kept = log.filter(({ action }) => action === "provisioning_profile.kept");
    expect(appleIds.length).toBeGreaterThan(1);
    expect(new Set(kept.map(({ subjectId }) => subjectId)).size).toBe(appleIds.length);
    const again = await askNoted(server, owner.token, documentOf("keepProvisioningProfiles"), { input });
    expect(again.log.map(({ action }) => action)).toEqual(["credential.used"]);
  });

  test("two mutations of one request leave one each, under the same request id", async () => {
    const document = `mutation ($a: UpdateSubOrganizationInput!, $b: UpdateSubOrganizationInput!) {
      a: updateSubOrganization(input: $a) { userErrors { code } } b: updateSubOrganization(input: $b) { userErrors { code } } }`;
    const { log } = await askNoted(server, owner.token, document, {
      a: { subOrganizationId: desk.web, name: "First" },
      b: { subOrganizationId: desk.web, name: "Second" },
    });
    expect(log.map(({ action, subjectLabel }) => [action, subjectLabel])).toEqual([
      ["sub_organization.renamed", "First"],
      ["sub_organization.renamed", "Second"],
    ]);
  });

  test("a token is named as who did it", async () => {
    const token = await acme.token(desk.web, ["TENANT_MANAGE"]);
    const input = { subOrganizationId: desk.web, name: "Third" };
    const { log } = await askNoted(server, token, documentOf("updateSubOrganization"), { input });
    expect(log).toEqual([
      expect.objectContaining({
        actorLabel: "CI",
        actorId: expect.stringMatching(/^tok_/) as unknown,
        outcome: "DONE",
      }),
    ]);
  });
});

describe("a use of a key", () => {
  const LISTS = `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) {
    certificates { nodes { appleId } } devices { nodes { appleId } } bundleIds { nodes { appleId } } provisioningProfiles { nodes { appleId } } } } }`;

  test("to read is noted list by list: who, for which tenant, which call, how many of them", async () => {
    const { id, keyId } = await desk.key();
    const { log, requestId } = await askNoted(server, owner.token, LISTS, { id });
    expect(log.map(({ details }) => details["what"]).sort()).toEqual([
      ...["read BUNDLE_IDS", "read CERTIFICATES", "read DEVICES", "read PROFILES"],
    ]);
    for (const row of log) {
      expect(row).toMatchObject({ action: "credential.used", outcome: "DONE", tenantId: desk.web, requestId });
      expect(row).toMatchObject({ subjectId: id, subjectLabel: keyId, actorId: owner.id, ipAddress: "127.0.0.1" });
      expect(row.details["calls"]).toBeGreaterThan(0);
    }
  });

  test("that is shared is noted in the log of the sub-organization that it was used for", async () => {
    const { id } = await desk.key(desk.root);
    await acme.share(id);
    const token = await acme.member(desk.web, "bob@acme.example", ["OPERATOR"]);
    const { log } = await askNoted(server, token, LISTS, { id });
    expect(log).toHaveLength(4);
    for (const row of log) expect(row).toMatchObject({ tenantId: desk.web, actorLabel: "bob@acme.example" });
  });

  test("that needs no call of Apple is none", async () => {
    const { id } = await desk.key();
    await askNoted(server, owner.token, LISTS, { id });
    const again = await askNoted(server, owner.token, LISTS.replace("maxAgeSeconds: 0", "maxAgeSeconds: 3600"), { id });
    expect(again.errors).toEqual([]);
    expect(again.log).toEqual([]);
  });

  test("that Apple refuses is noted as failed, with the code and no text of Apple's", async () => {
    const { id, keyId } = await desk.key();
    server.sandbox.failNext({ match: { keyId }, times: "always", failure: { kind: "403-role" } });
    const { log } = await askNoted(server, owner.token, LISTS, { id });
    expect(log).toHaveLength(4);
    for (const row of log) expect(row).toMatchObject({ outcome: "FAILED", details: { problem: "APPLE_FORBIDDEN" } });
    server.sandbox.clearFailures();
  });

  test.each(["registerBundleId", "registerDevices", "updateDevice", "createCertificate", "revokeCertificate"])(
    "for %s that Apple fails is noted as failed, and so is the mutation",
    async (name) => {
      const input = await LINES[name]?.input(desk);
      server.sandbox.failNext({ times: "always", failure: { kind: "403-role" } });
      const { log, errors } = await askNoted(server, owner.token, documentOf(name), { input });
      server.sandbox.clearFailures();
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(["APPLE_FORBIDDEN"]);
      const told = log.map(({ action, outcome }) => `${action} ${outcome}`);
      expect([...new Set(told)].sort()).toEqual(["credential.used FAILED", "mutation.failed FAILED"]);
      expect(log.filter(({ action }) => action === "mutation.failed")).toHaveLength(1);
      expect(log.at(-1)).toMatchObject({ tenantId: desk.web, actorId: owner.id });
    },
  );

  test("is noted of every list that is kept, also where another of the same moment cannot be", async () => {
    const { id } = await desk.key();
    const { ownerUrl } = server.database;
    await query(
      ownerUrl,
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
      "CREATE TRIGGER refuse BEFORE INSERT ON apple_provisioning_profiles FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    const { log, errors } = await askNoted(server, owner.token, LISTS, { id });
    await query(ownerUrl, "DROP TRIGGER refuse ON apple_provisioning_profiles", "DROP FUNCTION refuse()");
    expect(errors.map(({ path }) => path?.at(-1))).toEqual(["provisioningProfiles"]);
    expect(log.map(({ details }) => details["what"]).sort()).toEqual([
      ...["read BUNDLE_IDS", "read CERTIFICATES", "read DEVICES"],
    ]);
  });

  test("for a tenant that does not own the key is noted there", async () => {
    const { id: credentialId } = await desk.key();
    const input = { tenantId: desk.root, credentialId, identifier: "com.acme.root", name: "App" };
    const { log, errors } = await askNoted(server, owner.token, documentOf("registerBundleId"), { input });
    expect(errors).toEqual([]);
    expect(log.map(({ action, tenantId }) => [action, tenantId])).toEqual([
      ["credential.used", desk.root],
      ["bundle_id.registered", desk.root],
    ]);
  });

  test("for a tenant that does not own the key is noted there, when it fails too", async () => {
    const { id: credentialId } = await desk.key();
    server.sandbox.failNext({ match: { method: "POST" }, times: "always", failure: { kind: "403-role" } });
    const input = { tenantId: desk.root, credentialId, type: "DISTRIBUTION" };
    const { log, errors } = await askNoted(server, owner.token, documentOf("createCertificate"), { input });
    server.sandbox.clearFailures();
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(["APPLE_FORBIDDEN"]);
    expect(log.filter(({ action, outcome }) => action === "credential.used" && outcome === "FAILED")).toHaveLength(1);
    expect(new Set(log.map(({ tenantId }) => tenantId))).toEqual(new Set([desk.root]));
    expect((await usesOf(server, credentialId)).length).toBe(log.length - 1);
  });
});
