import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { query } from "../../support/database.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf, issueFor, newIdentity, PASSWORD, pkcs12Of, withoutLog } from "../../support/signing.js";
import { describeWithOpenssl, makeFolder } from "../../unit/files/openssl.js";

let server: TestServer;
let acme: Story;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
});
afterAll(() => server.close());

interface Request {
  readonly id: string;
  readonly csrPem: string;
  readonly commonName: string;
  readonly email: string;
  readonly country: string;
}

const SUBJECT = { commonName: "Acme CI", email: "CI@acme.example", country: "de" };

const create = (input: object = {}, token = acme.owner) =>
  mutate<{ signingRequest: Request | null }>(
    server,
    token,
    "createSigningRequest",
    "signingRequest { id csrPem commonName email country certificate { id } }",
    { tenantId: acme.organizationId, ...SUBJECT, ...input },
  );

async function created(input: object = {}): Promise<Request> {
  const { payload } = await create(input);
  if (payload?.signingRequest == null) throw new Error("No request was made");
  return payload.signingRequest;
}

const SELECTION =
  "certificate { id name source type appleType sha1 serialNumber hasPrivateKey owner { id } credential { id } }";

const complete = (signingRequestId: string, certificate: string, token = acme.owner) =>
  mutate<{ certificate: Record<string, unknown> | null }>(server, token, "completeSigningRequest", SELECTION, {
    signingRequestId,
    certificate,
  });

/** The certificate of a request as the graph shows it. */
async function certificateOf(id: string): Promise<unknown> {
  const document = `query ($id: ID!) { node(id: $id) { ... on SigningRequest { certificate { id } } } }`;
  const { data } = await server.ask<{ node: { certificate: unknown } }>(acme.owner, document, { id });
  return data.node.certificate;
}

const countOf = async (table: "signing_requests" | "certificates"): Promise<number> => {
  const [row] = await query<{ n: number }>(server.database.ownerUrl, `SELECT count(*)::int AS n FROM ${table}`);
  return row?.n ?? -1;
};

describe("a signing request", () => {
  test("is made with its subject, and noted in the log of its tenant", async () => {
    const request = await created();
    expect(request).toMatchObject({
      commonName: "Acme CI",
      email: "ci@acme.example",
      country: "DE",
      certificate: null,
    });
    expect(await entriesOf(server, request.id)).toEqual([
      {
        ...{ action: "signing_request.created", tenant: acme.organizationId, outcome: "DONE", actor: "Owner" },
        ...{ label: "Acme CI", hasRequestId: true },
        details: { publicKeySha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
      },
    ]);
  });

  test("keeps its private key sealed, each for its own row", async () => {
    const [one, other] = await Promise.all([created(), created()]);
    const rows = await query<{ id: string; sealed: Buffer }>(server.database.ownerUrl, [
      "SELECT id, sealed_key AS sealed FROM signing_requests WHERE id = ANY ($1) ORDER BY id",
      [[one.id, other.id]],
    ]);
    for (const { sealed } of rows) expect(sealed.toString("latin1")).not.toContain("PRIVATE KEY");
    await query(server.database.ownerUrl, [
      "UPDATE signing_requests r SET sealed_key = o.sealed_key FROM signing_requests o WHERE r.id = $1 AND o.id = $2",
      [one.id, other.id],
    ]);
    const der = await issueFor(one.csrPem);
    expect((await complete(one.id, der.toString("base64"))).denied).toBe("INTERNAL");
  });

  test.each([
    [{ commonName: "" }, "commonName"],
    [{ commonName: "n".repeat(65) }, "commonName"],
    [{ commonName: "a\u0007b" }, "commonName"],
    [{ email: "nobody" }, "email"],
    [{ email: "jörg@acme.example" }, "email"],
    [{ country: "DEU" }, "country"],
    [{ country: "D1" }, "country"],
    [{ country: "" }, "country"],
  ])("is refused with %j, and taken at the limits of it", async (input, field) => {
    const before = await countOf("signing_requests");
    expect((await create(input)).refused).toEqual({ code: "INVALID_INPUT", field: [field] });
    expect(await countOf("signing_requests")).toBe(before);
    expect((await create({ commonName: "n".repeat(64), country: " us " })).refused).toBeNull();
  });

  test("is made by whoever holds SIGNING_MANAGE where it belongs, and by nobody else", async () => {
    const may = await acme.token(web, ["SIGNING_MANAGE"]);
    const mayNot = await acme.token(web, ["SIGNING_VIEW", "SIGNING_DOWNLOAD"]);
    expect((await create({ tenantId: web }, may)).payload?.signingRequest).toBeTruthy();
    expect((await create({ tenantId: web }, mayNot)).denied).toBe("FORBIDDEN");
    expect((await create({}, may)).denied).toBe("FORBIDDEN");
    expect((await create({ tenantId: newId("organization") })).denied).toBe("NOT_FOUND");
  });

  test("is not made where the log cannot be written", async () => {
    const before = await countOf("signing_requests");
    expect((await withoutLog(server, () => create())).denied).toBe("INTERNAL");
    expect(await countOf("signing_requests")).toBe(before);
  });
});

describe("its certificate", () => {
  test.each<[string, (der: Buffer) => string]>([
    ["as base64", (der) => der.toString("base64")],
    ["as base64 with line breaks", (der) => der.toString("base64").replaceAll(/.{64}/g, "$&\r\n")],
    ["as a PEM", (der) => new X509Certificate(der).toString()],
    ["as base64 of a PEM", (der) => Buffer.from(new X509Certificate(der).toString()).toString("base64")],
  ])("is kept with the private key that waited, %s", async (_, write) => {
    const request = await created({ tenantId: web });
    const der = await issueFor(request.csrPem);
    const { payload, refused } = await complete(request.id, write(der));
    expect(refused).toBeNull();
    expect(payload?.certificate).toMatchObject({
      ...{ source: "SIGNING_REQUEST", type: "DISTRIBUTION", appleType: "DISTRIBUTION", hasPrivateKey: true },
      ...{ owner: { id: web }, credential: null, name: "Apple Distribution: Acme (ABCDE12345)" },
      sha1: new X509Certificate(der).fingerprint.replaceAll(":", ""),
    });
    expect(await certificateOf(request.id)).toEqual({ id: payload?.certificate?.["id"] });
    expect((await entriesOf(server, request.id)).at(-1)).toMatchObject({
      ...{ action: "signing_request.completed", tenant: web, outcome: "DONE", label: "Acme CI" },
      details: { certificateId: payload?.certificate?.["id"] },
    });
  });

  test("is taken once: a second one is refused, until the first is deleted", async () => {
    const request = await created();
    const first = await complete(request.id, (await issueFor(request.csrPem)).toString("base64"));
    const again = (await issueFor(request.csrPem)).toString("base64");
    expect((await complete(request.id, again)).refused).toEqual({
      ...{ code: "ALREADY_EXISTS", field: ["signingRequestId"] },
    });
    await mutate(server, acme.owner, "deleteCertificate", "deletedId", {
      certificateId: first.payload?.certificate?.["id"],
    });
    expect(await certificateOf(request.id)).toBeNull();
    expect((await complete(request.id, again)).refused).toBeNull();
  });

  test("of two that come at once is kept once", async () => {
    const request = await created();
    const [one, other] = await Promise.all([issueFor(request.csrPem), issueFor(request.csrPem)]);
    const outcomes = await Promise.all([one, other].map((der) => complete(request.id, der.toString("base64"))));
    expect(outcomes.map(({ refused }) => refused?.code ?? "DONE").sort()).toEqual(["ALREADY_EXISTS", "DONE"]);
  });

  test("is refused where it is for another key, none of Apple's, over, or no certificate", async () => {
    const request = await created();
    const other = await created();
    const before = await countOf("certificates");
    const codeOf = async (certificate: string) => (await complete(request.id, certificate)).refused;
    const field = ["certificate"];
    expect(await codeOf((await issueFor(other.csrPem)).toString("base64"))).toEqual({ code: "KEY_MISMATCH", field });
    const foreign = await issueFor(request.csrPem, { type: "NONE_OF_APPLES", name: "Acme" });
    expect(await codeOf(foreign.toString("base64"))).toEqual({ code: "INVALID_CERTIFICATE", field });
    const over = await issueFor(request.csrPem, { expiresInDays: -1 });
    expect(await codeOf(over.toString("base64"))).toEqual({ code: "INVALID_CERTIFICATE", field });
    expect(await codeOf(Buffer.from("no certificate").toString("base64"))).toEqual({
      code: "INVALID_CERTIFICATE",
      field,
    });
    expect(await codeOf("not base64!")).toEqual({ code: "INVALID_INPUT", field });
    expect(await codeOf("")).toEqual({ code: "INVALID_INPUT", field });
    expect(await countOf("certificates")).toBe(before);
    expect(await codeOf((await issueFor(request.csrPem)).toString("base64"))).toBeNull();
  });

  test("is brought by whoever holds SIGNING_MANAGE where the request is, and by nobody else", async () => {
    const request = await created({ tenantId: web });
    const der = (await issueFor(request.csrPem)).toString("base64");
    const ios = await acme.subOrganization("iOS");
    const globex = await seed(server, "Globex");
    const mayNot = await acme.token(web, ["SIGNING_VIEW"]);
    expect((await complete(request.id, der, mayNot)).denied).toBe("FORBIDDEN");
    const beside = await acme.token(ios, ["SIGNING_MANAGE", "SIGNING_VIEW"]);
    expect((await complete(request.id, der, beside)).denied).toBe("NOT_FOUND");
    const foreign = await complete(request.id, der, globex.owner);
    const absent = await complete(newId("signingRequest"), der, globex.owner);
    expect(foreign.denied).toBe("NOT_FOUND");
    expect(foreign.text).toBe(absent.text);
    const may = await acme.token(web, ["SIGNING_MANAGE"]);
    expect((await complete(request.id, der, may)).payload?.certificate).toBeTruthy();
  });

  test("is not kept where the log cannot be written, and is afterwards", async () => {
    const request = await created();
    const der = (await issueFor(request.csrPem)).toString("base64");
    expect((await withoutLog(server, () => complete(request.id, der))).denied).toBe("INTERNAL");
    expect(await certificateOf(request.id)).toBeNull();
    expect((await complete(request.id, der)).refused).toBeNull();
  });

  test("that is kept already is refused", async () => {
    const identity = await newIdentity();
    const upload = { tenantId: acme.organizationId, pkcs12: await pkcs12Of(identity), password: PASSWORD };
    await mutate(server, acme.owner, "uploadCertificate", "certificate { id }", upload);
    const request = await created();
    const der = await issueFor(request.csrPem);
    await query(server.database.ownerUrl, [
      "UPDATE certificates SET sha1 = $1 WHERE sha1 = $2",
      [new X509Certificate(der).fingerprint, new X509Certificate(identity.certificate).fingerprint].map((sha1) =>
        sha1.replaceAll(":", ""),
      ),
    ]);
    expect((await complete(request.id, der.toString("base64"))).refused).toEqual({
      ...{ code: "ALREADY_EXISTS", field: ["certificate"] },
    });
    expect(await certificateOf(request.id)).toBeNull();
  });
});

describeWithOpenssl("openssl", () => {
  const folder = makeFolder();

  test("verifies the request, and finds the subject in it", async () => {
    const { csrPem } = await created();
    folder.write("request.csr", csrPem);
    const text = folder.openssl("req", "-in", "request.csr", "-verify", "-noout", "-subject");
    expect(text).toMatch(/verify OK/i);
    expect(text).toContain("CN = Acme CI");
  });
});
