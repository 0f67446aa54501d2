/** How many calls a key has. */
export interface Limits {
  /** Per rolling hour. Apple's documentation shows 3500, live answers 3600. */
  perHour: number;
  /** Per rolling minute; null counts no minutes. Some of Apple's resources have 150. */
  perMinute: number | null;
}

/** What Apple gives a key. */
export const APPLE_LIMITS: Limits = { perHour: 3_600, perMinute: null };

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Counts the calls of every key. */
export class RateLimit {
  /** When each key called within the hour, oldest first: milliseconds of the epoch. */
  private readonly calls = new Map<string, number[]>();

  constructor(
    private readonly limits: Limits,
    private readonly clock: () => Date,
  ) {}

  /** Takes one call from the budget. False when there is none left: then nothing is taken. */
  spend(keyId: string): boolean {
    const { hour, minute } = this.remaining(keyId);
    if (hour <= 0 || (minute !== null && minute <= 0)) return false;
    this.recent(keyId).push(this.clock().getTime());
    return true;
  }

  /** The value of Apple's `X-Rate-Limit` header. */
  header(keyId: string): string {
    const { hour, minute } = this.remaining(keyId);
    const perHour = `user-hour-lim:${this.limits.perHour};user-hour-rem:${hour};`;
    if (minute === null) return perHour;
    return `${perHour}user-minute-lim:${this.limits.perMinute ?? 0};user-minute-rem:${minute};`;
  }

  private remaining(keyId: string): { hour: number; minute: number | null } {
    const { perHour, perMinute } = this.limits;
    const recent = this.recent(keyId);
    const minuteAgo = this.clock().getTime() - MINUTE_MS;
    return {
      hour: perHour - recent.length,
      minute: perMinute === null ? null : perMinute - recent.filter((at) => at > minuteAgo).length,
    };
  }

  private recent(keyId: string): number[] {
    const hourAgo = this.clock().getTime() - HOUR_MS;
    const calls = (this.calls.get(keyId) ?? []).filter((at) => at > hourAgo);
    this.calls.set(keyId, calls);
    return calls;
  }
}
