import type { Viewer } from "../../auth/viewer.js";
import { readableBy } from "../../database/readable-by.js";
import type { ReadSession } from "../../database/tenancy.js";
import type { CertificateState, CertificateType } from "../../entities/apple/certificate.js";
import type { SharingTag } from "../../entities/share.js";
import type { Certificate } from "../../entities/signing/certificate.js";
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

/** A certificate as loaded: never with its private key, but whether there is one. */
export type CertificateRow = Omit<Certificate, "content" | "sealedKey"> & {
  readonly hasPrivateKey: boolean;
  readonly state: CertificateState;
};

/** A certificate by its id; `viewable` where the viewer has the permission to see it in a tenant that has it. */
export type FoundCertificate = CertificateRow & { readonly viewable: boolean };

/** A certificate in a tenant's list, with how it came there. */
export type ListedCertificate = CertificateRow & { readonly tag: SharingTag | null };

/** What narrows a list of certificates; null: any. */
export interface CertificateFilter {
  readonly search: string | null;
  readonly type: CertificateType | null;
  readonly state: CertificateState | null;
  readonly expiresBefore: Date | null;
}

const STATE = `CASE WHEN k.revoked_at IS NOT NULL THEN 'REVOKED' WHEN k.expires_at <= now() THEN 'EXPIRED' ELSE 'VALID' END`;

const CERTIFICATES: Shareable = {
  use: "VIEW",
  table: "certificates",
  subject: "certificate_id",
  columns: `k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.type, k.apple_type AS "appleType",
    k.serial_number AS "serialNumber", k.sha1, k.public_key_sha256 AS "publicKeySha256", k.team_id AS "teamId",
    k.common_name AS "commonName", k.expires_at AS "expiresAt", k.revoked_at AS "revokedAt", ${STATE} AS state, k.source,
    k.credential_id AS "credentialId", k.apple_id AS "appleId", k.sealed_key IS NOT NULL AS "hasPrivateKey",
    k.created_at AS "createdAt"`,
};

const BY_ID = byIdStatement("certificate_by_id", CERTIFICATES);

const BY_TENANT = byTenantStatement(
  "certificates_by_tenant",
  CERTIFICATES,
  `($7::text IS NULL OR strpos(lower(k.name), lower($7)) > 0 OR strpos(lower(k.common_name), lower($7)) > 0
      OR strpos(lower(k.serial_number), lower($7)) > 0 OR strpos(lower(k.sha1), lower($7)) > 0)
    AND ($8::text IS NULL OR k.type = $8)
    AND ($9::text IS NULL OR ${STATE} = $9)
    AND ($10::timestamptz IS NULL OR k.expires_at < $10)`,
);

/** Shared for some bundle identifiers alone, it is handed out with profiles, and not by itself. */
const DOWNLOADABLE = downloadableStatement("certificates_downloadable", CERTIFICATES, "s.bundle_identifiers = '{}'");

const OWN = ownStatement("certificates_own", CERTIFICATES, "serial_number", "k.sealed_key IS NOT NULL");

/** `$2` are the tenants in which the viewer may see certificates. */
const OF_PROFILE = {
  name: "certificates_of_profile",
  text: `SELECT ${CERTIFICATES.columns}, p.id AS "listKey" FROM provisioning_profiles p
    JOIN certificates k ON k.root_id = p.root_id AND k.sha1 = ANY (p.certificate_sha1s)
    WHERE p.id = ANY ($3) AND ${readableBy("p")} AND k.sealed_key IS NOT NULL
      AND ${readableBy("k", "$2", "VIEW")}
    ORDER BY k.id`,
};

const OF_CREDENTIAL = {
  name: "certificates_of_credential",
  text: `SELECT ${CERTIFICATES.columns}, k.credential_id AS "listKey" FROM certificates k
    WHERE k.root_id = ANY ($1) AND k.credential_id = ANY ($3)
      AND ${readableBy("k", "$2", "VIEW")}
    ORDER BY k.id`,
};

/** Loaders of certificates that tenants keep. */
export function certificateLoaders(reads: ReadSession, viewer: Viewer, assumptions: Assumptions, others: TenantLoader) {
  const { scope } = viewer;
  const viewing = viewer.tenantsWith("SIGNING_VIEW");
  return {
    certificate: oneById<FoundCertificate & WithOwner>(
      (ids) => reads.byIds(BY_ID, ids, [scope.roots, scope.tenants, ids, viewing]),
      assumptions,
      ownerTo(others),
    ),
    certificatesByTenant: pagesByKey<ListedCertificate, CertificateFilter>((ids, { after, limit, filter }) =>
      reads.list(BY_TENANT, [
        ...[scope.roots, scope.tenants, ids, after, limit, null],
        ...[filter.search, filter.type, filter.state, filter.expiresBefore],
      ]),
    ),
    /** Those whose .p12 file the viewer may have somewhere. */
    downloadableCertificate: oneByKey<{ id: string }>(
      (ids) => reads.rows(DOWNLOADABLE, [scope.roots, viewer.tenantsWith("SIGNING_DOWNLOAD"), ids]),
      (row) => row.id,
    ),
    /** A tenant's own copy of a certificate with its private key, by the serial number. */
    keptCertificate: ownByIdentity<CertificateRow>(
      (tenantIds, serialNumbers) => reads.rows(OWN, [scope.roots, tenantIds, serialNumbers]),
      (row) => row.serialNumber,
    ),
    /** The kept certificates in a profile whose private key is here. */
    certificatesOfProfile: manyByKey<CertificateRow>((ids) => reads.list(OF_PROFILE, [scope.roots, viewing, ids])),
    /** The kept certificates that were made through a key. */
    certificatesOfCredential: manyByKey<CertificateRow>((ids) =>
      reads.list(OF_CREDENTIAL, [scope.roots, viewing, ids]),
    ),
  };
}
