import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import forge from "node-forge";
import { Refusal } from "../../errors.js";
import { readDer } from "../der.js";
import { readBags, readContainer, type Bags, type Encrypted, type Mac } from "./container.js";
import { deriveSecret, DIGESTS, type Derivation, type Digest } from "./key-derivation.js";
import { refuse } from "./refusal.js";
import type { Scheme } from "./scheme.js";

/** What a .p12 holds once it is open: keys in PKCS#8, certificates in DER, not yet looked into. */
export interface Opened {
  readonly keys: readonly Buffer[];
  readonly certificates: readonly Buffer[];
}

type Password = Derivation["password"];

/**
 * Opens a .p12: proves the password on its MAC, then decrypts. Deriving keys takes as long as the file wants: call it
 * in a worker. Throws a Refusal.
 */
export function openPkcs12(bytes: Buffer, password: string): Opened {
  const { mac, safes } = readContainer(bytes);
  // Tools differ in what an empty password is: RFC 7292 leaves it open.
  const variants: readonly Password[] = password === "" ? ["", null] : [password];
  const proven = mac === null ? variants : variants.filter((variant) => fits(mac, variant));
  if (proven.length === 0) return refuseWrongPassword();
  const decrypt = (encrypted: Encrypted): Buffer =>
    firstOf(proven, (variant) => decryptWith(encrypted, variant)) ??
    (mac === null ? refuseWrongPassword() : refuse("otherPassword"));
  const bags: readonly Bags[] = safes.map((safe) =>
    "keys" in safe ? safe : (readBags(decrypt(safe)) ?? refuse("none")),
  );
  return {
    keys: bags.flatMap(({ keys }) => keys.map((key) => (Buffer.isBuffer(key) ? key : decrypt(key)))),
    certificates: bags.flatMap(({ certificates }) => certificates),
  };
}

function refuseWrongPassword(): never {
  throw new Refusal("WRONG_PASSWORD", "The password does not open the file: it is wrong, or the file is damaged.", [
    "password",
  ]);
}

function firstOf<T>(variants: readonly Password[], attempt: (variant: Password) => T | null): T | null {
  for (const variant of variants) {
    const made = attempt(variant);
    if (made !== null) return made;
  }
  return null;
}

/** Digests of a MAC by object identifier in hex. */
const MAC_DIGESTS: Readonly<Record<string, Digest>> = {
  "2b0e03021a": DIGESTS.sha1,
  "608648016503040201": DIGESTS.sha256,
  "608648016503040202": DIGESTS.sha384,
  "608648016503040203": DIGESTS.sha512,
};

function fits({ digestOid, digest: stated, salt, iterations, message }: Mac, password: Password): boolean {
  const digest = MAC_DIGESTS[digestOid] ?? refuse("method");
  const key = deriveSecret({ digest, password, salt, iterations }, "mac", digest.bytes);
  const made = createHmac(digest.name, key).update(message).digest();
  return made.length === stated.length && timingSafeEqual(made, stated);
}

/** Null where it does not decrypt to a value of ASN.1: of 256 wrong passwords, one gives a padding that looks right. */
function decryptWith(encrypted: Encrypted, password: Password): Buffer | null {
  const bytes = decipherWith(encrypted, password);
  return bytes !== null && readDer(bytes) !== null ? bytes : null;
}

function decipherWith({ scheme, bytes }: Encrypted, password: Password): Buffer | null {
  const { cipher, keyBytes, salt, iterations, pbes2 } = scheme;
  if (pbes2 !== null) {
    const key = pbkdf2Sync(Buffer.from(password ?? "", "utf8"), salt, iterations, keyBytes, pbes2.prf);
    return decipher(cipher, key, pbes2.iv, bytes);
  }
  const derivation = { digest: DIGESTS.sha1, password, salt, iterations };
  const key = deriveSecret(derivation, "key", keyBytes);
  const iv = deriveSecret(derivation, "iv", 8);
  return cipher.startsWith("rc2") ? decipherRc2(key, iv, bytes) : decipher(cipher, key, iv, bytes);
}

function decipher(cipher: Scheme["cipher"], key: Buffer, iv: Buffer, bytes: Buffer): Buffer | null {
  try {
    const decipher = createDecipheriv(cipher, key, iv);
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch {
    return null;
  }
}

/** OpenSSL 3 has RC2 in its legacy provider alone, which Node does not load; the 40-bit kind is what old macOS writes. */
function decipherRc2(key: Buffer, iv: Buffer, bytes: Buffer): Buffer | null {
  const decipher = forge.rc2.createDecryptionCipher(key.toString("latin1"), key.length * 8);
  decipher.start(iv.toString("latin1"));
  decipher.update(forge.util.createBuffer(bytes.toString("latin1")));
  return decipher.finish() ? Buffer.from(decipher.output.getBytes(), "latin1") : null;
}
