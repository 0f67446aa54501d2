import { join } from "node:path";
import type { Config } from "../config.js";
import { awsKeyProvider } from "../vault/aws-key.js";
import {
  KeyRefused,
  localKeyProvider,
  parseKeyEncryptionKey,
  readKeyFile,
  readOrMakeKeyFile,
  type KeyProvider,
} from "../vault/key-provider.js";
import { KeyRing } from "../vault/key-ring.js";
import type { Secret } from "../vault/secret.js";

/**
 * The key-encryption keys of the configuration. Where it names no current one, `file` reads or makes that of the data
 * folder. Throws KeyRefused.
 */
export async function keyRingOf(
  config: Config,
  file: (path: string) => Promise<Secret> = readOrMakeKeyFile,
): Promise<KeyRing> {
  const former = await Promise.all(config.formerKeys.map((key) => formerKey(config, key)));
  return new KeyRing(await currentKey(config, file), former);
}

/** The key of a file. It is not made here: a new one would not open what there is. Throws KeyRefused. */
export async function keptKey(path: string): Promise<Secret> {
  const key = await readKeyFile(path);
  if (key === null) throw new KeyRefused(`The key file ${path} is missing: put it back from its copy.`);
  return key;
}

async function currentKey(config: Config, file: (path: string) => Promise<Secret>): Promise<KeyProvider> {
  if (config.kmsKeyId !== null) return awsKeyProvider(config.kmsKeyId, config.kmsEndpoint);
  if (config.key !== null) return localKeyProvider(parseKeyEncryptionKey(config.key));
  return localKeyProvider(await file(join(config.dataDir, "countersign.key")));
}

async function formerKey(config: Config, key: string): Promise<KeyProvider> {
  if (key.startsWith("arn:")) return awsKeyProvider(key, config.kmsEndpoint);
  if (key.startsWith("file:")) return localKeyProvider(await keptKey(key.slice("file:".length)));
  return localKeyProvider(parseKeyEncryptionKey(key));
}
