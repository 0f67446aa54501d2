import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { keepIn } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import type { HeldKey } from "../apple/held-key.js";
import { CERTIFICATE, Maker, PROFILE, type CertificateNode, type ProfileNode } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;
let web: string;
let ios: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  [web, ios] = [await acme.subOrganization("Web"), await acme.subOrganization("iOS")];
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
});

interface Payload {
  readonly certificate: CertificateNode | null;
  readonly provisioningProfiles: ProfileNode[];
  readonly userErrors: { code: string; field: string[] | null; message: string }[];
}

const renew = (certificateId: string, input: object = {}, token = acme.owner) =>
  mutate<Payload>(
    ...([server, token, "renewCertificate"] as const),
    `certificate { ${CERTIFICATE} } provisioningProfiles { ${PROFILE} } userErrors { message }`,
    { certificateId, ...input },
  );

/** A key that all may use, with a certificate of the root in profiles of the root and of Web. */
async function held() {
  const key = await make.key();
  await acme.share(key.id);
  const old = await make.certificate(key, { name: "Release" });
  const own = await make.profile(key, [old]);
  const ofWeb = await make.profile(key, [old], { tenantId: web, bundleIdentifier: "com.acme.shop.widget" });
  return { key, old, own, ofWeb };
}

const made = (key: HeldKey, path: string): number =>
  make.changes(key).filter((change) => change === `POST /v1/${path}`).length;
const shareOf = async (certificateId: string) => {
  const { data } = await server.ask<{ certificate: { share: object | null } }>(
    acme.owner,
    `query ($id: ID!) { certificate(id: $id) { share {
      withAllSubOrganizations uses bundleIdentifiers expiresAt subOrganizations { nodes { id } } } } }`,
    { id: certificateId },
  );
  return data.certificate.share;
};

describe("a certificate is renewed", () => {
  test("first, then every kept profile that held it holds the new one, the root's and those below", async () => {
    const { key, old, own, ofWeb } = await held();
    const apart = await make.profile(key, [await make.certificate(key)]);
    server.sandbox.clearJournal();
    const { payload } = await renew(old.id);
    const renewed = payload?.certificate;
    expect(payload?.userErrors).toEqual([]);
    expect(renewed).toMatchObject({ name: "Release", state: "VALID", owner: old.owner, hasPrivateKey: true });
    expect(renewed?.sha1).not.toBe(old.sha1);
    expect(payload?.provisioningProfiles.map(({ id }) => id).sort()).toEqual([own.id, ofWeb.id].sort());
    for (const { id } of [own, ofWeb]) {
      expect(await make.profileNow(id)).toMatchObject({ state: "ACTIVE", certificateSha1s: [renewed?.sha1] });
    }
    expect(await make.profileNow(ofWeb.id)).toMatchObject({
      owner: { id: web },
      bundleIdentifier: "com.acme.shop.widget",
    });
    expect(await make.profileNow(apart.id)).toEqual(apart);
    expect(make.changes(key).map((change) => change.replace(/(DELETE .*)\/.*/, "$1"))).toEqual([
      ...["POST /v1/certificates", "POST /v1/profiles", "DELETE /v1/profiles", "POST /v1/profiles"],
      "DELETE /v1/profiles",
    ]);
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "VALID" });
    expect(key.team.certificates.map(({ id }) => id)).toContain(old.appleId);
  });

  test("below the root, in the profiles of the sub-organization, and not in a sibling's", async () => {
    const key = await make.key();
    await acme.share(key.id);
    const old = await make.certificate(key, { tenantId: web });
    const own = await make.profile(key, [old], { tenantId: web });
    const siblings = await make.profile(key, [old], { tenantId: ios });
    const inWeb = await acme.token(web, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_MANAGE"]);
    const { payload } = await renew(old.id, {}, inWeb);
    expect(payload?.userErrors).toEqual([]);
    expect(payload?.provisioningProfiles.map(({ id }) => id)).toEqual([own.id]);
    expect(await make.profileNow(siblings.id)).toEqual(siblings);
    expect((await renew(old.id)).payload?.provisioningProfiles.map(({ id }) => id)).toEqual([siblings.id]);
  });

  test("and revoked last, where that is asked for", async () => {
    const { key, old } = await held();
    const { payload } = await renew(old.id, { revokeFirst: true });
    expect(payload?.userErrors).toEqual([]);
    expect(make.changes(key).at(-1)).toBe(`DELETE /v1/certificates/${old.appleId}`);
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "REVOKED" });
    for (const { id } of payload?.provisioningProfiles ?? []) {
      expect(await make.profileNow(id)).toMatchObject({ state: "ACTIVE" });
    }
  });

  test("and the other certificates of a profile for development stay in it", async () => {
    const key = await make.key();
    const [old, other] = [
      await make.certificate(key, { type: "DEVELOPMENT" }),
      await make.certificate(key, { type: "DEVELOPMENT" }),
    ];
    const words = { type: "IOS_APP_DEVELOPMENT", deviceAppleIds: ["PHONE"] };
    const profile = await make.profile(key, [old, other], words);
    const { payload } = await renew(old.id);
    const now = await make.profileNow(profile.id);
    expect([...(now?.certificateSha1s ?? [])].sort()).toEqual([payload?.certificate?.sha1, other.sha1].sort());
    expect(now?.deviceUdids).toEqual(profile.deviceUdids);
  });

  test("and shared as it was, to the same with the same terms", async () => {
    const { old } = await held();
    await acme.share(old.id, {
      ...{ subOrganizationIds: [web, ios], uses: ["VIEW", "SIGN"], bundleIdentifiers: ["com.acme.*"] },
      expiresAt: "2100-01-01T00:00:00.000Z",
    });
    const { payload } = await renew(old.id);
    const share = await shareOf(payload?.certificate?.id ?? "");
    expect(share).toMatchObject({ uses: ["VIEW", "SIGN"], expiresAt: "2100-01-01T00:00:00.000Z" });
    expect(share).toEqual(await shareOf(old.id));
    const inIos = await acme.token(ios, ["SIGNING_VIEW"]);
    expect(await make.certificateNow(payload?.certificate?.id ?? "", inIos)).not.toBeNull();
    const apart = await make.certificate(await make.key());
    expect(await shareOf((await renew(apart.id)).payload?.certificate?.id ?? "")).toBeNull();
  });

  test("once, however often: what it made before is found again", async () => {
    const { key, old } = await held();
    const first = await renew(old.id, { idempotencyKey: "yearly" });
    expect((await renew(old.id, { idempotencyKey: "yearly" })).text).toBe(first.text);
    const again = await renew(old.id);
    expect(again.payload?.certificate?.id).toBe(first.payload?.certificate?.id);
    expect([made(key, "certificates"), made(key, "profiles")]).toEqual([2, 4]);
  });

  test("once, where several ask at the same time", async () => {
    const { key, old } = await held();
    const outcomes = await Promise.all([renew(old.id), renew(old.id), renew(old.id)]);
    expect(new Set(outcomes.map(({ payload, text }) => payload?.certificate?.id ?? text)).size).toBe(1);
    expect(made(key, "certificates")).toBe(2);
    expect(key.team.profiles).toHaveLength(2);
  });

  test("that was uploaded, through a key that is named", async () => {
    const key = await make.key();
    const { id, sha1, appleId } = await make.uploaded(key);
    const profile = await make.profile(key, [{ appleId }]);
    expect(profile.certificateSha1s).toEqual([sha1]);
    const alone = await keepIn(server, acme.organizationId).certificate(acme.organizationId);
    const refused = { code: "NOT_RENEWABLE", field: ["credentialId"] };
    expect((await renew(alone)).refused).toMatchObject(refused);
    const { payload } = await renew(id, { credentialId: key.id });
    expect(await make.profileNow(profile.id)).toMatchObject({ certificateSha1s: [payload?.certificate?.sha1] });
  });

  test("and not of a type that Apple makes at its site alone", async () => {
    const key = await make.key();
    const { id } = await make.uploaded(key, { type: "DEVELOPER_ID_APPLICATION" });
    const refused = { code: "NOT_RENEWABLE", field: ["certificateId"] };
    expect((await renew(id, { credentialId: key.id })).refused).toMatchObject(refused);
    expect(make.changes(key)).toEqual([]);
  });
});

describe("where a profile cannot be renewed", () => {
  const failOnce = ({ keyId }: HeldKey) => {
    const match = { keyId, method: "POST", path: "/v1/profiles" };
    server.sandbox.failNext({ match, failure: { kind: "403-role" } });
  };

  test("it is said of that one alone; asked again it goes on, without a second certificate", async () => {
    const { key, old, own, ofWeb } = await held();
    failOnce(key);
    const first = await renew(old.id);
    expect(first.payload?.userErrors).toEqual([
      { code: "APPLE_FORBIDDEN", field: null, message: expect.stringContaining(own.id) as unknown },
    ]);
    expect(first.payload?.provisioningProfiles.map(({ id }) => id)).toEqual([ofWeb.id]);
    expect(await make.profileNow(own.id)).toEqual(own);
    const second = await renew(old.id);
    expect(second.payload?.userErrors).toEqual([]);
    expect(second.payload?.certificate).toEqual(first.payload?.certificate);
    expect(second.payload?.provisioningProfiles.map(({ id }) => id)).toEqual([own.id]);
    expect([made(key, "certificates"), made(key, "profiles")]).toEqual([2, 5]);
  });

  test("the old certificate is not revoked, and is when all are renewed", async () => {
    const { key, old } = await held();
    failOnce(key);
    const first = await renew(old.id, { revokeFirst: true });
    expect(first.payload?.userErrors.map(({ code, field }) => ({ code, field }))).toEqual([
      { code: "APPLE_FORBIDDEN", field: null },
      { code: "IN_USE", field: ["revokeFirst"] },
    ]);
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "VALID" });
    expect((await renew(old.id, { revokeFirst: true })).payload?.userErrors).toEqual([]);
    expect(await make.certificateNow(old.id)).toMatchObject({ state: "REVOKED" });
    expect(key.team.certificates).toHaveLength(1);
  });

  test("since its owner may no longer use the key, the others are", async () => {
    const { key, old, own, ofWeb } = await held();
    await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: key.id });
    const { payload } = await renew(old.id);
    expect(payload?.userErrors).toEqual([
      { code: "FORBIDDEN", field: null, message: expect.stringContaining(ofWeb.id) as unknown },
    ]);
    expect(payload?.provisioningProfiles.map(({ id }) => id)).toEqual([own.id]);
  });
});
