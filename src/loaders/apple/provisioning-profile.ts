import type { AppleProvisioningProfile, ProfileType } from "../../entities/apple/provisioning-profile.js";
import { heldBy, heldStatement, listsOf, listStatement, type AppleReader } from "./list.js";

/** A profile as loaded, with the key that it is seen through. */
export type AppleProvisioningProfileRow = Omit<AppleProvisioningProfile, "rootId" | "ownerId">;

const COLUMNS = `a.apple_id AS "appleId", a.position, a.name, a.uuid, a.type, a.apple_type AS "appleType",
  a.apple_state AS "appleState", a.expires_at AS "expiresAt", a.bundle_id AS "bundleIdAppleId"`;

/** Profiles for the bundle identifiers that the use is bound to; `identifier`: for exactly this one. */
const within = (identifier?: string): string => `EXISTS (
  SELECT 1 FROM apple_bundle_ids b WHERE b.root_id = a.root_id AND b.credential_id = a.credential_id AND b.apple_id = a.bundle_id
    AND is_within(b.identifier, u.patterns) ${identifier === undefined ? "" : `AND b.identifier = ${identifier}`})`;
const ALLOWED = `(u.patterns = '{}' OR ${within()})`;

const LIST = listStatement(
  "apple_profiles_by_key",
  `SELECT ${COLUMNS} FROM apple_provisioning_profiles a
   WHERE ($6::text IS NULL OR a.type = $6) AND ${ALLOWED} AND ($7::text IS NULL OR ${within("$7")})`,
);

const heldIn = (table: string, column: string): string =>
  `JOIN ${table} held ON held.root_id = u.root_id AND held.credential_id = u.id AND held.${column} = asked.apple_id
   JOIN apple_provisioning_profiles a ON a.root_id = u.root_id AND a.credential_id = u.id AND a.apple_id = held.profile_id
     AND ${ALLOWED} ORDER BY a.position`;

const OF_CERTIFICATE = heldStatement(
  "apple_profiles_of_certificate",
  COLUMNS,
  heldIn("apple_profile_certificates", "certificate_id"),
);
const OF_DEVICE = heldStatement("apple_profiles_of_device", COLUMNS, heldIn("apple_profile_devices", "device_id"));
const OF_BUNDLE_ID = heldStatement(
  "apple_profiles_of_bundle_id",
  COLUMNS,
  `JOIN apple_provisioning_profiles a ON a.root_id = u.root_id AND a.credential_id = u.id AND a.bundle_id = asked.apple_id
     AND ${ALLOWED} ORDER BY a.position`,
);

/** Loaders of profiles at Apple: those for bundle identifiers that the terms of the use name. */
export function appleProfileLoaders(reader: AppleReader) {
  return {
    appleProfiles: listsOf<
      AppleProvisioningProfileRow,
      { readonly type: ProfileType | null; readonly identifier: string | null }
    >(reader, LIST, ({ type, identifier }) => [type, identifier]),
    appleProfilesOfCertificate: heldBy<AppleProvisioningProfileRow>(reader, OF_CERTIFICATE),
    appleProfilesOfDevice: heldBy<AppleProvisioningProfileRow>(reader, OF_DEVICE),
    appleProfilesOfBundleId: heldBy<AppleProvisioningProfileRow>(reader, OF_BUNDLE_ID),
  };
}
