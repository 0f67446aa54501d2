import type { AppleClient } from "./client.js";
import { AppleError } from "./error.js";
import { authorize, TokenCache } from "./signer.js";
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

/** Asks Apple whether a key works, and what is wrong where it does not. Asks for one row that every provisioning key may see. */
export async function check(client: AppleClient, key: SigningKey): Promise<CheckOutcome> {
  const error = await probe(client, key);
  if (error === null) return { status: "WORKING", advice: null };
  switch (error.code) {
    case "APPLE_KEY_REJECTED":
      return rejected(client, key, error);
    case "APPLE_AGREEMENT_MISSING":
      return { status: "AGREEMENT_MISSING", advice: error.message };
    case "APPLE_FORBIDDEN":
      return { status: "ROLE_TOO_NARROW", advice: forbidden(error) };
    case "APPLE_RATE_LIMITED":
      return { status: "RATE_LIMITED", advice: `${error.message} The budget is counted over a rolling hour.` };
    default:
      return { status: "UNREACHABLE", advice: error.message };
  }
}

async function probe(client: AppleClient, key: SigningKey): Promise<AppleError | null> {
  try {
    const authorization = await authorize(key, new TokenCache());
    // An individual key may not see certificates, whatever its owner's role.
    await client.get(authorization, key.keyType === "INDIVIDUAL" ? "/v1/apps" : "/v1/certificates", { limit: 1 });
    return null;
  } catch (error) {
    if (error instanceof AppleError) return error;
    throw error;
  }
}

async function rejected(client: AppleClient, key: SigningKey, error: AppleError): Promise<CheckOutcome> {
  const skew = error.clockSkewSeconds ?? 0;
  if (skew < -AHEAD_SECONDS || skew > BEHIND_SECONDS) {
    const direction = skew < 0 ? "ahead of" : "behind";
    const advice = `The clock of this server is ${Math.abs(skew)} seconds ${direction} Apple's, so that its tokens are refused: set the clock (NTP).`;
    return { status: "CLOCK_SKEW", advice };
  }
  const other = key.program === "APP_STORE" ? "ENTERPRISE" : "APP_STORE";
  const there = key.keyType === "INDIVIDUAL" ? error : await probe(client, { ...key, program: other });
  // Whatever Apple's other host says but "unknown key" or nothing, it knows the key.
  if (there === null || !["APPLE_KEY_REJECTED", "APPLE_UNAVAILABLE", "APPLE_UNEXPECTED_ANSWER"].includes(there.code)) {
    return {
      status: "WRONG_PROGRAM",
      advice: `The key belongs to the ${PROGRAM_NAMES[other]}: add it with that program.`,
    };
  }
  return { status: "KEY_REJECTED", advice: error.message };
}

function forbidden(error: AppleError): string {
  const inactive = error.entries.some(({ detail }) => detail.includes("active membership"));
  return inactive
    ? "The team's membership is not active: the Account Holder must renew it on developer.apple.com."
    : error.message;
}
