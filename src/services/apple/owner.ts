import type { Pool } from "pg";
import { inPreparedTransaction, type Unit } from "../../database/tenancy.js";
import { Denial } from "../../errors.js";
import type { UsableKey } from "../signing-key.js";

/** What an answer that came too late is told. */
export const ROTATED = "The key was rotated or deleted while Apple was asked with it.";

const LOCK_KEYS = {
  name: "apple_lock_keys",
  // Each is looked up by itself: left to join, PostgreSQL goes through all keys of the organization.
  text: `SELECT c.id, c.version FROM (SELECT id FROM unnest($2::text[]) AS used (id) ORDER BY id COLLATE "C") used
    CROSS JOIN LATERAL (SELECT k.id, k.key_version AS version FROM credentials k
      WHERE k.root_id = ANY ($1) AND k.id = used.id FOR NO KEY UPDATE) c`,
};

/**
 * Works where the owners of keys stand, and those that the keys were used for, and in other tenants that were asked about.
 * `work` is told which of the keys are still those that were used; they stay so while it works.
 */
export function asOwners<T>(
  pool: Pool,
  keys: readonly UsableKey[],
  work: (unit: Unit, isCurrent: (key: UsableKey) => boolean) => Promise<T>,
  alsoIn: readonly string[] = [],
): Promise<T> {
  const roots = [...new Set(keys.map((key) => key.rootId))];
  // Where the tenant stands that a key is used for, its use is noted.
  const tenants = [...new Set([...keys.flatMap((key) => [key.ownerId, key.tenantId]), ...alsoIn])];
  return inPreparedTransaction(pool, { roots, tenants }, async (unit) => {
    // In the order of their ids: several processes may keep several lists of the same keys at once.
    const ids = [...new Set(keys.map((key) => key.credentialId))];
    const rows = await unit.rows<{ id: string; version: number }>(LOCK_KEYS, [roots, ids]);
    const versions = new Map(rows.map((row) => [row.id, row.version]));
    return work(unit, ({ credentialId, version }) => versions.get(credentialId) === version);
  });
}

/** The same for one key. Throws NOT_FOUND where it was rotated or deleted meanwhile. */
export function asOwner<T>(
  pool: Pool,
  key: UsableKey,
  work: (unit: Unit) => Promise<T>,
  alsoIn: readonly string[] = [],
): Promise<T> {
  return asOwners(
    pool,
    [key],
    (unit, isCurrent) => {
      if (!isCurrent(key)) throw new Denial("NOT_FOUND", ROTATED);
      return work(unit);
    },
    alsoIn,
  );
}
