import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { Secret } from "./secret.js";

/** Bytes of every key here: AES-256. */
export const KEY_BYTES = 32;

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 4;

/**
 * Encrypts with AES-256-GCM: nonce, tag, ciphertext. The nonce is random, so one key is good for 2^32 messages
 * (NIST SP 800-38D, 8.3); an organization's data key seals a few thousand.
 */
export function encrypt(key: Secret, plaintext: Secret, additionalData: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = key.use((bytes) => createCipheriv(CIPHER, bytes, nonce, { authTagLength: TAG_BYTES }));
  cipher.setAAD(additionalData);
  const ciphertext = plaintext.use((bytes) => Buffer.concat([cipher.update(bytes), cipher.final()]));
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** Decrypts what `encrypt` made; null where key, additional data or a single bit is another. */
export function decrypt(key: Secret, encrypted: Buffer, additionalData: Buffer): Secret | null {
  if (encrypted.length < NONCE_BYTES + TAG_BYTES) return null;
  const nonce = encrypted.subarray(0, NONCE_BYTES);
  const decipher = key.use((bytes) => createDecipheriv(CIPHER, bytes, nonce, { authTagLength: TAG_BYTES }));
  decipher.setAAD(additionalData);
  decipher.setAuthTag(encrypted.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const plaintext = decipher.update(encrypted.subarray(NONCE_BYTES + TAG_BYTES));
  try {
    decipher.final();
    return Secret.of(plaintext);
  } catch {
    return null;
  } finally {
    plaintext.fill(0);
  }
}

/** Joins the parts with their lengths, so that no two lists of parts give the same bytes ("ab","c" and "a","bc"). */
export function encodeParts(parts: readonly (Uint8Array | string)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}
