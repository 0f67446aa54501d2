import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../support/database.js";
import { keepIn } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { Maker, type CertificateNode, type ProfileNode } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  web = await acme.subOrganization("Web");
  server.sandbox.configure({ certificateLimits: { DISTRIBUTION: 1 } });
});
afterAll(() => server.close());

interface Payload {
  readonly certificate: CertificateNode | null;
  readonly provisioningProfiles: ProfileNode[];
  readonly userErrors: { code: string }[];
}

const renew = (certificateId: string, input: object = {}, token = acme.owner) =>
  mutate<Payload>(server, token, "renewCertificate", "certificate { id sha1 } provisioningProfiles { id }", {
    certificateId,
    ...input,
  });

interface Preview {
  readonly replaces: { id: string };
  readonly provisioningProfiles: { id: string }[];
  readonly subOrganizations: { id: string }[];
  readonly blockers: { code: string; message: string }[];
}

async function preview(id: string, token = acme.owner): Promise<Preview | undefined> {
  const { data } = await server.ask<{ certificate: { renewalPreview: Preview } | null }>(
    token,
    `query ($id: ID!) { certificate(id: $id) { renewalPreview { replaces { id }
      provisioningProfiles { id } subOrganizations { id } blockers { code message } } } }`,
    { id },
  );
  return data.certificate?.renewalPreview;
}

const codes = async (id: string, token = acme.owner): Promise<string[] | undefined> =>
  (await preview(id, token))?.blockers.map(({ code }) => code);

/** A key that all may use, whose team has the one certificate that it may have, in a profile. */
async function full() {
  const key = await make.key();
  await acme.share(key.id);
  const old = await make.certificate(key);
  return { key, old, profile: await make.profile(key, [old]) };
}

describe("where Apple has no room for a second certificate", () => {
  test("a renewal is refused, and nothing is changed", async () => {
    const { key, old, profile } = await full();
    const { payload, refused } = await renew(old.id);
    expect(payload).toMatchObject({ certificate: null, provisioningProfiles: [] });
    expect(refused).toEqual({ code: "CERTIFICATE_LIMIT_REACHED", field: ["certificateId"] });
    expect(key.team.certificates.map(({ id }) => id)).toEqual([old.appleId]);
    expect(await make.profileNow(profile.id)).toEqual(profile);
  });

  test("the old one is revoked first where that is asked for, and all is renewed after that", async () => {
    const { key, old, profile } = await full();
    server.sandbox.clearJournal();
    const { payload } = await renew(old.id, { revokeFirst: true });
    expect(payload?.userErrors).toEqual([]);
    expect(make.changes(key)).toEqual([
      ...["POST /v1/certificates", `DELETE /v1/certificates/${old.appleId}`, "POST /v1/certificates"],
      ...["POST /v1/profiles", `DELETE /v1/profiles/${profile.appleId ?? ""}`],
    ]);
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "REVOKED" });
    expect(await make.profileNow(profile.id)).toMatchObject({
      ...{ state: "ACTIVE", certificateSha1s: [payload?.certificate?.sha1] },
    });
  });

  test("a renewal under an idempotency key goes through as well", async () => {
    const { key, old } = await full();
    const ask = () => renew(old.id, { revokeFirst: true, idempotencyKey: "yearly" });
    const first = await ask();
    expect(first.payload?.userErrors).toEqual([]);
    expect((await ask()).text).toBe(first.text);
    expect(key.team.certificates).toHaveLength(1);
  });
});

describe("a certificate is renewed by", () => {
  test("whoever holds SIGNING_MANAGE there, and SIGNING_REVOKE where the old one is to be revoked", async () => {
    const { old } = await full();
    const root = acme.organizationId;
    const looks = await acme.token(root, ["SIGNING_VIEW", "SIGNING_REVOKE", "SIGNING_DOWNLOAD"]);
    const makes = await acme.token(root, ["SIGNING_VIEW", "SIGNING_MANAGE"]);
    const both = await acme.token(root, ["SIGNING_VIEW", "SIGNING_MANAGE", "SIGNING_REVOKE"]);
    expect((await renew(old.id, {}, looks)).denied).toBe("FORBIDDEN");
    expect((await renew(old.id, { revokeFirst: true }, makes)).denied).toBe("FORBIDDEN");
    expect((await renew(old.id, {}, makes)).refused?.code).toBe("CERTIFICATE_LIMIT_REACHED");
    expect((await renew(old.id, { revokeFirst: true }, both)).payload?.userErrors).toEqual([]);
  });

  test("the root that shared it, and nobody below", async () => {
    const { old } = await full();
    await acme.share(old.id);
    const owner = await acme.member(web, "owner@renew.example", ["OWNER"]);
    for (const revokeFirst of [false, true]) {
      expect((await renew(old.id, { revokeFirst }, owner)).denied).toBe("SHARED_FROM_ROOT");
    }
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "VALID" });
    const globex = await seed(server, "Globex");
    expect((await renew(old.id, {}, globex.owner)).denied).toBe("NOT_FOUND");
    expect((await renew(old.id, { revokeFirst: true })).payload?.userErrors).toEqual([]);
  });
});

describe("the preview of a renewal", () => {
  test("says which profiles and sub-organizations it would touch, and that nothing stands in the way", async () => {
    const { key, old, profile } = await full();
    const ofWeb = await make.profile(key, [old], { tenantId: web });
    const apps = await acme.subOrganization("Apps");
    await acme.share(old.id, { subOrganizationIds: [apps] });
    const seen = await preview(old.id);
    expect(seen).toMatchObject({ replaces: { id: old.id }, blockers: [] });
    expect(seen?.provisioningProfiles.map(({ id }) => id).sort()).toEqual([profile.id, ofWeb.id].sort());
    expect(seen?.subOrganizations.map(({ id }) => id).sort()).toEqual([web, apps].sort());
    expect(key.team.certificates).toHaveLength(1);
  });

  test("shows to a sub-organization its own profiles, and that the root renews it", async () => {
    const { key, old } = await full();
    await acme.share(old.id, { subOrganizationIds: [web] });
    const ofWeb = await make.profile(key, [old], { tenantId: web });
    const operator = await acme.token(web, ["SIGNING_VIEW", "SIGNING_MANAGE", "CREDENTIALS_VIEW"]);
    const seen = await preview(old.id, operator);
    expect(seen?.provisioningProfiles).toEqual([{ id: ofWeb.id }]);
    expect(seen?.subOrganizations).toEqual([{ id: web }]);
    expect(seen?.blockers.map(({ code }) => code)).toEqual(["SHARED_FROM_ROOT"]);
  });

  test.each<[string, string[], (id: string, keyId: string) => Promise<unknown>]>([
    ["the key does not work", ["APPLE_KEY_REJECTED"], (_, keyId) => setHealth(keyId, "KEY_REJECTED")],
    ["the key works", [], (_, keyId) => setHealth(keyId, "WORKING")],
  ])("names as a blocker that %s: %j", async (_, expected, change) => {
    const { key, old } = await full();
    await change(old.id, key.id);
    expect(await codes(old.id)).toEqual(expected);
  });

  const setHealth = (credentialId: string, status: string) =>
    query(server.database.ownerUrl, [
      "UPDATE credentials SET health_status = $2 WHERE id = $1",
      [credentialId, status],
    ]);

  test("names as a blocker the missing permission, the missing key, the type, and what was uploaded", async () => {
    const { old } = await full();
    const looks = await acme.token(acme.organizationId, ["SIGNING_VIEW"]);
    expect(await codes(old.id, looks)).toContain("FORBIDDEN");
    const keep = keepIn(server, acme.organizationId);
    expect(await codes(await keep.certificate(acme.organizationId))).toEqual(["NOT_RENEWABLE"]);
    const key = await make.key();
    const developerId = await make.uploaded(key, { type: "DEVELOPER_ID_APPLICATION" });
    expect(await codes(developerId.id)).toContain("NOT_RENEWABLE");
    const id = await keep.profile(acme.organizationId, { name: "By hand", certificateSha1s: [old.sha1] });
    const seen = await preview(old.id);
    expect(seen?.blockers).toEqual([
      { code: "NOT_RENEWABLE", message: expect.stringContaining(`"By hand" (${id})`) as unknown },
    ]);
  });
});
