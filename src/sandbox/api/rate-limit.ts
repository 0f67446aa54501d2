import type { RateLimitHeader, Settings } from "../settings.js";

/** How many calls a key has. */
export type Limits = Pick<Settings, "perHour" | "perMinute">;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Counts the calls of every key. */
export class RateLimit {
  /** When each key called within the hour, oldest first: milliseconds of the epoch. */
  private readonly calls = new Map<string, number[]>();

  constructor(
    private readonly settings: Readonly<Limits & { rateLimitHeader: RateLimitHeader }>,
    private readonly clock: () => Date,
  ) {}

  /** Takes one call from the budget. False when there is none left: then nothing is taken. */
  spend(keyId: string): boolean {
    const { hour, minute } = this.remaining(keyId);
    if (hour <= 0 || (minute !== null && minute <= 0)) return false;
    this.recent(keyId).push(this.clock().getTime());
    return true;
  }

  /** Apple's `X-Rate-Limit` header, two of them, or none. */
  header(keyId: string): string | string[] | undefined {
    const { hour, minute } = this.remaining(keyId);
    const perHour = `user-hour-lim:${this.settings.perHour};user-hour-rem:${hour};`;
    const perMinute = `user-minute-lim:${this.settings.perMinute ?? 0};user-minute-rem:${minute ?? 0};`;
    const all = minute === null ? [perHour] : [perHour, perMinute];
    switch (this.settings.rateLimitHeader) {
      case "on":
        return all.join("");
      case "off":
        return undefined;
      case "two":
        return all;
      case "joined":
        return all.join(", ");
      case "loose":
        return all.join("").replaceAll(";", " ; ").replaceAll(":", " : ").replace(/ ; $/, "");
      case "garbled":
        return "user-hour-lim:many;user-hour-rem:;;=";
    }
  }

  private remaining(keyId: string): { hour: number; minute: number | null } {
    const { perHour, perMinute } = this.settings;
    const recent = this.recent(keyId);
    const minuteAgo = this.clock().getTime() - MINUTE_MS;
    // A budget may have been lowered below what was spent.
    return {
      hour: Math.max(0, perHour - recent.length),
      minute: perMinute === null ? null : Math.max(0, perMinute - recent.filter((at) => at > minuteAgo).length),
    };
  }

  private recent(keyId: string): number[] {
    const hourAgo = this.clock().getTime() - HOUR_MS;
    const calls = (this.calls.get(keyId) ?? []).filter((at) => at > hourAgo);
    this.calls.set(keyId, calls);
    return calls;
  }
}
