import "reflect-metadata";
import { createPublicKey, webcrypto, type KeyObject } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { pkcs8Der } from "../../../src/files/signing-key.js";

const RSA_SHA256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const MARKER = "1.2.840.113635.100.6.1.";

/** What a certificate of the tests says, where it is not the usual. */
export interface CertificateOptions {
  readonly name?: x509.JsonName;
  readonly commonName?: string;
  readonly markers?: readonly number[];
  readonly issuerUnit?: string;
  readonly serialNumber?: string;
  readonly notAfter?: Date;
}

export const TEAM_ID = "ABCDE12345";
export const NOT_BEFORE = new Date("2026-01-01T00:00:00Z");
export const NOT_AFTER = new Date("2027-01-01T00:00:00Z");

const webKey = (key: KeyObject, use: "sign" | "verify") => {
  const [format, der] =
    use === "sign"
      ? (["pkcs8", pkcs8Der(key)] as const)
      : (["spki", createPublicKey(key).export({ type: "spki", format: "der" })] as const);
  return webcrypto.subtle.importKey(format, der, RSA_SHA256, true, [use]);
};

/** Issues a certificate for a key as Apple does, signed by the other key. DER. */
export async function issueFor(
  key: KeyObject,
  signer: KeyObject,
  options: CertificateOptions = {},
): Promise<Buffer<ArrayBuffer>> {
  x509.cryptoProvider.set(webcrypto);
  const { commonName = "Apple Distribution: Aurora Labs (ABCDE12345)", markers = [4, 7], issuerUnit = "G3" } = options;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: options.serialNumber ?? "0a1b2c3d4e5f6071",
    issuer: [
      { CN: ["Apple Worldwide Developer Relations"] },
      { OU: [issuerUnit] },
      { O: ["Not Apple"] },
      { C: ["US"] },
    ],
    subject: options.name ?? [{ CN: [commonName] }, { OU: [TEAM_ID] }, { O: ["Aurora Labs"] }, { C: ["US"] }],
    notBefore: NOT_BEFORE,
    notAfter: options.notAfter ?? NOT_AFTER,
    publicKey: await webKey(key, "verify"),
    signingKey: await webKey(signer, "sign"),
    signingAlgorithm: RSA_SHA256,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...markers.map((marker) => new x509.Extension(`${MARKER}${marker}`, true, new Uint8Array([5, 0]))),
    ],
  });
  return Buffer.from(certificate.rawData);
}

/** DER in a PEM frame. */
export const pem = (der: Buffer, label = "CERTIFICATE"): string =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replaceAll(/.{64}(?=.)/g, "$&\n")}\n-----END ${label}-----\n`;
