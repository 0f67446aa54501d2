import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from "jose";
import type { KeyRing, KnownKey } from "../team/key.js";
import type { Program } from "../team/team.js";
import { notAuthorized } from "./answer.js";
import { isInScope } from "./scope.js";

/** `aud` of the tokens of each program. */
export const AUDIENCES: Readonly<Record<Program, string>> = {
  "app-store": "appstoreconnect-v1",
  enterprise: "apple-developer-enterprise-v1",
};

/** The longest life of a token, which Apple computes as exp - iat. */
const TOKEN_LIFETIME_SECONDS = 1_200;

/** How far ahead of Apple's clock `iat` may be. Not documented: tokens "slightly ahead" are refused (fastlane). */
const CLOCK_TOLERANCE_SECONDS = 5;

/** What a token says of itself, believed by nobody: for the journal and for matching failures. */
interface Claim {
  keyId: string | null;
  program: Program | null;
}

/** The token of a request, or undefined where there is no bearer. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

/** Reads a token without checking it. */
export function claimOf(token: string | undefined): Claim {
  if (token === undefined) return { keyId: null, program: null };
  try {
    const { aud } = decodeJwt(token);
    const program = (Object.keys(AUDIENCES) as Program[]).find((candidate) => AUDIENCES[candidate] === aud);
    return { keyId: decodeProtectedHeader(token).kid ?? null, program: program ?? null };
  } catch {
    return { keyId: null, program: null };
  }
}

/**
 * The key that signed a token, once everything about the token is right. Throws NOT_AUTHORIZED otherwise, without a
 * word about what is wrong, as Apple does. Source: Apple, "Generating Tokens for API Requests".
 */
export async function authenticate(
  token: string | undefined,
  keys: KeyRing,
  serves: readonly Program[],
  now: Date,
  asked: { method: string; url: URL },
): Promise<KnownKey> {
  const key = keys.find(claimOf(token).keyId ?? "");
  if (token === undefined || key === undefined || key.revoked || !serves.includes(key.team.program)) {
    throw notAuthorized();
  }
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: ["ES256"],
      typ: "JWT",
      currentDate: now,
      requiredClaims: ["iat", "exp", "aud"],
      ...(key.type === "team" ? { issuer: key.team.issuerId } : { subject: "user" }),
    });
    if (isFitting(payload, key, now) && isInScope(payload["scope"], asked.method, asked.url)) return key;
  } catch {
    // Every fault of a token is one answer.
  }
  throw notAuthorized();
}

function isFitting({ iss, aud, iat = NaN, exp = NaN }: JWTPayload, key: KnownKey, now: Date): boolean {
  const lifetime = exp - iat;
  return (
    aud === AUDIENCES[key.team.program] &&
    (key.type === "team" || iss === undefined) &&
    lifetime > 0 &&
    lifetime <= TOKEN_LIFETIME_SECONDS &&
    iat <= now.getTime() / 1_000 + CLOCK_TOLERANCE_SECONDS
  );
}
