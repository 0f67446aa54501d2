import { liveFor } from "../../../database/readable-by.js";
import type { ReadSession } from "../../../database/tenancy.js";
import type { Certificate } from "../../../entities/signing/certificate.js";
import type { ProvisioningProfile } from "../../../entities/signing/provisioning-profile.js";

/** A certificate that a tenant can sign with now: its own, or one that is shared with it to sign. */
export type SignableCertificate = Pick<
  Certificate,
  "id" | "ownerId" | "name" | "type" | "serialNumber" | "sha1" | "expiresAt" | "credentialId"
> & {
  /** What a share binds its use to; empty: any. */
  readonly bundleIdentifiers: readonly string[];
};

/** A profile that a tenant can sign with: its own, or one that is shared with it to sign. */
export type SignableProfile = Pick<
  ProvisioningProfile,
  | "id"
  | "rootId"
  | "ownerId"
  | "name"
  | "uuid"
  | "type"
  | "bundleIdentifier"
  | "invalidSince"
  | "expiresAt"
  | "certificateSha1s"
  | "deviceUdids"
  | "credentialId"
  | "appleId"
>;

/** Shares that reach the tenant `$2` to sign. */
const TO_SIGN = `'SIGN' = ANY (s.uses) AND ${liveFor("s", "ARRAY[$2]::text[]")}`;

const CERTIFICATES = {
  name: "signing_certificates_usable",
  text: `SELECT k.id, k.owner_id AS "ownerId", k.name, k.type, k.serial_number AS "serialNumber", k.sha1,
      k.expires_at AS "expiresAt", k.credential_id AS "credentialId",
      CASE WHEN k.owner_id = $2 THEN '{}' ELSE s.bundle_identifiers END AS "bundleIdentifiers"
    FROM certificates k LEFT JOIN shares s ON s.root_id = k.root_id AND s.certificate_id = k.id AND ${TO_SIGN}
    WHERE k.root_id = $1 AND k.sealed_key IS NOT NULL AND k.revoked_at IS NULL AND k.expires_at > now()
      AND (k.owner_id = $2 OR s.id IS NOT NULL)
    ORDER BY k.expires_at DESC, k.id`,
};

const PROFILES = {
  name: "signing_profiles_usable",
  text: `SELECT k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.uuid, k.type, k.bundle_identifier AS "bundleIdentifier",
      k.invalid_since AS "invalidSince", k.expires_at AS "expiresAt", k.certificate_sha1s AS "certificateSha1s",
      k.device_udids AS "deviceUdids", k.credential_id AS "credentialId", k.apple_id AS "appleId"
    FROM provisioning_profiles k
    LEFT JOIN shares s ON s.root_id = k.root_id AND s.provisioning_profile_id = k.id AND ${TO_SIGN} AND is_within(k.bundle_identifier, s.bundle_identifiers)
    WHERE k.root_id = $1 AND k.type = $3 AND k.bundle_identifier = ANY ($4) AND (k.owner_id = $2 OR s.id IS NOT NULL)
    ORDER BY (k.owner_id = $2) DESC, k.expires_at DESC, k.id`,
};

/** The certificates that a tenant can sign with now, those that last longest first. */
export function signableCertificates(
  reads: ReadSession,
  { rootId, id }: { readonly rootId: string; readonly id: string },
): Promise<SignableCertificate[]> {
  return reads.rows(CERTIFICATES, [rootId, id]);
}

/** The profiles of a type for bundle identifiers that a tenant has, its own first. */
export function signableProfiles(
  reads: ReadSession,
  { rootId, id }: { readonly rootId: string; readonly id: string },
  type: string,
  bundleIdentifiers: readonly string[],
): Promise<SignableProfile[]> {
  return reads.rows(PROFILES, [rootId, id, type, bundleIdentifiers]);
}
