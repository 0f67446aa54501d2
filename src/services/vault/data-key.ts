import type { Platform } from "../../context.js";
import { inPreparedTransaction, type Statement } from "../../database/tenancy.js";
import { newId } from "../../ids.js";
import type { WrappedDataKey } from "../../vault/key-ring.js";
import type { DataKeyStore } from "../../vault/vault.js";

/** A unit of work that the vault reads wrapped data keys in: the reads of a request, or a transaction that writes. */
export interface DataKeyUnit {
  rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

const COLUMNS = `id, root_id AS "rootId", key_label AS "keyLabel", wrapped`;
const BY_ID = {
  name: "data_key_by_id",
  text: `SELECT ${COLUMNS} FROM data_keys WHERE id = $1`,
};
const CURRENT = {
  name: "data_key_current",
  text: `SELECT ${COLUMNS} FROM data_keys WHERE root_id = $1 AND is_current`,
};
// Two that make an organization's first key at once queue here; the second finds the first's.
const LOCK = { name: "data_key_lock", text: `SELECT pg_advisory_xact_lock(hashtextextended('data key ' || $1, 0))` };
const LABEL_IN_FORCE = { name: "key_label_in_force", text: `SELECT label FROM vault_sentinels` };
const ADD = {
  name: "data_key_add",
  text: `INSERT INTO data_keys (root_id, id, key_label, wrapped) VALUES ($1, $2, $3, $4)`,
};

/** What each unit is being asked for, by data key: the secrets that a request opens at once take one statement a data key. */
const finding = new WeakMap<DataKeyUnit, Map<string, Promise<WrappedDataKey | null>>>();

async function findIn(unit: DataKeyUnit, dataKeyId: string): Promise<WrappedDataKey | null> {
  const [key] = await unit.rows<WrappedDataKey>(BY_ID, [dataKeyId]);
  return key ?? null;
}

/**
 * Holds, until the unit ends, the organization's current data key as it is: shared by those who seal, exclusive to
 * whoever makes another key current or retires one. Without it a secret sealed just before would be stored just after.
 */
export async function lockSealing(unit: DataKeyUnit, rootId: string, mode: "shared" | "exclusive"): Promise<void> {
  const lock = mode === "shared" ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock";
  const text = `SELECT ${lock}(hashtextextended('sealing ' || $1, 0))`;
  await unit.rows({ name: `data_key_sealing_${mode}`, text }, [rootId]);
}

/** Holds, until the unit ends, the key-encryption key in force as it is: shared by those who keep a new data key. */
export async function lockKeyInForce(unit: DataKeyUnit, mode: "shared" | "exclusive"): Promise<void> {
  const lock = mode === "shared" ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock";
  const text = `SELECT ${lock}(hashtextextended('key-encryption key in force', 0))`;
  await unit.rows({ name: `key_in_force_${mode}`, text }, []);
}

/** The label of the key-encryption key that is in force: the sentinel's. */
export async function labelInForce(unit: DataKeyUnit): Promise<string> {
  const [sentinel] = await unit.rows<{ label: string }>(LABEL_IN_FORCE, []);
  if (sentinel === undefined) throw new Error("The database has no sentinel: no server has started on it yet.");
  return sentinel.label;
}

/** The data key that seals for an organization now, as it is until the unit ends; null where none was made yet. */
async function current(unit: DataKeyUnit, rootId: string): Promise<WrappedDataKey | null> {
  // The lock first and by itself: a statement sees what was committed before it began, and no later.
  await lockSealing(unit, rootId, "shared");
  const [key] = await unit.rows<WrappedDataKey>(CURRENT, [rootId]);
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

  current,

  async next(unit) {
    return { id: newId("dataKey"), keyLabel: await labelInForce(unit) };
  },

  async add(unit, made) {
    await unit.rows(LOCK, [made.rootId]);
    const theirs = await current(unit, made.rootId);
    if (theirs !== null) return theirs;
    await lockKeyInForce(unit, "shared");
    if ((await labelInForce(unit)) !== made.keyLabel) return null;
    await unit.rows(ADD, [made.rootId, made.id, made.keyLabel, made.wrapped]);
    return made;
  },
};

/** Has an organization's data key at hand before a transaction that seals or opens: none waits for a key service then. */
export function readyToSeal({ readPool, vault }: Pick<Platform, "readPool" | "vault">, rootId: string): Promise<void> {
  return vault.ready((work) => inPreparedTransaction(readPool, { roots: [rootId], tenants: [] }, work), rootId);
}
