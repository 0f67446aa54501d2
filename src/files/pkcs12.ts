import { randomBytes, type KeyObject } from "node:crypto";
import { Refusal } from "../errors.js";
import { parseCertificate, readCertificate, type CertificateFile } from "./certificate.js";
import { readContainer } from "./pkcs12/container.js";
import { run, TookTooLong, type Job } from "./pkcs12/job.js";
import type { Opened } from "./pkcs12/open.js";
import { refuse } from "./pkcs12/refusal.js";
import { isElliptic, readRsaPkcs8 } from "./rsa-key.js";
import { pkcs8Der, publicKeySha256 } from "./signing-key.js";

/** The largest .p12 that is looked at: one with a chain has about 6 KB. */
export const PKCS12_MAX_BYTES = 262_144;

/** The longest password of one. */
const PASSWORD_CHARACTERS_MOST = 1_024;

/** A private key and the certificate that is its own. */
export interface Pkcs12Content {
  readonly privateKey: KeyObject;
  readonly certificate: CertificateFile;
}

/** KEYCHAIN opens in every macOS and OpenSSL (3DES, SHA-1); MODERN in OpenSSL and the newest macOS alone (AES-256, SHA-256). */
export type Pkcs12Encoding = "KEYCHAIN" | "MODERN";

/**
 * Reads a .p12 of one RSA key and its certificate, whatever chain comes with it. Keys are derived in a worker, in five seconds
 * at most; what asks for too many rounds does not come that far. Throws a Refusal.
 */
export async function readPkcs12(bytes: Buffer, password: string): Promise<Pkcs12Content> {
  if (bytes.length === 0) refuse("empty");
  if (bytes.length > PKCS12_MAX_BYTES) refuse("tooLarge");
  if (password.length > PASSWORD_CHARACTERS_MOST)
    throw new Refusal("WRONG_PASSWORD", "The password is longer than that of any .p12 file.", ["password"]);
  readContainer(bytes);
  return contentOf(await open(bytes, password));
}

async function open(bytes: Buffer, password: string): Promise<Opened> {
  // A copy: a Buffer goes to a thread together with all of the memory that it shares.
  const job: Job = { kind: "OPEN", bytes: new Uint8Array(bytes), password };
  const answer = await run(job).catch((error: unknown) => {
    // A file that fills the worker's memory is no better than one that takes all its time.
    const isTooMuch = error instanceof TookTooLong || codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY";
    if (isTooMuch) return refuse("tooSlow");
    throw error;
  });
  if ("opened" in answer) return answer.opened;
  const refusal = "refusal" in answer ? answer.refusal : null;
  if (refusal === null) return refuse("none");
  throw new Refusal(refusal.code, refusal.message, refusal.field);
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** The one key, and of the certificates the one with its public key: the others are its chain. */
function contentOf({ keys, certificates }: Opened): Pkcs12Content {
  const different = new Map(keys.map((key) => [Buffer.from(key).toString("base64"), Buffer.from(key)]));
  if (different.size > 1) refuse("twoKeys");
  const [der] = different.values();
  if (der === undefined)
    throw new Refusal("NO_PRIVATE_KEY", "The file holds no private key: export the key with its certificate.");
  const privateKey = readRsaPkcs8(der) ?? refuse(isElliptic(der) ? "elliptic" : "otherKey");
  const fingerprint = publicKeySha256(privateKey);
  const readable = certificates.flatMap((each) => parseCertificate(Buffer.from(each)) ?? []);
  if (readable.length === 0) refuse("noCertificate");
  // A renewed certificate may be there beside the one before it, both of the same key.
  const [certificate] = readable
    .filter((each) => each.publicKeySha256 === fingerprint)
    .sort((a, b) => b.notAfter.getTime() - a.notAfter.getTime());
  if (certificate === undefined)
    throw new Refusal("KEY_MISMATCH", "The private key in the file belongs to none of the certificates in it.");
  return { privateKey, certificate };
}

/** Writes a .p12 of one RSA key and its certificate, in a worker. Throws a Refusal where the two do not belong together. */
export async function writePkcs12(input: {
  readonly privateKey: KeyObject;
  /** DER. */
  readonly certificate: Buffer;
  /** Not empty: macOS and OpenSSL differ in what an empty one is. */
  readonly password: string;
  /** What Keychain Access shows the key as. */
  readonly friendlyName: string;
  readonly encoding: Pkcs12Encoding;
}): Promise<Buffer> {
  const { privateKey, password, friendlyName, encoding } = input;
  const { der, publicKeySha256: fingerprint } = readCertificate(input.certificate);
  if (password === "" || password.length > PASSWORD_CHARACTERS_MOST)
    throw new Refusal("INVALID_INPUT", `The password has 1 to ${PASSWORD_CHARACTERS_MOST} characters.`, ["password"]);
  if (fingerprint !== publicKeySha256(privateKey))
    throw new Refusal("KEY_MISMATCH", "The private key belongs to another certificate.");
  if (privateKey.asymmetricKeyType !== "rsa") refuse("otherKey");
  const answer = await run({
    kind: "WRITE",
    key: new Uint8Array(pkcs8Der(privateKey)),
    certificate: new Uint8Array(der),
    password,
    friendlyName,
    encoding,
  });
  if (!("written" in answer)) throw new Error("The worker answered something else than a file.");
  return Buffer.from(answer.written);
}

/** A password of 160 random bits in hex: shells and options of commands take it as it is. */
export function randomPassword(): string {
  return randomBytes(20).toString("hex");
}
