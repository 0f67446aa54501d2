import type { KeySource } from "../apple/signer.js";
import { PERMISSION_FOR_USE } from "../auth/explain.js";
import type { Viewer } from "../auth/viewer.js";
import { liveFor, ownedBy } from "../database/readable-by.js";
import { inTransaction, type ReadSession } from "../database/tenancy.js";
import type { Credential } from "../entities/credential.js";
import type { ShareUse } from "../entities/share.js";
import { Denial } from "../errors.js";
import type { Vault } from "../vault/vault.js";
import type { DataKeyUnit } from "./data-key.js";
import type { DataSource } from "typeorm";
import type { UsableKey } from "../loaders/app-store-connect.js";

/** How often the time of a key's last use is written at most. */
const TOUCH_INTERVAL = "1 minute";

type KeyRow = Pick<
  Credential,
  "id" | "rootId" | "ownerId" | "program" | "keyType" | "keyId" | "issuerId" | "sealedKey" | "keyVersion"
> & {
  readonly bundleIdentifiers: string[];
  readonly touch: boolean;
};

/** Loads keys for a use: the terms of the share bind here, at the moment of use. `$3`: tenants where the viewer has the permission. */
const USABLE = {
  name: "credentials_usable",
  text: `SELECT c.id, c.root_id AS "rootId", c.owner_id AS "ownerId", c.program, c.key_type AS "keyType", c.key_id AS "keyId",
      c.issuer_id AS "issuerId", c.sealed_key AS "sealedKey", c.key_version AS "keyVersion",
      CASE WHEN ${ownedBy("c", "$3")} THEN '{}' ELSE s.bundle_identifiers END AS "bundleIdentifiers",
      (u.last_used_at IS NULL OR u.last_used_at < now() - interval '${TOUCH_INTERVAL}') AS touch
    FROM credentials c
    LEFT JOIN shares s ON s.root_id = c.root_id AND s.credential_id = c.id AND ${liveFor("s", "$3")} AND $4 = ANY (s.uses)
    LEFT JOIN credential_uses u ON u.root_id = c.root_id AND u.credential_id = c.id
    WHERE c.root_id = ANY ($1) AND c.id = ANY ($2) AND (${ownedBy("c", "$3")} OR s.id IS NOT NULL)`,
};

/** Where keys come from for one request: what the viewer may use now, opened only when a signature is needed. */
export function signingKeySource(
  reads: ReadSession,
  viewer: Viewer,
  vault: Vault<DataKeyUnit>,
  dataSource: DataSource,
): (use: ShareUse) => KeySource<UsableKey> {
  return (use) => async (credentialIds) => {
    const tenants = viewer.tenantsWith(PERMISSION_FOR_USE[use]);
    const rows = await reads.rows<KeyRow>(USABLE, [viewer.scope.roots, credentialIds, tenants, use]);
    const stale = rows.filter((row) => row.touch);
    if (stale.length > 0) await touch(dataSource, viewer, stale);
    const usable = new Map(rows.map((row) => [row.id, keyOf(row, reads, vault)]));
    return new Map(credentialIds.map((id) => [id, usable.get(id) ?? notUsable(use)]));
  };
}

function notUsable(use: ShareUse): Denial {
  return new Denial(
    "FORBIDDEN",
    `This key may not be used here for ${use}: explainAccess names the grant, role or term that decides.`,
  );
}

function keyOf(row: KeyRow, reads: ReadSession, vault: Vault<DataKeyUnit>): UsableKey {
  return {
    credentialId: row.id,
    version: row.keyVersion,
    program: row.program,
    keyType: row.keyType,
    keyId: row.keyId,
    issuerId: row.issuerId,
    bundleIdentifiers: row.bundleIdentifiers,
    privateKey: () => vault.open(reads, row.sealedKey, placeOf(row)),
  };
}

/** What a sealed key is bound to: moved to another row, owner or version it does not open. */
export function placeOf(row: Pick<Credential, "id" | "ownerId" | "keyVersion">) {
  return { table: "credentials", column: "sealed_key", rowId: row.id, ownerId: row.ownerId, version: row.keyVersion };
}

async function touch(dataSource: DataSource, viewer: Viewer, rows: readonly KeyRow[]): Promise<void> {
  await inTransaction(dataSource, viewer.scope, (manager) =>
    manager.query(
      `INSERT INTO credential_uses (root_id, credential_id, last_used_at)
       SELECT root_id, id, now() FROM unnest($1::text[], $2::text[]) AS used (root_id, id) ORDER BY id
       ON CONFLICT (root_id, credential_id) DO UPDATE SET last_used_at = excluded.last_used_at`,
      [rows.map((row) => row.rootId), rows.map((row) => row.id)],
    ),
  );
}
