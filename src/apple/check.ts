import type { AppleClient } from "./client.js";
import { AppleError } from "./error.js";
import { authorize, TokenCache, type Lease } from "./signer.js";
import { TOKEN_LIFETIME_SECONDS, type SigningKey } from "./token.js";

/** What a check of a key against Apple may find. */
export type CheckStatus =
  | "WORKING"
  | "KEY_REJECTED"
  | "WRONG_PROGRAM"
  | "ROLE_TOO_NARROW"
  | "AGREEMENT_MISSING"
  | "CLOCK_SKEW"
  | "RATE_LIMITED"
  | "UNREACHABLE";

/** The outcome of a check. `advice` is for a person, and null where nothing has to be done. */
export interface CheckOutcome {
  readonly status: CheckStatus;
  readonly advice: string | null;
}

/** Our clock may be ahead by what a token is backdated, and behind by what is left of its life. */
const AHEAD_SECONDS = 45;
const BEHIND_SECONDS = TOKEN_LIFETIME_SECONDS - 120;

const PROGRAM_NAMES = {
  APP_STORE: "Apple Developer Program (APP_STORE)",
  ENTERPRISE: "Apple Developer Enterprise Program (ENTERPRISE)",
};

/** The list that a key is checked by. An individual key may not see certificates, whatever its owner's role. */
export const CHECKED_BY = { TEAM: "/v1/certificates", INDIVIDUAL: "/v1/apps" } as const;

/** Asks Apple whether a key works, and what is wrong where it does not. Asks for one row that every provisioning key may see. */
export async function check(client: AppleClient, key: SigningKey, lease?: Lease): Promise<CheckOutcome> {
  const error = await probe(client, key, CHECKED_BY[key.keyType], new TokenCache(), lease);
  return outcomeOf(client, key, error, lease);
}

/** What an answer to a probe says of the key; null: it was a good one. */
export async function outcomeOf(
  client: AppleClient,
  key: SigningKey,
  error: AppleError | null,
  lease?: Lease,
): Promise<CheckOutcome> {
  return error === null ? { status: "WORKING", advice: null } : diagnose(client, key, error, lease);
}

/** What is wrong with a key that Apple answered an error to. A key that is rejected is tried at Apple's other program, within its lease. */
export async function diagnose(
  client: AppleClient,
  key: SigningKey,
  error: AppleError,
  lease?: Lease,
): Promise<CheckOutcome> {
  switch (error.code) {
    case "APPLE_KEY_REJECTED":
      return rejected(client, key, error, lease);
    case "APPLE_AGREEMENT_MISSING":
      return { status: "AGREEMENT_MISSING", advice: error.message };
    case "APPLE_FORBIDDEN":
      return { status: "ROLE_TOO_NARROW", advice: error.message };
    case "APPLE_RATE_LIMITED":
      return { status: "RATE_LIMITED", advice: `${error.message} The budget is counted over a rolling hour.` };
    default:
      return { status: "UNREACHABLE", advice: error.message };
  }
}

/** Asks for one row of a list; gives the error that came instead, or null. */
export async function probe(
  client: AppleClient,
  key: SigningKey,
  path: string,
  tokens: TokenCache = new TokenCache(),
  lease?: Lease,
): Promise<AppleError | null> {
  try {
    await client.probe({ ...authorize(key, tokens), ...(lease && { lease }) }, path, { limit: 1 });
    return null;
  } catch (error) {
    if (error instanceof AppleError) return error;
    throw error;
  }
}

/** What to do about a clock that is off by more than Apple accepts; null: it is not. */
export function clockAdvice(skewSeconds: number): string | null {
  if (skewSeconds >= -AHEAD_SECONDS && skewSeconds <= BEHIND_SECONDS) return null;
  const direction = skewSeconds < 0 ? "ahead of" : "behind";
  return `The clock of this server is ${Math.abs(skewSeconds)} seconds ${direction} Apple's, so that its tokens are refused: set the clock (NTP).`;
}

async function rejected(
  client: AppleClient,
  key: SigningKey,
  error: AppleError,
  lease: Lease | undefined,
): Promise<CheckOutcome> {
  const clock = clockAdvice(error.clockSkewSeconds ?? 0);
  if (clock !== null) return { status: "CLOCK_SKEW", advice: clock };
  const other = key.program === "APP_STORE" ? "ENTERPRISE" : "APP_STORE";
  const there =
    key.keyType === "INDIVIDUAL"
      ? error
      : await probe(client, { ...key, program: other }, CHECKED_BY[key.keyType], new TokenCache(), lease);
  // Whatever Apple's other host says but "unknown key" or nothing, it knows the key.
  if (there === null || !["APPLE_KEY_REJECTED", "APPLE_UNAVAILABLE", "APPLE_UNEXPECTED_ANSWER"].includes(there.code)) {
    return {
      status: "WRONG_PROGRAM",
      advice: `The key belongs to the ${PROGRAM_NAMES[other]}: add it with that program.`,
    };
  }
  return { status: "KEY_REJECTED", advice: error.message };
}
