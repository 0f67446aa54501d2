import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { Share } from "../entities/share.js";
import { kindOf } from "../ids.js";
import { oneByKey, pagesByKey } from "./batch.js";
import type { credentialLoaders } from "./credential.js";
import type { certificateLoaders } from "./signing/certificate.js";
import type { provisioningProfileLoaders } from "./signing/provisioning-profile.js";

/** A share as loaded; `subjectId` is the id of what is shared. */
export type ShareRow = Omit<Share, "credentialId" | "certificateId" | "provisioningProfileId"> & {
  readonly subjectId: string;
};

const COLUMNS = `s.id, s.root_id AS "rootId", s.owner_id AS "ownerId",
  coalesce(s.credential_id, s.certificate_id, s.provisioning_profile_id) AS "subjectId",
  s.with_all AS "withAllSubOrganizations", s.uses, s.bundle_identifiers AS "bundleIdentifiers",
  s.expires_at AS "expiresAt", s.created_at AS "createdAt", s.updated_at AS "updatedAt"`;

/** How something is shared is the root's affair: whoever stands only below it sees no share. */
const VISIBLE = `s.root_id = ANY ($1) AND s.root_id = ANY ($2)`;

const BY_ID = { name: "share_by_id", text: `SELECT ${COLUMNS} FROM shares s WHERE ${VISIBLE} AND s.id = ANY ($3)` };

const BY_SUBJECT = {
  name: "share_by_subject",
  text: `SELECT ${COLUMNS} FROM shares s WHERE ${VISIBLE}
    AND (s.credential_id = ANY ($3) OR s.certificate_id = ANY ($3) OR s.provisioning_profile_id = ANY ($3))`,
};

const BY_ORGANIZATION = {
  name: "shares_by_organization",
  text: `SELECT listed.*, r.id AS "listKey" FROM unnest($3::text[]) AS r (id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM shares s WHERE ${VISIBLE} AND s.root_id = r.id AND s.id > $4 ORDER BY s.id LIMIT $5) listed`,
};

/** The terms under which a tenant has something, for an explanation: what `explainAccess` reads. */
const REACHING = {
  name: "share_reaching_tenant",
  text: `SELECT s.id, s.uses, s.bundle_identifiers AS "bundleIdentifiers", s.expires_at AS "expiresAt",
      (s.with_all OR EXISTS (SELECT 1 FROM share_targets t
        WHERE t.root_id = s.root_id AND t.share_id = s.id AND t.sub_organization_id = $3)) AS reaches
    FROM shares s WHERE s.root_id = ANY ($1)
      AND (s.credential_id = $2 OR s.certificate_id = $2 OR s.provisioning_profile_id = $2)`,
};

/** The terms of a share, and whether it reaches the tenant asked about. */
export type ShareTerms = Pick<Share, "id" | "uses" | "bundleIdentifiers" | "expiresAt"> & { readonly reaches: boolean };

/** Where what can be shared is loaded from. */
export type ShareSubjects = Pick<ReturnType<typeof credentialLoaders>, "credential"> &
  Pick<ReturnType<typeof certificateLoaders>, "certificate"> &
  Pick<ReturnType<typeof provisioningProfileLoaders>, "provisioningProfile">;

/** Something that can be shared, told apart by what it is. */
export type ShareSubject = NonNullable<Awaited<ReturnType<typeof loadSubject>>>;

async function loadSubject(loaders: ShareSubjects, id: string) {
  const kind = kindOf(id);
  switch (kind) {
    case "credential": {
      const item = await loaders.credential.load(id);
      return item && { kind, item };
    }
    case "certificate": {
      const item = await loaders.certificate.load(id);
      return item && { kind, item };
    }
    case "provisioningProfile": {
      const item = await loaders.provisioningProfile.load(id);
      return item && { kind, item };
    }
    default:
      return null;
  }
}

/** Loaders of shares. */
export function shareLoaders(reads: ReadSession, { scope }: Viewer, subjects: ShareSubjects) {
  return {
    /** Something that can be shared, by its id; null where none is seen. */
    shareSubject: (id: string) => loadSubject(subjects, id),
    share: oneByKey<ShareRow>(
      (ids) => reads.rows(BY_ID, [scope.roots, scope.tenants, ids]),
      (row) => row.id,
    ),
    /** The share of a key, a certificate or a profile, by the id of that. */
    shareBySubject: oneByKey<ShareRow>(
      (ids) => reads.rows(BY_SUBJECT, [scope.roots, scope.tenants, ids]),
      (row) => row.subjectId,
    ),
    sharesByOrganization: pagesByKey<ShareRow, null>((ids, { after, limit }) =>
      reads.list(BY_ORGANIZATION, [scope.roots, scope.tenants, ids, after, limit]),
    ),
    /** The share of something as it concerns one tenant; null where there is none. */
    shareTerms: async (subjectId: string, tenantId: string): Promise<ShareTerms | null> => {
      const [terms] = await reads.rows<ShareTerms>(REACHING, [scope.roots, subjectId, tenantId]);
      return terms ?? null;
    },
  };
}
