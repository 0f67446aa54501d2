import type { Statement } from "../database/tenancy.js";
import { newId } from "../ids.js";
import type { DataKeyStore, WrappedDataKey } from "../vault/vault.js";

/** A unit of work that the vault reads wrapped data keys in: the reads of a request, or a transaction that writes. */
export interface DataKeyUnit {
  rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

const BY_ID = {
  name: "data_key_by_id",
  text: `SELECT id, root_id AS "rootId", wrapped FROM data_keys WHERE id = $1`,
};
const CURRENT = {
  name: "data_key_current",
  text: `SELECT id, root_id AS "rootId", wrapped FROM data_keys WHERE root_id = $1 ORDER BY id DESC LIMIT 1`,
};
// Two that make an organization's first key at once queue here; the second finds the first's.
const LOCK = { name: "data_key_lock", text: `SELECT pg_advisory_xact_lock(hashtextextended('data key ' || $1, 0))` };
const ADD = {
  name: "data_key_add",
  text: `INSERT INTO data_keys (root_id, id, wrapped) VALUES ($1, $2, $3)`,
};

/** What each unit is being asked for, by data key: the secrets that a request opens at once take one statement a data key. */
const finding = new WeakMap<DataKeyUnit, Map<string, Promise<WrappedDataKey | null>>>();

async function findIn(unit: DataKeyUnit, dataKeyId: string): Promise<WrappedDataKey | null> {
  const [key] = await unit.rows<WrappedDataKey>(BY_ID, [dataKeyId]);
  return key ?? null;
}

/** Keeps the organizations' wrapped data keys in PostgreSQL, under row-level security like all of theirs. */
export const dataKeyStore: DataKeyStore<DataKeyUnit> = {
  async find(unit, dataKeyId) {
    const asked = finding.get(unit) ?? new Map<string, Promise<WrappedDataKey | null>>();
    finding.set(unit, asked);
    const found = asked.get(dataKeyId) ?? findIn(unit, dataKeyId);
    asked.set(dataKeyId, found);
    try {
      return await found;
    } finally {
      asked.delete(dataKeyId);
    }
  },

  async current(unit, rootId, make) {
    const [kept] = await unit.rows<WrappedDataKey>(CURRENT, [rootId]);
    if (kept !== undefined) return kept;
    await unit.rows(LOCK, [rootId]);
    const [theirs] = await unit.rows<WrappedDataKey>(CURRENT, [rootId]);
    if (theirs !== undefined) return theirs;
    const made = await make(newId("dataKey"));
    await unit.rows(ADD, [rootId, made.id, made.wrapped]);
    return made;
  },
};
