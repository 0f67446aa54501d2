import { hash } from "node:crypto";

/** A digest of a MAC, with how many bytes it works on at a time and how many it gives. */
export interface Digest {
  readonly name: string;
  readonly blockBytes: number;
  readonly bytes: number;
}

/** The digests of RFC 7292 and of later tools. */
export const DIGESTS = {
  sha1: { name: "sha1", blockBytes: 64, bytes: 20 },
  sha256: { name: "sha256", blockBytes: 64, bytes: 32 },
  sha384: { name: "sha384", blockBytes: 128, bytes: 48 },
  sha512: { name: "sha512", blockBytes: 128, bytes: 64 },
} as const satisfies Record<string, Digest>;

/** What a derived secret is for (RFC 7292, Appendix B.3). */
const PURPOSE = { key: 1, iv: 2, mac: 3 } as const;

/** What a secret is derived from. 600,000 iterations take about a second. */
export interface Derivation {
  readonly digest: Digest;
  /** Null is no bytes at all, "" the two of its terminator: tools differ in what an empty password is. */
  readonly password: string | null;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** The key derivation of PKCS#12 (RFC 7292, Appendix B.2), which Node does not have, on Node's digests. It blocks its thread. */
export function deriveSecret(
  { digest, password, salt, iterations }: Derivation,
  purpose: keyof typeof PURPOSE,
  length: number,
): Buffer {
  const { name, blockBytes, bytes } = digest;
  const diversifier = Buffer.alloc(blockBytes, PURPOSE[purpose]);
  const input = Buffer.concat([fill(salt, blockBytes), fill(bmpString(password), blockBytes)]);
  const derived: Buffer[] = [];
  for (let made = 0; made < length; made += bytes) {
    let block: Buffer = Buffer.concat([diversifier, input]);
    for (let round = 0; round < iterations; round += 1) block = hash(name, block, "buffer");
    derived.push(block);
    addToEach(input, fill(block, blockBytes).subarray(0, blockBytes));
  }
  return Buffer.concat(derived).subarray(0, length);
}

/** UTF-16, big endian, with a terminator (Appendix B.1). */
function bmpString(password: string | null): Buffer {
  return password === null ? Buffer.alloc(0) : Buffer.from(`${password}\0`, "utf16le").swap16();
}

/** Repeats bytes up to whole blocks; nothing stays nothing. */
function fill(bytes: Buffer, blockBytes: number): Buffer {
  return bytes.length === 0 ? bytes : Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes, bytes);
}

/** Adds a number and one to each block of the input, as numbers of the width of a block. */
function addToEach(input: Buffer, added: Buffer): void {
  for (let start = 0; start < input.length; start += added.length) {
    let carry = 1;
    for (let at = added.length - 1; at >= 0; at -= 1) {
      const sum = input.readUInt8(start + at) + added.readUInt8(at) + carry;
      input.writeUInt8(sum & 0xff, start + at);
      carry = sum >> 8;
    }
  }
}
