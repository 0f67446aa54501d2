import { diagnose, type CheckStatus } from "../../apple/check.js";
import type { AppleClient } from "../../apple/client.js";
import { AppleError } from "../../apple/error.js";
import type { Authorization } from "../../apple/signer.js";
import type { Credential, CredentialStatus } from "../../entities/credential.js";
import type { ErrorCode } from "../../errors.js";

/** For so long what was found wrong with a key is taken for what is wrong with it now. */
const DIAGNOSIS_MS = 10 * 60_000;

/** What may be wrong with the key itself, by the code that Apple's answer stands for. */
const KEY_FAULTS: Partial<Record<ErrorCode, readonly CredentialStatus[]>> = {
  APPLE_KEY_REJECTED: ["KEY_REJECTED", "WRONG_PROGRAM", "CLOCK_SKEW"],
  APPLE_FORBIDDEN: ["ROLE_TOO_NARROW"],
  APPLE_AGREEMENT_MISSING: ["AGREEMENT_MISSING"],
};

/** An error of Apple's with what was found to be behind it: the key's new health, where it is the key's fault. */
export class ExplainedError extends AppleError {
  constructor(
    error: AppleError,
    readonly finding: CheckStatus,
    advice: string,
  ) {
    super(error.code, advice, error);
  }
}

/** Finds out what is behind an error: whether a key that is rejected is one of the other program, or the clock is off. */
export async function explained(
  apple: AppleClient,
  { key, lease }: Authorization,
  error: AppleError,
  health: Pick<Credential, "healthStatus" | "healthAdvice" | "healthCheckedAt">,
): Promise<AppleError> {
  const faults = KEY_FAULTS[error.code];
  if (faults === undefined) return error;
  const isRecent = health.healthCheckedAt !== null && Date.now() - health.healthCheckedAt.getTime() < DIAGNOSIS_MS;
  if (isRecent && faults.includes(health.healthStatus) && health.healthAdvice !== null) {
    return new ExplainedError(error, health.healthStatus as CheckStatus, health.healthAdvice);
  }
  const { status, advice } = await diagnose(apple, key, error, lease);
  return new ExplainedError(error, status, advice ?? error.message);
}
