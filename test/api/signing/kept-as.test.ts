import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { keepIn, type Keep } from "../../support/kept.js";
import { codesOf } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { observeStatements } from "../../support/statements.js";

let server: TestServer;
let acme: Story;
let keep: Keep;
let web: string;
const statements: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  observeStatements(server.platform.readPool, statements);
  acme = await seed(server);
  keep = keepIn(server, acme.organizationId);
  web = await acme.subOrganization("Web");
});
afterAll(() => server.close());

const DOCUMENT = `query ($id: ID!, $tenant: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 3600) {
  certificates { nodes { serialNumber keptAs(tenantId: $tenant) { id } } }
  provisioningProfiles { nodes { uuid keptAs(tenantId: $tenant) { id } } }
} } }`;

interface Held {
  readonly serialNumber?: string;
  readonly uuid?: string;
  readonly keptAs: { readonly id: string } | null;
}

async function held(key: string, tenant: string, bearer = acme.owner) {
  const { data, errors } = await server.ask<{
    credential: { appStoreConnect: { certificates: { nodes: Held[] }; provisioningProfiles: { nodes: Held[] } } };
  }>(bearer, DOCUMENT, { id: key, tenant });
  expect(errors).toBeUndefined();
  const { certificates, provisioningProfiles } = data.credential.appStoreConnect;
  return { certificates: certificates.nodes, profiles: provisioningProfiles.nodes };
}

/** A key with what Apple holds for it. */
async function keyWithAll() {
  const key = await acme.credential(acme.organizationId, { verify: false });
  const { certificates, profiles } = await held(key, acme.organizationId);
  const [certificate, profile] = [certificates[0]?.serialNumber, profiles[0]?.uuid];
  if (certificate === undefined || profile === undefined) throw new Error("Apple holds nothing for the key");
  return { key, serialNumber: certificate, uuid: profile };
}

const keptIds = (rows: readonly Held[]): string[] => rows.flatMap(({ keptAs }) => (keptAs === null ? [] : [keptAs.id]));

describe("what Apple holds", () => {
  test("is told with the tenant's own copy, where it keeps one", async () => {
    const { key, serialNumber, uuid } = await keyWithAll();
    const certificate = await keep.certificate(web, { serialNumber });
    const profile = await keep.profile(web, { uuid });
    const inWeb = await held(key, web);
    expect(keptIds(inWeb.certificates)).toEqual([certificate]);
    expect(inWeb.certificates.find(({ keptAs }) => keptAs !== null)?.serialNumber).toBe(serialNumber);
    expect(keptIds(inWeb.profiles)).toEqual([profile]);
    expect(inWeb.profiles.find(({ keptAs }) => keptAs !== null)?.uuid).toBe(uuid);
    const inRoot = await held(key, acme.organizationId);
    expect([...keptIds(inRoot.certificates), ...keptIds(inRoot.profiles)]).toEqual([]);
  });

  test("is told without a copy that has no private key", async () => {
    const { key, serialNumber } = await keyWithAll();
    await keep.certificate(web, { serialNumber, sealedKey: null });
    expect(keptIds((await held(key, web)).certificates)).toEqual([]);
  });

  test("is told without the copy of another organization", async () => {
    const { key, serialNumber, uuid } = await keyWithAll();
    const globex = await seed(server, "Globex");
    const theirs = keepIn(server, globex.organizationId);
    await theirs.certificate(globex.organizationId, { serialNumber });
    await theirs.profile(globex.organizationId, { uuid });
    const answer = await server.ask(acme.owner, DOCUMENT, { id: key, tenant: globex.organizationId });
    expect(new Set(codesOf(answer))).toEqual(new Set(["NOT_FOUND"]));
    const ours = await held(key, acme.organizationId);
    expect([...keptIds(ours.certificates), ...keptIds(ours.profiles)]).toEqual([]);
  });

  test("is asked after in one statement a list", async () => {
    const { key } = await keyWithAll();
    await held(key, web); // What changed since it was seen is asked for anew, all of it.
    statements.length = 0;
    const { certificates, profiles } = await held(key, web);
    expect([certificates.length > 1, profiles.length > 1]).toEqual([true, true]);
    expect(statements.filter((name) => name.endsWith("_own")).sort()).toEqual([
      "certificates_own",
      "provisioning_profiles_own",
    ]);
  });
});
