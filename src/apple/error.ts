import { Denial, type ErrorCode } from "../errors.js";

/** What Apple said was wrong: one entry of its error document. Only `code` is stable, matched by dotted prefix. */
export interface AppleErrorEntry {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
}

/** Apple refused, failed or could not be reached. The message is ours, and tells a person what to do. */
export class AppleError extends Denial {
  constructor(
    code: ErrorCode,
    message: string,
    /** HTTP status; null where no answer came. */
    readonly status: number | null,
    readonly entries: readonly AppleErrorEntry[] = [],
    /** By how much Apple's clock is ahead of ours, by the `Date` of its answer; null where it did not say. */
    readonly clockSkewSeconds: number | null = null,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

const hasPrefix = (code: string, prefix: string): boolean => code === prefix || code.startsWith(`${prefix}.`);

/** Reads Apple's error document, leniently: entries miss `id` and `detail` in real answers. */
function entriesOf(body: unknown): AppleErrorEntry[] {
  const errors: unknown = typeof body === "object" && body !== null && "errors" in body ? body.errors : null;
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 20).map((entry: Record<string, unknown> | null) => {
    const text = (value: unknown): string => (typeof value === "string" ? value : "");
    return { code: text(entry?.["code"]), title: text(entry?.["title"]), detail: text(entry?.["detail"]) };
  });
}

const AGREEMENT_TITLE = "Access Unavailable"; // The wording of 2020, under the bare code FORBIDDEN.

/** The error that an answer of Apple stands for, by status and code. `body` is parsed JSON, or null where it was none. */
export function errorOf(status: number, body: unknown, clockSkewSeconds: number | null): AppleError {
  const entries = entriesOf(body);
  const make = (code: ErrorCode, message: string) => new AppleError(code, message, status, entries, clockSkewSeconds);
  if (status === 401) {
    return make(
      "APPLE_KEY_REJECTED",
      "Apple does not accept this key: check that it is not revoked, and that key id, issuer id and .p8 belong together.",
    );
  }
  if (status === 403) {
    const agreement = entries.some(
      ({ code, title }) =>
        hasPrefix(code, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED") || title === AGREEMENT_TITLE,
    );
    return agreement
      ? make(
          "APPLE_AGREEMENT_MISSING",
          "The Account Holder must accept the latest agreements, in App Store Connect under Business and on developer.apple.com.",
        )
      : make(
          "APPLE_FORBIDDEN",
          "The role of this key does not allow this at Apple: use a key with the role Admin or App Manager.",
        );
  }
  if (status === 429)
    return make("APPLE_RATE_LIMITED", "Apple's budget of requests for this key is spent: try again later.");
  if (status >= 500) return make("APPLE_UNAVAILABLE", "Apple cannot serve at the moment: try again later.");
  return make("APPLE_UNEXPECTED_ANSWER", `Apple answered with status ${status}, which was not expected.`);
}

/** Apple did not answer: no connection, too slow, or broken off. */
export function unreachable(cause: unknown): AppleError {
  return new AppleError("APPLE_UNAVAILABLE", "Apple could not be reached in time: try again later.", null, [], null, {
    cause,
  });
}

/** Apple answered what cannot be understood, or must not be followed. */
export function unexpected(message: string, cause?: unknown): AppleError {
  return new AppleError("APPLE_UNEXPECTED_ANSWER", message, null, [], null, { cause });
}
