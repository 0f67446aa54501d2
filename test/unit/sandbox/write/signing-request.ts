import "reflect-metadata"; // What signs here needs it.
import { generateKeyPairSync, webcrypto, type KeyObject, type KeyPairKeyObjectResult } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate signing request, and the key that it is for. */
export interface SigningRequest {
  pem: string;
  /** Bare base64 of the DER, on one line. */
  base64: string;
  publicKey: KeyObject;
}

/** Makes a signing request as clients do: RSA, SHA-256, a subject that Apple will not read. */
export function signingRequest(modulusLength = 2_048): Promise<SigningRequest> {
  return sign(generateKeyPairSync("rsa", { modulusLength }), { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" });
}

/** Makes one that is right and not to Apple's taste: of an elliptic curve. */
export function ellipticSigningRequest(): Promise<SigningRequest> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  return sign(generateKeyPairSync("ec", { namedCurve: "P-256" }), algorithm);
}

async function sign(pair: KeyPairKeyObjectResult, signingAlgorithm: { name: string; hash: string }) {
  const { subtle } = webcrypto;
  const [spki, pkcs8] = [
    pair.publicKey.export({ type: "spki", format: "der" }),
    pair.privateKey.export({ type: "pkcs8", format: "der" }),
  ];
  const keys = {
    publicKey: await subtle.importKey("spki", spki, signingAlgorithm, true, ["verify"]),
    privateKey: await subtle.importKey("pkcs8", pkcs8, signingAlgorithm, true, ["sign"]),
  };
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: "CN=Nobody", signingAlgorithm, keys },
    webcrypto,
  );
  const base64 = Buffer.from(request.rawData).toString("base64");
  return { pem: request.toString("pem"), base64, publicKey: pair.publicKey };
}
