import type { Unit } from "../../database/tenancy.js";
import type { AppleCertificate } from "../../entities/apple/certificate.js";
import type { AppleProvisioningProfile } from "../../entities/apple/provisioning-profile.js";
import type { Drift } from "../apple/drift.js";
import type { Moment } from "../apple/store.js";

const KEPT = {
  name: "seen_kept_certificates",
  text: `SELECT root_id AS "rootId", serial_number AS "serialNumber" FROM certificates
    WHERE root_id = ANY ($1) AND serial_number = ANY ($2)`,
};
const IN_FLIGHT = {
  name: "seen_certificates_in_flight",
  text: `SELECT DISTINCT credential_id AS "credentialId", wanted->>'appleType' AS "appleType" FROM signing_intents
    WHERE root_id = ANY ($1) AND credential_id = ANY ($2) AND kind = 'CERTIFICATE' AND state IN ('SENT', 'LOST')`,
};
const REVOKED = {
  name: "seen_certificates_revoked",
  text: `UPDATE certificates SET revoked_at = now() FROM unnest($1::text[], $2::text[]) AS gone (root_id, serial_number)
    WHERE certificates.root_id = gone.root_id AND certificates.serial_number = gone.serial_number AND revoked_at IS NULL`,
};
const INVALID = {
  name: "seen_profiles_invalid",
  text: `UPDATE provisioning_profiles SET invalid_since = now() FROM unnest($1::text[], $2::text[]) AS seen (root_id, uuid)
    WHERE provisioning_profiles.root_id = seen.root_id AND provisioning_profiles.uuid = seen.uuid AND invalid_since IS NULL`,
};

/** A list of certificates as it is now, and of whom. */
interface List {
  readonly moment: Moment;
  readonly rows: readonly AppleCertificate[];
}

/**
 * What is left of changes among certificates when those that are kept here, or being made from here, are no news. One
 * that is gone was revoked: where it is kept, that is noted.
 */
export async function withoutOurs(
  unit: Unit,
  drifts: readonly (readonly [Moment, Drift])[],
  lists: readonly List[],
  before: ReadonlyMap<string, readonly AppleCertificate[]>,
): Promise<readonly (readonly [Moment, Drift])[]> {
  if (drifts.length === 0) return drifts;
  const rowOf = ([moment, { appleId }]: readonly [Moment, Drift]): AppleCertificate | undefined => {
    const now = lists.find((list) => list.moment === moment)?.rows ?? [];
    return [...now, ...(before.get(moment.credentialId) ?? [])].find((row) => row.appleId === appleId);
  };
  const gone = drifts.filter(([, { kind }]) => kind === "CERTIFICATE_GONE").flatMap((each) => rowOf(each) ?? []);
  const added = drifts.filter(([, { kind }]) => kind === "CERTIFICATE_ADDED").flatMap((each) => rowOf(each) ?? []);
  const [kept, inFlight] = await Promise.all([
    unit.rows<{ rootId: string; serialNumber: string }>(KEPT, [
      added.map((row) => row.rootId),
      added.map((row) => row.serialNumber),
    ]),
    unit.rows<{ credentialId: string; appleType: string }>(IN_FLIGHT, [
      added.map((row) => row.rootId),
      added.map((row) => row.credentialId),
    ]),
    gone.length > 0 && unit.rows(REVOKED, [gone.map((row) => row.rootId), gone.map((row) => row.serialNumber)]),
  ]);
  const ours = new Set([
    ...kept.map(({ rootId, serialNumber }) => `${rootId} ${serialNumber}`),
    ...inFlight.map(({ credentialId, appleType }) => `${credentialId} ${appleType}`),
  ]);
  const isOurs = (row: AppleCertificate): boolean =>
    ours.has(`${row.rootId} ${row.serialNumber}`) || ours.has(`${row.credentialId} ${row.appleType}`);
  return drifts.filter((each) => {
    const row = each[1].kind === "CERTIFICATE_ADDED" ? rowOf(each) : undefined;
    return row === undefined || !isOurs(row);
  });
}

/** Notes of kept profiles that Apple says they are invalid. */
export async function markInvalid(unit: Unit, rows: readonly AppleProvisioningProfile[]): Promise<void> {
  const invalid = rows.filter((row) => row.appleState === "INVALID");
  if (invalid.length > 0) await unit.rows(INVALID, [invalid.map((row) => row.rootId), invalid.map((row) => row.uuid)]);
}
