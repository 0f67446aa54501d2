import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** Apple signs RSA keys of this size alone. */
const MODULUS_BITS = 2048;

const generate = promisify(generateKeyPair);

/** Makes the key of a signing certificate: RSA, 2048 bits; node:crypto works off the main thread. */
export async function generateSigningKey(): Promise<KeyObject> {
  const { privateKey } = await generate("rsa", { modulusLength: MODULUS_BITS });
  return privateKey;
}

/** SHA-256 of the public key (SPKI, DER), in lower hex: the same for both halves of a pair and for its certificate. */
export function publicKeySha256(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** A private key as PKCS#8 in DER, for the vault to seal. */
export function pkcs8Der(key: KeyObject): Buffer {
  return key.export({ type: "pkcs8", format: "der" });
}

/** The private key of PKCS#8 that the vault has opened: bytes of ours alone, since OpenSSL aborts on some that are crafted. */
export function readPkcs8Der(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, type: "pkcs8", format: "der" });
}
