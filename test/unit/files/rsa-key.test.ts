import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { isElliptic, readRsaPkcs8 } from "../../../src/files/rsa-key.js";
import { pkcs8Der } from "../../../src/files/signing-key.js";
import { tlv } from "./tlv.js";

const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = key.export({ format: "jwk" });
const NAMES = ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const;
type Numbers = Record<(typeof NAMES)[number], bigint>;
const numbers = Object.fromEntries(
  NAMES.map((name) => [name, BigInt(`0x${Buffer.from(jwk[name] ?? "", "base64url").toString("hex")}`)]),
) as Numbers;
const integer = (value: bigint) => {
  const hex = value.toString(16);
  return tlv(0x02, Buffer.from(`${hex.length % 2 === 0 ? "00" : "0"}${hex}`, "hex"));
};
const RSA = tlv(0x30, tlv(0x06, Buffer.from("2a864886f70d010101", "hex")), tlv(0x05));
const pkcs8 = (changes: Partial<Numbers> = {}, version = 0n, algorithm = RSA) => {
  const values = NAMES.map((name) => integer({ ...numbers, ...changes }[name]));
  return tlv(0x30, integer(0n), algorithm, tlv(0x04, tlv(0x30, integer(version), ...values)));
};

describe("an RSA key in PKCS#8", () => {
  test.each([2048, 4096])("of %i bits is read, and is the same", (modulusLength) => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength });
    expect(readRsaPkcs8(pkcs8Der(privateKey))?.equals(privateKey)).toBe(true);
  });

  test("is read from its numbers", () => {
    expect(readRsaPkcs8(pkcs8())?.equals(key)).toBe(true);
  });

  test("may have its private exponent for the greatest common order or for the product", () => {
    const { p, q, e } = numbers;
    const order = (p - 1n) * (q - 1n);
    // The inverse by the extended algorithm of Euclid.
    let [r, next, d, step] = [order, e, 0n, 1n];
    while (next !== 0n) [r, next, d, step] = [next, r % next, step, d - (r / next) * step];
    expect(readRsaPkcs8(pkcs8({ d: ((d % order) + order) % order }))).not.toBeNull();
  });

  const { n, e, d, p, q, dp, dq, qi } = numbers;
  test.each<[what: string, changes: Partial<Numbers>]>([
    ["another modulus", { n: n + 2n }],
    ["an even modulus", { n: n + 1n }],
    ["a modulus of nothing", { n: 0n }],
    ["a modulus of eight thousand bits", { n: n ** 4n, p: p ** 4n, q: q ** 4n }],
    ["one factor that is all", { p: n, q: 1n }],
    ["factors of nothing", { p: 0n, q: 0n }],
    ["another factor", { p: p + 2n }],
    ["the factors the other way round", { p: q, q: p }],
    ["another public exponent", { e: 3n }],
    ["a public exponent of one", { e: 1n }],
    ["an even public exponent", { e: 65_536n }],
    ["a public exponent of a thousand bits", { e: e << 1_000n }],
    ["another private exponent", { d: d + 1n }],
    ["a private exponent of nothing", { d: 0n, dp: 0n, dq: 0n }],
    ["a private exponent beyond the modulus", { d: d + n * n }],
    ["another first exponent", { dp: dp + 1n }],
    ["another second exponent", { dq: dq + 1n }],
    ["another coefficient", { qi: qi + 1n }],
    ["a coefficient beyond its factor", { qi: qi + p }],
  ])("is refused with %s", (_what, changes) => {
    expect(readRsaPkcs8(pkcs8(changes))).toBeNull();
  });

  test("is refused with more than two factors", () => {
    expect(readRsaPkcs8(pkcs8({}, 1n))).toBeNull();
  });

  test("is refused with a number below nothing", () => {
    const der = pkcs8();
    const at = der.indexOf(integer(d));
    expect(at).toBeGreaterThan(0);
    // Tag and four octets of length, then the sign.
    der.writeUInt8(0xff, at + 5);
    expect(readRsaPkcs8(der)).toBeNull();
  });

  test("is refused where it is smaller than Apple takes", () => {
    const { privateKey: small } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    expect(readRsaPkcs8(pkcs8Der(small))).toBeNull();
  });
});

describe("what is no RSA key", () => {
  const elliptic = ["P-256", "P-384", "P-521"].map(
    (namedCurve) => generateKeyPairSync("ec", { namedCurve }).privateKey,
  );
  const others = [generateKeyPairSync("ed25519"), generateKeyPairSync("rsa-pss", { modulusLength: 2048 })];

  test("is none", () => {
    const ders = [...elliptic, ...others.map(({ privateKey }) => privateKey)].map(pkcs8Der);
    for (const der of [
      ...ders,
      Buffer.alloc(0),
      Buffer.from("text"),
      tlv(0x30),
      tlv(0x30, tlv(0x05), tlv(0x05), tlv(0x05)),
    ])
      expect(readRsaPkcs8(der)).toBeNull();
  });

  test("is an elliptic one where it says so", () => {
    expect(elliptic.map((each) => isElliptic(pkcs8Der(each)))).toEqual([true, true, true]);
    expect([pkcs8(), Buffer.from("text"), tlv(0x30)].map(isElliptic)).toEqual([false, false, false]);
  });
});
