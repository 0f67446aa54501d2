import { generateKeyPairSync, randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { PKCS12_MAX_BYTES, readPkcs12, writePkcs12 } from "../../../src/files/pkcs12.js";
import { pkcs8Der } from "../../../src/files/signing-key.js";
import { issueFor } from "./issuer.js";
import { certificateBag, contents, encrypt, encryptedBy, encryptedSafe, keyBag, macData, pfx } from "./pkcs12-parts.js";
import { safe, safeBag, shroudedBag } from "./pkcs12-parts.js";
import { refusalOf } from "./refusal.js";
import { int, octets, oid, tlv } from "./tlv.js";

const makeKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const key = makeKey();
const other = makeKey();
const PASSWORD = "correct horse";
const MILLION = 1_000_000;
const THREE_DES = "2a864886f70d010c0103";
const pkcs8 = pkcs8Der(key);

let certificate: Buffer<ArrayBuffer>;
let foreign: Buffer<ArrayBuffer>;
let written: Buffer;
beforeAll(async () => {
  certificate = await issueFor(key, key);
  foreign = await issueFor(other, other);
  const parts = { privateKey: key, certificate, password: PASSWORD, friendlyName: "Key" };
  written = await writePkcs12({ ...parts, encoding: "MODERN" });
});

/** What a file is refused with; the password is in no message. */
async function refused(bytes: Buffer, password = PASSWORD) {
  const { code, message, field } = await refusalOf(() => readPkcs12(bytes, password));
  if (password !== "") expect(message).not.toContain(password);
  return { code, message, field };
}

describe("a wrong password", () => {
  const wrong = {
    code: "WRONG_PASSWORD",
    field: ["password"],
    message: expect.stringMatching(/does not open the file/),
  };

  test.each([
    ["none at all", ""],
    ["the half of it", "correct"],
    ["it with a blank behind it", "correct horse "],
    ["it with another letter", "Correct horse"],
    ["the longest", "x".repeat(1_024)],
  ])("is told: %s", async (_what, password) => {
    expect(await refused(written, password)).toEqual(wrong);
  });

  test("is told where only decrypting tells", async () => {
    expect(await refused(pfx([encryptedSafe(encrypt(contents(keyBag(pkcs8)), "another"))]))).toEqual(wrong);
    expect(await refused(pfx([safe(shroudedBag(encrypt(pkcs8, "another")), certificateBag(certificate))]))).toEqual(
      wrong,
    );
  });

  test("is what one is that no file has", async () => {
    expect((await refused(written, "x".repeat(1_025))).code).toBe("WRONG_PASSWORD");
  });
});

describe("a .p12 is refused", () => {
  test("with a key that is none of its certificates'", async () => {
    const bytes = pfx([safe(keyBag(pkcs8), certificateBag(foreign))]);
    expect(await refused(bytes)).toMatchObject({
      code: "KEY_MISMATCH",
      message: expect.stringMatching(/none of the cert/),
    });
  });

  test("without a key", async () => {
    expect(await refused(pfx([safe(certificateBag(certificate))]))).toMatchObject({ code: "NO_PRIVATE_KEY" });
    expect(await refused(pfx([safe()]))).toMatchObject({ code: "NO_PRIVATE_KEY" });
  });

  const PUBLIC_KEY_SAFE = tlv(0x30, oid("2a864886f70d010703"), tlv(0xa0, tlv(0x30)));
  const signed = tlv(0x30, int(3), tlv(0x30, oid("2a864886f70d010702"), tlv(0xa0, tlv(0x30))));
  const twoKeys = () => pfx([safe(keyBag(pkcs8), keyBag(pkcs8Der(other)), certificateBag(certificate))]);
  const deepSafes = () => {
    let bag = keyBag(pkcs8);
    for (let depth = 0; depth < 1_000; depth += 1) bag = safeBag(bag);
    return pfx([safe(bag)]);
  };

  test.each<[what: string, bytes: () => Buffer, message: RegExp]>([
    ["of nothing", () => Buffer.alloc(0), /is empty/],
    ["beyond its limit", () => Buffer.alloc(PKCS12_MAX_BYTES + 1, 0x30), /too large/],
    ["that is text", () => Buffer.from("Hello"), /no .p12 file/],
    ["that is a certificate", () => certificate, /no .p12 file/],
    ["that is a key", () => pkcs8, /no .p12 file/],
    ["that is cut off", () => written.subarray(0, written.length - 1), /no .p12 file/],
    ["with something behind it", () => Buffer.concat([written, Buffer.alloc(1)]), /no .p12 file/],
    [
      "of another version",
      () => tlv(0x30, int(4), tlv(0x30, oid("2a864886f70d010701"), tlv(0xa0, octets(tlv(0x30))))),
      /no .p12 file/,
    ],
    ["of a hundred thousand openings", () => Buffer.alloc(200_000, Buffer.from("3080", "hex")), /no .p12 file/],
    ["of safes a thousand deep", deepSafes, /no .p12 file/],
    ["of ten thousand values", () => pfx([safe(...Array<Buffer>(12_000).fill(tlv(0x05)))]), /no .p12 file/],
    ["with a MAC of nothing", () => pfx([safe()], tlv(0x30)), /no .p12 file/],
    ["with a MAC of no rounds", () => pfx([safe()], macData(0)), /no .p12 file/],
    ["with a MAC of an unknown digest", () => pfx([safe()], macData(1, oid("2a0304"))), /not supported/],
    ["encrypted in an unknown way", () => pfx([encryptedSafe(encryptedBy("2a0304", 1))]), /not supported/],
    ["encrypted in RC4", () => pfx([encryptedSafe(encryptedBy("2a864886f70d010c0101", 1))]), /not supported/],
    ["encrypted for the key of another", () => pfx([PUBLIC_KEY_SAFE]), /another's key/],
    ["signed by another", () => signed, /another's key/],
    ["with two keys", twoKeys, /two private keys/],
    ["with a damaged key", () => pfx([safe(keyBag(tlv(0x30, int(0))), certificateBag(certificate))]), /no RSA key/],
  ])("%s", async (_what, bytes, message) => {
    expect(await refused(bytes())).toEqual({
      code: "INVALID_PKCS12",
      field: null,
      message: expect.stringMatching(message),
    });
  });
});

describe("a million rounds are refused at once", () => {
  const bags = () => contents(shroudedBag(encrypt(pkcs8, PASSWORD, 1, MILLION)), certificateBag(certificate));

  test.each<[where: string, bytes: () => Buffer]>([
    ["of the MAC", () => pfx([safe()], macData(MILLION))],
    ["of the MAC, in more bytes than a number has", () => pfx([safe()], macData(2 ** 46))],
    ["of a safe in 3DES", () => pfx([encryptedSafe(encryptedBy(THREE_DES, MILLION))])],
    ["of a safe in AES", () => pfx([encryptedSafe(encrypt(bags(), PASSWORD, 1, MILLION))])],
    ["of a key in 3DES", () => pfx([safe(shroudedBag(encryptedBy(THREE_DES, MILLION)))])],
    ["of a key in AES", () => pfx([safe(shroudedBag(encrypt(pkcs8, PASSWORD, 1, MILLION)))])],
    ["of a key behind a right MAC", () => pfx([safe(shroudedBag(encrypt(pkcs8, PASSWORD, 1, MILLION)))], macData(1))],
  ])("%s", async (_where, bytes) => {
    const file = bytes();
    expect(await refused(file)).toMatchObject({
      code: "INVALID_PKCS12",
      message: expect.stringMatching(/600,000 rounds/),
    });
  });

  test("of a key in a safe that has to be decrypted before they are seen", async () => {
    const file = pfx([encryptedSafe(encrypt(bags(), PASSWORD))]);
    expect(await refused(file)).toMatchObject({
      code: "INVALID_PKCS12",
      message: expect.stringMatching(/600,000 rounds/),
    });
  });
});

describe("a file that takes its time", () => {
  const slow = () =>
    pfx(
      Array.from({ length: 40 }, () => encryptedSafe(encrypt(contents(), PASSWORD, 1, 600_000))),
      macData(50_000), // Itself within the time, on a slow machine too.
    );
  const slowSafes = () => {
    const one = encryptedSafe(encrypt(contents(), PASSWORD, 600_000));
    return pfx(Array<Buffer>(40).fill(one));
  };

  test("is given up after five seconds, while others are served and files read", async () => {
    const gaps: number[] = [];
    let last = performance.now();
    const timer = setInterval(() => {
      gaps.push(performance.now() - last);
      last = performance.now();
    }, 5);
    const started = performance.now();
    const order: string[] = [];
    const slowFile = refused(slowSafes()).finally(() => order.push("slow"));
    const read = await readPkcs12(written, PASSWORD).finally(() => order.push("quick"));
    const { code, message } = await slowFile;
    const slowMs = performance.now() - started;
    clearInterval(timer);

    expect(read.privateKey.equals(key)).toBe(true);
    expect([code, message]).toEqual(["INVALID_PKCS12", expect.stringMatching(/takes too long/)]);
    expect(order).toEqual(["quick", "slow"]);
    expect(slowMs).toBeGreaterThan(5_000);
    // Not one thread that works through it: others had their turns meanwhile.
    expect(gaps.length).toBeGreaterThan(10);
  });

  test("is not begun where its MAC does not fit", async () => {
    expect((await refused(slow())).code).toBe("WRONG_PASSWORD");
  });
});

test("a refusal holds nothing of the file", async () => {
  const name = randomBytes(12).toString("hex");
  const bytes = pfx([safe(keyBag(Buffer.from(name)), certificateBag(Buffer.from(name)))]);
  const refusal = await refusalOf(() => readPkcs12(bytes, name));
  expect(JSON.stringify([refusal.message, refusal.field, refusal.cause, refusal.stack])).not.toContain(name);
});
