import { Refusal } from "../../errors.js";

/** The most rounds of a key derivation: OpenSSL writes 2,048, the most careful tools 600,000. */
export const ITERATIONS_MOST = 600_000;

/** Every refusal of a file says what it is and what to do, and nothing of what it holds. */
export const REFUSALS = {
  empty: "The file is empty: take a .p12 or .pfx file.",
  tooLarge: "The file is too large for a .p12 of one key and its certificates, which has about 6 KB.",
  none: "This is no .p12 file, or it is damaged: export it once more from Keychain Access or OpenSSL.",
  iterations: `The file asks for more than ${ITERATIONS_MOST.toLocaleString("en")} rounds to open it, which no usual tool writes.`,
  tooSlow:
    "The file takes too long to open: export it once more with the usual settings of Keychain Access or OpenSSL.",
  method:
    "The file is protected in a way that is not supported: export it with 3DES or AES, and a MAC of SHA-1 or SHA-256.",
  publicKeyMode: "The file is protected with another's key and not with a password: export it with a password.",
  otherPassword: "What is in the file is encrypted with another password than the file: export it with one password.",
  twoKeys: "The file holds two private keys: export one key alone, with its certificate.",
  noCertificate: "The file holds no certificate: export the key together with its certificate.",
  elliptic: "The private key is elliptic: Apple's signing certificates are made for RSA keys.",
  otherKey: "The private key is no RSA key of 2,048 to 4,096 bits, as Apple's signing certificates are made for.",
} as const;

/** Refuses a file. */
export function refuse(reason: keyof typeof REFUSALS): never {
  throw new Refusal("INVALID_PKCS12", REFUSALS[reason]);
}
