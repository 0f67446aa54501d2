import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { anySha1, inDays, keepIn, type Keep, type KeptProfile } from "../../support/kept.js";
import { codesOf } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let acme: Story;
let keep: Keep;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  keep = keepIn(server, acme.organizationId);
});
afterAll(() => server.close());

describe("a provisioning profile", () => {
  test("is told with all that is known of it", async () => {
    const key = await acme.credential(acme.organizationId, { verify: false });
    const said = { uuid: "AAAA-1", expiresAt: inDays(100), certificateSha1s: [anySha1()], credentialId: key };
    const id = await keep.profile(acme.organizationId, said);
    const { data, errors } = await server.ask<{ provisioningProfile: object; node: object }>(
      acme.owner,
      `fragment all on ProvisioningProfile {
        id name uuid type state expiresAt platforms teamId teamName bundleIdentifier entitlements deviceUdids source
        owner { id } share { id } credential { id } appleId certificates { id } certificateSha1s
        viewerCanDelete viewerCanRenew viewerCanDownload createdAt
      }
      query ($id: ID!) { provisioningProfile(id: $id) { ...all } node(id: $id) { ...all } }`,
      { id },
    );
    expect(errors).toBeUndefined();
    expect(data.provisioningProfile).toEqual({
      ...{ id, name: "Acme App Store", uuid: "AAAA-1", type: "IOS_APP_STORE", state: "ACTIVE" },
      ...{ expiresAt: said.expiresAt.toISOString(), platforms: ["iOS"], teamId: "ABCDE12345", teamName: null },
      ...{ bundleIdentifier: "com.acme.app", entitlements: "{}", deviceUdids: [], source: "UPLOADED" },
      ...{ owner: { id: acme.organizationId }, share: null, credential: { id: key }, appleId: null },
      ...{ certificates: [], certificateSha1s: said.certificateSha1s },
      ...{ viewerCanDelete: true, viewerCanRenew: true, viewerCanDownload: true },
      createdAt: expect.stringMatching(/^\d{4}-/),
    });
    expect(data.node).toEqual(data.provisioningProfile);
  });

  test.each<[string, Partial<KeptProfile>]>([
    ["ACTIVE", {}],
    ["EXPIRED", { expiresAt: inDays(-1) }],
    ["INVALID", { invalidSince: inDays(-1) }],
    ["EXPIRED", { invalidSince: inDays(-3), expiresAt: inDays(-1) }],
  ])("is %s by its dates", async (state, what) => {
    const id = await keep.profile(acme.organizationId, what);
    const { data } = await server.ask(acme.owner, `query ($id: ID!) { provisioningProfile(id: $id) { state } }`, {
      id,
    });
    expect(data).toEqual({ provisioningProfile: { state } });
  });

  test("has the kept certificates in it whose private key is here, as far as the viewer sees them", async () => {
    const [web, apps] = [await acme.subOrganization("Web"), await acme.subOrganization("Apps")];
    const [own, without, siblings, roots] = [anySha1(), anySha1(), anySha1(), anySha1()];
    const id = await keep.profile(web, { certificateSha1s: [anySha1(), own, without, siblings, roots] });
    const ownId = await keep.certificate(web, { sha1: own });
    await keep.certificate(web, { sha1: without, sealedKey: null });
    const siblingsId = await keep.certificate(apps, { sha1: siblings });
    const rootsId = await keep.certificate(acme.organizationId, { sha1: roots });
    const inWeb = await acme.member(web, "viewer@web.example", ["VIEWER"]);
    const held = async (bearer: string) => {
      const { data, errors } = await server.ask<{ provisioningProfile: { certificates: { id: string }[] } }>(
        bearer,
        `query ($id: ID!) { provisioningProfile(id: $id) { certificates { id } } }`,
        { id },
      );
      expect(errors).toBeUndefined();
      return data.provisioningProfile.certificates.map((certificate) => certificate.id);
    };
    expect(await held(inWeb)).toEqual([ownId]);
    expect(await held(acme.owner)).toEqual([ownId, siblingsId, rootsId]);
    await acme.share(rootsId, { subOrganizationIds: [web] });
    expect(await held(inWeb)).toEqual([ownId, rootsId]);
    await acme.share(rootsId, { subOrganizationIds: [web], uses: ["SIGN"] });
    expect(await held(inWeb)).toEqual([ownId]);
  });

  test("of another organization answers as one that is not there", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await keepIn(server, globex.organizationId).profile(globex.organizationId);
    const ask = (bearer: string, id: string) =>
      server.ask(bearer, `query ($id: ID!) { provisioningProfile(id: $id) { id } }`, { id });
    const [foreign, absent] = [await ask(acme.owner, theirs), await ask(acme.owner, newId("provisioningProfile"))];
    expect(codesOf(foreign)).toEqual(["NOT_FOUND"]);
    expect(foreign.text).toBe(absent.text);
    expect((await ask(globex.owner, theirs)).data).toEqual({ provisioningProfile: { id: theirs } });
  });
});

describe("the list of a tenant", () => {
  let tenant: string;
  beforeAll(async () => {
    tenant = await acme.subOrganization("Lists");
    await keep.profile(tenant, { name: "Alpha", uuid: "UUID-OF-ALPHA", type: "IOS_APP_ADHOC" });
    await keep.profile(tenant, { name: "Beta", bundleIdentifier: "com.acme.app.widget", expiresAt: inDays(5) });
    await keep.profile(tenant, { name: "Gamma", expiresAt: inDays(-5) });
    await keep.profile(tenant, { name: "Delta", bundleIdentifier: "com.acme.*", invalidSince: inDays(-1) });
  });

  test.each<[string, object, string[]]>([
    ["nothing", {}, ["Alpha", "Beta", "Gamma", "Delta"]],
    ["part of the name, without case", { search: "aLPh" }, ["Alpha"]],
    ["part of the UUID", { search: "of-alpha" }, ["Alpha"]],
    ["part of the bundle identifier", { search: "ACME.APP.W" }, ["Beta"]],
    ["what is in none", { search: "omega" }, []],
    ["the type", { type: "IOS_APP_ADHOC" }, ["Alpha"]],
    ["the state ACTIVE", { state: "ACTIVE" }, ["Alpha", "Beta"]],
    ["the state EXPIRED", { state: "EXPIRED" }, ["Gamma"]],
    ["the state INVALID", { state: "INVALID" }, ["Delta"]],
    ["exactly a bundle identifier", { bundleIdentifier: "com.acme.app" }, ["Alpha", "Gamma"]],
    ["exactly a bundle identifier with a wildcard", { bundleIdentifier: "com.acme.*" }, ["Delta"]],
    ["a bundle identifier that none can have", { bundleIdentifier: "com.acme\u0000" }, []],
    ["the end", { expiresBefore: inDays(10) }, ["Beta", "Gamma"]],
    ["several at once", { state: "ACTIVE", bundleIdentifier: "com.acme.app" }, ["Alpha"]],
  ])("is narrowed by %s", async (_, filter, names) => {
    const { data, errors } = await server.ask<{ node: { provisioningProfiles: { nodes: { name: string }[] } } }>(
      acme.owner,
      `query ($id: ID!, $filter: ProvisioningProfileFilter) {
        node(id: $id) { ... on Tenant { provisioningProfiles(filter: $filter) { nodes { name } } } }
      }`,
      { id: tenant, filter },
    );
    expect(errors).toBeUndefined();
    expect(data.node.provisioningProfiles.nodes.map(({ name }) => name)).toEqual(names);
  });
});

describe("signing requests", () => {
  test("are in the list of their tenant alone, with the certificate that was made from each", async () => {
    const [one, other] = [await acme.subOrganization("Asking"), await acme.subOrganization("Not asking")];
    const certificate = await keep.certificate(one);
    const [made, waiting] = [await keep.signingRequest(one, certificate), await keep.signingRequest(one)];
    const inOne = await acme.member(one, "viewer@asking.example", ["VIEWER"]);
    const listed = async (bearer: string, tenantId: string) => {
      const { data, errors } = await server.ask<{ node: { signingRequests: object } }>(
        bearer,
        `query ($id: ID!) { node(id: $id) { ... on Tenant {
          signingRequests { nodes { id commonName email country csrPem certificate { id } } } } } }`,
        { id: tenantId },
      );
      expect(errors).toBeUndefined();
      return data.node.signingRequests;
    };
    const said = { commonName: "Acme", email: "ci@acme.example", country: "DE", csrPem: "the request" };
    const nodes = [
      { id: made, ...said, certificate: { id: certificate } },
      { id: waiting, ...said, certificate: null },
    ];
    for (const bearer of [acme.owner, inOne]) expect(await listed(bearer, one)).toEqual({ nodes });
    for (const tenant of [other, acme.organizationId]) expect(await listed(acme.owner, tenant)).toEqual({ nodes: [] });
  });
});
