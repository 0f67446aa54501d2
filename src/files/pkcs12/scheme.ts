import { integerOf, octetsOf, type DerValue } from "../der.js";
import { ITERATIONS_MOST, refuse } from "./refusal.js";

/** How something is encrypted with a password. */
export interface Scheme {
  readonly cipher: string;
  readonly keyBytes: number;
  readonly salt: Buffer;
  readonly iterations: number;
  /** PBES2 (RFC 8018) has a pseudo-random function and an IV of its own; null: the key derivation of PKCS#12 gives both. */
  readonly pbes2: { readonly prf: string; readonly iv: Buffer } | null;
}

type Cipher = readonly [cipher: string, keyBytes: number];

/** By object identifier, in hex. RFC 7292, Appendix C: pkcs-12PbeIds. */
const PKCS12_CIPHERS: Readonly<Record<string, Cipher>> = {
  "2a864886f70d010c0103": ["des-ede3-cbc", 24],
  "2a864886f70d010c0104": ["des-ede-cbc", 16],
  "2a864886f70d010c0105": ["rc2-128", 16],
  "2a864886f70d010c0106": ["rc2-40", 5],
};
const PBES2 = "2a864886f70d01050d";
const PBKDF2 = "2a864886f70d01050c";
const PBES2_CIPHERS: Readonly<Record<string, Cipher>> = {
  "60864801650304012a": ["aes-256-cbc", 32],
  "608648016503040116": ["aes-192-cbc", 24],
  "608648016503040102": ["aes-128-cbc", 16],
  "2a864886f70d0307": ["des-ede3-cbc", 24],
};
const HMACS: Readonly<Record<string, string>> = {
  "2a864886f70d0207": "sha1",
  "2a864886f70d0208": "sha224",
  "2a864886f70d0209": "sha256",
  "2a864886f70d020a": "sha384",
  "2a864886f70d020b": "sha512",
};
const HMAC_SHA1 = "2a864886f70d0207";

/** Reads an encryption algorithm, and that it takes no more rounds than allowed. Throws a Refusal. */
export function schemeOf(value: DerValue | undefined): Scheme {
  const { oid, parameters } = algorithmOf(value);
  const [first, second] = parameters?.children ?? [];
  if (first === undefined || second === undefined) return refuse("method");
  if (oid === PBES2) return pbes2Of(first, second);
  const [cipher, keyBytes] = PKCS12_CIPHERS[oid] ?? refuse("method");
  return { cipher, keyBytes, salt: octetsOf(first), iterations: iterationsOf(second), pbes2: null };
}

function pbes2Of(derivation: DerValue, encryption: DerValue): Scheme {
  const kdf = algorithmOf(derivation);
  const [salt, iterations, ...rest] = kdf.parameters?.children ?? [];
  if (kdf.oid !== PBKDF2 || salt === undefined) return refuse("method");
  // The length of the key may stand before the function; it says nothing that the cipher does not.
  const prf = rest.find(({ children }) => children.length > 0);
  const { oid, parameters } = algorithmOf(encryption);
  const [cipher, keyBytes] = PBES2_CIPHERS[oid] ?? refuse("method");
  return {
    cipher,
    keyBytes,
    salt: octetsOf(salt),
    iterations: iterationsOf(iterations),
    pbes2: {
      prf: HMACS[prf === undefined ? HMAC_SHA1 : algorithmOf(prf).oid] ?? refuse("method"),
      iv: parameters?.content ?? refuse("method"),
    },
  };
}

/** Reads an algorithm (RFC 5280, 4.1.1.2): its object identifier in hex, and its parameters. Throws a Refusal. */
export function algorithmOf(value: DerValue | undefined): {
  readonly oid: string;
  readonly parameters: DerValue | undefined;
} {
  const [oid, parameters] = value?.children ?? [];
  return oid === undefined ? refuse("none") : { oid: oid.content.toString("hex"), parameters };
}

/** Reads a number of rounds, which is none that would keep a processor busy. Throws a Refusal. */
export function iterationsOf(value: DerValue | undefined): number {
  const iterations = value?.tag === 0x02 ? integerOf(value) : 0;
  if (iterations > ITERATIONS_MOST) refuse("iterations");
  return iterations >= 1 ? iterations : refuse("none");
}
