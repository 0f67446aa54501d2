import pLimit from "p-limit";
import type { Pool } from "pg";
import { inPreparedTransaction, type Scope, type Unit } from "../../database/tenancy.js";
import { UnwrapFailed } from "../../vault/key-provider.js";
import type { KeyRing, WrappedDataKey } from "../../vault/key-ring.js";
import { makeSentinel } from "../../vault/sentinel.js";
import { record, THE_OPERATOR } from "../audit.js";
import { labelInForce, lockKeyInForce } from "./data-key.js";

/** What a rotation of the key-encryption key came to. */
export interface KeyRotation {
  /** Label of the key that was in force before. */
  readonly from: string;
  /** Label of the key that data keys are wrapped with now. */
  readonly to: string;
  /** Data keys that this run wrapped anew. */
  readonly rewrapped: number;
  /** Data keys that do not unwrap with the key that wraps them: while there are any, `from` stays in force. */
  readonly broken: readonly Pick<WrappedDataKey, "id" | "rootId" | "keyLabel">[];
}

/** Data keys that are wrapped anew in one transaction. */
const BATCH = 100;
/** Of one batch, those that a key service is asked for at once. */
const AT_ONCE = 4;

const BEGIN = {
  name: "key_rotation_begin",
  text: `UPDATE vault_sentinels SET next_label = $1`,
};
const OTHERS = {
  name: "key_rotation_others",
  text: `SELECT id, root_id AS "rootId", key_label AS "keyLabel", wrapped FROM data_keys
    WHERE key_label <> $1 AND (root_id, id) > ($2, $3) ORDER BY root_id, id LIMIT ${BATCH}`,
};
// By what was read: a data key that another run has wrapped meanwhile is left to it.
const REWRAP = {
  name: "key_rotation_rewrap",
  text: `UPDATE data_keys SET key_label = $3, wrapped = $4 WHERE root_id = $1 AND id = $2 AND wrapped = $5 RETURNING id`,
};
const MOVE = {
  name: "key_rotation_move",
  text: `UPDATE vault_sentinels SET label = $1, sealed = $2, next_label = NULL
    WHERE NOT EXISTS (SELECT 1 FROM data_keys WHERE key_label <> $1) RETURNING label`,
};

/** What the owner of the tables sees of data keys does not depend on where it stands; to write in a log it stands there. */
const NOWHERE: Scope = { roots: [], tenants: [] };

/**
 * Wraps every data key with the ring's current key, in batches, while servers run; `pool` connects as the owner of the
 * tables. The sentinel moves last: whoever starts before needs the old key, and whoever starts after the new one.
 * Killed at any point it is run again. Throws KeyMissing, KeyServiceFailed.
 */
export async function rotate(pool: Pool, ring: KeyRing): Promise<KeyRotation> {
  const to = ring.current.label;
  const from = await inPreparedTransaction(pool, NOWHERE, async (unit) => {
    await lockKeyInForce(unit, "exclusive");
    const label = await labelInForce(unit);
    await unit.rows(BEGIN, [to]);
    return label;
  });
  let rewrapped = 0;
  // Until the sentinel moves new data keys are wrapped with the old key: those too are found, in another round.
  for (;;) {
    const { count, broken } = await rewrapAll(pool, ring);
    rewrapped += count;
    if (broken.length > 0) return { from, to, rewrapped, broken };
    if (await moveSentinel(pool, ring)) return { from, to, rewrapped, broken };
  }
}

async function rewrapAll(pool: Pool, ring: KeyRing): Promise<{ count: number; broken: KeyRotation["broken"] }> {
  const broken: WrappedDataKey[] = [];
  let count = 0;
  for (let after = ["", ""]; ;) {
    const batch = await inPreparedTransaction(pool, NOWHERE, (unit) =>
      unit.rows<WrappedDataKey>(OTHERS, [ring.current.label, ...after]),
    );
    const last = batch.at(-1);
    if (last === undefined) return { count, broken };
    after = [last.rootId, last.id];
    const turns = pLimit(AT_ONCE);
    const pairs = await Promise.all(batch.map((key) => turns(async () => [key, await rewrapped(ring, key)] as const)));
    broken.push(...pairs.flatMap(([key, anew]) => (anew === null ? [key] : [])));
    count += await keep(pool, pairs);
  }
}

/** Null where it does not unwrap with the key that wraps it. */
async function rewrapped(ring: KeyRing, key: WrappedDataKey): Promise<WrappedDataKey | null> {
  try {
    const dataKey = await ring.unwrap(key);
    return await ring.wrap(ring.current.label, dataKey, { dataKeyId: key.id, rootId: key.rootId });
  } catch (error) {
    if (error instanceof UnwrapFailed) return null;
    throw error;
  }
}

/** Keeps a batch, each with its entry in the log of its organization. Gives how many were still as they were read. */
async function keep(pool: Pool, pairs: readonly (readonly [WrappedDataKey, WrappedDataKey | null])[]): Promise<number> {
  const roots = [...new Set(pairs.map(([{ rootId }]) => rootId))];
  return inPreparedTransaction(pool, { roots, tenants: roots }, async (unit) => {
    let count = 0;
    for (const [key, anew] of pairs) if (anew !== null && (await keepOne(unit, key, anew))) count += 1;
    return count;
  });
}

async function keepOne(unit: Unit, { id, rootId, keyLabel, wrapped }: WrappedDataKey, anew: WrappedDataKey) {
  const kept = await unit.rows(REWRAP, [rootId, id, anew.keyLabel, anew.wrapped, wrapped]);
  if (kept.length === 0) return false;
  const details = { from: keyLabel, to: anew.keyLabel };
  record(unit, THE_OPERATOR, {
    ...{ tenant: { rootId, id: rootId }, action: "data_key.rewrapped", subject: { id, label: null }, details },
  });
  return true;
}

/** False where a data key is still wrapped with another key. */
async function moveSentinel(pool: Pool, ring: KeyRing): Promise<boolean> {
  const sealed = await makeSentinel(ring.current);
  return inPreparedTransaction(pool, NOWHERE, async (unit) => {
    // Whoever keeps a data key that was wrapped with the old key does so before, and is seen; or after, and wraps anew.
    await lockKeyInForce(unit, "exclusive");
    return (await unit.rows(MOVE, [ring.current.label, sealed])).length > 0;
  });
}
