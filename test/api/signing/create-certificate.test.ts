import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf } from "../../support/signing.js";
import type { HeldKey } from "../apple/held-key.js";
import { CERTIFICATE, Maker, type CertificateNode } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.configure({ listLagMs: 0 });
});

const create = (key: HeldKey, input: object = {}, token = acme.owner) =>
  mutate<{ certificate: CertificateNode | null }>(
    server,
    token,
    "createCertificate",
    `certificate { ${CERTIFICATE} }`,
    {
      ...{ tenantId: acme.organizationId, credentialId: key.id, type: "DISTRIBUTION" },
      ...input,
    },
  );

/** The serial numbers of what a tenant keeps, and of what Apple holds for a key with what is kept of it. */
async function listed(key: HeldKey, tenantId = acme.organizationId) {
  const { data, errors } = await server.ask<{
    node: { certificates: { nodes: { id: string }[] } };
    credential: {
      appStoreConnect: { certificates: { nodes: { serialNumber: string; keptAs: { id: string } | null }[] } };
    };
  }>(
    acme.owner,
    `query ($tenantId: ID!, $key: ID!) {
      node(id: $tenantId) { ... on Tenant { certificates(first: 200) { nodes { id } } } }
      credential(id: $key) { appStoreConnect { certificates { nodes { serialNumber keptAs(tenantId: $tenantId) { id } } } } }
    }`,
    { tenantId, key: key.id },
  );
  expect(errors).toBeUndefined();
  return {
    kept: data.node.certificates.nodes.map(({ id }) => id),
    atApple: data.credential.appStoreConnect.certificates.nodes,
  };
}

describe("a certificate is made", () => {
  test("with all of its fields, once Apple has issued it to a key that stays here", async () => {
    const key = await make.key();
    const { payload, refused } = await create(key, { name: " Release " });
    expect(refused).toBeNull();
    const [atApple] = key.team.certificates;
    const der = Buffer.from(atApple?.attributes.certificateContent ?? "", "base64");
    expect(payload?.certificate).toEqual({
      id: expect.stringMatching(/^cert_/) as unknown,
      ...{ name: "Release", type: "DISTRIBUTION", appleType: "DISTRIBUTION", state: "VALID", source: "CREATED" },
      ...{ serialNumber: atApple?.attributes.serialNumber, appleId: atApple?.id, teamId: key.team.id },
      sha1: createHash("sha1").update(der).digest("hex").toUpperCase(),
      commonName: `${atApple?.attributes.name ?? ""} (${key.team.id})`,
      expiresAt: new Date(Math.floor(Date.parse(atApple?.attributes.expirationDate ?? "") / 1000) * 1000).toISOString(),
      ...{ hasPrivateKey: true, owner: { id: acme.organizationId }, credential: { id: key.id } },
    });
    expect(make.changes(key)).toEqual(["POST /v1/certificates"]);
    expect((await entriesOf(server, payload?.certificate?.id ?? "")).map(({ action }) => action)).toEqual([
      "certificate.created",
    ]);
  });

  test("under type and date, where no name is given", async () => {
    const { name } = await make.certificate(await make.key(), { type: "DEVELOPMENT" });
    expect(name).toMatch(/^DEVELOPMENT \d{4}-\d\d-\d\d$/);
  });

  test.each([0, 60_000])("and is in both lists at once, where Apple's lists lag by %d ms", async (listLagMs) => {
    const key = await make.key();
    expect(await listed(key)).toMatchObject({ atApple: [] });
    server.sandbox.configure({ listLagMs });
    const { id, serialNumber } = await make.certificate(key);
    const seen = await listed(key);
    expect(seen.kept).toContain(id);
    expect(seen.atApple).toEqual([{ serialNumber, keptAs: { id } }]);
  });

  test("and is in Apple's list though that was never asked for before, and lags", async () => {
    const key = await make.key();
    server.sandbox.configure({ listLagMs: 60_000 });
    const { id, serialNumber } = await make.certificate(key);
    expect((await listed(key)).atApple).toEqual([{ serialNumber, keptAs: { id } }]);
  });

  test.each([
    ...["DEVELOPMENT", "DISTRIBUTION", "IOS_DEVELOPMENT", "IOS_DISTRIBUTION"],
    ...["MAC_APP_DEVELOPMENT", "MAC_APP_DISTRIBUTION", "MAC_INSTALLER_DISTRIBUTION"],
  ])("of the type %s, which Apple makes through keys", async (type) => {
    const key = await make.key();
    expect((await create(key, { type })).payload?.certificate).toMatchObject({ type, appleType: type });
  });

  test.each(["DEVELOPER_ID_APPLICATION", "DEVELOPER_ID_KEXT", "PASS_TYPE_ID", "APPLE_PAY", "OTHER"])(
    "and not of the type %s, which Apple does not make through keys: Apple is not asked",
    async (type) => {
      const key = await make.key();
      expect((await create(key, { type })).refused).toEqual({ code: "INVALID_INPUT", field: ["type"] });
      expect(server.sandbox.journal.filter(({ keyId }) => keyId === key.keyId)).toEqual([]);
    },
  );

  test("and the private key is in no answer", async () => {
    const { text } = await create(await make.key());
    expect(text).not.toMatch(/PRIVATE KEY|sealed/i);
  });
});

describe("a signing request", () => {
  const request = async (tenantId = acme.organizationId): Promise<string> => {
    const { payload } = await mutate<{ signingRequest: { id: string } }>(
      ...[server, acme.owner, "createSigningRequest", "signingRequest { id }"],
      { tenantId, commonName: "Acme", email: "ci@acme.example", country: "DE" },
    );
    return payload?.signingRequest.id ?? "";
  };
  const certificateOf = async (id: string) => {
    const { data } = await server.ask<{ node: { certificate: { id: string } | null } }>(
      acme.owner,
      `query ($id: ID!) { node(id: $id) { ... on SigningRequest { certificate { id } } } }`,
      { id },
    );
    return data.node.certificate;
  };

  test("gives its private key to the certificate that is made from it", async () => {
    const signingRequestId = await request();
    const { payload } = await create(await make.key(), { signingRequestId });
    expect(payload?.certificate).toMatchObject({ source: "SIGNING_REQUEST", hasPrivateKey: true });
    expect(await certificateOf(signingRequestId)).toEqual({ id: payload?.certificate?.id });
  });

  test("makes one certificate, and no second", async () => {
    const key = await make.key();
    const signingRequestId = await request();
    const { payload } = await create(key, { signingRequestId });
    const refused = { code: "ALREADY_EXISTS", field: ["signingRequestId"] };
    expect((await create(key, { signingRequestId })).refused).toEqual(refused);
    expect(make.changes(key)).toEqual(["POST /v1/certificates"]);
    expect(await certificateOf(signingRequestId)).toEqual({ id: payload?.certificate?.id });
  });

  test("makes one certificate, however many ask at the same time", async () => {
    const key = await make.key();
    const signingRequestId = await request();
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => create(key, { signingRequestId })));
    expect(outcomes.map(({ refused }) => refused?.code ?? "MADE").sort()).toEqual([
      ...["ALREADY_EXISTS", "ALREADY_EXISTS", "ALREADY_EXISTS", "MADE"],
    ]);
    expect(make.changes(key)).toEqual(["POST /v1/certificates"]);
  });

  test("of another tenant is not there, not even for who owns both", async () => {
    const key = await make.key();
    const signingRequestId = await request(await acme.subOrganization("Web"));
    const refused = { code: "NOT_FOUND", field: ["signingRequestId"] };
    expect((await create(key, { signingRequestId })).refused).toEqual(refused);
    expect(make.changes(key)).toEqual([]);
    expect(await certificateOf(signingRequestId)).toBeNull();
  });
});
