import { webcrypto } from "node:crypto";
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

/** A signed token, and when it is of no more use. */
export interface SignedToken {
  readonly jwt: string;
  readonly expiresAt: Date;
}

/** Signs a token for Apple: ES256, `iss` for a team's key, `sub: "user"` for an individual one ("Generating Tokens for API Requests"). */
export async function signToken(key: SigningKey, now: Date = new Date()): Promise<SignedToken> {
  const secret = await key.privateKey();
  const privateKey = await secret.use((der) => webcrypto.subtle.importKey("pkcs8", der, CURVE, false, ["sign"]));
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
