import type { Statement, Unit } from "../../database/tenancy.js";
import { AppleProfileCertificate, AppleProfileDevice } from "../../entities/apple/provisioning-profile.js";
import { put } from "./row.js";
import type { Item } from "./store.js";

/**
 * Forgets what the listed profiles of keys hold no longer. `$3` to `$5` are what they hold: key, profile and what is in
 * it; `$6` and `$7` the profiles that are listed: one that was made from here may not be yet.
 */
const keepOnly = (table: string, column: string): Statement => ({
  name: `keep_only_${table}`,
  text: `DELETE FROM ${table} t WHERE root_id = ANY ($1) AND credential_id = ANY ($2)
    AND EXISTS (SELECT 1 FROM unnest($6::text[], $7::text[]) AS listed (credential_id, profile_id)
      WHERE listed.credential_id = t.credential_id AND listed.profile_id = t.profile_id)
    AND NOT EXISTS (
    SELECT 1 FROM unnest($3::text[], $4::text[], $5::text[]) AS kept (credential_id, profile_id, id)
    WHERE kept.credential_id = t.credential_id AND kept.profile_id = t.profile_id AND kept.id = t.${column})`,
});
const KEEP_CERTIFICATES = keepOnly("apple_profile_certificates", "certificate_id");
const KEEP_DEVICES = keepOnly("apple_profile_devices", "device_id");

/** Puts what the profiles of keys hold. A profile that is gone has taken its own along. */
export async function putHeld(unit: Unit, items: readonly Item<"PROFILES">[]): Promise<void> {
  const held = (relation: "certificates" | "devices") =>
    items.flatMap(({ moment: { rootId, ownerId, credentialId }, fetched }) =>
      fetched.profiles.flatMap((profile) =>
        profile[relation].map((id, place) => ({
          rootId,
          ownerId,
          credentialId,
          profileId: profile.appleId,
          id,
          place,
        })),
      ),
    );
  const [certificates, devices] = [held("certificates"), held("devices")];
  const listed = items.flatMap(({ moment: { credentialId }, fetched }) =>
    fetched.profiles.map(({ appleId }) => ({ credentialId, appleId })),
  );
  const valuesOf = (rows: typeof certificates) => [
    items.map(({ moment }) => moment.rootId),
    items.map(({ moment }) => moment.credentialId),
    ...[rows.map((row) => row.credentialId), rows.map((row) => row.profileId), rows.map((row) => row.id)],
    ...[listed.map((profile) => profile.credentialId), listed.map((profile) => profile.appleId)],
  ];
  await Promise.all([
    unit.rows(KEEP_CERTIFICATES, valuesOf(certificates)),
    unit.rows(KEEP_DEVICES, valuesOf(devices)),
    put(
      unit,
      AppleProfileCertificate,
      certificates.map(({ id, ...row }) => ({ ...row, certificateId: id })),
    ),
    put(
      unit,
      AppleProfileDevice,
      devices.map(({ id, ...row }) => ({ ...row, deviceId: id })),
    ),
  ]);
}
