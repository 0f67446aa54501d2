import type { DecryptCommandInput, EncryptCommandInput } from "@aws-sdk/client-kms";
import { KeyRefused, KeyServiceFailed, UnwrapFailed, type KeyProvider, type WrapContext } from "./key-provider.js";
import { Secret } from "./secret.js";

/** The ARN of a key of AWS KMS; an alias is none, since it may be pointed at another key. */
const KEY_ARN = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key\/[A-Za-z0-9-]+$/;

/** For one call with all its attempts. */
const DEADLINE_MS = 5_000;
const CONNECT_MS = 2_000;
const ATTEMPTS = 3;

/** What KMS answers where the ciphertext is not this key's, or not with this context. */
const NOT_OURS = ["InvalidCiphertextException", "IncorrectKeyException"];

/**
 * A provider over a key of AWS KMS, which never leaves there. Credentials come from the usual environment of the SDK,
 * the region from the ARN. `endpoint` replaces AWS's own, for tests. Throws KeyRefused.
 */
export async function awsKeyProvider(arn: string, endpoint: string | null = null): Promise<KeyProvider> {
  const [, region] = KEY_ARN.exec(arn) ?? [];
  if (region === undefined) throw new KeyRefused("The key of AWS KMS is not named by the ARN of a key.");
  // Only now: whoever keeps the key elsewhere need not wait at the start until the SDK is read.
  const { DecryptCommand, EncryptCommand, KMSClient } = await import("@aws-sdk/client-kms");
  const client = new KMSClient({
    ...{ region, maxAttempts: ATTEMPTS, requestHandler: { connectionTimeout: CONNECT_MS } },
    ...(endpoint !== null && { endpoint }),
  });
  const inTime = () => ({ abortSignal: AbortSignal.timeout(DEADLINE_MS) });
  return {
    label: arn,
    async wrap(dataKey, context) {
      const input = dataKey.use((Plaintext): EncryptCommandInput => ({ ...boundTo(arn, context), Plaintext }));
      const { CiphertextBlob } = await client.send(new EncryptCommand(input), inTime()).catch(failed(arn));
      if (CiphertextBlob === undefined) throw new KeyServiceFailed(arn, "its answer is empty");
      return Buffer.from(CiphertextBlob);
    },
    async unwrap(wrapped, context) {
      const input: DecryptCommandInput = { ...boundTo(arn, context), CiphertextBlob: wrapped };
      const { Plaintext } = await client.send(new DecryptCommand(input), inTime()).catch((error: unknown) => {
        if (NOT_OURS.includes(nameOf(error))) throw new UnwrapFailed(arn, context.dataKeyId);
        return failed(arn)(error);
      });
      if (Plaintext === undefined) throw new KeyServiceFailed(arn, "its answer is empty");
      const secret = Secret.of(Plaintext);
      Plaintext.fill(0);
      return secret;
    },
  };
}

/** The context is authenticated and logged by KMS: wrapped for one data key and organization, it unwraps for no other. */
function boundTo(KeyId: string, { dataKeyId, rootId }: WrapContext) {
  return { KeyId, EncryptionContext: { dataKeyId, rootId } };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "unknown");

/** By its name alone: the message of a service may quote what it was sent. */
function failed(arn: string): (error: unknown) => never {
  return (error) => {
    const name = nameOf(error);
    throw new KeyServiceFailed(arn, name === "AbortError" || name === "TimeoutError" ? "no answer in time" : name);
  };
}
