import { createHmac, randomBytes } from "node:crypto";
import forge from "node-forge";
import { deriveSecret, DIGESTS } from "./key-derivation.js";

/** What a .p12 is made of. */
export interface Parts {
  /** RSA, PKCS#8 in DER. */
  readonly key: Uint8Array;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly password: string;
  readonly friendlyName: string;
}

const { asn1, pki, pkcs12 } = forge;

/**
 * What every macOS opens: key in 3DES, MAC of HMAC-SHA1, salts of 8 bytes, 2,048 rounds, certificate in the clear. The
 * keychain refuses stronger ones as if the password were wrong, before macOS 26 always and then unless told the format.
 */
export function writeKeychain({ key, certificate, password, friendlyName }: Parts): Buffer {
  const options = { algorithm: "3des" as const, friendlyName };
  return encode(pkcs12.toPkcs12Asn1(privateKey(key), x509(certificate), password, options));
}

/** A password that people choose is worth more with more rounds; more than these take node-forge too long. */
const ITERATIONS = 10_000;
const SALT_BYTES = 16;

/** What OpenSSL 3 writes: key in AES-256 by PBKDF2 with SHA-256, and a MAC of HMAC-SHA256, which node-forge has none of. */
export function writeModern({ key, certificate, password, friendlyName }: Parts): Buffer {
  const options = {
    algorithm: "aes256" as const,
    prfAlgorithm: "sha256",
    count: ITERATIONS,
    saltSize: SALT_BYTES,
    useMac: false,
    friendlyName,
  };
  // PBES2 takes the password in UTF-8, the MAC in UTF-16: node-forge would have one string for both.
  const utf8 = Buffer.from(password, "utf8").toString("latin1");
  const pfx = pkcs12.toPkcs12Asn1(privateKey(key), x509(certificate), utf8, options);
  const [, contentInfo] = valuesIn(pfx);
  const [, wrapped] = valuesIn(contentInfo);
  const [message] = valuesIn(wrapped);
  if (typeof message?.value !== "string") throw new Error("node-forge has made a file of another structure.");
  valuesIn(pfx).push(macData(message.value, password));
  return encode(pfx);
}

/** RFC 7292, 4: MacData. */
function macData(message: string, password: string): forge.asn1.Asn1 {
  const salt = randomBytes(SALT_BYTES);
  const derivation = { digest: DIGESTS.sha256, password, salt, iterations: ITERATIONS };
  const digest = createHmac("sha256", deriveSecret(derivation, "mac", DIGESTS.sha256.bytes))
    .update(Buffer.from(message, "latin1"))
    .digest()
    .toString("latin1");
  const sha256 = pki.oids["sha256"] ?? "";
  return sequence(
    sequence(
      sequence(primitive(asn1.Type.OID, asn1.oidToDer(sha256).getBytes()), primitive(asn1.Type.NULL, "")),
      primitive(asn1.Type.OCTETSTRING, digest),
    ),
    primitive(asn1.Type.OCTETSTRING, salt.toString("latin1")),
    primitive(asn1.Type.INTEGER, asn1.integerToDer(ITERATIONS).getBytes()),
  );
}

function sequence(...values: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, values);
}

function primitive(type: forge.asn1.Type, bytes: string): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, bytes);
}

function valuesIn(value: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] {
  return Array.isArray(value?.value) ? value.value : [];
}

const decode = (der: Uint8Array): forge.asn1.Asn1 => asn1.fromDer(Buffer.from(der).toString("latin1"));
const encode = (value: forge.asn1.Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), "latin1");

function privateKey(der: Uint8Array): forge.pki.rsa.PrivateKey {
  return pki.privateKeyFromAsn1(decode(der));
}

/** node-forge writes a certificate anew: a byte that it changed would break the signature of Apple. */
function x509(der: Uint8Array): forge.pki.Certificate {
  const certificate = pki.certificateFromAsn1(decode(der));
  if (!encode(pki.certificateToAsn1(certificate)).equals(der))
    throw new Error("A certificate would not be kept as it is.");
  return certificate;
}
