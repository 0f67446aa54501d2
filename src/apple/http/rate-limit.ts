/** A key's budget as Apple last reported it. */
export interface RateLimit {
  readonly limitPerHour: number;
  readonly remaining: number;
  /** Some answers count minutes too; null where this one did not. */
  readonly minute: { readonly limit: number; readonly remaining: number } | null;
  readonly asOf: Date;
}

/**
 * Reads `X-Rate-Limit: user-hour-lim:3500;user-hour-rem:500;`. It may come twice, joined with ", ", with
 * `user-minute-…` beside. Null where it does not say the hour's limit and what remains.
 */
export function readRateLimit(
  header: string | readonly string[] | undefined,
  asOf: Date = new Date(),
): RateLimit | null {
  const text = typeof header === "string" ? header : (header ?? []).join(",");
  const values = new Map<string, number>();
  for (const part of text.split(/[,;]/)) {
    const [name, value] = part.split(":").map((piece) => piece.trim());
    if (name && value && /^\d{1,9}$/.test(value)) values.set(name, Number(value));
  }
  const pair = (of: "hour" | "minute") => {
    const [limit, remaining] = [values.get(`user-${of}-lim`), values.get(`user-${of}-rem`)];
    return limit === undefined || remaining === undefined ? null : { limit, remaining };
  };
  const hour = pair("hour");
  return hour && { limitPerHour: hour.limit, remaining: hour.remaining, minute: pair("minute"), asOf };
}

/** Longest wait that a `Retry-After` is believed: Apple's budget is of a rolling hour. */
const RETRY_AFTER_MOST_SECONDS = 3_600;

/** Reads `Retry-After`, in seconds or as a date (RFC 9110); null where it is neither. */
export function readRetryAfter(header: string | readonly string[] | undefined, now: Date = new Date()): number | null {
  const text = typeof header === "string" ? header : header?.[0];
  if (text === undefined) return null;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - now.getTime()) / 1000;
  return Number.isNaN(seconds) ? null : Math.min(Math.max(Math.ceil(seconds), 0), RETRY_AFTER_MOST_SECONDS);
}
