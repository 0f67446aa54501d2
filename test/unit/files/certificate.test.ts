import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { CERTIFICATE_MAX_BYTES, readCertificate } from "../../../src/files/certificate.js";
import { publicKeySha256 } from "../../../src/files/signing-key.js";
import { issueFor, NOT_AFTER, NOT_BEFORE, pem, TEAM_ID, type CertificateOptions } from "./issuer.js";
import { describeWithOpenssl, makeFolder } from "./openssl.js";
import { refusalOf } from "./refusal.js";

const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const issue = (options?: CertificateOptions) => issueFor(key, key, options);

let der: Buffer;
beforeAll(async () => {
  der = await issue();
});

describe("a certificate", () => {
  test("says what Apple and Keychain Access show of it", () => {
    expect(readCertificate(der)).toEqual({
      der,
      serialNumber: "A1B2C3D4E5F6071",
      sha1: createHash("sha1").update(der).digest("hex").toUpperCase(),
      publicKeySha256: publicKeySha256(key),
      commonName: "Apple Distribution: Aurora Labs (ABCDE12345)",
      teamId: TEAM_ID,
      appleType: "DISTRIBUTION",
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
    });
  });

  test("is told the same by Node", () => {
    const x509 = new X509Certificate(der);
    const read = readCertificate(der);
    expect(read.sha1).toBe(x509.fingerprint.replaceAll(":", ""));
    expect(read.publicKeySha256).toBe(publicKeySha256(x509.publicKey));
    expect(read.serialNumber).toBe(x509.serialNumber.replace(/^0+/, ""));
  });

  test.each<[string, () => string | Buffer]>([
    ["DER", () => der],
    ["PEM", () => pem(der)],
    ["PEM with CRLF", () => pem(der).replaceAll("\n", "\r\n")],
    ["PEM with text around it", () => `Bag Attributes\n    friendlyName: Key\n${pem(der)}\nmore`],
    ["PEM with a BOM", () => `\uFEFF${pem(der)}`],
    ["PEM as older tools label it", () => pem(der, "X509 CERTIFICATE")],
    ["the base64 of Apple's API", () => der.toString("base64")],
    ["base64 in lines", () => der.toString("base64").replaceAll(/.{76}/g, "$&\r\n")],
    ["base64 with blanks around it", () => `\n  ${der.toString("base64")}\n`],
    ["base64 with a BOM", () => `\uFEFF${der.toString("base64")}`],
  ])("is read from %s", (_form, content) => {
    expect(readCertificate(Buffer.from(content())).der).toEqual(der);
  });

  test("may have characters of any script in its names", async () => {
    const name = [{ CN: ["Apple Development: Jürgen 日本 😀"] }, { OU: [TEAM_ID] }];
    expect(readCertificate(await issue({ name })).commonName).toBe("Apple Development: Jürgen 日本 😀");
  });

  test("may have neither common name nor team", async () => {
    const { commonName, teamId } = readCertificate(await issue({ name: [{ O: ["Somebody"] }] }));
    expect([commonName, teamId]).toEqual(["", null]);
  });

  test("is a copy of the bytes that were read", () => {
    const bytes = Buffer.from(der);
    const read = readCertificate(bytes);
    bytes.fill(0);
    expect(read.der).toEqual(der);
  });
});

describe("Apple's word for its kind", () => {
  test.each<[type: string | null, name: string, markers: number[]]>([
    ["DISTRIBUTION", "Apple Distribution: ", [4, 7]],
    ["DISTRIBUTION", "Apple Distribution: ", [4]],
    ["IOS_DISTRIBUTION", "iPhone Distribution: ", [4]],
    ["IOS_DISTRIBUTION", "iOS Distribution: ", [4]],
    ["DEVELOPMENT", "Apple Development: ", [2, 12]],
    ["DEVELOPMENT", "Apple Development: ", [2]],
    ["IOS_DEVELOPMENT", "iPhone Developer: ", [2]],
    ["MAC_APP_DEVELOPMENT", "Mac Developer: ", [12]],
    ["MAC_APP_DISTRIBUTION", "3rd Party Mac Developer Application: ", [7]],
    ["MAC_INSTALLER_DISTRIBUTION", "3rd Party Mac Developer Installer: ", [8]],
    ["DEVELOPER_ID_APPLICATION", "Developer ID Application: ", [13]],
    ["DEVELOPER_ID_INSTALLER", "Developer ID Installer: ", [14]],
    ["DEVELOPER_ID_KEXT", "Developer ID Kext: ", [18]],
    ["DEVELOPER_ID_KEXT", "Developer ID Application: ", [18]],
    ["PASS_TYPE_ID", "Pass Type ID: ", [16]],
    ["DISTRIBUTION", "Renamed: ", [4, 7]],
    ["DEVELOPMENT", "Renamed: ", [2, 12]],
    ["IOS_DISTRIBUTION", "Renamed: ", [4]],
    ["IOS_DEVELOPMENT", "Renamed: ", [2]],
    ["MAC_APP_DEVELOPMENT", "Renamed: ", [12]],
    ["MAC_APP_DISTRIBUTION", "Renamed: ", [7]],
    ["MAC_INSTALLER_DISTRIBUTION", "Apple Distribution: ", [8]],
    [null, "Apple Distribution: ", []],
    [null, "Apple Distribution: ", [99]],
    [null, "Let's Encrypt: ", []],
  ])("is %s for the name %s with markers %p", async (type, name, markers) => {
    expect(readCertificate(await issue({ commonName: `${name}Aurora`, markers })).appleType).toBe(type);
  });

  test.each([
    ["DEVELOPER_ID_APPLICATION_G2", [13]],
    ["DEVELOPER_ID_KEXT_G2", [18]],
    ["DISTRIBUTION", [4, 7]],
  ])("is %s where the intermediate of the second generation issued it", async (type, markers) => {
    expect(readCertificate(await issue({ commonName: "Name", markers, issuerUnit: "G2" })).appleType).toBe(type);
  });
});

describe("what is no certificate is refused", () => {
  const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const nested = (depth: number) =>
    Buffer.concat([Buffer.from("3080".repeat(depth), "hex"), Buffer.from("0000".repeat(depth), "hex")]);

  test.each<[message: RegExp, what: string, content: () => string | Buffer]>([
    [/empty/, "nothing", () => ""],
    [/too large/, "too much", () => Buffer.alloc(CERTIFICATE_MAX_BYTES + 1, 0x30)],
    [/more than one/, "two of them", () => pem(der) + pem(der)],
    [/private key/, "a private key", () => key.export({ type: "pkcs8", format: "pem" })],
    [
      /private key/,
      "one with its private key",
      () => pem(der) + key.export({ type: "pkcs8", format: "pem" }).toString(),
    ],
    [/no certificate/, "text", () => "Hello"],
    [/no certificate/, "text that starts as DER does", () => "0123"],
    [/no certificate/, "a public key", () => elliptic.publicKey.export({ type: "spki", format: "pem" })],
    [/no certificate/, "base64 of something else", () => Buffer.from("something else").toString("base64")],
    [/damaged/, "half of one", () => der.subarray(0, der.length / 2)],
    [/damaged/, "one with something behind it", () => Buffer.concat([der, Buffer.alloc(1)])],
    [/damaged/, "a frame with other characters in it", () => pem(der).replace("M", "!")],
    [/damaged/, "a frame with something else", () => pem(Buffer.from("something else"))],
    [/damaged/, "DER of something else", () => elliptic.publicKey.export({ type: "spki", format: "der" })],
    [/damaged/, "ten thousand values in each other", () => nested(8_000)],
  ])("with %p: %s", async (message, _what, content) => {
    const bytes = Buffer.from(content());
    const refusal = await refusalOf(() => readCertificate(bytes));
    expect(refusal).toMatchObject({ code: "INVALID_CERTIFICATE", field: ["certificate"] });
    expect(refusal.message).toMatch(message);
  });

  test("under the field that it came in", async () => {
    const { field } = await refusalOf(() => readCertificate(Buffer.from("Hello"), ["input", "content"]));
    expect(field).toEqual(["input", "content"]);
  });
});

describeWithOpenssl("a certificate that openssl made", () => {
  const folder = makeFolder();

  test("is read, of an elliptic key as well", () => {
    const request = ["req", "-x509", "-nodes", "-subj", "/CN=Key/OU=ABCDE12345", "-keyout", "key.pem"];
    folder.openssl(...request, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "ec.pem");
    const read = readCertificate(folder.read("ec.pem"));
    const shown = folder.openssl("x509", "-in", "ec.pem", "-noout", "-serial", "-fingerprint");

    expect(shown).toContain(read.serialNumber);
    expect(shown.replaceAll(":", "")).toContain(read.sha1);
    expect([read.commonName, read.teamId, read.appleType]).toEqual(["Key", "ABCDE12345", null]);
  });
});
