import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Certificate, Team } from "./team.js";

/** Apple's own object identifiers, by which a certificate says what it may sign. Source: Apple's WWDR practice statement. */
const MARKERS: Readonly<Record<string, string>> = {
  DEVELOPMENT: "1.2.840.113635.100.6.1.2",
  IOS_DEVELOPMENT: "1.2.840.113635.100.6.1.2",
  DISTRIBUTION: "1.2.840.113635.100.6.1.4",
  IOS_DISTRIBUTION: "1.2.840.113635.100.6.1.4",
  MAC_APP_DISTRIBUTION: "1.2.840.113635.100.6.1.7",
  MAC_INSTALLER_DISTRIBUTION: "1.2.840.113635.100.6.1.8",
  MAC_APP_DEVELOPMENT: "1.2.840.113635.100.6.1.12",
  DEVELOPER_ID_APPLICATION: "1.2.840.113635.100.6.1.13",
  DEVELOPER_ID_APPLICATION_G2: "1.2.840.113635.100.6.1.13",
};

const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};

const YEAR_MS = 365 * 86_400_000;

/** Whoever issues certificates in the sandbox, and signs its profiles. */
interface Authority {
  root: x509.X509Certificate;
  rootKey: webcrypto.CryptoKey;
  /** Signs profiles, as "Apple iPhone OS Provisioning Profile Signing" does. */
  profileSigner: x509.X509Certificate;
  profileSignerKey: webcrypto.CryptoKey;
  /** Holder of every seeded certificate: making a pair each would take a tenth of a second each. */
  holder: webcrypto.CryptoKey;
}

let authority: Promise<Authority> | undefined;

/** The authority of this process. Its keys are made when the first content is asked for, and live in memory only. */
export function sandboxAuthority(): Promise<Authority> {
  authority ??= createAuthority();
  return authority;
}

/** Issues the X.509 certificate of a stored one, to the given public key. DER. */
export async function issue(
  team: Team,
  certificate: Certificate,
  publicKey: webcrypto.CryptoKey | x509.PublicKey,
): Promise<Uint8Array> {
  const { root, rootKey } = await sandboxAuthority();
  const { attributes } = certificate;
  const notAfter = new Date(attributes.expirationDate);
  const marker = MARKERS[attributes.certificateType];
  const issued = await x509.X509CertificateGenerator.create({
    serialNumber: attributes.serialNumber.padStart(16, "0"),
    issuer: root.subject,
    subject: distinguishedName({
      CN: `${attributes.name} (${team.id})`,
      OU: team.id,
      O: team.name,
      C: "US",
    }),
    notBefore: new Date(notAfter.getTime() - lifetimeYears(team, attributes.certificateType) * YEAR_MS),
    notAfter,
    publicKey,
    signingKey: rootKey,
    signingAlgorithm: RSA,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.codeSigning], true),
      // The marker holds an ASN.1 NULL: its presence is the message.
      ...(marker === undefined ? [] : [new x509.Extension(marker, true, new Uint8Array([5, 0]))]),
    ],
  });
  return new Uint8Array(issued.rawData);
}

/**
 * The key of a certificate signing request, PEM or the base64 of its DER; null where it is none, is not signed by its
 * own key, or has a key that Apple takes none of: anything but RSA of 2048 bits or more.
 */
export async function requestedKey(csrContent: string): Promise<x509.PublicKey | null> {
  await sandboxAuthority(); // It brings the library its cryptography.
  // Without a frame the library takes no line breaks.
  const text = csrContent.includes("-----") ? csrContent : csrContent.replaceAll(/\s/g, "");
  try {
    const request = new x509.Pkcs10CertificateRequest(text);
    const { algorithm } = request.publicKey as { algorithm: { modulusLength?: number } };
    const isStrong = (algorithm.modulusLength ?? 0) >= RSA.modulusLength;
    return isStrong && (await request.verify()) ? request.publicKey : null;
  } catch {
    return null;
  }
}

async function createAuthority(): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto);
  const [root, signer, holder] = await Promise.all([keyPair(), keyPair(), keyPair()]);
  const rootCertificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: distinguishedName({ CN: "Countersign Sandbox Root", OU: "Not Apple", O: "Countersign", C: "US" }),
    notBefore: new Date("2020-01-01"),
    notAfter: new Date("2045-01-01"),
    keys: root,
    signingAlgorithm: RSA,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const profileSigner = await x509.X509CertificateGenerator.create({
    serialNumber: "02",
    issuer: rootCertificate.subject,
    subject: distinguishedName({ CN: "Countersign Sandbox Provisioning Profile Signing", O: "Countersign", C: "US" }),
    notBefore: new Date("2020-01-01"),
    notAfter: new Date("2045-01-01"),
    publicKey: signer.publicKey,
    signingKey: root.privateKey,
    signingAlgorithm: RSA,
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  });
  return {
    root: rootCertificate,
    rootKey: root.privateKey,
    profileSigner,
    profileSignerKey: signer.privateKey,
    holder: holder.publicKey,
  };
}

/** How long Apple's certificates live: Developer ID five years, in-house three, all others one. */
export function lifetimeYears({ program }: Team, certificateType: string): number {
  if (certificateType.startsWith("DEVELOPER_ID")) return 5;
  return program === "enterprise" && certificateType === "IOS_DISTRIBUTION" ? 3 : 1;
}

function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(RSA, true, ["sign", "verify"]);
}

function distinguishedName(parts: Record<string, string>): x509.JsonName {
  return Object.entries(parts).map(([type, value]) => ({ [type]: [value] }));
}
