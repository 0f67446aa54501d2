import { createHmac, randomBytes } from "node:crypto";
import { link, mkdir, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { decrypt, encodeParts, encrypt, KEY_BYTES } from "./gcm.js";
import { Secret } from "./secret.js";

/** What a wrapped data key is bound to: wrapped for one id and one root organization, it unwraps for no other. */
export interface WrapContext {
  dataKeyId: string;
  rootId: string;
}

/** Holds a key-encryption key: on this machine, or in a cloud key service. */
export interface KeyProvider {
  /** Names the key without telling anything of it, for logs and messages. */
  label: string;
  wrap(dataKey: Secret, context: WrapContext): Promise<Buffer>;
  /** Throws UnwrapFailed where it is surely not ours to unwrap; KeyServiceFailed where a service is down, which may pass. */
  unwrap(wrapped: Buffer, context: WrapContext): Promise<Secret>;
}

/** A wrapped data key was changed, is another organization's, or was wrapped with another key-encryption key. */
export class UnwrapFailed extends Error {
  constructor(label: string, dataKeyId: string) {
    super(`Data key ${dataKeyId} does not unwrap with the key-encryption key ${label}.`);
    this.name = "UnwrapFailed";
  }
}

/** A data key is wrapped with a key-encryption key that this process was not given. */
export class KeyMissing extends Error {
  constructor(label: string, dataKeyId: string) {
    super(`Data key ${dataKeyId} is wrapped with the key-encryption key ${label}, which this process was not given.`);
    this.name = "KeyMissing";
  }
}

/** A key service did not do what it was asked, which may pass: it is down, too busy, or denies this process the key. */
export class KeyServiceFailed extends Error {
  constructor(label: string, reason: string) {
    super(`The key service did not answer for the key-encryption key ${label}: ${reason}.`);
    this.name = "KeyServiceFailed";
  }
}

/** A key-encryption key, or the file that keeps it, cannot be used; the message says how to mend it. */
export class KeyRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "KeyRefused";
  }
}

/** A provider over a key-encryption key of 32 bytes that this process holds. */
export function localKeyProvider(key: Secret): KeyProvider {
  if (key.use((bytes) => bytes.length) !== KEY_BYTES) throw new KeyRefused(`The key has not ${KEY_BYTES} bytes.`);
  // 48 bits of a MAC: enough to tell keys apart, nothing to find the key by.
  const mac = key.use((bytes) => createHmac("sha256", bytes).update("countersign key label").digest("hex"));
  const label = `local:${mac.slice(0, 12)}`;
  const boundTo = ({ dataKeyId, rootId }: WrapContext) =>
    encodeParts(["countersign wrapped data key 1", dataKeyId, rootId]);
  return {
    label,
    wrap: (dataKey, context) => Promise.resolve(encrypt(key, dataKey, boundTo(context))),
    unwrap(wrapped, context) {
      const dataKey = decrypt(key, wrapped, boundTo(context));
      return dataKey === null ? Promise.reject(new UnwrapFailed(label, context.dataKeyId)) : Promise.resolve(dataKey);
    },
  };
}

const KEY_PATTERN = /^[A-Za-z0-9+/_-]{43}=?$/;

/** Reads a key-encryption key: 32 bytes in base64 or base64url, padded or not. Throws KeyRefused, never the value. */
export function parseKeyEncryptionKey(base64: string): Secret {
  const text = base64.trim();
  const bytes = Buffer.from(text, "base64");
  // 43 characters carry 258 bits: the last two must be zero, or the text was mistyped. Encoding again tells.
  const canonical = bytes.toString("base64url") === text.replace(/=$/, "").replaceAll("+", "-").replaceAll("/", "_");
  if (!KEY_PATTERN.test(text) || !canonical) {
    throw new KeyRefused(
      `A key-encryption key is ${KEY_BYTES} bytes in base64: make one with \`openssl rand -base64 32\`.`,
    );
  }
  if (bytes.every((byte) => byte === 0)) throw new KeyRefused("A key-encryption key of zeros protects nothing.");
  return Secret.of(bytes);
}

const FILE_MODE = 0o600;
const OTHERS_MODE = 0o077;
const FILE_BYTES_MAX = 256;

/**
 * The key-encryption key kept in a file, in base64; at the first start the file is made, with a random key.
 * Any number of processes may start at once: all return the one key that is in the file. Throws KeyRefused.
 */
export async function readOrMakeKeyFile(path: string): Promise<Secret> {
  const kept = await readKeyFile(path);
  if (kept !== null) return kept;
  await makeKeyFile(path);
  // Read back in any case: another process may have made the file first, and then its key counts.
  const made = await readKeyFile(path);
  if (made === null) throw new KeyRefused(`The key file ${path} was removed while it was made.`);
  return made;
}

/** The key-encryption key that a file keeps; null where there is no file. Throws KeyRefused. */
export async function readKeyFile(path: string): Promise<Secret | null> {
  const text = await readGuarded(path);
  if (text === null) return null;
  try {
    return parseKeyEncryptionKey(text);
  } catch (error) {
    throw error instanceof KeyRefused ? new KeyRefused(`The key file ${path} is malformed. ${error.message}`) : error;
  }
}

/** The text of a file that its owner alone may open; null where there is no file. */
async function readGuarded(path: string): Promise<string | null> {
  const file = await open(path, "r").catch(unless("ENOENT"));
  if (file === null) return null;
  try {
    // Of the open file and not of the path, which may name another file by now.
    const stat = await file.stat();
    if (!stat.isFile()) throw new KeyRefused(`${path} is no file, and cannot keep the key-encryption key.`);
    // Windows has no such modes, and reports every file as open to all.
    if (process.platform !== "win32" && (stat.mode & OTHERS_MODE) !== 0) {
      throw new KeyRefused(`Others can open the key file ${path}: run \`chmod 600 ${path}\`, then start again.`);
    }
    return stat.size > FILE_BYTES_MAX ? "" : await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Makes the file whole or not at all: it is written under another name, and `link` fails where the path exists. */
async function makeKeyFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString("hex")}`;
  const file = await open(draft, "wx", FILE_MODE);
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString("base64")}\n`);
    // On the disk before anything is sealed with it: a key lost to a power cut would lose the database.
    await file.sync();
    await link(draft, path).catch(unless("EEXIST"));
  } finally {
    await file.close();
    await unlink(draft);
  }
  const directory = await open(dirname(path), "r");
  await directory.sync().finally(() => directory.close());
}

function unless(code: string): (error: unknown) => null {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === code) return null;
    throw error;
  };
}
