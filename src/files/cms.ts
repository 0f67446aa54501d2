import { webcrypto } from "node:crypto";
import * as pkijs from "pkijs";
import { readDer } from "./der.js";

/** Object identifiers of RFC 5652 and RFC 8017. */
const SIGNED_DATA = "1.2.840.113549.1.7.2";
const RSA = "1.2.840.113549.1.1.1";

/** What a key of 4,096 bits takes in DER. Apple signs with RSA; greater keys cost time, others are no profile's. */
const RSA_KEY_BYTES_MOST = 600;

const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto });

/**
 * The content of a CMS message (RFC 5652) that one signer has signed, whose certificate it carries and whose signature fits;
 * null where it is none. Who the signer is, nobody looks at: it says that the file is whole, not who wrote it.
 */
export async function openSignedData(bytes: Buffer): Promise<Buffer | null> {
  // Before the library, whose parser recurses.
  if (readDer(bytes) === null) return null;
  try {
    const message = pkijs.ContentInfo.fromBER(new Uint8Array(bytes));
    if (message.contentType !== SIGNED_DATA) return null;
    const signed = new pkijs.SignedData({ schema: message.content as unknown });
    const content = signed.encapContentInfo.eContent?.getValue();
    if (content === undefined || signed.signerInfos.length !== 1 || !hasOnlyRsaKeys(signed)) return null;
    const isWhole = await signed.verify({ signer: 0, checkChain: false }, engine);
    return isWhole ? Buffer.from(content) : null;
  } catch {
    return null;
  }
}

function hasOnlyRsaKeys({ certificates = [] }: pkijs.SignedData): boolean {
  return certificates.every(
    (each) =>
      each instanceof pkijs.Certificate &&
      each.subjectPublicKeyInfo.algorithm.algorithmId === RSA &&
      each.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView.length <= RSA_KEY_BYTES_MOST,
  );
}
