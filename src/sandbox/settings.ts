/** How the budget of a key is told: Apple's one header, none, two headers, these two joined, loosely written, or nonsense. */
export type RateLimitHeader = "on" | "off" | "two" | "joined" | "loose" | "garbled";

/** What of a sandbox can be changed while it runs. */
export interface Settings {
  /** Calls of a key in a rolling hour. Apple's documentation shows 3500, live answers 3600. */
  perHour: number;
  /** Calls of a key in a rolling minute; null counts no minutes. Some of Apple's resources have 150. */
  perMinute: number | null;
  rateLimitHeader: RateLimitHeader;
  /** By `certificateType`, how many a team may have that have not expired. Null, or a type that is not in here, has no limit. */
  certificateLimits: Readonly<Record<string, number | null>>;
  /** Devices of one class that a team may register, disabled ones among them. */
  deviceLimit: number;
  /** A team that has so many devices registers further ones as PROCESSING; null registers none so. */
  processingAfter: number | null;
  /** Answers UNIVERSAL for a bundle id that was registered as IOS, as some of Apple's teams see it. */
  universalBundleIds: boolean;
  /** For how long lists do not show a change. What is asked for by its id shows it at once. */
  listLagMs: number;
  /** How long each answer takes, as if Apple were far away. */
  pageDelayMs: number;
}

/** What holds unless told otherwise. Apple documents no limits for certificates: these were seen in practice. */
export const DEFAULT_SETTINGS: Readonly<Settings> = {
  perHour: 3_600,
  perMinute: null,
  rateLimitHeader: "on",
  certificateLimits: {
    DEVELOPMENT: 10,
    DISTRIBUTION: 3,
    IOS_DEVELOPMENT: 10,
    IOS_DISTRIBUTION: 3,
    MAC_APP_DEVELOPMENT: 10,
    MAC_APP_DISTRIBUTION: 3,
    MAC_INSTALLER_DISTRIBUTION: 3,
  },
  deviceLimit: 100,
  processingAfter: null,
  universalBundleIds: false,
  listLagMs: 0,
  pageDelayMs: 0,
};

const HEADERS: readonly unknown[] = ["on", "off", "two", "joined", "loose", "garbled"] satisfies RateLimitHeader[];

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isCountOrNull = (value: unknown): boolean => value === null || isCount(value);

const TAKES: Readonly<Record<keyof Settings, (value: unknown) => boolean>> = {
  perHour: isCount,
  perMinute: isCountOrNull,
  rateLimitHeader: (value) => HEADERS.includes(value),
  certificateLimits: (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isCountOrNull),
  deviceLimit: isCount,
  processingAfter: isCountOrNull,
  universalBundleIds: (value) => typeof value === "boolean",
  listLagMs: isCount,
  pageDelayMs: isCount,
};

/**
 * Changes some settings in place; limits of certificates are changed type by type. Throws a RangeError, and changes
 * nothing, at what is no setting and at a value that a setting does not take.
 */
export function configure(settings: Settings, changes: Readonly<Partial<Settings>>): void {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(TAKES, name)) throw new RangeError(`The sandbox has no setting ${name}.`);
    if (!TAKES[name as keyof Settings](value)) throw new RangeError(`The setting ${name} does not take this value.`);
  }
  const certificateLimits = { ...settings.certificateLimits, ...changes.certificateLimits };
  Object.assign(settings, changes, { certificateLimits });
}
