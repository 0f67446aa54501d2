import { Denial, type ErrorCode } from "../errors.js";

/** What Apple said was wrong: one entry of its error document. Only `code` is stable, matched by dotted prefix. */
export interface AppleErrorEntry {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
}

/** What else is known of a failure. */
interface Circumstances {
  /** HTTP status; null where no answer came. */
  readonly status?: number | null;
  readonly entries?: readonly AppleErrorEntry[];
  /** By how much Apple's clock is ahead of ours, by the `Date` of its answer; null where it did not say. */
  readonly clockSkewSeconds?: number | null;
  /** How long Apple asks to wait; null where it did not say. */
  readonly retryAfterSeconds?: number | null;
  readonly cause?: unknown;
}

/** Apple refused, failed or could not be reached. The message is ours, and tells a person what to do. */
export class AppleError extends Denial {
  readonly status: number | null;
  readonly entries: readonly AppleErrorEntry[];
  readonly clockSkewSeconds: number | null;
  readonly retryAfterSeconds: number | null;
  /** Whether a change was sent, and it is not known whether Apple made it. */
  outcomeUnknown = false;

  constructor(
    code: ErrorCode,
    message: string,
    { status = null, entries = [], clockSkewSeconds = null, retryAfterSeconds = null, cause }: Circumstances = {},
  ) {
    super(code, message, { cause });
    this.status = status;
    this.entries = entries;
    this.clockSkewSeconds = clockSkewSeconds;
    this.retryAfterSeconds = retryAfterSeconds;
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
const INACTIVE = "active membership";
/** Characters of Apple's own words that a message takes over. */
const REASON_CHARACTERS = 500;

/** Whether one of the entries has a code, or one below it. */
export function says({ entries }: AppleError, code: string): boolean {
  return entries.some((entry) => hasPrefix(entry.code, code));
}

/** What an answer was to. A change that is refused is the user's to mend; a question that is refused was ours. */
interface Refused {
  readonly status: number;
  /** Parsed JSON, or null where it was none. */
  readonly body: unknown;
  readonly isChange: boolean;
  readonly clockSkewSeconds: number | null;
  readonly retryAfterSeconds?: number | null;
}

/** The error that an answer of Apple stands for, by status and code. */
export function errorOf({ status, body, isChange, ...times }: Refused): AppleError {
  const entries = entriesOf(body);
  const make = (code: ErrorCode, message: string) => new AppleError(code, message, { status, entries, ...times });
  if (status === 401) {
    return make(
      "APPLE_KEY_REJECTED",
      "Apple does not accept this key: check that it is not revoked, and that key id, issuer id and .p8 belong together.",
    );
  }
  if (status === 403) return forbidden(entries, make);
  if (status === 429)
    return make("APPLE_RATE_LIMITED", "Apple's budget of requests for this key is spent: try again later.");
  if (status >= 500) return make("APPLE_UNAVAILABLE", "Apple cannot serve at the moment: try again later.");
  if (isChange && status >= 400) return make("APPLE_REFUSED", `Apple refuses this: ${reasonOf(entries)}`);
  return make("APPLE_UNEXPECTED_ANSWER", `Apple answered with status ${status}, which was not expected.`);
}

function forbidden(
  entries: readonly AppleErrorEntry[],
  make: (code: ErrorCode, message: string) => AppleError,
): AppleError {
  const agreement = entries.some(
    ({ code, title }) =>
      hasPrefix(code, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED") || title === AGREEMENT_TITLE,
  );
  if (agreement) {
    return make(
      "APPLE_AGREEMENT_MISSING",
      "The Account Holder must accept the latest agreements, in App Store Connect under Business and on developer.apple.com.",
    );
  }
  if (entries.some(({ detail }) => detail.includes(INACTIVE))) {
    return make(
      "APPLE_FORBIDDEN",
      "The team's membership is not active: the Account Holder must renew it on developer.apple.com.",
    );
  }
  return make(
    "APPLE_FORBIDDEN",
    "The role of this key does not allow this at Apple: use a key with the role Admin or App Manager.",
  );
}

/** Apple's reasons in its own words, on one line. A 409 may hold several, the deciding one not first. */
function reasonOf(entries: readonly AppleErrorEntry[]): string {
  const reasons = entries.map(({ detail, title }) => detail || title).filter(Boolean);
  const text = reasons
    .join(" ")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\p{Cc}/gu, "")
    .trim();
  return text === "" ? "it gives no reason." : text.slice(0, REASON_CHARACTERS);
}

/** Apple did not answer: no connection, too slow, or broken off. */
export function unreachable(cause: unknown): AppleError {
  return new AppleError("APPLE_UNAVAILABLE", "Apple could not be reached in time: try again later.", { cause });
}

/** Apple answered what cannot be understood, or must not be followed. */
export function unexpected(message: string, cause?: unknown): AppleError {
  return new AppleError("APPLE_UNEXPECTED_ANSWER", message, { cause });
}
