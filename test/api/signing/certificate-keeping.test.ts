import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { query } from "../../support/database.js";
import { keepIn, inDays, type Keep } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf, newIdentity, PASSWORD, pkcs12Of, withoutLog, type Identity } from "../../support/signing.js";
import { describeWithOpenssl, makeFolder } from "../../unit/files/openssl.js";

let server: TestServer;
let acme: Story;
let web: string;
let keep: Keep;
let identity: Identity;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  keep = keepIn(server, acme.organizationId);
  identity = await newIdentity();
});
afterAll(() => server.close());

const SELECTION = `certificate { id name commonName source type appleType serialNumber sha1 teamId state expiresAt
  hasPrivateKey appleId owner { id } credential { id } } userErrors { message }`;

interface Uploaded {
  readonly certificate: Record<string, unknown> | null;
  readonly userErrors: readonly { readonly message: string }[];
}

const upload = (input: object, token = acme.owner) =>
  mutate<Uploaded>(server, token, "uploadCertificate", SELECTION, {
    tenantId: acme.organizationId,
    password: PASSWORD,
    ...input,
  });

const countOf = async (): Promise<number> => {
  const [row] = await query<{ n: number }>(server.database.ownerUrl, "SELECT count(*)::int AS n FROM certificates");
  return row?.n ?? -1;
};

const sha1Of = ({ certificate }: Identity): string => new X509Certificate(certificate).fingerprint.replaceAll(":", "");

describe("a .p12 is kept", () => {
  test("with what it says, under its common name, and noted in the log", async () => {
    const { payload, text } = await upload({ pkcs12: await pkcs12Of(identity) });
    expect(payload?.certificate).toMatchObject({
      ...{ name: "Apple Distribution: Acme (ABCDE12345)", commonName: "Apple Distribution: Acme (ABCDE12345)" },
      ...{ source: "UPLOADED", type: "DISTRIBUTION", appleType: "DISTRIBUTION", teamId: "ABCDE12345", state: "VALID" },
      ...{ hasPrivateKey: true, appleId: null, credential: null, owner: { id: acme.organizationId } },
      sha1: sha1Of(identity),
    });
    expect(text).not.toContain(PASSWORD);
    const id = String(payload?.certificate?.["id"]);
    expect(await entriesOf(server, id)).toEqual([
      {
        ...{ action: "certificate.uploaded", tenant: acme.organizationId, outcome: "DONE", actor: "Owner" },
        ...{ label: "Apple Distribution: Acme (ABCDE12345)", hasRequestId: true },
        details: {
          ...{ type: "DISTRIBUTION", sha1: sha1Of(identity) },
          serialNumber: payload?.certificate?.["serialNumber"],
        },
      },
    ]);
  });

  test("once in a tenant, and again in another", async () => {
    const pkcs12 = await pkcs12Of(identity);
    expect((await upload({ pkcs12 })).refused).toMatchObject({ code: "ALREADY_EXISTS", field: ["pkcs12"] });
    expect((await upload({ pkcs12, tenantId: web })).refused).toBeNull();
  });

  test("under the name that is given, with blanks around it taken off", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity());
    expect((await upload({ pkcs12, name: "  CI " })).payload?.certificate).toMatchObject({ name: "CI" });
  });

  test("under a name of 100 characters where its common name is longer", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity({ name: `Apple Distribution: ${"n".repeat(40)}` }));
    const { payload } = await upload({ pkcs12 });
    expect(payload?.certificate?.["name"]).toBe(`Apple Distribution: ${"n".repeat(40)} (ABCDE12345)`);
  });

  test("with our word for a type of Apple's that has variants", async () => {
    const words = { type: "DEVELOPER_ID_APPLICATION", name: "Developer ID Application: Acme" };
    const pkcs12 = await pkcs12Of(await newIdentity(words));
    expect((await upload({ pkcs12 })).payload?.certificate).toMatchObject({ type: "DEVELOPER_ID_APPLICATION" });
  });

  test("its private key sealed, and nowhere as it is", async () => {
    const own = await newIdentity();
    const { payload, text } = await upload({ pkcs12: await pkcs12Of(own) });
    const [row] = await query<{ row: string; sealed: Buffer }>(server.database.ownerUrl, [
      "SELECT c::text AS row, sealed_key AS sealed FROM certificates c WHERE id = $1",
      [payload?.certificate?.["id"]],
    ]);
    const { d = "" } = own.privateKey.export({ format: "jwk" });
    const part = Buffer.from(d, "base64url").subarray(0, 24);
    expect(row?.sealed.includes(part)).toBe(false);
    expect(row?.row).not.toContain(part.toString("hex"));
    expect(text).not.toContain(part.toString("base64"));
  });

  test("by whoever holds SIGNING_MANAGE there, and by nobody else", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity());
    const may = await acme.token(web, ["SIGNING_MANAGE"]);
    const mayNot = await acme.token(web, ["SIGNING_VIEW", "SIGNING_DOWNLOAD", "CREDENTIALS_MANAGE"]);
    expect((await upload({ pkcs12, tenantId: web }, mayNot)).denied).toBe("FORBIDDEN");
    expect((await upload({ pkcs12 }, may)).denied).toBe("FORBIDDEN");
    expect((await upload({ pkcs12, tenantId: newId("organization") }, may)).denied).toBe("NOT_FOUND");
    expect((await upload({ pkcs12, tenantId: web }, may)).payload?.certificate).toBeTruthy();
  });

  test("not where the log cannot be written", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity());
    const before = await countOf();
    expect((await withoutLog(server, () => upload({ pkcs12 }))).denied).toBe("INTERNAL");
    expect(await countOf()).toBe(before);
    expect((await upload({ pkcs12 })).refused).toBeNull();
  });
});

describe("a .p12 is refused", () => {
  const refusedFor = async (input: object) => {
    const before = await countOf();
    const { refused, payload } = await upload(input);
    expect(await countOf()).toBe(before);
    expect(payload?.certificate).toBeNull();
    return { ...refused, message: payload?.userErrors[0]?.message };
  };

  test("with a wrong password, and taken with the right one", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity());
    expect(await refusedFor({ pkcs12, password: "wrong" })).toMatchObject({
      code: "WRONG_PASSWORD",
      field: ["password"],
    });
    expect(await refusedFor({ pkcs12, password: "" })).toMatchObject({ code: "WRONG_PASSWORD" });
    expect((await upload({ pkcs12 })).refused).toBeNull();
  });

  test("where its certificate is none of Apple's, and the message says so", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity({ type: "NONE_OF_APPLES", name: "Acme" }));
    const refused = await refusedFor({ pkcs12 });
    expect(refused).toMatchObject({ code: "INVALID_CERTIFICATE", field: ["pkcs12"] });
    expect(refused.message).toContain("Apple");
  });

  test("where its time is over, and the message says since when", async () => {
    const refused = await refusedFor({ pkcs12: await pkcs12Of(await newIdentity({ expiresInDays: -1 })) });
    expect(refused).toMatchObject({ code: "INVALID_CERTIFICATE", field: ["pkcs12"] });
    expect(refused.message).toContain(inDays(-1).toISOString().slice(0, 10));
  });

  test.each([
    ["nothing", "", "INVALID_INPUT"],
    ["no base64", "-----BEGIN", "INVALID_INPUT"],
    ["something else", Buffer.from("no file").toString("base64"), "INVALID_PKCS12"],
    ["more than 256 KB", Buffer.alloc(262_145, 0x30).toString("base64"), "INVALID_PKCS12"],
  ])("that is %s", async (_, pkcs12, code) => {
    expect(await refusedFor({ pkcs12 })).toMatchObject({ code, field: ["pkcs12"] });
  });

  test("with a name that is none", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity());
    expect(await refusedFor({ pkcs12, name: " " })).toMatchObject({ code: "INVALID_INPUT", field: ["name"] });
    expect(await refusedFor({ pkcs12, name: "n".repeat(101) })).toMatchObject({
      code: "INVALID_INPUT",
      field: ["name"],
    });
    expect((await upload({ pkcs12, name: "n".repeat(100) })).refused).toBeNull();
  });
});

describe("a certificate is deleted", () => {
  const remove = (certificateId: string, input: object = {}, token = acme.owner) =>
    mutate<{ deletedId: string | null; userErrors: { message: string }[] }>(
      server,
      token,
      "deleteCertificate",
      "deletedId userErrors { message }",
      { certificateId, ...input },
    );
  const isThere = async (id: string): Promise<boolean> => {
    const rows = await query(server.database.ownerUrl, ["SELECT id FROM certificates WHERE id = $1", [id]]);
    return rows.length === 1;
  };

  test("where nothing depends on it, and noted in the log", async () => {
    const id = await keep.certificate(web, { name: "Old" });
    expect((await remove(id)).payload).toMatchObject({ deletedId: id });
    expect(await isThere(id)).toBe(false);
    expect(await entriesOf(server, id)).toMatchObject([
      {
        action: "certificate.deleted",
        tenant: web,
        outcome: "DONE",
        actor: "Owner",
        label: "Old",
        details: { force: false },
      },
    ]);
    expect((await remove(id)).denied).toBe("NOT_FOUND");
  });

  test("with force alone while it is shared; the message says with whom", async () => {
    const id = await keep.certificate(acme.organizationId);
    await acme.share(id, { subOrganizationIds: [web] });
    const { refused, payload } = await remove(id);
    expect(refused).toMatchObject({ code: "IN_USE", field: ["certificateId"] });
    expect(payload?.userErrors[0]?.message).toContain("Web");
    expect(await isThere(id)).toBe(true);
    expect((await remove(id, { force: true })).payload).toMatchObject({ deletedId: id, userErrors: [] });
    expect((await entriesOf(server, id)).at(-1)).toMatchObject({ details: { force: true } });
  });

  test("with force alone while it is shared with all", async () => {
    const id = await keep.certificate(acme.organizationId);
    await acme.share(id);
    expect((await remove(id)).payload?.userErrors[0]?.message).toContain("all sub-organizations");
    expect((await remove(id, { force: true })).refused).toBeNull();
  });

  test("with force alone while kept profiles hold it, which the message names; those that are over do not count", async () => {
    const sha1 = "A".repeat(40);
    const id = await keep.certificate(web, { sha1 });
    await keep.profile(web, { name: "Over", certificateSha1s: [sha1], expiresAt: inDays(-1) });
    await keep.profile(web, { name: "Of another", certificateSha1s: ["B".repeat(40)] });
    await keep.profile(web, { name: "Ad hoc Pocket", certificateSha1s: ["C".repeat(40), sha1] });
    const { refused, payload } = await remove(id);
    expect(refused).toMatchObject({ code: "IN_USE", field: ["certificateId"] });
    expect(payload?.userErrors[0]?.message).toContain("Ad hoc Pocket");
    expect(payload?.userErrors[0]?.message).not.toMatch(/Over|Of another/);
    expect((await remove(id, { force: true })).refused).toBeNull();
  });

  test("without force where only profiles that are over hold it", async () => {
    const sha1 = "D".repeat(40);
    const id = await keep.certificate(web, { sha1 });
    await keep.profile(web, { certificateSha1s: [sha1], expiresAt: inDays(-1) });
    expect((await remove(id)).refused).toBeNull();
  });

  test("by its owner alone: below it is refused, beside and outside it is not there", async () => {
    const id = await keep.certificate(acme.organizationId);
    await acme.share(id, { subOrganizationIds: [web] });
    const ios = await acme.subOrganization("iOS");
    const globex = await seed(server, "Globex");
    const below = await acme.member(web, "owner@web.example", ["OWNER"]);
    const beside = await acme.member(ios, "owner@ios.example", ["OWNER"]);
    const viewer = await acme.member(acme.organizationId, "viewer@acme.example", ["VIEWER"]);
    expect((await remove(id, { force: true }, below)).denied).toBe("SHARED_FROM_ROOT");
    expect((await remove(id, { force: true }, beside)).denied).toBe("NOT_FOUND");
    expect((await remove(id, { force: true }, globex.owner)).denied).toBe("NOT_FOUND");
    expect((await remove(id, { force: true }, viewer)).denied).toBe("FORBIDDEN");
    expect(await isThere(id)).toBe(true);
    expect((await remove(id, { force: true })).payload?.deletedId).toBe(id);
  });

  test("not where the log cannot be written", async () => {
    const id = await keep.certificate(web);
    expect((await withoutLog(server, () => remove(id))).denied).toBe("INTERNAL");
    expect(await isThere(id)).toBe(true);
    expect((await remove(id)).refused).toBeNull();
  });
});

describeWithOpenssl("a .p12 of openssl is kept", () => {
  const folder = makeFolder();

  test.each([
    ["with its defaults", []],
    ["with 3DES", ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"]],
    ["with AES-256", ["-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC"]],
  ])("%s", async (_, options) => {
    const { privateKey, certificate } = await newIdentity();
    folder.write("key.pem", privateKey.export({ type: "pkcs8", format: "pem" }));
    folder.write("certificate.pem", new X509Certificate(certificate).toString());
    folder.write("password", PASSWORD);
    const files = ["-inkey", "key.pem", "-in", "certificate.pem", "-out", "own.p12", "-passout", "file:password"];
    folder.openssl("pkcs12", "-export", ...files, ...options);
    const pkcs12 = folder.read("own.p12").toString("base64");
    expect((await upload({ pkcs12 })).payload?.certificate).toMatchObject({ state: "VALID", hasPrivateKey: true });
  });
});
