import { createPrivateKey, type KeyObject } from "node:crypto";
import { octetsOf, readDer, type DerValue } from "./der.js";

/** Object identifiers of RFC 8017 and RFC 5480, in hex. */
const RSA = "2a864886f70d010101";
const ELLIPTIC = "2a8648ce3d0201";

const MODULUS_BITS_LEAST = 2_048;
const MODULUS_BITS_MOST = 4_096;
/** Beyond, OpenSSL takes no public exponent with a large modulus; nearly all keys have 65,537. */
const EXPONENT_BITS_MOST = 64;

/**
 * Reads an RSA key of 2,048 to 4,096 bits in PKCS#8 (RFC 5208) whose numbers belong together; null where it is none. OpenSSL
 * gets nothing but checked numbers: crafted keys have aborted the process (Node 20.20, see p8.ts).
 */
export function readRsaPkcs8(der: Buffer): KeyObject | null {
  const [, algorithm, octets] = readDer(der)?.children ?? [];
  if (octets === undefined || algorithmOf(algorithm) !== RSA) return null;
  // RSAPrivateKey (RFC 8017, A.1.2): version 0, then n, e, d, p, q, d mod p-1, d mod q-1, q⁻¹ mod p.
  const values = readDer(octetsOf(octets))?.children ?? [];
  if (values.length !== 9 || values.some(({ tag, content }) => tag !== 0x02 || ((content[0] ?? 0x80) & 0x80) !== 0))
    return null;
  const [version, n, e, d, p, q, dp, dq, qi] = values.map(({ content }) =>
    BigInt(`0x${content.toString("hex")}`),
  ) as Nine;
  const bits = n.toString(2).length;
  if (version !== 0n || bits < MODULUS_BITS_LEAST || bits > MODULUS_BITS_MOST) return null;
  const areFactors = p > 1n && q > 1n && p * q === n && (p & 1n) === 1n && (q & 1n) === 1n;
  if (!areFactors || (e & 1n) === 0n || e < 3n || e >= 1n << BigInt(EXPONENT_BITS_MOST) || d >= n) return null;
  const areExponents = dp === d % (p - 1n) && dq === d % (q - 1n);
  const areInverses = (e * dp) % (p - 1n) === 1n && (e * dq) % (q - 1n) === 1n && (qi * q) % p === 1n && qi < p;
  if (!areExponents || !areInverses) return null;
  const key = { kty: "RSA", n, e, d, p, q, dp, dq, qi };
  const jwk = Object.fromEntries(
    Object.entries(key).map(([name, value]) => [name, typeof value === "bigint" ? base64url(value) : value]),
  );
  return createPrivateKey({ key: jwk, format: "jwk" });
}

type Nine = [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];

/** Whether PKCS#8 holds an elliptic key. */
export function isElliptic(der: Buffer): boolean {
  return algorithmOf(readDer(der)?.children[1]) === ELLIPTIC;
}

function algorithmOf(value: DerValue | undefined): string | undefined {
  return value?.children[0]?.content.toString("hex");
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex").toString("base64url");
}
