import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { readDer, type DerValue } from "../../../src/files/der.js";
import { int, octets, oid, tlv } from "./tlv.js";

const DATA = oid("2a864886f70d010701");
const ENCRYPTED_DATA = oid("2a864886f70d010706");
const PBES2 = oid("2a864886f70d01050d");
const PBKDF2 = oid("2a864886f70d01050c");
const HMAC_SHA256 = oid("2a864886f70d0209");
const AES_256 = oid("60864801650304012a");
const SHA1 = oid("2b0e03021a");
const X509 = oid("2a864886f70d01091601");
const NULL = tlv(0x05);
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
const explicit = (value: Buffer) => tlv(0xa0, value);

/** A file of safes, with MacData where it is given. */
export const pfx = (safes: readonly Buffer[], macData: Buffer = Buffer.alloc(0)): Buffer =>
  sequence(int(3), sequence(DATA, explicit(octets(sequence(...safes)))), macData);

/** A MAC that is none, of as many rounds. */
export const macData = (iterations: number, digest: Buffer = SHA1): Buffer =>
  sequence(sequence(sequence(digest, NULL), octets(randomBytes(20))), octets(randomBytes(8)), int(iterations));

/** A safe in the clear. */
export const safe = (...bags: readonly Buffer[]): Buffer => sequence(DATA, explicit(octets(sequence(...bags))));

const bag = (kind: number, value: Buffer) => sequence(oid(`2a864886f70d010c0a010${kind}`), explicit(value));
/** Bags: a key in the clear, a certificate, a safe within a safe, and what nobody here reads. */
export const keyBag = (pkcs8: Buffer): Buffer => bag(1, pkcs8);
export const certificateBag = (der: Buffer): Buffer => bag(3, sequence(X509, explicit(octets(der))));
export const safeBag = (...bags: readonly Buffer[]): Buffer => bag(6, sequence(...bags));
export const secretBag = (): Buffer => bag(5, sequence(oid("2a0304"), explicit(octets(Buffer.from("secret")))));

/** What is encrypted: its algorithm, and its bytes. */
export type Encrypted = readonly [algorithm: Buffer, bytes: Buffer];

/** Encrypts with AES-256 by PBKDF2 and SHA-256; `stated` is what the file says of the rounds. */
export function encrypt(plain: Buffer, password: string, iterations = 10, stated = iterations): Encrypted {
  const [salt, iv] = [randomBytes(8), randomBytes(16)];
  const cipher = createCipheriv("aes-256-cbc", pbkdf2Sync(password, salt, iterations, 32, "sha256"), iv);
  const kdf = sequence(PBKDF2, sequence(octets(salt), int(stated), sequence(HMAC_SHA256, NULL)));
  const algorithm = sequence(PBES2, sequence(kdf, sequence(AES_256, octets(iv))));
  return [algorithm, Buffer.concat([cipher.update(plain), cipher.final()])];
}

/** Something that nobody can decrypt, said to be encrypted by another algorithm. */
export const encryptedBy = (algorithm: string, iterations: number): Encrypted => [
  sequence(oid(algorithm), sequence(octets(randomBytes(8)), int(iterations))),
  randomBytes(64),
];

/** A safe that is encrypted. */
export const encryptedSafe = ([algorithm, bytes]: Encrypted): Buffer =>
  sequence(ENCRYPTED_DATA, explicit(sequence(int(0), sequence(DATA, algorithm, tlv(0x80, bytes)))));

/** The contents of a safe, to encrypt. */
export const contents = (...bags: readonly Buffer[]): Buffer => sequence(...bags);

/** A key that is encrypted. */
export const shroudedBag = ([algorithm, bytes]: Encrypted): Buffer => bag(2, sequence(algorithm, octets(bytes)));

/** The same file as Keychain Access writes it: no lengths, and its contents in pieces of an octet string. */
export function toBer(der: Buffer): Buffer {
  const value = readDer(der);
  if (value === null) throw new Error("No ASN.1.");
  return indefinite(value);
}

const PIECE_BYTES = 1_000;
const END = Buffer.alloc(2);

function indefinite({ tag, encoding, content, children }: DerValue): Buffer {
  const open = (constructed: number) => Buffer.from([constructed, 0x80]);
  if ((tag & 0x20) !== 0) return Buffer.concat([open(tag), ...children.map(indefinite), END]);
  if (content.length <= PIECE_BYTES || (tag !== 0x04 && tag !== 0x80)) return encoding;
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += PIECE_BYTES) pieces.push(octets(content.subarray(at, at + PIECE_BYTES)));
  return Buffer.concat([open(tag | 0x20), ...pieces, END]);
}
