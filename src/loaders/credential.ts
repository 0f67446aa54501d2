import type { Viewer } from "../auth/viewer.js";
import { live, liveFor, readableBy } from "../database/readable-by.js";
import type { ReadSession } from "../database/tenancy.js";
import type { AppleProgram, Credential, CredentialStatus } from "../entities/credential.js";
import type { SharingTag } from "../entities/share.js";
import { oneByKey, pagesByKey } from "./batch.js";

/** A key as loaded: never with the sealed key itself. */
export type CredentialRow = Omit<Credential, "sealedKey">;

/** A key by its id; `viewable` where the viewer has the permission to see keys in a tenant that has it. */
export type FoundCredential = CredentialRow & { readonly viewable: boolean };

/** A key in a tenant's list, with how it came there. */
export type ListedCredential = CredentialRow & { readonly tag: SharingTag | null };

/** What narrows a list of keys; null: any. */
export interface CredentialFilter {
  readonly search: string | null;
  readonly program: AppleProgram | null;
  readonly shared: boolean | null;
  readonly status: CredentialStatus | null;
}

const COLUMNS = `c.id, c.root_id AS "rootId", c.owner_id AS "ownerId", c.name, c.program, c.key_type AS "keyType",
  c.key_id AS "keyId", c.issuer_id AS "issuerId", c.fingerprint, c.key_version AS "keyVersion",
  c.health_status AS "healthStatus", c.health_advice AS "healthAdvice", c.health_checked_at AS "healthCheckedAt",
  c.created_at AS "createdAt", c.updated_at AS "updatedAt"`;

const BY_ID = {
  name: "credential_by_id",
  text: `SELECT ${COLUMNS}, ${readableBy("c", "credential_id", "$4")} AS viewable
    FROM credentials c WHERE ${readableBy("c", "credential_id")} AND c.id = ANY ($3)`,
};

/** Own keys, and at a sub-organization those that the root shares with it. */
const BY_TENANT = {
  name: "credentials_by_tenant",
  text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
    SELECT ${COLUMNS}, CASE WHEN c.owner_id <> t.id THEN 'ROOT' WHEN s.id IS NOT NULL THEN 'SHARED' END AS tag
    FROM credentials c
    LEFT JOIN shares s ON s.root_id = c.root_id AND s.credential_id = c.id AND ${live("s")}
    WHERE c.root_id = t.root_id AND c.owner_id IN (t.id, t.root_id) AND ${readableBy("c", "credential_id")}
      AND (c.owner_id = t.id OR (s.id IS NOT NULL AND ${liveFor("s", "ARRAY[t.id]")}))
      AND c.id > $4
      AND ($6::text IS NULL OR strpos(lower(c.name), lower($6)) > 0 OR strpos(lower(c.key_id), lower($6)) > 0)
      AND ($7::text IS NULL OR c.program = $7)
      AND ($8::boolean IS NULL OR (s.id IS NOT NULL) = $8)
      AND ($9::text IS NULL OR c.health_status = $9)
    ORDER BY c.id LIMIT $5) listed
    WHERE t.root_id = ANY ($1) AND t.id = ANY ($3)`,
};

const LAST_USE = {
  name: "credential_last_use",
  text: `SELECT credential_id AS id, last_used_at AS "lastUsedAt" FROM credential_uses
    WHERE root_id = ANY ($1) AND credential_id = ANY ($2)`,
};

/** Loaders of keys. */
export function credentialLoaders(reads: ReadSession, viewer: Viewer) {
  const { scope } = viewer;
  return {
    credential: oneByKey<FoundCredential>(
      (ids) => reads.rows(BY_ID, [scope.roots, scope.tenants, ids, viewer.tenantsWith("CREDENTIALS_VIEW")]),
      (row) => row.id,
    ),
    credentialsByTenant: pagesByKey<ListedCredential, CredentialFilter>((ids, { after, limit, filter }) =>
      reads.rows(BY_TENANT, [
        scope.roots,
        scope.tenants,
        ids,
        after,
        limit,
        filter.search,
        filter.program,
        filter.shared,
        filter.status,
      ]),
    ),
    lastUseOfCredential: oneByKey<{ id: string; lastUsedAt: Date }>(
      (ids) => reads.rows(LAST_USE, [scope.roots, ids]),
      (row) => row.id,
    ),
  };
}
