import type { Viewer } from "../../auth/viewer.js";
import { readableBy } from "../../database/readable-by.js";
import type { ReadSession } from "../../database/tenancy.js";
import type { ProfileState, ProfileType } from "../../entities/apple/provisioning-profile.js";
import type { SharingTag } from "../../entities/share.js";
import type { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import type { Assumptions } from "../assumption.js";
import { manyByKey, oneById, oneByKey, pagesByKey } from "../batch.js";
import {
  byIdStatement,
  byTenantStatement,
  ownerTo,
  type Shareable,
  type TenantLoader,
  type WithOwner,
} from "../shareable.js";
import { downloadableStatement, ownByIdentity, ownStatement } from "./list.js";

/** A profile as loaded: never with its content. */
export type ProfileRow = Omit<ProvisioningProfile, "content"> & { readonly state: ProfileState };

/** A profile by its id; `viewable` where the viewer has the permission to see it in a tenant that has it. */
export type FoundProfile = ProfileRow & { readonly viewable: boolean };

/** A profile in a tenant's list, with how it came there. */
export type ListedProfile = ProfileRow & { readonly tag: SharingTag | null };

/** What narrows a list of profiles; null: any. */
export interface ProfileFilter {
  readonly search: string | null;
  readonly type: ProfileType | null;
  readonly state: ProfileState | null;
  readonly bundleIdentifier: string | null;
  readonly expiresBefore: Date | null;
}

const STATE = `CASE WHEN k.expires_at <= now() THEN 'EXPIRED' WHEN k.invalid_since IS NOT NULL THEN 'INVALID' ELSE 'ACTIVE' END`;

const PROFILES: Shareable = {
  use: "VIEW",
  table: "provisioning_profiles",
  subject: "provisioning_profile_id",
  columns: `k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.uuid, k.type, k.apple_type AS "appleType",
    k.invalid_since AS "invalidSince", k.expires_at AS "expiresAt", ${STATE} AS state, k.platforms, k.team_id AS "teamId",
    k.team_name AS "teamName", k.bundle_identifier AS "bundleIdentifier", k.entitlements, k.device_udids AS "deviceUdids",
    k.certificate_sha1s AS "certificateSha1s", k.source, k.credential_id AS "credentialId", k.apple_id AS "appleId",
    k.created_at AS "createdAt"`,
};

const BY_ID = byIdStatement("provisioning_profile_by_id", PROFILES);

const BY_TENANT = byTenantStatement(
  "provisioning_profiles_by_tenant",
  PROFILES,
  `($7::text IS NULL OR strpos(lower(k.name), lower($7)) > 0 OR strpos(lower(k.uuid), lower($7)) > 0
      OR strpos(lower(k.bundle_identifier), lower($7)) > 0)
    AND ($8::text IS NULL OR k.type = $8)
    AND ($9::text IS NULL OR ${STATE} = $9)
    AND ($10::text IS NULL OR k.bundle_identifier = $10)
    AND ($11::timestamptz IS NULL OR k.expires_at < $11)`,
);

/** A share to sign with is for the bundle identifiers that it names. */
const DOWNLOADABLE = downloadableStatement(
  "provisioning_profiles_downloadable",
  PROFILES,
  "is_within(k.bundle_identifier, s.bundle_identifiers)",
);

const OWN = ownStatement("provisioning_profiles_own", PROFILES, "uuid");

/**
 * By the certificates of `$3`, behind the id `$4`, at most `$5` each; `$2` are the tenants in which the viewer may see
 * profiles. One pass over these: no index finds what an array holds where row-level security comes first.
 */
const BY_CERTIFICATE = {
  name: "provisioning_profiles_by_certificate",
  text: `SELECT listed.* FROM (
    SELECT ${PROFILES.columns}, c.id AS "listKey", row_number() OVER (PARTITION BY c.id ORDER BY k.id) AS place
    FROM provisioning_profiles k CROSS JOIN LATERAL unnest(k.certificate_sha1s) AS held (sha1)
    JOIN certificates c ON c.root_id = k.root_id AND c.sha1 = held.sha1
    WHERE k.root_id = ANY ($1) AND c.root_id = ANY ($1) AND c.id = ANY ($3) AND k.id > $4
      AND ${readableBy("k", "$2", "VIEW")}) listed
    WHERE place <= $5 ORDER BY id`,
};

const OF_CREDENTIAL = {
  name: "provisioning_profiles_of_credential",
  text: `SELECT ${PROFILES.columns}, k.credential_id AS "listKey" FROM provisioning_profiles k
    WHERE k.root_id = ANY ($1) AND k.credential_id = ANY ($3)
      AND ${readableBy("k", "$2", "VIEW")}
    ORDER BY k.id`,
};

/** Loaders of provisioning profiles that tenants keep. */
export function provisioningProfileLoaders(
  reads: ReadSession,
  viewer: Viewer,
  assumptions: Assumptions,
  others: TenantLoader,
) {
  const { scope } = viewer;
  const viewing = viewer.tenantsWith("SIGNING_VIEW");
  return {
    provisioningProfile: oneById<FoundProfile & WithOwner>(
      (ids) => reads.byIds(BY_ID, ids, [scope.roots, scope.tenants, ids, viewing]),
      assumptions,
      ownerTo(others),
    ),
    provisioningProfilesByTenant: pagesByKey<ListedProfile, ProfileFilter>((ids, { after, limit, filter }) =>
      reads.list(BY_TENANT, [
        ...[scope.roots, scope.tenants, ids, after, limit, null],
        ...[filter.search, filter.type, filter.state, filter.bundleIdentifier, filter.expiresBefore],
      ]),
    ),
    /** Those whose file the viewer may have somewhere. */
    downloadableProfile: oneByKey<{ id: string }>(
      (ids) => reads.rows(DOWNLOADABLE, [scope.roots, viewer.tenantsWith("SIGNING_DOWNLOAD"), ids]),
      (row) => row.id,
    ),
    /** A tenant's own copy of a profile, by the UUID. */
    keptProfile: ownByIdentity<ProfileRow>(
      (tenantIds, uuids) => reads.rows(OWN, [scope.roots, tenantIds, uuids]),
      (row) => row.uuid,
    ),
    /** The kept profiles that hold a certificate, a page at a time. */
    profilesByCertificate: pagesByKey<ProfileRow, null>((ids, { after, limit }) =>
      reads.list(BY_CERTIFICATE, [scope.roots, viewing, ids, after, limit]),
    ),
    /** The kept profiles that were made or fetched through a key. */
    profilesOfCredential: manyByKey<ProfileRow>((ids) => reads.list(OF_CREDENTIAL, [scope.roots, viewing, ids])),
  };
}
