import { webcrypto, type JsonWebKey } from "node:crypto";
import { SignJWT } from "jose";
import type { Secret } from "../vault/secret.js";

/** What a token is signed with and for. `version` counts rotations: another version is another key. */
export interface SigningKey {
  readonly credentialId: string;
  readonly version: number;
  readonly program: "APP_STORE" | "ENTERPRISE";
  readonly keyType: "TEAM" | "INDIVIDUAL";
  readonly keyId: string;
  /** Null for an individual key. */
  readonly issuerId: string | null;
  /** Opens the private key: PKCS#8 DER. */
  readonly privateKey: () => Promise<Secret>;
}

const AUDIENCES = { APP_STORE: "appstoreconnect-v1", ENTERPRISE: "apple-developer-enterprise-v1" } as const;

/** Apple takes the lifetime as `exp - iat`, and refuses more than 20 minutes. */
export const TOKEN_LIFETIME_SECONDS = 19 * 60;
/** Apple refuses a token from the future, so `iat` lies behind our clock. */
const BACKDATED_SECONDS = 60;

const CURVE = { name: "ECDSA", namedCurve: "P-256" };

/** A key on P-256 in PKCS#8 with its public key (RFC 5208, RFC 5915): what stands before the scalar, and between it and the point. */
const BEFORE_SCALAR = Buffer.from("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420", "hex");
const BEFORE_POINT = Buffer.from("a14403420004", "hex");
const COORDINATE_BYTES = 32;

/** A signed token, and when it is of no more use. */
export interface SignedToken {
  readonly jwt: string;
  readonly expiresAt: Date;
}

/** Signs a token for Apple: ES256, `iss` for a team's key, `sub: "user"` for an individual one ("Generating Tokens for API Requests"). */
export async function signToken(key: SigningKey, now: Date = new Date()): Promise<SignedToken> {
  const secret = await key.privateKey();
  const privateKey = await secret.use(importKey);
  const issuedAt = Math.floor(now.getTime() / 1000) - BACKDATED_SECONDS;
  const expiresAt = issuedAt + TOKEN_LIFETIME_SECONDS;
  const token = new SignJWT()
    .setProtectedHeader({ alg: "ES256", kid: key.keyId, typ: "JWT" })
    .setAudience(AUDIENCES[key.program])
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt);
  if (key.issuerId === null) token.setSubject("user");
  else token.setIssuer(key.issuerId);
  return { jwt: await token.sign(privateKey), expiresAt: new Date(expiresAt * 1000) };
}

/** OpenSSL takes three times as long for PKCS#8 as for the numbers in it, and no other work goes on meanwhile. */
async function importKey(der: Buffer): Promise<webcrypto.CryptoKey> {
  const jwk = jwkOf(der);
  return jwk === null
    ? webcrypto.subtle.importKey("pkcs8", der, CURVE, false, ["sign"])
    : webcrypto.subtle.importKey("jwk", jwk, CURVE, false, ["sign"]);
}

/** The key as a JSON Web Key; null where it is written in another way. */
function jwkOf(der: Buffer): JsonWebKey | null {
  let at = 0;
  const next = (bytes: number): Buffer => der.subarray(at, (at += bytes));
  if (!next(BEFORE_SCALAR.length).equals(BEFORE_SCALAR)) return null;
  const scalar = next(COORDINATE_BYTES);
  if (!next(BEFORE_POINT.length).equals(BEFORE_POINT)) return null;
  const [d, x, y] = [scalar, next(COORDINATE_BYTES), next(COORDINATE_BYTES)].map((part) => part.toString("base64url"));
  return { kty: "EC", crv: CURVE.namedCurve, d, x, y } as JsonWebKey;
}
