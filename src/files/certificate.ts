import "reflect-metadata";
import { createHash } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { Refusal } from "../errors.js";
import { appleCertificateType } from "./certificate-type.js";
import { readDer } from "./der.js";

/** A certificate, by what people and Apple tell it apart with. */
export interface CertificateFile {
  readonly der: Buffer;
  /** Upper-case hex without leading zeros, as Apple shows it. */
  readonly serialNumber: string;
  /** SHA-1 of the DER in upper-case hex: how codesign and Keychain Access name it. */
  readonly sha1: string;
  /** SHA-256 of the public key (SPKI, DER), in lower hex: the same for the private key that fits. */
  readonly publicKeySha256: string;
  /** Empty where the subject has none: Apple's always has one. */
  readonly commonName: string;
  /** The OU of the subject, where Apple writes the team. */
  readonly teamId: string | null;
  /** Apple's word for its kind; null where it is none that Apple issues to developers. */
  readonly appleType: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Apple's have about 1,500 bytes; as text it is a third longer. */
export const CERTIFICATE_MAX_BYTES = 32_768;

const REFUSALS = {
  empty: "The certificate is empty: take the .cer file that Apple lets you download.",
  tooLarge: "The file is too large for a certificate, which has about 1,500 bytes: take the .cer file alone.",
  several: "There is more than one certificate in the text: take the one of the signing key alone.",
  privateKey: "This holds a private key: a certificate is wanted here, and the key is best kept away.",
  none: "This is no certificate: take the .cer file that Apple lets you download.",
  damaged: "The certificate is damaged, and its content cannot be read: download it once more.",
} as const;

type Reason = keyof typeof REFUSALS;

/** Reads a certificate in DER, in PEM, or in the base64 that Apple's API answers. Throws a Refusal. */
export function readCertificate(bytes: Buffer, field: readonly string[] = ["certificate"]): CertificateFile {
  const found = findCertificate(bytes);
  if (found === null) throw new Refusal("INVALID_CERTIFICATE", REFUSALS.damaged, field);
  if (typeof found === "string") throw new Refusal("INVALID_CERTIFICATE", REFUSALS[found], field);
  return found;
}

function findCertificate(bytes: Buffer): CertificateFile | Reason | null {
  if (bytes.length === 0) return "empty";
  if (bytes.length > CERTIFICATE_MAX_BYTES) return "tooLarge";
  if (bytes[0] === DER_SEQUENCE) return parseCertificate(bytes) ?? (isText(bytes) ? "none" : null);
  const text = bytes.toString("latin1");
  if (text.includes("PRIVATE KEY-----")) return "privateKey";
  const frames = [...text.matchAll(PEM)];
  if (frames.length > 1) return "several";
  const body = (frames[0]?.[1] ?? text).replace(/^\u00EF\u00BB\u00BF/, "").replaceAll(/\s/g, "");
  if (!BASE64.test(body)) return frames.length === 1 ? "damaged" : "none";
  return parseCertificate(Buffer.from(body, "base64")) ?? (frames.length === 1 ? "damaged" : "none");
}

const DER_SEQUENCE = 0x30;
const PEM = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([^-]*)-----END/g;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The digit 0 is the byte with which DER starts. */
function isText(bytes: Buffer): boolean {
  return BASE64.test(bytes.toString("latin1").replaceAll(/\s/g, ""));
}

/** Reads the DER of a certificate; null where it is none. */
export function parseCertificate(der: Buffer): CertificateFile | null {
  // Before the library, whose parser recurses: at most as deep as this allows.
  const value = readDer(der);
  if (value === null || value.tag !== DER_SEQUENCE) return null;
  try {
    const certificate = new x509.X509Certificate(new Uint8Array(der));
    const { notBefore, notAfter, subjectName, issuerName } = certificate;
    if (Number.isNaN(notBefore.getTime()) || Number.isNaN(notAfter.getTime())) return null;
    const commonName = subjectName.getField("CN")[0] ?? "";
    return {
      der: Buffer.from(der),
      serialNumber: certificate.serialNumber.toUpperCase().replace(/^0+(?=.)/, ""),
      sha1: createHash("sha1").update(der).digest("hex").toUpperCase(),
      publicKeySha256: createHash("sha256").update(Buffer.from(certificate.publicKey.rawData)).digest("hex"),
      commonName,
      teamId: subjectName.getField("OU")[0] ?? null,
      appleType: appleCertificateType(
        commonName,
        certificate.extensions.map(({ type }) => type),
        issuerName.getField("OU").includes("G2"),
      ),
      notBefore,
      notAfter,
    };
  } catch {
    return null;
  }
}
