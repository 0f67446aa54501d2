import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { AppleProgram, Credential, CredentialStatus } from "../entities/credential.js";
import type { SharingTag } from "../entities/share.js";
import { oneByKey, pagesByKey } from "./batch.js";
import { byIdStatement, byTenantStatement, type Shareable, type TenantLoader, withOwners } from "./shareable.js";

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

const CREDENTIALS: Shareable = {
  table: "credentials",
  subject: "credential_id",
  use: null,
  columns: `k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.program, k.key_type AS "keyType",
    k.key_id AS "keyId", k.issuer_id AS "issuerId", k.fingerprint, k.key_version AS "keyVersion",
    k.health_status AS "healthStatus", k.health_advice AS "healthAdvice", k.health_checked_at AS "healthCheckedAt",
    k.created_at AS "createdAt", k.updated_at AS "updatedAt"`,
};

const BY_ID = byIdStatement("credential_by_id", CREDENTIALS);

const BY_TENANT = byTenantStatement(
  "credentials_by_tenant",
  CREDENTIALS,
  `($7::text IS NULL OR strpos(lower(k.name), lower($7)) > 0 OR strpos(lower(k.key_id), lower($7)) > 0)
    AND ($8::text IS NULL OR k.program = $8)
    AND ($9::text IS NULL OR k.health_status = $9)`,
);

const LAST_USE = {
  name: "credential_last_use",
  text: `SELECT credential_id AS id, last_used_at AS "lastUsedAt" FROM credential_uses
    WHERE root_id = ANY ($1) AND credential_id = ANY ($2)`,
};

/** Loaders of keys. */
export function credentialLoaders(reads: ReadSession, viewer: Viewer, others: TenantLoader) {
  const { scope } = viewer;
  return {
    credential: oneByKey<FoundCredential>(
      async (ids) =>
        withOwners(
          await reads.rows(BY_ID, [scope.roots, scope.tenants, ids, viewer.tenantsWith("CREDENTIALS_VIEW")]),
          others,
        ),
      (row) => row.id,
    ),
    credentialsByTenant: pagesByKey<ListedCredential, CredentialFilter>((ids, { after, limit, filter }) =>
      reads.rows(BY_TENANT, [
        scope.roots,
        scope.tenants,
        ids,
        after,
        limit,
        filter.shared,
        filter.search,
        filter.program,
        filter.status,
      ]),
    ),
    lastUseOfCredential: oneByKey<{ id: string; lastUsedAt: Date }>(
      (ids) => reads.rows(LAST_USE, [scope.roots, ids]),
      (row) => row.id,
    ),
  };
}
