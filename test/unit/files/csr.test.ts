import { createPublicKey, type KeyObject } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { createCsr, type RequestSubject } from "../../../src/files/csr.js";
import { generateSigningKey, pkcs8Der, publicKeySha256, readPkcs8Der } from "../../../src/files/signing-key.js";
import { requestedKey } from "../../../src/sandbox/team/authority.js";
import { describeWithOpenssl, makeFolder } from "./openssl.js";
import { refusalOf } from "./refusal.js";

const SUBJECT: RequestSubject = { commonName: "Aurora Labs", email: "signing@aurora.example", country: "DE" };

let key: KeyObject;
beforeAll(async () => {
  key = await generateSigningKey();
});

describe("a signing key", () => {
  test("is RSA of 2,048 bits", () => {
    expect([key.type, key.asymmetricKeyType, key.asymmetricKeyDetails]).toEqual([
      "private",
      "rsa",
      { modulusLength: 2048, publicExponent: 65_537n },
    ]);
  });

  test("is another one each time", async () => {
    expect(publicKeySha256(await generateSigningKey())).not.toBe(publicKeySha256(key));
  });

  test("is made while others are served", async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await Promise.all([generateSigningKey(), generateSigningKey()]);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });

  test("is the same after the vault", () => {
    expect(readPkcs8Der(pkcs8Der(key)).equals(key)).toBe(true);
  });

  test("has one fingerprint in both halves", () => {
    expect(publicKeySha256(createPublicKey(key))).toBe(publicKeySha256(key));
    expect(publicKeySha256(key)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a signing request", () => {
  test("is one that the sandbox takes, for the key it was made with", async () => {
    const requested = await requestedKey(await createCsr(key, SUBJECT));
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    expect(Buffer.from(requested?.rawData ?? new ArrayBuffer(0))).toEqual(spki);
  });

  test("is in PEM and ends with a line break", async () => {
    expect(await createCsr(key, SUBJECT)).toMatch(
      /^-----BEGIN CERTIFICATE REQUEST-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE REQUEST-----\n$/,
    );
  });

  test.each<[field: string, subject: Partial<RequestSubject>]>([
    ["commonName", { commonName: "" }],
    ["commonName", { commonName: "x".repeat(65) }],
    ["commonName", { commonName: "Aurora\nLabs" }],
    ["email", { email: "" }],
    ["email", { email: "nobody" }],
    ["email", { email: "jürgen@aurora.example" }],
    ["email", { email: "a b@aurora.example" }],
    ["email", { email: `${"x".repeat(250)}@a.example` }],
    ["country", { country: "" }],
    ["country", { country: "de" }],
    ["country", { country: "DEU" }],
  ])("is refused for its %s in %p", async (field, subject) => {
    const refusal = await refusalOf(() => createCsr(key, { ...SUBJECT, ...subject }));
    expect(refusal).toMatchObject({ code: "INVALID_INPUT", field: [field] });
  });
});

describeWithOpenssl("a signing request, by openssl,", () => {
  const folder = makeFolder();

  test.each([
    ["as usual", "Aurora Labs"],
    ["with letters beyond ASCII", "Jürgen Müller"],
    ["with other scripts", "日本 😀"],
    ["with what looks like more names", "A, O=Apple/CN=B+C\\"],
    ["as long as it may be", "x".repeat(64)],
  ])("verifies and names whom it should, %s", async (_how, commonName) => {
    folder.write("request.pem", await createCsr(key, { ...SUBJECT, commonName }));
    const show = ["-noout", "-text", "-nameopt", "utf8,sep_multiline", "-in", "request.pem"];
    const shown = folder.openssl("req", "-verify", ...show);

    expect(shown).toContain("self-signature verify OK");
    expect(shown).toContain("Signature Algorithm: sha256WithRSAEncryption");
    expect(shown).toContain("Public-Key: (2048 bit)");
    expect(shown).toContain(`emailAddress=${SUBJECT.email}`);
    expect(shown).toContain(`CN=${commonName}`);
    expect(shown).toContain("C=DE");
  });

  test("has the public key of its private key", async () => {
    folder.write("request.pem", await createCsr(key, SUBJECT));
    const shown = folder.openssl("req", "-noout", "-pubkey", "-in", "request.pem");
    expect(publicKeySha256(createPublicKey(shown))).toBe(publicKeySha256(key));
  });
});
