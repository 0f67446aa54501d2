import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import forge from "node-forge";
import { randomPassword, readPkcs12, writePkcs12, type Pkcs12Encoding } from "../../../src/files/pkcs12.js";
import { pkcs8Der } from "../../../src/files/signing-key.js";
import { issueFor, pem } from "./issuer.js";
import { describeWithOpenssl, makeFolder } from "./openssl.js";
import { certificateBag, contents, encrypt, encryptedSafe, keyBag, pfx } from "./pkcs12-parts.js";
import { safe, safeBag, secretBag, shroudedBag, toBer } from "./pkcs12-parts.js";
import { refusalOf } from "./refusal.js";

const makeKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const key = makeKey();
const other = makeKey();
const PASSWORD = "pass word";
const friendlyName = "Apple Distribution: Söhne 日 😀";

let certificate: Buffer<ArrayBuffer>;
let issuer: Buffer<ArrayBuffer>;
beforeAll(async () => {
  certificate = await issueFor(key, other);
  issuer = await issueFor(other, other, { commonName: "Issuer", serialNumber: "01" });
});

const ENCODINGS: readonly Pkcs12Encoding[] = ["KEYCHAIN", "MODERN"];
const write = (changes: Partial<Parameters<typeof writePkcs12>[0]> = {}) =>
  writePkcs12({ privateKey: key, certificate, password: PASSWORD, friendlyName, encoding: "KEYCHAIN", ...changes });

const expectOurs = async (bytes: Buffer, password: string) => {
  const read = await readPkcs12(bytes, password);
  expect(read.privateKey.equals(key)).toBe(true);
  expect(read.certificate.der).toEqual(certificate);
};

describe.each(ENCODINGS)("a .p12 of the encoding %s", (encoding) => {
  test.each(["a", PASSWORD, "pässwörd 日 😀", "x".repeat(1_024)])(
    "is read back with the password %p",
    async (password) => {
      await expectOurs(await write({ encoding, password }), password);
    },
  );

  test("is another file each time", async () => {
    const [first, second] = await Promise.all([write({ encoding }), write({ encoding })]);
    expect(first.equals(second)).toBe(false);
  });

  test("holds the certificate byte by byte, and nothing of the key", async () => {
    const bytes = await write({ encoding });
    const { d = "", p = "", q = "", dp = "", dq = "", qi = "" } = key.export({ format: "jwk" });
    const secrets = [d, p, q, dp, dq, qi].map((each) => Buffer.from(each, "base64url").subarray(0, 32));
    expect(bytes.includes(certificate)).toBe(true);
    expect(secrets.map((each) => each.length)).toEqual(Array(6).fill(32));
    expect(secrets.filter((each) => bytes.includes(each))).toEqual([]);
  });

  test("says its friendly name in UTF-16", async () => {
    const bytes = await write({ encoding });
    expect(bytes.includes(Buffer.from(friendlyName, "utf16le").swap16())).toBe(true);
  });

  test("takes a certificate with names of any script", async () => {
    const name = [{ CN: ["Jürgen 日本 😀"] }, { OU: ["ABCDE12345"] }];
    const der = await issueFor(key, other, { name });
    const bytes = await write({ encoding, certificate: der });
    expect((await readPkcs12(bytes, PASSWORD)).certificate.der).toEqual(der);
  });

  test("is refused with the certificate of another key", async () => {
    expect(await refusalOf(() => write({ encoding, certificate: issuer }))).toMatchObject({ code: "KEY_MISMATCH" });
  });

  test("is refused with a certificate that is none", async () => {
    const refusal = await refusalOf(() => write({ encoding, certificate: Buffer.from("none") }));
    expect(refusal.code).toBe("INVALID_CERTIFICATE");
  });

  test("is refused without a password, or with one too long", async () => {
    for (const password of ["", "x".repeat(1_025)]) {
      const refusal = await refusalOf(() => write({ encoding, password }));
      expect(refusal).toMatchObject({ code: "INVALID_INPUT", field: ["password"] });
    }
  });
});

describe("a password of ours", () => {
  test("is long enough, needs no quotes, and is another one each time", () => {
    const passwords = Array.from({ length: 100 }, randomPassword);
    expect(new Set(passwords).size).toBe(100);
    expect(passwords.every((password) => /^[0-9a-f]{40}$/.test(password))).toBe(true);
  });
});

describe("a .p12 is read", () => {
  const bags = () => [keyBag(pkcs8Der(key)), certificateBag(certificate)];
  const shrouded = (password: string) => shroudedBag(encrypt(pkcs8Der(key), password));

  test.each<[how: string, bytes: () => Buffer]>([
    ["with everything in the clear", () => pfx([safe(...bags())])],
    ["with its key encrypted", () => pfx([safe(shrouded(PASSWORD), certificateBag(certificate))])],
    ["with its safe encrypted", () => pfx([encryptedSafe(encrypt(contents(...bags()), PASSWORD))])],
    [
      "with both encrypted",
      () => pfx([encryptedSafe(encrypt(contents(shrouded(PASSWORD), certificateBag(certificate)), PASSWORD))]),
    ],
    ["with a safe for each", () => pfx(bags().map((bag) => safe(bag)))],
    ["with safes in safes", () => pfx([safe(safeBag(safeBag(...bags())))])],
    ["with bags of other kinds", () => pfx([safe(secretBag(), ...bags(), secretBag())])],
    ["with a certificate that cannot be read", () => pfx([safe(certificateBag(Buffer.from("none")), ...bags())])],
    ["with its key twice", () => pfx([safe(keyBag(pkcs8Der(key)), ...bags())])],
    ["with its chain", () => pfx([safe(...bags(), certificateBag(issuer))])],
    ["with its chain before it", () => pfx([safe(certificateBag(issuer), ...bags())])],
    [
      "without lengths, as Keychain Access writes it",
      () => toBer(pfx([safe(shrouded(PASSWORD), certificateBag(certificate))])),
    ],
  ])("%s", async (_how, bytes) => {
    await expectOurs(bytes(), PASSWORD);
  });

  test("without lengths, with its MAC", async () => {
    const bytes = toBer(await write());
    expect(bytes.subarray(0, 2)).toEqual(Buffer.from([0x30, 0x80]));
    await expectOurs(bytes, PASSWORD);
  });

  test("with the newest of the certificates of its key", async () => {
    const dates = ["2028-01-01", "2030-01-01", "2029-01-01"].map((date) => new Date(date));
    const renewed = await Promise.all(dates.map((notAfter) => issueFor(key, other, { notAfter })));
    const read = await readPkcs12(pfx([safe(keyBag(pkcs8Der(key)), ...renewed.map(certificateBag))]), "");
    expect(read.certificate.notAfter).toEqual(dates[1]);
  });

  test("with an empty password that is no bytes at all", async () => {
    const forgeKey = forge.pki.privateKeyFromPem(key.export({ type: "pkcs1", format: "pem" }).toString());
    const forgeCertificate = forge.pki.certificateFromPem(pem(certificate));
    for (const password of [null, ""]) {
      const made = forge.pkcs12.toPkcs12Asn1(forgeKey, [forgeCertificate], password, { algorithm: "3des" });
      await expectOurs(Buffer.from(forge.asn1.toDer(made).getBytes(), "latin1"), "");
    }
  });
});

describeWithOpenssl("with openssl,", () => {
  const folder = makeFolder();
  const ask = (password: string, ...args: string[]) =>
    folder.openssl("pkcs12", "-in", "ours.p12", "-passin", `pass:${password}`, ...args);
  beforeAll(() => {
    folder.write("key.pem", key.export({ type: "pkcs8", format: "pem" }));
    folder.write("leaf.pem", pem(certificate));
    folder.write("chain.pem", pem(issuer));
  });

  describe.each(ENCODINGS)("a .p12 of ours in the encoding %s", (encoding) => {
    test.each([PASSWORD, "pässwörd 日 😀"])("opens with the password %p, and its halves fit", async (password) => {
      folder.write("ours.p12", await write({ encoding, password }));
      const opened = ask(password, "-nodes", "-out", "opened.pem");
      const text = folder.read("opened.pem").toString();
      const [keyText = ""] = /-----BEGIN PRIVATE KEY-----[^]+?-----END PRIVATE KEY-----/.exec(text) ?? [];
      const modulus = folder.openssl("x509", "-in", "opened.pem", "-noout", "-modulus");

      expect(opened).toBe("");
      expect(createPrivateKey(keyText).equals(key)).toBe(true);
      expect(modulus).toBe(folder.openssl("rsa", "-in", "opened.pem", "-noout", "-modulus"));
      expect(text).toContain(pem(certificate));
      expect(() => ask(`${password}!`, "-noout")).toThrow(/invalid password|Mac verify error/);
    });

    test("is protected as it should be", async () => {
      folder.write("ours.p12", await write({ encoding }));
      const shown = ask(PASSWORD, "-noout", "-info");
      const [mac, lengths, shrouding] =
        encoding === "KEYCHAIN"
          ? ["sha1, Iteration 2048", "20, salt length: 8", "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048"]
          : [
              "sha256, Iteration 10000",
              "32, salt length: 16",
              "PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256",
            ];
      expect(shown).toContain(`MAC: ${mac}`);
      expect(shown).toContain(`MAC length: ${lengths}`);
      expect(shown).toContain(`Shrouded Keybag: ${shrouding}`);
    });

    test("has the friendly name", async () => {
      folder.write("ours.p12", await write({ encoding, friendlyName: "Aurora Labs" }));
      expect(ask(PASSWORD, "-nokeys")).toContain("friendlyName: Aurora Labs");
    });
  });

  const BOTH = ["-in", "leaf.pem", "-inkey", "key.pem"];
  const pbe = (name: string, ...more: string[]) => ["-certpbe", name, "-keypbe", name, ...more];
  const EXPORTS: readonly (readonly [how: string, args: readonly string[]])[] = [
    ["as it does today", []],
    ["as it did (RC2, 3DES)", ["-legacy"]],
    ["in 3DES", pbe("PBE-SHA1-3DES", "-macalg", "sha1")],
    [
      "in 3DES with two keys and RC2 of 128 bits",
      ["-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-2DES"],
    ],
    ["in AES of 128 bits", pbe("AES-128-CBC")],
    ["in 3DES by PBKDF2", pbe("DES-EDE3-CBC")],
    ["with a MAC of SHA-512", ["-macalg", "sha512"]],
    ["with a MAC of SHA-384", ["-macalg", "sha384"]],
    ["with a chain", ["-certfile", "chain.pem"]],
    ["without a MAC", ["-nomac"]],
    ["without encryption", pbe("NONE")],
    ["with one round", ["-iter", "1", "-nomaciter"]],
  ];
  // The two ways to take a password, with and without a MAC; the other methods share them.
  const MATRIX = EXPORTS.flatMap(([how, args], index) =>
    [PASSWORD, ...(index < 3 || args[0] === "-nomac" ? ["", "pässwörd 日 😀"] : [])].map(
      (password) => [how, password, args] as const,
    ),
  );
  test.each(MATRIX)("a .p12 of openssl is read, written %s, of the password %p", async (_how, password, args) => {
    folder.openssl("pkcs12", "-export", ...BOTH, "-out", "theirs.p12", "-passout", `pass:${password}`, ...args);
    await expectOurs(folder.read("theirs.p12"), password);
  });

  const exportWith = (...args: string[]): Buffer => {
    folder.openssl("pkcs12", "-export", "-out", "theirs.p12", "-passout", `pass:${PASSWORD}`, ...args);
    return folder.read("theirs.p12");
  };

  test("a .p12 of a hundred thousand rounds is read", async () => {
    await expectOurs(exportWith(...BOTH, ...pbe("NONE"), "-iter", "100000"), PASSWORD);
  });

  test("a .p12 of more rounds is refused at once", async () => {
    const bytes = exportWith(...BOTH, "-iter", "600001");
    const refusal = await refusalOf(() => readPkcs12(bytes, PASSWORD));
    expect(refusal).toMatchObject({
      code: "INVALID_PKCS12",
      message: expect.stringMatching(/more than 600,000 rounds/),
    });
  });

  test("a .p12 without a key, or without a certificate, is refused as such", async () => {
    const refused = async (bytes: Buffer) => {
      const { code, message } = await refusalOf(() => readPkcs12(bytes, PASSWORD));
      return [code, message];
    };
    expect(await refused(exportWith("-in", "leaf.pem", "-nokeys"))).toEqual([
      "NO_PRIVATE_KEY",
      "The file holds no private key: export the key with its certificate.",
    ]);
    expect(await refused(exportWith("-inkey", "key.pem", "-in", "key.pem", "-nocerts"))).toEqual([
      "INVALID_PKCS12",
      "The file holds no certificate: export the key together with its certificate.",
    ]);
  });

  test.each<[message: RegExp, make: () => KeyObject]>([
    [
      /elliptic: Apple's signing certificates are made for RSA/,
      () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
    ],
    [/no RSA key of 2,048 to 4,096 bits/, () => generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey],
    [/no RSA key of 2,048 to 4,096 bits/, () => generateKeyPairSync("ed25519").privateKey],
  ])("a .p12 of a key of another kind is refused: %s", async (message, make) => {
    folder.write("strange.pem", make().export({ type: "pkcs8", format: "pem" }));
    folder.openssl("req", "-x509", "-new", "-key", "strange.pem", "-subj", "/CN=Strange", "-out", "strange-leaf.pem");
    const bytes = exportWith("-in", "strange-leaf.pem", "-inkey", "strange.pem");
    expect(await refusalOf(() => readPkcs12(bytes, PASSWORD))).toMatchObject({
      code: "INVALID_PKCS12",
      message: expect.stringMatching(message),
    });
  });
});
