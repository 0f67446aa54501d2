import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { inPreparedTransaction, type Scope, type Unit } from "../../database/tenancy.js";
import { UnwrapFailed } from "../../vault/key-provider.js";
import type { WrappedDataKey } from "../../vault/key-ring.js";
import type { Vault } from "../../vault/vault.js";
import { record, THE_OPERATOR } from "../audit.js";
import { labelInForce, lockKeyInForce, lockSealing, type DataKeyUnit } from "./data-key.js";
import { keysInUse, reseal, type BrokenSeal } from "./reseal.js";

/** What a rotation of data keys came to. */
export interface DataKeyRotation {
  /** Organizations that have a data key, and were gone through. */
  readonly organizations: number;
  /** New data keys that this run made; those of an interrupted run are not made again. */
  readonly made: number;
  /** Secrets that were sealed anew. */
  readonly resealed: number;
  /** Old data keys that were destroyed. */
  readonly destroyed: number;
  /** When the interrupted run began that this one has ended: the keys made since then stay. Null where there was none. */
  readonly begunAt: string | null;
  /** Secrets that do not open: the data keys that sealed them are kept. */
  readonly broken: readonly BrokenSeal[];
}

/** What a rotation works with. `pool` connects as the owner of the tables. */
export interface RotationSources {
  readonly pool: Pool;
  readonly vault: Vault<DataKeyUnit>;
}

/** Which organization, all where null; and how long an old data key stays for whoever has read what it sealed. */
export interface RotationOptions {
  readonly organizationId: string | null;
  readonly graceSeconds: number;
}

/** Another label that comes into force between reading it and keeping the key is waited for so often. */
const ATTEMPTS = 5;

const COLUMNS = `id, root_id AS "rootId", key_label AS "keyLabel", wrapped`;
const SINCE = {
  name: "data_keys_begin",
  text: `UPDATE vault_sentinels SET data_keys_since = coalesce(data_keys_since, clock_timestamp())
    RETURNING data_keys_since::text AS since, data_keys_since < now() AS "isOlder"`,
};
const DONE = { name: "data_keys_done", text: `UPDATE vault_sentinels SET data_keys_since = NULL` };
const ROOTS = {
  name: "data_keys_roots",
  text: `SELECT DISTINCT root_id AS "rootId" FROM data_keys WHERE $1::text IS NULL OR root_id = $1 ORDER BY 1`,
};
const KEYS = {
  name: "data_keys_of_root",
  text: `SELECT ${COLUMNS}, is_current AS "isCurrent", retired_at IS NOT NULL AS "isRetired",
      coalesce(created_at >= $2::timestamptz, false) AS "isNew" FROM data_keys WHERE root_id = $1`,
};
const STEP_DOWN = {
  name: "data_key_step_down",
  text: `UPDATE data_keys SET is_current = false WHERE root_id = $1 AND id = $2`,
};
const SUCCEED = {
  name: "data_key_succeed",
  text: `INSERT INTO data_keys (root_id, id, key_label, wrapped) VALUES ($1, $2, $3, $4)`,
};
// With the keys in use; where it is not known which they are (null), every one may be.
const RETIRE = {
  name: "data_key_retire",
  text: `UPDATE data_keys SET retired_at = clock_timestamp()
    WHERE root_id = $1 AND NOT is_current AND retired_at IS NULL AND NOT id = ANY ($2)`,
};
const CALL_BACK = {
  name: "data_key_call_back",
  text: `UPDATE data_keys SET retired_at = NULL
    WHERE root_id = $1 AND retired_at IS NOT NULL AND ($2::text[] IS NULL OR id = ANY ($2))`,
};
const WAIT = {
  name: "data_keys_wait",
  text: `SELECT coalesce(max(extract(epoch FROM retired_at + make_interval(secs => $1) - clock_timestamp())), 0)::float AS seconds
    FROM data_keys WHERE retired_at IS NOT NULL`,
};
const DESTROY = {
  name: "data_key_destroy",
  text: `DELETE FROM data_keys WHERE root_id = $1 AND retired_at <= clock_timestamp() - make_interval(secs => $2) RETURNING id`,
};

interface StoredKey extends WrappedDataKey {
  readonly isCurrent: boolean;
  readonly isRetired: boolean;
  /** Made since the rotation began that is under way. */
  readonly isNew: boolean;
}

const NOWHERE: Scope = { roots: [], tenants: [] };
const inRoot = <T>(pool: Pool, rootId: string, work: (unit: Unit) => Promise<T>): Promise<T> =>
  inPreparedTransaction(pool, { roots: [rootId], tenants: [rootId] }, work);

/**
 * Gives each organization a new data key, seals its secrets anew, and destroys the old key once nothing is sealed with
 * it, all while servers run. Killed at any point it is run again, and goes on where it was. Throws KeyMissing, UnwrapFailed,
 * KeyServiceFailed. `pause` waits so many seconds.
 */
export async function rotateDataKeys(
  sources: RotationSources,
  { organizationId, graceSeconds }: RotationOptions,
  pause: (seconds: number) => Promise<unknown> = (seconds) => delay(seconds * 1_000),
): Promise<DataKeyRotation> {
  const { pool } = sources;
  const ask = <Row>(statement: { name: string; text: string }, values: readonly unknown[]) =>
    inPreparedTransaction(pool, NOWHERE, (unit) => unit.rows<Row>(statement, values));
  // One organization's rotation is told by its old key alone: it has one for as long as it is under way.
  const [begun] = organizationId === null ? await ask<{ since: string; isOlder: boolean }>(SINCE, []) : [];
  const since = begun?.since ?? null;
  const roots = await ask<{ rootId: string }>(ROOTS, [organizationId]);
  const broken: BrokenSeal[] = [];
  const counts = { organizations: roots.length, made: 0, resealed: 0, destroyed: 0 };
  for (const { rootId } of roots) {
    if (await succeed(sources, rootId, since)) counts.made += 1;
    const resealed = await moveOver(sources, rootId);
    counts.resealed += resealed.count;
    broken.push(...resealed.broken);
  }
  const wait = async (): Promise<number> => (await ask<{ seconds: number }>(WAIT, [graceSeconds]))[0]?.seconds ?? 0;
  let seconds = await wait();
  do {
    await pause(Math.max(0, seconds));
    seconds = await wait(); // A timer may fire early.
  } while (seconds > 0);
  for (const { rootId } of roots) counts.destroyed += await destroy(pool, rootId, graceSeconds);
  // Last: whoever is killed before goes on with the keys that were made, and makes no others.
  if (since !== null) await ask(DONE, []);
  return { ...counts, begunAt: begun?.isOlder === true ? since : null, broken };
}

const keysOf = (unit: Unit, rootId: string, since: string | null): Promise<StoredKey[]> =>
  unit.rows<StoredKey>(KEYS, [rootId, since]);

/** Makes a new data key current, unless this rotation has done so before. The old one stays, to open with. */
async function succeed({ pool, vault }: RotationSources, rootId: string, since: string | null): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (isDone(await inRoot(pool, rootId, (unit) => keysOf(unit, rootId, since)), since)) return false;
    const made = await vault.make((work) => inRoot(pool, rootId, work), rootId);
    const done = await inRoot(pool, rootId, async (unit) => {
      // Whoever seals with the old key has stored it before this goes on; whoever seals after finds the new one.
      await lockSealing(unit, rootId, "exclusive");
      await lockKeyInForce(unit, "shared");
      if ((await labelInForce(unit)) !== made.keyLabel) return null;
      const keys = await keysOf(unit, rootId, since);
      const old = keys.find(({ isCurrent }) => isCurrent);
      if (old === undefined || isDone(keys, since)) return false;
      await unit.rows(STEP_DOWN, [rootId, old.id]);
      await unit.rows(SUCCEED, [rootId, made.id, made.keyLabel, made.wrapped]);
      note(unit, rootId, "data_key.rotated", made.id, { was: old.id });
      return true;
    });
    if (done !== null) return done;
  }
  throw new Error("The key-encryption key changes again and again while a data key is made.");
}

function isDone(keys: readonly StoredKey[], since: string | null): boolean {
  return since === null
    ? keys.some(({ isCurrent }) => !isCurrent)
    : keys.some(({ isCurrent, isNew }) => isCurrent && isNew);
}

/** Seals everything anew with the current key, and retires each other that nothing is sealed with any more. */
async function moveOver({ pool, vault }: RotationSources, rootId: string) {
  const hold = async (): Promise<void> => {
    for (const key of await inRoot(pool, rootId, (unit) => keysOf(unit, rootId, null))) {
      await vault.hold(key, key.isCurrent).catch((error: unknown) => {
        // What it has sealed is broken, and is named so one by one.
        if (!(error instanceof UnwrapFailed) || key.isCurrent) throw error;
      });
    }
  };
  const keys = await inRoot(pool, rootId, (unit) => keysOf(unit, rootId, null));
  const current = keys.find(({ isCurrent }) => isCurrent);
  if (current === undefined || keys.every(({ isCurrent, isRetired }) => isCurrent || isRetired)) {
    return { count: 0, broken: [] };
  }
  const resealed = await reseal(pool, vault, { rootId, dataKeyId: current.id, hold });
  await inRoot(pool, rootId, async (unit) => {
    await lockSealing(unit, rootId, "exclusive");
    const used = await keysInUse(unit, rootId);
    if (used !== null) await unit.rows(RETIRE, [rootId, used]);
  });
  return resealed;
}

async function destroy(pool: Pool, rootId: string, graceSeconds: number): Promise<number> {
  return inRoot(pool, rootId, async (unit) => {
    // What a backup has put back meanwhile is sealed anew by the next run.
    await lockSealing(unit, rootId, "exclusive");
    await unit.rows(CALL_BACK, [rootId, await keysInUse(unit, rootId)]);
    const gone = await unit.rows<{ id: string }>(DESTROY, [rootId, graceSeconds]);
    for (const { id } of gone) note(unit, rootId, "data_key.destroyed", id, {});
    return gone.length;
  });
}

function note(
  unit: Unit,
  rootId: string,
  action: string,
  id: string,
  details: Readonly<Record<string, unknown>>,
): void {
  record(unit, THE_OPERATOR, { tenant: { rootId, id: rootId }, action, subject: { id, label: null }, details });
}
