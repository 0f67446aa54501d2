import type { KeySource } from "../apple/signer.js";
import type { SigningKey } from "../apple/token.js";
import { ownedBy, sharedFor, termsOfUse } from "../database/readable-by.js";
import type { ReadSession, Scope } from "../database/tenancy.js";
import type { Credential } from "../entities/credential.js";
import type { ShareUse } from "../entities/share.js";
import type { IntentActor } from "../entities/signing/signing-intent.js";
import { Denial } from "../errors.js";
import type { Vault } from "../vault/vault.js";
import type { DataKeyUnit } from "./vault/data-key.js";
import { placeIn, SEALED } from "./vault/sealed-column.js";

/** A key that may be used now: for whom, and the bundle identifiers that the use is bound to; empty: any. */
export interface UsableKey extends SigningKey {
  readonly rootId: string;
  readonly ownerId: string;
  readonly tenantId: string;
  readonly bundleIdentifiers: readonly string[];
  /** Who uses it: for the log. */
  readonly actor: IntentActor;
}

/** Who wants to use keys: where they stand, and the tenants in which they have the permission that the use takes. */
export interface KeyUser {
  readonly scope: Scope;
  readonly tenants: readonly string[];
  readonly use: ShareUse;
  readonly actor: IntentActor;
}

type KeyRow = Pick<
  Credential,
  "id" | "rootId" | "ownerId" | "program" | "keyType" | "keyId" | "issuerId" | "sealedKey" | "keyVersion"
> & {
  readonly bundleIdentifiers: string[];
  readonly tenantId: string;
  /** Until the share ends that lets the tenant use the key; null: it has no end. */
  readonly leftMs: number | null;
};

/** Loads keys for a use: the terms of the share bind here, at the moment of use. `$3`: tenants where the viewer has the permission. */
const USABLE = {
  name: "credentials_usable",
  text: `SELECT usable.* FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL (
    SELECT c.id, c.root_id AS "rootId", c.owner_id AS "ownerId", c.program, c.key_type AS "keyType", c.key_id AS "keyId",
      c.issuer_id AS "issuerId", c.sealed_key AS "sealedKey", c.key_version AS "keyVersion",
      ${termsOfUse("c", "$3")},
      CASE WHEN ${ownedBy("c", "$3")} THEN NULL ELSE (extract(epoch FROM s.expires_at - clock_timestamp()) * 1000)::float8 END AS "leftMs"
    FROM credentials c ${sharedFor("c", "credential_id", "$3", "$4")} AND c.id = asked.id LIMIT 1) usable`,
};

/** Where keys come from: those that the user may use now, opened only when a signature is needed. */
export function signingKeySource(
  reads: ReadSession,
  { scope, tenants, use, actor }: KeyUser,
  vault: Vault<DataKeyUnit>,
): KeySource<UsableKey> {
  return {
    load: async (ids, asking) => {
      const rows = await reads.rows<KeyRow>(USABLE, [scope.roots, ids, tenants, use], asking);
      const usable = new Map(rows.map((row) => [row.id, { key: keyOf(row, reads, vault, actor), forMs: lifeOf(row) }]));
      return new Map(ids.map((id) => [id, usable.get(id) ?? notUsable(use)]));
    },
    confirm: async (keys, asking) => {
      const ids = [...new Set(keys.map(({ credentialId }) => credentialId))];
      // In a session of its own: the request may be over while others wait for what it began, and who asks is asked anew.
      const rows = await reads
        .anew()
        .rows<KeyRow>(USABLE, [scope.roots, ids, tenants, use], asking)
        .catch((error: unknown) => {
          if (error instanceof Denial) return null;
          throw error;
        });
      if (rows === null) return keys.map(() => new Denial("FORBIDDEN", CHANGED));
      const usable = new Map(rows.map((row) => [row.id, row]));
      return keys.map((key) => {
        const row = usable.get(key.credentialId);
        if (row === undefined) return notUsable(use);
        return isUsedAlike(key, row) ? lifeOf(row) : new Denial("FORBIDDEN", CHANGED);
      });
    },
  };
}

const lifeOf = ({ leftMs }: KeyRow): number => leftMs ?? Infinity;

const CHANGED =
  "While Apple was to be asked, this key changed, or the terms on which it is used here, or who asks: ask again.";

/** Whether a key may still be used as before: the same key, for the same tenant, for no fewer bundle identifiers. */
function isUsedAlike({ version, tenantId, bundleIdentifiers }: UsableKey, now: KeyRow): boolean {
  const isFree = now.bundleIdentifiers.length === 0;
  const wasFree = bundleIdentifiers.length === 0;
  const isCovered = isFree || (!wasFree && bundleIdentifiers.every((each) => now.bundleIdentifiers.includes(each)));
  return now.keyVersion === version && now.tenantId === tenantId && isCovered;
}

function notUsable(use: ShareUse): Denial {
  return new Denial(
    "FORBIDDEN",
    `This key may not be used here for ${use}: explainAccess names the grant, role or term that decides.`,
  );
}

function keyOf(row: KeyRow, reads: ReadSession, vault: Vault<DataKeyUnit>, actor: IntentActor): UsableKey {
  return {
    credentialId: row.id,
    version: row.keyVersion,
    program: row.program,
    keyType: row.keyType,
    keyId: row.keyId,
    issuerId: row.issuerId,
    rootId: row.rootId,
    ownerId: row.ownerId,
    tenantId: row.tenantId,
    bundleIdentifiers: row.bundleIdentifiers,
    actor,
    privateKey: () => vault.open(reads, row.sealedKey, placeOf(row)),
  };
}

/** What a sealed key is bound to: moved to another row, owner or version it does not open. */
export function placeOf(row: Pick<Credential, "id" | "ownerId" | "keyVersion">) {
  return placeIn(SEALED.credentialKey, row, row.keyVersion);
}
