import type { DriftKind } from "../../entities/apple/drift-event.js";

/** What an event says beside where and when. */
export interface Drift {
  readonly kind: DriftKind;
  readonly appleId: string;
  readonly label: string;
  readonly bundleIdentifier: string | null;
}

/** Of each thing what it was and what it is; null: it was not, or is no longer, there. */
function* pairs<Was extends { readonly appleId: string }, Is extends { readonly appleId: string }>(
  before: readonly Was[],
  now: readonly Is[],
): Generator<readonly [was: Was | null, is: Is | null]> {
  const old = new Map(before.map((row) => [row.appleId, row]));
  for (const row of now) {
    yield [old.get(row.appleId) ?? null, row];
    old.delete(row.appleId);
  }
  for (const row of old.values()) yield [row, null];
}

const drift = (kind: DriftKind, { appleId, name }: { appleId: string; name: string }): Drift => ({
  kind,
  appleId,
  label: name,
  bundleIdentifier: null,
});

interface CertificateSeen {
  readonly appleId: string;
  readonly name: string;
  readonly expiresAt: Date | null;
}

/** What changed among certificates. One whose time is over leaves without a word. */
export function driftOfCertificates(
  before: readonly CertificateSeen[],
  now: readonly CertificateSeen[],
  at: Date,
): Drift[] {
  return [...pairs(before, now)].flatMap(([was, is]) => {
    if (was === null && is !== null) return [drift("CERTIFICATE_ADDED", is)];
    if (was !== null && is === null && (was.expiresAt === null || was.expiresAt > at)) {
      return [drift("CERTIFICATE_GONE", was)];
    }
    return [];
  });
}

interface ProfileSeen {
  readonly appleId: string;
  readonly name: string;
  readonly appleState: string;
  readonly expiresAt: Date | null;
  readonly bundleIdentifier: string | null;
}

/** What changed among profiles since Apple was last asked. */
export function driftOfProfiles(
  before: readonly Pick<ProfileSeen, "appleId" | "appleState">[],
  now: readonly ProfileSeen[],
  since: Date,
  at: Date,
): Drift[] {
  return [...pairs(before, now)].flatMap(([was, is]) => {
    if (is === null) return [];
    const { bundleIdentifier, expiresAt } = is;
    const hasBecomeInvalid = is.appleState === "INVALID" && was !== null && was.appleState !== "INVALID";
    const hasExpired = expiresAt !== null && expiresAt > since && expiresAt <= at && is.appleState === "ACTIVE";
    return [
      ...(hasBecomeInvalid ? [{ ...drift("PROFILE_INVALID", is), bundleIdentifier }] : []),
      ...(hasExpired ? [{ ...drift("PROFILE_EXPIRED", is), bundleIdentifier }] : []),
    ];
  });
}

interface DeviceSeen {
  readonly appleId: string;
  readonly name: string;
  /** As the list of devices had it: the list of profiles may have told of it before. */
  readonly listedStatus: string | null;
}

/** What changed in the list of devices. */
export function driftOfDevices(before: readonly DeviceSeen[], now: readonly DeviceSeen[]): Drift[] {
  return [...pairs(before, now)].flatMap(([was, is]) => {
    if (is === null) return [];
    if (was === null) return [drift("DEVICE_ADDED", is)];
    return is.listedStatus === "DISABLED" && was.listedStatus !== "DISABLED" ? [drift("DEVICE_DISABLED", is)] : [];
  });
}
