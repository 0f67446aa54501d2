import type { Viewer } from "../auth/viewer.js";
import type { ReadSession, Statement } from "../database/tenancy.js";
import type { AppleProgram, Credential, CredentialStatus } from "../entities/credential.js";
import type { SharingTag } from "../entities/share.js";
import type { Assumptions } from "./assumption.js";
import { oneById, oneByKey, pagesByKey } from "./batch.js";
import {
  byIdStatement,
  byTenantStatement,
  ownerTo,
  type Shareable,
  type TenantLoader,
  type WithOwner,
} from "./shareable.js";

/** A key as loaded: never with the sealed key itself. */
export type CredentialRow = Omit<Credential, "sealedKey">;

/** A key by its id; `viewable` where the viewer has the permission to see keys in a tenant that has it. */
export type FoundCredential = CredentialRow & { readonly viewable: boolean };

/** A key in a tenant's list, with how it came there. */
export type ListedCredential = CredentialRow & { readonly tag: SharingTag | null };

/** The same, without what few lists ask for. */
export type BriefCredential = Pick<
  ListedCredential,
  "id" | "rootId" | "ownerId" | "name" | "program" | "keyId" | "tag"
>;

/** What narrows a list of keys; null: any. */
export interface CredentialFilter {
  readonly search: string | null;
  readonly program: AppleProgram | null;
  readonly shared: boolean | null;
  readonly status: CredentialStatus | null;
}

/** What is enough where a list asks for nothing else: a page of a frontend seldom does, and the rest is the larger part. */
const IN_BRIEF = `k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.program, k.key_id AS "keyId"`;

const CREDENTIALS: Shareable = {
  table: "credentials",
  subject: "credential_id",
  use: null,
  columns: `${IN_BRIEF}, k.key_type AS "keyType", k.issuer_id AS "issuerId", k.fingerprint, k.key_version AS "keyVersion",
    k.health_status AS "healthStatus", k.health_advice AS "healthAdvice", k.health_checked_at AS "healthCheckedAt",
    k.created_at AS "createdAt", k.updated_at AS "updatedAt"`,
};

const BY_ID = byIdStatement("credential_by_id", CREDENTIALS);

const NARROWED = `($7::text IS NULL OR strpos(lower(k.name), lower($7)) > 0 OR strpos(lower(k.key_id), lower($7)) > 0)
    AND ($8::text IS NULL OR k.program = $8)
    AND ($9::text IS NULL OR k.health_status = $9)`;

const BY_TENANT = byTenantStatement("credentials_by_tenant", CREDENTIALS, NARROWED);

const BY_TENANT_IN_BRIEF = byTenantStatement(
  "credentials_by_tenant_in_brief",
  { ...CREDENTIALS, columns: IN_BRIEF },
  NARROWED,
);

const LAST_USE = {
  name: "credential_last_use",
  text: `SELECT credential_id AS id, last_used_at AS "lastUsedAt" FROM credential_uses
    WHERE root_id = ANY ($1) AND credential_id = ANY ($2)`,
};

/** Loaders of keys. */
export function credentialLoaders(reads: ReadSession, viewer: Viewer, assumptions: Assumptions, others: TenantLoader) {
  const { scope } = viewer;
  const listed = <Row extends BriefCredential>(statement: Statement) =>
    pagesByKey<Row, CredentialFilter>((ids, { after, limit, filter }) =>
      reads.list(statement, [
        ...[scope.roots, scope.tenants, ids, after, limit, filter.shared],
        ...[filter.search, filter.program, filter.status],
      ]),
    );
  return {
    credential: oneById<FoundCredential & WithOwner>(
      (ids) => reads.byIds(BY_ID, ids, [scope.roots, scope.tenants, ids, viewer.tenantsWith("CREDENTIALS_VIEW")]),
      assumptions,
      ownerTo(others),
    ),
    credentialsByTenant: listed<ListedCredential>(BY_TENANT),
    credentialsByTenantInBrief: listed<BriefCredential>(BY_TENANT_IN_BRIEF),
    lastUseOfCredential: oneByKey<{ id: string; lastUsedAt: Date }>(
      (ids) => reads.rows(LAST_USE, [scope.roots, ids]),
      (row) => row.id,
    ),
  };
}
