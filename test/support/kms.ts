import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with the next calls. `HANG`: no answer; a name: that exception of the service. */
export type KmsFailure = "HANG" | "ThrottlingException" | "AccessDeniedException" | "KMSInternalException";

/** A call as the service saw it. */
export interface KmsCall {
  readonly action: string;
  readonly keyId: string;
  readonly context: Readonly<Record<string, string>>;
}

/**
 * AWS KMS as far as it wraps keys: Encrypt and Decrypt of its HTTP API, with keys that never leave it. It really encrypts,
 * with AES-256-GCM; the encryption context is authenticated, as AWS documents it.
 */
export interface Kms {
  readonly url: string;
  readonly calls: readonly KmsCall[];
  /** Makes a key; gives its ARN. */
  makeKey(): string;
  /** As an administrator does: until it is enabled again, the key does nothing. */
  disable(arn: string): void;
  enable(arn: string): void;
  /** Fails all calls from now on; null: none. */
  fail(how: KmsFailure | null): void;
  close(): Promise<void>;
}

interface Key {
  readonly id: string;
  readonly bytes: Buffer;
  isEnabled: boolean;
}

interface Asked {
  readonly KeyId?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
}

class KmsError extends Error {
  constructor(
    readonly type: string,
    readonly status = 400,
  ) {
    super(type);
  }
}

const [CIPHER, NONCE, TAG, ID] = ["aes-256-gcm", 12, 16, 36] as const;
const ACCOUNT = "111122223333";

/** Names and values in the order of the names, so that the same context has the same bytes. */
const canonical = (context: Readonly<Record<string, string>> = {}): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));

function encrypt(key: Key, plaintext: Buffer, context: Asked["EncryptionContext"]): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG }).setAAD(canonical(context));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from(key.id), nonce, cipher.getAuthTag(), ciphertext]);
}

function decrypt(key: Key, blob: Buffer, context: Asked["EncryptionContext"]): Buffer {
  const nonce = blob.subarray(ID, ID + NONCE);
  const decipher = createDecipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG }).setAAD(canonical(context));
  decipher.setAuthTag(blob.subarray(ID + NONCE, ID + NONCE + TAG));
  try {
    return Buffer.concat([decipher.update(blob.subarray(ID + NONCE + TAG)), decipher.final()]);
  } catch {
    throw new KmsError("InvalidCiphertextException");
  }
}

/** Starts it on a loopback address. */
export async function startKms(): Promise<Kms> {
  const keys = new Map<string, Key>();
  const calls: KmsCall[] = [];
  let failure: KmsFailure | null = null;

  const usable = (arn: string | undefined): Key => {
    const key = keys.get(arn ?? "");
    if (key === undefined) throw new KmsError("NotFoundException");
    if (!key.isEnabled) throw new KmsError("DisabledException");
    return key;
  };
  const answer = (action: string | undefined, { KeyId, EncryptionContext, ...asked }: Asked): object => {
    calls.push({ action: action ?? "", keyId: KeyId ?? "", context: EncryptionContext ?? {} });
    const key = usable(KeyId);
    if (action === "TrentService.Encrypt") {
      const blob = encrypt(key, Buffer.from(asked.Plaintext ?? "", "base64"), EncryptionContext);
      return { KeyId, CiphertextBlob: blob.toString("base64"), EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
    }
    if (action !== "TrentService.Decrypt") throw new KmsError("UnsupportedOperationException");
    const blob = Buffer.from(asked.CiphertextBlob ?? "", "base64");
    if (blob.length < ID + NONCE + TAG) throw new KmsError("InvalidCiphertextException");
    const maker = [...keys.values()].find(({ id }) => id === blob.toString("latin1", 0, ID));
    if (maker === undefined) throw new KmsError("InvalidCiphertextException");
    // The caller named a key, and the ciphertext names another.
    if (maker !== key) throw new KmsError("IncorrectKeyException");
    const plaintext = decrypt(key, blob, EncryptionContext);
    return { KeyId, Plaintext: plaintext.toString("base64"), EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
  };
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const send = (status: number, body: object): void => {
      outgoing.writeHead(status, { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() });
      outgoing.end(JSON.stringify(body));
    };
    try {
      if (failure === "HANG") return;
      if (failure !== null) throw new KmsError(failure, failure === "KMSInternalException" ? 500 : 400);
      // Signed in the region of the key, or not served.
      const isSigned = /^AWS4-HMAC-SHA256 .*\/eu-central-1\/kms\/aws4_request/.test(
        incoming.headers.authorization ?? "",
      );
      if (!isSigned) throw new KmsError("MissingAuthenticationTokenException");
      const target = incoming.headers["x-amz-target"];
      send(200, answer(target?.toString(), JSON.parse(Buffer.concat(chunks).toString()) as Asked));
    } catch (error) {
      if (!(error instanceof KmsError)) throw error;
      send(error.status, { __type: error.type, message: error.type });
    }
  };
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    makeKey: () => {
      const id = randomUUID();
      const arn = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/${id}`;
      keys.set(arn, { id, bytes: randomBytes(32), isEnabled: true });
      return arn;
    },
    disable: (arn) => {
      usable(arn).isEnabled = false;
    },
    enable: (arn) => {
      const key = keys.get(arn);
      if (key !== undefined) key.isEnabled = true;
    },
    fail: (how) => {
      failure = how;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
