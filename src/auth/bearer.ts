import { hash, randomBytes } from "node:crypto";
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from "jose";
import { Denial } from "../errors.js";

const TOKEN_PREFIX = "cs_";
const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^cs_[A-Za-z0-9_-]{43}$/;
const PREVIEW_CHARACTERS = 7;

/** Signature algorithms accepted of an issuer: asymmetric ones only. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** What a token may say that it is (RFC 7519, RFC 9068): an issuer signs others with the same keys, as for signing out. */
const TYPES: ReadonlySet<string> = new Set(["jwt", "at+jwt"]);
const CLOCK_TOLERANCE_SECONDS = 30;
const JWKS_TIMEOUT_MS = 5_000;

/** A new access token: the text that is shown once, and what is stored of it. */
export function makeToken(): { token: string; hash: Buffer; preview: string } {
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
  return { token, hash: Buffer.from(hashOf(token), "hex"), preview: token.slice(0, PREVIEW_CHARACTERS) };
}

const hashOf = (token: string): string => hash("sha256", token, "hex");

/** What an Authorization header presents: an access token by its SHA-256 in hex, or a JWT of the identity provider. */
export type Presented =
  { readonly kind: "token"; readonly hash: string } | { readonly kind: "jwt"; readonly jwt: string };

/** Reads an Authorization header; null where it presents nothing that could be valid. */
export function readBearer(header: string | undefined): Presented | null {
  const [, value] = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i.exec(header ?? "") ?? [];
  if (value === undefined) return null;
  if (value.startsWith(TOKEN_PREFIX)) {
    return TOKEN_PATTERN.test(value) ? { kind: "token", hash: hashOf(value) } : null;
  }
  return { kind: "jwt", jwt: value };
}

/** The first characters of an access token that a header presents, by which it is listed; null where it presents none. */
export function previewIn(header: string | undefined): string | null {
  return header?.match(/\bcs_[\w-]{4}/)?.[0] ?? null;
}

/** Whom a verified JWT names. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** Lower case. */
  readonly email: string;
  readonly name: string | null;
}

/** Verifies the JWTs of one issuer; its keys are fetched when first needed and kept (jose's own cache). */
export type VerifyJwt = (jwt: string) => Promise<Identity>;

/**
 * A verifier for an issuer: signature, `iss`, `aud`, `exp`, and allow-lists of algorithms and types (RFC 8725).
 * Throws UNAUTHENTICATED for a token that is no good, and lets a fault of the issuer's own server through.
 */
export function jwtVerifier(config: { issuer: string; audience: string; jwksUrl: string }): VerifyJwt {
  const keys = createRemoteJWKSet(new URL(config.jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS });
  return async (jwt) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(jwt, keys, {
        issuer: config.issuer,
        audience: config.audience,
        algorithms: ALGORITHMS,
        requiredClaims: ["exp", "sub", "email"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      checkType(protectedHeader.typ, payload);
      return identityOf(payload);
    } catch (error) {
      const issuerFailed =
        error instanceof errors.JWKSTimeout ||
        error instanceof errors.JWKSInvalid ||
        (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC");
      if (issuerFailed || !(error instanceof errors.JOSEError)) throw error;
      throw new Denial("UNAUTHENTICATED", undefined, { cause: error });
    }
  };
}

/** Why the verifier refused a token, by jose's code and the claim at fault: none of it is what was sent. */
export function refusalReason({ cause }: Error): string {
  if (cause instanceof errors.JWTClaimValidationFailed) return `${cause.code} (${cause.claim})`;
  return cause instanceof errors.JOSEError ? cause.code : "not valid";
}

function checkType(type: string | undefined, claims: JWTPayload): void {
  const short = type?.toLowerCase().replace(/^application\//, "");
  if (short !== undefined && !TYPES.has(short))
    throw new errors.JWTClaimValidationFailed("The token is of another type", claims, "typ");
}

function identityOf(claims: JWTPayload): Identity {
  const { iss, sub, email, name } = claims as Record<string, unknown>;
  // An address that the issuer has not verified may be anybody's. Issuers that verify all of them leave the claim out.
  // Some write the boolean as a string.
  const claim = claims["email_verified"] ?? true;
  const verified = claim === true || claim === "true";
  if (typeof iss !== "string" || typeof sub !== "string" || typeof email !== "string" || !verified) {
    throw new errors.JWTClaimValidationFailed("The e-mail address is missing or not verified", claims, "email");
  }
  return { issuer: iss, subject: sub, email: email.toLowerCase(), name: typeof name === "string" ? name : null };
}
