import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { Share } from "../entities/share.js";
import { oneByKey, pagesByKey } from "./batch.js";

const COLUMNS = `s.id, s.root_id AS "rootId", s.owner_id AS "ownerId", s.credential_id AS "credentialId",
  s.with_all AS "withAllSubOrganizations", s.uses, s.bundle_identifiers AS "bundleIdentifiers",
  s.expires_at AS "expiresAt", s.created_at AS "createdAt", s.updated_at AS "updatedAt"`;

/** How something is shared is the root's affair: whoever stands only below it sees no share. */
const VISIBLE = `s.root_id = ANY ($1) AND s.root_id = ANY ($2)`;

const BY_ID = { name: "share_by_id", text: `SELECT ${COLUMNS} FROM shares s WHERE ${VISIBLE} AND s.id = ANY ($3)` };

const BY_CREDENTIAL = {
  name: "share_by_credential",
  text: `SELECT ${COLUMNS} FROM shares s WHERE ${VISIBLE} AND s.credential_id = ANY ($3)`,
};

const BY_ORGANIZATION = {
  name: "shares_by_organization",
  text: `SELECT listed.*, r.id AS "listKey" FROM unnest($3::text[]) AS r (id) CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM shares s WHERE ${VISIBLE} AND s.root_id = r.id AND s.id > $4 ORDER BY s.id LIMIT $5) listed`,
};

/** The terms under which a tenant has a credential, for an explanation: what `explainAccess` reads. */
const REACHING = {
  name: "share_reaching_tenant",
  text: `SELECT s.id, s.uses, s.bundle_identifiers AS "bundleIdentifiers", s.expires_at AS "expiresAt",
      (s.with_all OR EXISTS (SELECT 1 FROM share_targets t
        WHERE t.root_id = s.root_id AND t.share_id = s.id AND t.sub_organization_id = $3)) AS reaches
    FROM shares s WHERE s.root_id = ANY ($1) AND s.credential_id = $2`,
};

/** The terms of a share, and whether it reaches the tenant asked about. */
export type ShareTerms = Pick<Share, "id" | "uses" | "bundleIdentifiers" | "expiresAt"> & { readonly reaches: boolean };

/** Loaders of shares. */
export function shareLoaders(reads: ReadSession, { scope }: Viewer) {
  return {
    share: oneByKey<Share>(
      (ids) => reads.rows(BY_ID, [scope.roots, scope.tenants, ids]),
      (row) => row.id,
    ),
    shareByCredential: oneByKey<Share>(
      (ids) => reads.rows(BY_CREDENTIAL, [scope.roots, scope.tenants, ids]),
      (row) => row.credentialId ?? "",
    ),
    sharesByOrganization: pagesByKey<Share, null>((ids, { after, limit }) =>
      reads.rows(BY_ORGANIZATION, [scope.roots, scope.tenants, ids, after, limit]),
    ),
    /** The share of a credential as it concerns one tenant; null where there is none. */
    shareTerms: async (credentialId: string, tenantId: string): Promise<ShareTerms | null> => {
      const [terms] = await reads.rows<ShareTerms>(REACHING, [scope.roots, credentialId, tenantId]);
      return terms ?? null;
    },
  };
}
