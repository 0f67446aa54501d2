import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { anySha1, inDays, keepIn, type Keep, type KeptCertificate } from "../../support/kept.js";
import { codesOf } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { observeStatements } from "../../support/statements.js";

let server: TestServer;
let acme: Story;
let keep: Keep;
const statements: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  observeStatements(server.platform.readPool, statements);
  acme = await seed(server);
  keep = keepIn(server, acme.organizationId);
});
afterAll(() => server.close());

/** The names in a tenant's list, as the filter narrows it. */
async function named(tenantId: string, filter: object = {}): Promise<string[]> {
  const { data, errors } = await server.ask<{ node: { certificates: { nodes: { name: string }[] } } }>(
    acme.owner,
    `query ($id: ID!, $filter: CertificateFilter) {
      node(id: $id) { ... on Tenant { certificates(filter: $filter) { nodes { name } } } }
    }`,
    { id: tenantId, filter },
  );
  expect(errors).toBeUndefined();
  return data.node.certificates.nodes.map(({ name }) => name);
}

describe("a certificate", () => {
  test("is told with all that is known of it, by its id and in the list", async () => {
    const key = await acme.credential(acme.organizationId, { verify: false });
    const expiresAt = inDays(100);
    const said = { name: "Release", serialNumber: "1A2B3C", sha1: anySha1(), expiresAt, credentialId: key };
    const id = await keep.certificate(acme.organizationId, said);
    const fields = `id name type appleType serialNumber sha1 teamId commonName state expiresAt source hasPrivateKey
      appleId owner { id } share { id } credential { id } viewerCanUpdate viewerCanDelete viewerCanRevoke viewerCanDownload`;
    const { data, errors } = await server.ask<{ certificate: object; node: object; organization: never }>(
      acme.owner,
      `query ($id: ID!, $tenant: ID!) {
        certificate(id: $id) { ${fields} }
        node(id: $id) { ... on Certificate { ${fields} } }
        organization(id: $tenant) { certificates(filter: { search: "1a2b3c" }) { edges { tag node { ${fields} } } } }
      }`,
      { id, tenant: acme.organizationId },
    );
    expect(errors).toBeUndefined();
    expect(data.certificate).toEqual({
      ...{ id, name: "Release", type: "DISTRIBUTION", appleType: "DISTRIBUTION" },
      ...{ serialNumber: "1A2B3C", sha1: said.sha1, teamId: "ABCDE12345", appleId: null },
      ...{ commonName: "Apple Distribution: Acme (ABCDE12345)", state: "VALID", expiresAt: expiresAt.toISOString() },
      ...{ source: "UPLOADED", hasPrivateKey: true, owner: { id: acme.organizationId }, share: null },
      ...{ credential: { id: key }, viewerCanUpdate: true, viewerCanDelete: true },
      ...{ viewerCanRevoke: true, viewerCanDownload: true },
    });
    expect(data.node).toEqual(data.certificate);
    expect(data.organization).toEqual({ certificates: { edges: [{ tag: null, node: data.certificate }] } });
  });

  test.each<[string, Partial<KeptCertificate>]>([
    ["VALID", {}],
    ["EXPIRED", { expiresAt: inDays(-1) }],
    ["REVOKED", { revokedAt: inDays(-1) }],
    ["REVOKED", { revokedAt: inDays(-3), expiresAt: inDays(-1) }],
  ])("is %s by its dates, and without a private key where none is here", async (state, what) => {
    const id = await keep.certificate(acme.organizationId, { ...what, sealedKey: null });
    const { data } = await server.ask<{ certificate: object }>(
      acme.owner,
      `query ($id: ID!) { certificate(id: $id) { state hasPrivateKey } }`,
      { id },
    );
    expect(data.certificate).toEqual({ state, hasPrivateKey: false });
  });

  test("names no key to whoever does not see that key, and names it to whoever does", async () => {
    const web = await acme.subOrganization("Key holders");
    const key = await acme.credential(acme.organizationId, { verify: false });
    const id = await keep.certificate(web, { credentialId: key });
    const inWeb = await acme.member(web, "operator@keys.example", ["OPERATOR"]);
    const keyOf = async (bearer: string) => {
      const { data, errors } = await server.ask<{ certificate: { credential: object | null } }>(
        bearer,
        `query ($id: ID!) { certificate(id: $id) { credential { id } } }`,
        { id },
      );
      expect(errors).toBeUndefined();
      return data.certificate.credential;
    };
    expect(await keyOf(inWeb)).toBeNull();
    expect(await keyOf(acme.owner)).toEqual({ id: key });
    await acme.share(key, { subOrganizationIds: [web] });
    expect(await keyOf(inWeb)).toEqual({ id: key });
    const withoutKeys = await acme.token(web, ["SIGNING_VIEW"]);
    expect(await keyOf(withoutKeys)).toBeNull();
  });

  test("of another organization answers as one that is not there", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await keepIn(server, globex.organizationId).certificate(globex.organizationId);
    const ask = (bearer: string, id: string) =>
      server.ask(bearer, `query ($id: ID!) { certificate(id: $id) { id } }`, { id });
    const [foreign, absent] = [await ask(acme.owner, theirs), await ask(acme.owner, newId("certificate"))];
    expect(codesOf(foreign)).toEqual(["NOT_FOUND"]);
    expect(foreign.text).toBe(absent.text);
    expect((await ask(globex.owner, theirs)).data).toEqual({ certificate: { id: theirs } });
  });
});

describe("the list of a tenant", () => {
  let tenant: string;
  beforeAll(async () => {
    tenant = await acme.subOrganization("Lists");
    await keep.certificate(tenant, { name: "Alpha", serialNumber: "AB01", type: "DEVELOPMENT" });
    await keep.certificate(tenant, { name: "Beta", commonName: "Apple Push: Umbrella", expiresAt: inDays(5) });
    await keep.certificate(tenant, { name: "Gamma", sha1: "FEED".repeat(10), expiresAt: inDays(-5) });
    await keep.certificate(tenant, { name: "Delta", revokedAt: inDays(-1) });
  });

  test.each<[string, object, string[]]>([
    ["nothing", {}, ["Alpha", "Beta", "Gamma", "Delta"]],
    ["part of the name, without case", { search: "aLPh" }, ["Alpha"]],
    ["part of the common name", { search: "umbrella" }, ["Beta"]],
    ["part of the serial number", { search: "ab01" }, ["Alpha"]],
    ["part of the SHA-1", { search: "feedfeed" }, ["Gamma"]],
    ["what is in none", { search: "omega" }, []],
    ["signs that mean something to SQL", { search: "%_\u0000" }, []],
    ["the type", { type: "DEVELOPMENT" }, ["Alpha"]],
    ["the state VALID", { state: "VALID" }, ["Alpha", "Beta"]],
    ["the state EXPIRED", { state: "EXPIRED" }, ["Gamma"]],
    ["the state REVOKED", { state: "REVOKED" }, ["Delta"]],
    ["the end", { expiresBefore: inDays(10) }, ["Beta", "Gamma"]],
    ["several at once", { state: "VALID", expiresBefore: inDays(10) }, ["Beta"]],
  ])("is narrowed by %s", async (_, filter, names) => {
    expect(await named(tenant, filter)).toEqual(names);
  });

  interface NamedPage {
    readonly nodes: { readonly name: string }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  }
  const page = async (after: string | null): Promise<NamedPage> => {
    const { data } = await server.ask<{ node: { certificates: NamedPage } }>(
      acme.owner,
      `query ($id: ID!, $after: String) { node(id: $id) { ... on Tenant {
        certificates(first: 3, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } } } }`,
      { id: tenant, after },
    );
    return data.node.certificates;
  };

  test("comes in pages, each certificate once", async () => {
    const names: string[] = [];
    let after: string | null = null;
    do {
      const { nodes, pageInfo } = await page(after);
      names.push(...nodes.map(({ name }) => name));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    expect(names).toEqual(["Alpha", "Beta", "Gamma", "Delta"]);
  });

  test("holds nothing of a sibling, and nothing of the root that is not shared", async () => {
    const [one, other] = [await acme.subOrganization("One"), await acme.subOrganization("Other")];
    await keep.certificate(other, { name: "Theirs" });
    await keep.certificate(acme.organizationId, { name: "The root's" });
    await keep.certificate(one, { name: "Ours" });
    expect(await named(one)).toEqual(["Ours"]);
    expect(await named(other)).toEqual(["Theirs"]);
  });
});

describe("the profiles of a certificate", () => {
  test("are those that hold it, in pages, as far as the viewer sees them", async () => {
    const [one, other] = [await acme.subOrganization("Holder"), await acme.subOrganization("Other holder")];
    const sha1 = anySha1();
    const id = await keep.certificate(one, { sha1 });
    const profiles = [
      await keep.profile(one, { certificateSha1s: [anySha1(), sha1] }),
      await keep.profile(one, { certificateSha1s: [sha1] }),
    ];
    const theirs = await keep.profile(other, { certificateSha1s: [sha1] });
    await keep.profile(one);
    const held = async (bearer: string, args: string) => {
      const { data, errors } = await server.ask<{
        certificate: { provisioningProfiles: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean } } };
      }>(
        bearer,
        `query ($id: ID!) { certificate(id: $id) { provisioningProfiles${args} { nodes { id } pageInfo { hasNextPage } } } }`,
        { id },
      );
      expect(errors).toBeUndefined();
      const { nodes, pageInfo } = data.certificate.provisioningProfiles;
      return [nodes.map((node) => node.id), pageInfo.hasNextPage];
    };
    const inOne = await acme.member(one, "viewer@holder.example", ["VIEWER"]);
    expect(await held(inOne, "")).toEqual([profiles, false]);
    expect(await held(acme.owner, "")).toEqual([[...profiles, theirs], false]);
    expect(await held(acme.owner, "(first: 2)")).toEqual([profiles, true]);
    const after = Buffer.from(profiles[1] ?? "").toString("base64url");
    expect(await held(acme.owner, `(after: "${after}")`)).toEqual([[theirs], false]);
  });
});

describe("one query over 20 tenants with 20 certificates each", () => {
  const document = `query ($id: ID!, $first: Int!) {
    organization(id: $id) {
      subOrganizations(first: $first) { nodes {
        certificates(first: 20) { edges { tag node {
          name state owner { name } share { id } credential { id } viewerCanDownload provisioningProfiles(first: 2) { nodes { id certificates { id } } }
        } } }
      } }
    }
  }`;

  test("takes as many statements as over one tenant with as many", async () => {
    const story = await seed(server, "Many");
    const key = await story.credential(story.organizationId, { verify: false });
    const tenants: string[] = [];
    for (let i = 0; i < 20; i += 1) tenants.push(await story.subOrganization(`Sub ${i}`));
    const keeping = keepIn(server, story.organizationId);
    await keeping.certificates(tenants, 19);
    for (const tenant of tenants) {
      const sha1 = anySha1();
      await keeping.certificate(tenant, { credentialId: key, sha1 });
      await keeping.profile(tenant, { certificateSha1s: [sha1] });
    }
    const asked = async (first: number) => {
      statements.length = 0;
      const { data, errors } = await server.ask<{
        organization: { subOrganizations: { nodes: { certificates: { edges: unknown[] } }[] } };
      }>(story.owner, document, { id: story.organizationId, first });
      expect(errors).toBeUndefined();
      const lists = data.organization.subOrganizations.nodes.map((node) => node.certificates.edges.length);
      // What the server does by itself is none of the query's.
      return { lists, statements: [...statements].sort() };
    };
    const one = await asked(1);
    const all = await asked(20);
    expect(one.lists).toEqual([20]);
    expect(all.lists).toEqual(Array.from({ length: 20 }, () => 20));
    expect(all.statements).toEqual(one.statements);
    expect(all.statements).toEqual([
      "certificates_by_tenant",
      "certificates_downloadable",
      "certificates_of_profile",
      "credential_by_id",
      "provisioning_profiles_by_certificate",
      "share_by_subject",
      "sign_in_token",
      "sub_organizations_by_organization",
      "tenant_by_id",
    ]);
  });
});
