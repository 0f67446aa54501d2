import { createPublicKey, randomUUID, X509Certificate, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readPkcs12 } from "../../../src/files/pkcs12.js";
import { newId } from "../../../src/ids.js";
import { query } from "../../support/database.js";
import { keepIn, type Keep } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import type { ShareInput } from "../../support/operations.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import {
  entriesOf,
  newIdentity,
  PASSWORD,
  pkcs12Of,
  privateKeyIn,
  withoutLog,
  type Identity,
} from "../../support/signing.js";
import { describeWithOpenssl, makeFolder } from "../../unit/files/openssl.js";

let server: TestServer;
let acme: Story;
let web: string;
let keep: Keep;
/** Bearers of tokens with SIGNING_DOWNLOAD and nothing else. */
let rootCi: string;
let webCi: string;
let identity: Identity;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  keep = keepIn(server, acme.organizationId);
  rootCi = await acme.token(acme.organizationId, ["SIGNING_DOWNLOAD"]);
  webCi = await acme.token(web, ["SIGNING_DOWNLOAD"]);
  identity = await newIdentity();
});
afterAll(() => server.close());

/** Uploads the identity to a tenant, under a name; where it is there already, that one is deleted first. */
async function uploaded(tenantId: string, name = "CI"): Promise<string> {
  await query(server.database.ownerUrl, ["DELETE FROM certificates WHERE owner_id = $1", [tenantId]]);
  const { payload } = await mutate<{ certificate: { id: string } | null }>(
    ...[server, acme.owner, "uploadCertificate", "certificate { id }"],
    { tenantId, name, password: PASSWORD, pkcs12: await pkcs12Of(identity) },
  );
  if (payload?.certificate == null) throw new Error("The certificate was not taken");
  return payload.certificate.id;
}

async function shared(terms: Omit<ShareInput, "subjectId">): Promise<string> {
  const id = await uploaded(acme.organizationId);
  await acme.share(id, terms);
  return id;
}

interface Download {
  readonly fileName: string;
  readonly pkcs12: string;
  readonly password: string;
}

const download = (certificateId: string, token = acme.owner, input: object = {}) =>
  mutate<{ download: Download | null }>(
    ...[server, token, "downloadCertificate", "download { fileName pkcs12 password }"],
    { certificateId, ...input },
  );

/** What an operator of Web is told before trying. */
async function canDownload(id: string): Promise<boolean> {
  const operator = await acme.token(web, ["SIGNING_VIEW", "SIGNING_DOWNLOAD"]);
  const document = `query ($id: ID!) { certificate(id: $id) { viewerCanDownload } }`;
  const { data } = await server.ask<{ certificate: { viewerCanDownload: boolean } }>(operator, document, { id });
  return data.certificate.viewerCanDownload;
}

const publicOf = (key: KeyObject): unknown => createPublicKey(key).export({ format: "jwk" });

describe("a certificate", () => {
  test("is handed out with its private key, under a random password, once the log says so", async () => {
    const id = await uploaded(web);
    const { payload } = await download(id);
    const given = payload?.download;
    expect(given).toMatchObject({ fileName: "CI.p12", password: expect.stringMatching(/^[0-9a-f]{40}$/) as unknown });
    const { privateKey, certificate } = await readPkcs12(
      Buffer.from(given?.pkcs12 ?? "", "base64"),
      given?.password ?? "",
    );
    expect(privateKey.equals(identity.privateKey)).toBe(true);
    expect(certificate.der).toEqual(identity.certificate);
    expect((await entriesOf(server, id)).at(-1)).toEqual({
      ...{ action: "certificate.downloaded", tenant: web, outcome: "DONE", actor: "Owner", label: "CI" },
      ...{ details: { sha1: certificate.sha1, encoding: "KEYCHAIN" }, hasRequestId: true },
    });
    expect((await download(id)).payload?.download?.password).not.toBe(given?.password);
  });

  test.each(["KEYCHAIN", "MODERN"])("is handed out under a given password, as %s", async (encoding) => {
    const id = await uploaded(web);
    const { payload } = await download(id, acme.owner, { password: "a password", encoding });
    expect(payload?.download?.password).toBe("a password");
    const { privateKey } = await readPkcs12(Buffer.from(payload?.download?.pkcs12 ?? "", "base64"), "a password");
    expect(publicOf(privateKey)).toEqual(publicOf(identity.privateKey));
    expect((await entriesOf(server, id)).at(-1)?.details).toMatchObject({ encoding });
  });

  test.each([
    ["KEYCHAIN", "", false],
    ["KEYCHAIN", "p".repeat(129), false],
    ["KEYCHAIN", "pässword", false],
    ["KEYCHAIN", "pass\u0007word", false],
    ["KEYCHAIN", "p".repeat(128), true],
    ["MODERN", "", false],
    ["MODERN", "p".repeat(129), false],
    ["MODERN", "pass\u0007word", false],
    ["MODERN", "pässword", true],
  ])("as %s with the password %j: %s", async (encoding, password, isFine) => {
    const id = await uploaded(web);
    const { refused, payload, text } = await download(id, acme.owner, { password, encoding });
    if (isFine) {
      expect(payload?.download).toMatchObject({ password });
      return;
    }
    expect(refused).toEqual({ code: "INVALID_INPUT", field: ["password"] });
    if (password.length > 20) expect(text).not.toContain(password);
    expect((await entriesOf(server, id)).map(({ action }) => action)).toEqual(["certificate.uploaded"]);
  });

  test.each([
    ["Acme: CI / 2026", "Acme-CI-2026.p12"],
    ["../../etc/passwd", "etc-passwd.p12"],
    ["Zürich – é", "Zurich-e.p12"],
    ["日本語", "certificate.p12"],
    ["n".repeat(100), `${"n".repeat(100)}.p12`],
  ])("under the name %j is the file %s", async (name, fileName) => {
    const id = await uploaded(web, name);
    expect((await download(id)).payload?.download?.fileName).toBe(fileName);
  });

  test("without a private key is refused, and so is nothing handed out", async () => {
    const id = await keep.certificate(web, { sealedKey: null });
    expect((await download(id)).refused).toEqual({ code: "NO_PRIVATE_KEY", field: ["certificateId"] });
    expect(await entriesOf(server, id)).toEqual([]);
  });

  test("is handed out to whoever holds SIGNING_DOWNLOAD where it is kept, and to nobody else", async () => {
    const id = await uploaded(web);
    const ios = await acme.subOrganization("iOS");
    const globex = await seed(server, "Globex");
    expect((await download(id, webCi)).payload?.download).toBeTruthy();
    expect((await download(id, rootCi)).payload?.download).toBeTruthy();
    const sees = await acme.token(web, ["SIGNING_VIEW", "SIGNING_MANAGE", "SIGNING_REVOKE"]);
    expect((await download(id, sees)).denied).toBe("FORBIDDEN");
    expect((await download(id, await acme.token(ios, ["SIGNING_DOWNLOAD"]))).denied).toBe("NOT_FOUND");
    const foreign = await download(id, globex.owner);
    const absent = await download(newId("certificate"), globex.owner);
    expect(foreign.denied).toBe("NOT_FOUND");
    expect(foreign.text).toBe(absent.text);
  });

  test("is not handed out where the log cannot be written, and is afterwards", async () => {
    const id = await uploaded(web);
    const { denied, payload, text } = await withoutLog(server, () => download(id));
    expect([denied, payload]).toEqual(["INTERNAL", null]);
    expect(text).not.toMatch(/pkcs12"|password"/);
    expect((await download(id)).payload?.download).toBeTruthy();
  });

  test("whose sealed key was moved from another row is not handed out", async () => {
    const id = await uploaded(web);
    const other = await uploaded(acme.organizationId);
    await query(server.database.ownerUrl, [
      "UPDATE certificates c SET sealed_key = o.sealed_key FROM certificates o WHERE c.id = $1 AND o.id = $2",
      [id, other],
    ]);
    expect((await download(id)).denied).toBe("INTERNAL");
    expect((await download(other)).payload?.download).toBeTruthy();
  });
});

describe("a certificate that the root shares", () => {
  test("to SIGN is handed out below; the log of the tenant below says so", async () => {
    const id = await shared({ subOrganizationIds: [web], uses: ["SIGN"] });
    expect((await download(id, webCi)).payload?.download).toBeTruthy();
    expect((await entriesOf(server, id)).at(-1)).toMatchObject({
      ...{ action: "certificate.downloaded", tenant: web, outcome: "DONE", actor: "CI" },
    });
    expect((await download(id, rootCi)).payload?.download).toBeTruthy();
    expect((await entriesOf(server, id)).at(-1)?.tenant).toBe(acme.organizationId);
  });

  test("with all is handed out in a sub-organization that was made later", async () => {
    const id = await shared({ withAllSubOrganizations: true });
    const later = await acme.subOrganization(`Later ${randomUUID()}`);
    expect((await download(id, await acme.token(later, ["SIGNING_DOWNLOAD"]))).payload?.download).toBeTruthy();
    expect((await entriesOf(server, id)).at(-1)?.tenant).toBe(later);
  });

  test("but not to SIGN is not handed out, and is with that use", async () => {
    const id = await shared({ subOrganizationIds: [web], uses: ["VIEW", "PUBLISH"] });
    expect((await download(id, webCi)).denied).toBe("FORBIDDEN");
    await acme.share(id, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
    expect((await download(id, webCi)).payload?.download).toBeTruthy();
  });

  test("is not handed out below without SIGNING_DOWNLOAD there, whatever is held elsewhere", async () => {
    const id = await shared({ subOrganizationIds: [web] });
    expect((await download(id, await acme.token(web, ["SIGNING_VIEW", "SIGNING_MANAGE"]))).denied).toBe("FORBIDDEN");
    expect((await download(id, await acme.member(web, "viewer@web.example", ["VIEWER"]))).denied).toBe("FORBIDDEN");
    expect((await download(id, await acme.member(web, "ops@web.example", ["OPERATOR"]))).denied).toBeNull();
  });

  test("for some bundle identifiers is handed out with profiles alone; the root has it as it is", async () => {
    const id = await shared({ subOrganizationIds: [web], bundleIdentifiers: ["com.acme.*"] });
    const denied = await download(id, webCi);
    expect(denied.denied).toBe("FORBIDDEN");
    expect(denied.text).toContain("prepareSigning");
    expect(await canDownload(id)).toBe(false);
    expect((await download(id, rootCi)).payload?.download).toBeTruthy();
    await acme.share(id, { subOrganizationIds: [web] });
    expect((await download(id, webCi)).payload?.download).toBeTruthy();
    expect(await canDownload(id)).toBe(true);
  });

  test("is handed out no more once it is unshared, or the share has ended", async () => {
    const id = await shared({ subOrganizationIds: [web], expiresAt: new Date(Date.now() + 60_000).toISOString() });
    expect((await download(id, webCi)).payload?.download).toBeTruthy();
    await query(server.database.ownerUrl, [
      "UPDATE shares SET expires_at = now() - interval '1 second' WHERE certificate_id = $1",
      [id],
    ]);
    expect((await download(id, webCi)).denied).toBe("NOT_FOUND");
    await acme.share(id, { subOrganizationIds: [web] });
    expect((await download(id, webCi)).payload?.download).toBeTruthy();
    await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: id });
    expect((await download(id, webCi)).denied).toBe("NOT_FOUND");
  });
});

describe("a profile", () => {
  const downloadProfile = (provisioningProfileId: string, token = acme.owner) =>
    mutate<{ download: { fileName: string; content: string } | null }>(
      ...[server, token, "downloadProvisioningProfile", "download { fileName content }"],
      { provisioningProfileId },
    );
  const sharedProfile = async (terms: Omit<ShareInput, "subjectId">): Promise<string> => {
    const id = await keep.profile(acme.organizationId, { bundleIdentifier: "com.acme.app" });
    await acme.share(id, terms);
    return id;
  };

  test("is handed out as it came, once the log says so", async () => {
    const id = await keep.profile(web, { name: "Ad hoc: Pocket", bundleIdentifier: "com.acme.pocket" });
    const { payload } = await downloadProfile(id, webCi);
    const content = Buffer.from("the profile").toString("base64");
    expect(payload?.download).toEqual({ fileName: "Ad-hoc-Pocket.mobileprovision", content });
    expect(await entriesOf(server, id)).toEqual([
      {
        ...{ action: "provisioning_profile.downloaded", tenant: web, outcome: "DONE", actor: "CI" },
        ...{ label: "Ad hoc: Pocket", details: { bundleIdentifier: "com.acme.pocket" }, hasRequestId: true },
      },
    ]);
  });

  test("for macOS is a .provisionprofile", async () => {
    const id = await keep.profile(web, { name: "Desk" });
    await query(server.database.ownerUrl, ["UPDATE provisioning_profiles SET platforms = '{OSX}' WHERE id = $1", [id]]);
    expect((await downloadProfile(id)).payload?.download?.fileName).toBe("Desk.provisionprofile");
  });

  test("is not handed out where the log cannot be written, and is afterwards", async () => {
    const id = await keep.profile(web);
    const { denied, payload } = await withoutLog(server, () => downloadProfile(id));
    expect([denied, payload]).toEqual(["INTERNAL", null]);
    expect((await downloadProfile(id)).payload?.download).toBeTruthy();
  });

  test("is handed out to whoever holds SIGNING_DOWNLOAD where it is kept, and to nobody else", async () => {
    const id = await keep.profile(web);
    const ios = await acme.subOrganization(`iOS ${randomUUID()}`);
    const sees = await acme.token(web, ["SIGNING_VIEW", "SIGNING_MANAGE"]);
    expect((await downloadProfile(id, sees)).denied).toBe("FORBIDDEN");
    expect((await downloadProfile(id, await acme.token(ios, ["SIGNING_DOWNLOAD"]))).denied).toBe("NOT_FOUND");
    expect((await downloadProfile(newId("provisioningProfile"))).denied).toBe("NOT_FOUND");
    expect((await downloadProfile(id, rootCi)).payload?.download).toBeTruthy();
  });

  test("that the root shares is handed out below to SIGN, and for its bundle identifier alone", async () => {
    const allowed = await sharedProfile({ subOrganizationIds: [web], bundleIdentifiers: ["com.acme.*"] });
    expect((await downloadProfile(allowed, webCi)).payload?.download).toBeTruthy();
    expect((await entriesOf(server, allowed)).at(-1)?.tenant).toBe(web);
    const other = await sharedProfile({ subOrganizationIds: [web], bundleIdentifiers: ["com.acme.other"] });
    expect((await downloadProfile(other, webCi)).denied).toBe("FORBIDDEN");
    expect((await downloadProfile(other, rootCi)).payload?.download).toBeTruthy();
    const toSee = await sharedProfile({ subOrganizationIds: [web], uses: ["VIEW"] });
    expect((await downloadProfile(toSee, webCi)).denied).toBe("FORBIDDEN");
    expect(await entriesOf(server, toSee)).toEqual([]);
  });
});

describeWithOpenssl("openssl opens a .p12", () => {
  const folder = makeFolder();

  test.each(["KEYCHAIN", "MODERN"])("that is %s, and the key in it is its certificate's", async (encoding) => {
    const id = await uploaded(web);
    const { payload } = await download(id, acme.owner, { encoding });
    folder.write("own.p12", Buffer.from(payload?.download?.pkcs12 ?? "", "base64"));
    folder.write("password", payload?.download?.password ?? "");
    const files = ["-in", "own.p12", "-passin", "file:password"];
    const key = privateKeyIn(folder.openssl("pkcs12", ...files, "-nocerts", "-nodes"));
    const certificate = new X509Certificate(folder.openssl("pkcs12", ...files, "-nokeys", "-clcerts"));
    expect(certificate.checkPrivateKey(key)).toBe(true);
    expect(certificate.raw).toEqual(identity.certificate);
    expect(folder.openssl("pkcs12", ...files, "-info", "-noout")).toMatch(
      encoding === "KEYCHAIN" ? /MAC: sha1.*pbeWithSHA1And3-KeyTripleDES-CBC/s : /MAC: sha256.*AES-256-CBC/s,
    );
  });
});
