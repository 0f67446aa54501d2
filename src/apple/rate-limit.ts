/** The hourly budget of a key, as Apple last reported it. */
export interface RateLimit {
  readonly limitPerHour: number;
  readonly remaining: number;
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
  const limitPerHour = values.get("user-hour-lim");
  const remaining = values.get("user-hour-rem");
  return limitPerHour === undefined || remaining === undefined ? null : { limitPerHour, remaining, asOf };
}
