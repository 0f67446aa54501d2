import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { keepIn } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf } from "../../support/signing.js";
import { eventsOf, lookAgain } from "../apple/drift.js";
import { CERTIFICATE, Maker, type CertificateNode } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  web = await acme.subOrganization("Web");
});
afterAll(() => server.close());

const revoke = (certificateId: string, token = acme.owner) =>
  mutate<{ certificate: CertificateNode | null }>(
    ...([server, token, "revokeCertificate", `certificate { ${CERTIFICATE} }`, { certificateId }] as const),
  );

describe("a certificate is revoked", () => {
  test("at Apple, and stays here as revoked; the profiles that hold it are invalid, and no others", async () => {
    const key = await make.key();
    await acme.share(key.id);
    const [old, other] = [await make.certificate(key), await make.certificate(key)];
    const own = await make.profile(key, [old]);
    const ofWeb = await make.profile(key, [old], { tenantId: web });
    const apart = await make.profile(key, [other]);

    const { payload } = await revoke(old.id);
    expect(payload?.certificate).toMatchObject({ id: old.id, state: "REVOKED", hasPrivateKey: true });
    expect(key.team.certificates.map(({ id }) => id)).toEqual([other.appleId]);
    expect(make.changes(key).at(-1)).toBe(`DELETE /v1/certificates/${old.appleId}`);
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "REVOKED" });
    for (const [{ id }, state] of [
      [own, "INVALID"],
      [ofWeb, "INVALID"],
      [apart, "ACTIVE"],
    ] as const) {
      expect(await make.profileNow(id)).toMatchObject({ state });
    }
    expect((await entriesOf(server, old.id)).at(-1)).toMatchObject({
      ...{ action: "certificate.revoked", details: { credentialId: key.id, appleId: old.appleId } },
    });
  });

  test("and Apple's lists say so at once, without another question, and without news of it", async () => {
    const key = await make.key();
    const { id, appleId } = await make.certificate(key);
    const { appleId: profile } = await make.profile(key, [{ appleId }]);
    await lookAgain(server, acme.owner, key);
    await revoke(id);
    server.sandbox.clearJournal();
    const { data } = await server.ask(
      acme.owner,
      `query ($id: ID!) { credential(id: $id) { appStoreConnect {
        certificates { nodes { appleId } } provisioningProfiles { nodes { appleId state } } } } }`,
      { id: key.id },
    );
    expect(data).toEqual({
      credential: {
        appStoreConnect: {
          certificates: { nodes: [] },
          provisioningProfiles: { nodes: [{ appleId: profile, state: "INVALID" }] },
        },
      },
    });
    expect(server.sandbox.journal).toEqual([]);
    await lookAgain(server, acme.owner, key);
    expect((await eventsOf(server, acme.owner, key)).nodes.map(({ kind }) => kind)).not.toContain("CERTIFICATE_GONE");
  });

  test("once: asked again it is no error, and Apple is not asked again", async () => {
    const key = await make.key();
    const { id } = await make.certificate(key);
    const first = await revoke(id);
    const second = await revoke(id);
    expect(second.payload).toEqual(first.payload);
    expect(second.payload?.certificate).toMatchObject({ state: "REVOKED" });
    expect(make.changes(key).filter((change) => change.startsWith("DELETE"))).toHaveLength(1);
  });

  test("also where somebody has revoked it at Apple already", async () => {
    const key = await make.key();
    const { id } = await make.certificate(key);
    key.team.certificates.length = 0;
    expect((await revoke(id)).payload?.certificate).toMatchObject({ state: "REVOKED" });
  });

  test("that was uploaded: by its serial number, through a key that reaches its team", async () => {
    const key = await make.key();
    const { id, appleId } = await make.uploaded(key);
    await lookAgain(server, acme.owner, key);
    expect((await revoke(id)).payload?.certificate).toMatchObject({ state: "REVOKED" });
    expect(make.changes(key)).toEqual([`DELETE /v1/certificates/${appleId}`]);
    expect(key.team.certificates).toEqual([]);
  });

  test("that was uploaded below, through a key that the root shares", async () => {
    const key = await make.key();
    const { id } = await make.uploaded(key, { tenantId: web });
    await lookAgain(server, acme.owner, key);
    const manager = await acme.member(web, "manager@uploaded.example", ["MANAGER"]);
    expect((await revoke(id, manager)).refused?.code).toBe("NOT_FOUND");
    await acme.share(key.id, { subOrganizationIds: [web] });
    expect((await revoke(id, manager)).payload?.certificate).toMatchObject({ state: "REVOKED" });
    expect(key.team.certificates).toEqual([]);
  });
});

test("what another organization keeps is not told by a revocation here, though it be the same certificate", async () => {
  const globex = await seed(server, "Globex");
  const key = await make.key();
  const certificate = await make.certificate(key);
  const { serialNumber, sha1 } = certificate;
  const keep = keepIn(server, globex.organizationId);
  const theirs = await keep.certificate(globex.organizationId, { serialNumber, sha1 });
  const holding = await keep.profile(globex.organizationId, { certificateSha1s: [sha1] });
  const ours = await keepIn(server, acme.organizationId).certificate(acme.organizationId, { serialNumber });
  expect((await revoke(certificate.id)).payload?.certificate).toMatchObject({ state: "REVOKED" });
  expect(await make.certificateNow(ours)).toMatchObject({ state: "REVOKED" });
  const { data } = await server.ask(
    globex.owner,
    `query ($certificate: ID!, $profile: ID!) {
      certificate(id: $certificate) { state } provisioningProfile(id: $profile) { state } }`,
    { certificate: theirs, profile: holding },
  );
  expect(data).toEqual({ certificate: { state: "VALID" }, provisioningProfile: { state: "ACTIVE" } });
});

describe("a certificate is not revoked", () => {
  test("where no key reaches its team", async () => {
    const key = await make.key();
    const { id } = await make.uploaded(key);
    expect((await revoke(id)).refused).toEqual({ code: "NOT_FOUND", field: ["certificateId"] });
    expect(await make.certificateNow(id)).toMatchObject({ state: "VALID" });
  });

  test("where Apple refuses it: it stays valid here, and so do its profiles", async () => {
    const key = await make.key();
    const certificate = await make.certificate(key);
    const profile = await make.profile(key, [certificate]);
    const failure = { kind: "403-role" } as const;
    server.sandbox.failNext({ match: { keyId: key.keyId, method: "DELETE" }, failure });
    expect((await revoke(certificate.id)).denied).toBe("APPLE_FORBIDDEN");
    expect(await make.certificateNow(certificate.id)).toMatchObject({ state: "VALID" });
    expect(await make.profileNow(profile.id)).toMatchObject({ state: "ACTIVE" });
    expect((await revoke(certificate.id)).payload?.certificate).toMatchObject({ state: "REVOKED" });
  });

  test("by whoever may make it and not revoke", async () => {
    const key = await make.key();
    const { id } = await make.certificate(key);
    const operator = await acme.token(acme.organizationId, ["SIGNING_VIEW", "SIGNING_MANAGE", "SIGNING_DOWNLOAD"]);
    const revoker = await acme.token(acme.organizationId, ["SIGNING_REVOKE"]);
    expect((await revoke(id, operator)).denied).toBe("FORBIDDEN");
    expect(key.team.certificates).toHaveLength(1);
    expect((await revoke(id, revoker)).payload?.certificate).toMatchObject({ state: "REVOKED" });
  });

  test("by those it is shared with, whatever they may do where they are", async () => {
    const key = await make.key();
    const { id } = await make.certificate(key);
    await acme.share(key.id, { subOrganizationIds: [web] });
    await acme.share(id, { subOrganizationIds: [web] });
    const owner = await acme.member(web, "owner@shared.example", ["OWNER"]);
    expect((await revoke(id, owner)).denied).toBe("SHARED_FROM_ROOT");
    expect(key.team.certificates).toHaveLength(1);
    const own = await make.certificate(key, { tenantId: web, token: owner });
    expect((await revoke(own.id, owner)).payload?.certificate).toMatchObject({ state: "REVOKED" });
  });

  test("by a stranger, to whom it is not there", async () => {
    const globex = await seed(server, "Globex");
    const key = await make.key();
    const { id } = await make.certificate(key);
    expect(await revoke(id, globex.owner)).toMatchObject({ denied: "NOT_FOUND" });
    expect(await revoke(newId("certificate"), globex.owner)).toMatchObject({ denied: "NOT_FOUND" });
    expect(key.team.certificates).toHaveLength(1);
  });
});
