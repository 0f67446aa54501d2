import { randomBytes, type KeyObject } from "node:crypto";
import type { CertificateFile } from "./certificate.js";

/** The largest .p12 that is looked at: one with a chain has about 6 KB. */
export const PKCS12_MAX_BYTES = 262_144;

/** A private key and the certificate that is its own. */
export interface Pkcs12Content {
  readonly privateKey: KeyObject;
  readonly certificate: CertificateFile;
}

/** KEYCHAIN opens in every macOS and OpenSSL (3DES, SHA-1); MODERN in OpenSSL and the newest macOS alone (AES-256, SHA-256). */
export type Pkcs12Encoding = "KEYCHAIN" | "MODERN";

/** Reads a .p12 of one key and its certificate, whatever chain comes with it. Throws a Refusal. */
export function readPkcs12(_bytes: Buffer, _password: string): Promise<Pkcs12Content> {
  return Promise.reject(new Error("Not there yet."));
}

/** Writes a .p12 of one key and its certificate. */
export function writePkcs12(_input: {
  readonly privateKey: KeyObject;
  readonly certificate: Buffer;
  readonly password: string;
  readonly friendlyName: string;
  readonly encoding: Pkcs12Encoding;
}): Promise<Buffer> {
  return Promise.reject(new Error("Not there yet."));
}

/** A password of 160 random bits in hex: shells and options of commands take it as it is. */
export function randomPassword(): string {
  return randomBytes(20).toString("hex");
}
