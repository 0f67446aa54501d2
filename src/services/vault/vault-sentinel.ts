import type { DataSource } from "typeorm";
import type { Pool } from "pg";
import type { KeyRing } from "../../vault/key-ring.js";
import { checkSentinel, makeSentinel, type Sentinel } from "../../vault/sentinel.js";

const FIND = `SELECT label, next_label AS "nextLabel", sealed FROM vault_sentinels`;

/** Proves that the key-encryption keys include the one this database is sealed with; the first start sets it. Throws WrongKey. */
export async function checkVault(dataSource: DataSource, ring: KeyRing): Promise<void> {
  const kept = await find(dataSource);
  if (kept !== undefined) {
    await checkSentinel(ring, kept);
    return;
  }
  await dataSource.query("INSERT INTO vault_sentinels (label, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    ring.current.label,
    await makeSentinel(ring.current),
  ]);
  // Of two first starts at once, the other's key may be the one that counts.
  const current = await find(dataSource);
  if (current !== undefined) await checkSentinel(ring, current);
}

/** The same as the owner of the tables, without setting anything. Throws where no server has started on the database yet. */
export async function checkVaultOf(pool: Pool, ring: KeyRing): Promise<void> {
  const { rows } = await pool.query<Sentinel>(FIND);
  const [kept] = rows;
  if (kept === undefined) throw new Error("Nothing is sealed yet: no server has started on this database.");
  await checkSentinel(ring, kept);
}

/** The same without setting anything: what is kept; null where nothing was sealed yet, and the ring is not made then. */
export async function inspectVault(dataSource: DataSource, ring: () => Promise<KeyRing>): Promise<Sentinel | null> {
  const kept = await find(dataSource);
  if (kept === undefined) return null;
  await checkSentinel(await ring(), kept);
  return kept;
}

async function find(dataSource: DataSource): Promise<Sentinel | undefined> {
  const [row] = await dataSource.query<Sentinel[]>(FIND);
  return row;
}
