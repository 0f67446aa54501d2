import "reflect-metadata";
import { webcrypto, type KeyObject } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { Refusal } from "../errors.js";
import { pkcs8Der } from "./signing-key.js";

/** Whom a request names. Apple takes its public key and writes the team's own name into the certificate. */
export interface RequestSubject {
  readonly commonName: string;
  readonly email: string;
  /** ISO 3166, two letters. */
  readonly country: string;
}

/** Lengths of RFC 5280, Appendix A.1. */
const COMMON_NAME_MOST = 64;
const EMAIL_MOST = 255;

const RSA_SHA256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** Makes a certificate signing request (PKCS#10, PEM) for an RSA key, signed with SHA-256. Throws a Refusal of a subject. */
export async function createCsr(privateKey: KeyObject, subject: RequestSubject): Promise<string> {
  check(subject);
  const { subtle } = webcrypto;
  const signingKey = await subtle.importKey("pkcs8", pkcs8Der(privateKey), RSA_SHA256, true, ["sign"]);
  const { n = "", e = "" } = await subtle.exportKey("jwk", signingKey);
  const publicKey = await subtle.importKey("jwk", { kty: "RSA", n, e }, RSA_SHA256, true, ["verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      // In the order of Keychain Access.
      name: [{ E: [subject.email] }, { CN: [subject.commonName] }, { C: [subject.country] }],
      keys: { privateKey: signingKey, publicKey },
      signingAlgorithm: RSA_SHA256,
    },
    webcrypto,
  );
  return `${request.toString("pem")}\n`;
}

function check({ commonName, email, country }: RequestSubject): void {
  if (commonName === "" || commonName.length > COMMON_NAME_MOST || /\p{Cc}/u.test(commonName))
    throw new Refusal("INVALID_INPUT", `The common name has 1 to ${COMMON_NAME_MOST} characters.`, ["commonName"]);
  // The encoding of an e-mail address in a certificate has ASCII alone.
  if (!/^[!-?A-~]+@[!-?A-~]+$/.test(email) || email.length > EMAIL_MOST)
    throw new Refusal("INVALID_INPUT", "The e-mail address is none, or has other characters than ASCII.", ["email"]);
  if (!/^[A-Z]{2}$/.test(country))
    throw new Refusal("INVALID_INPUT", "The country is its two capital letters, such as US.", ["country"]);
}
