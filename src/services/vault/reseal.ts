import type { Pool } from "pg";
import { inPreparedTransaction, type Scope, type Unit } from "../../database/tenancy.js";
import { SealBroken } from "../../vault/envelope.js";
import { KeyMissing, UnwrapFailed } from "../../vault/key-provider.js";
import type { Vault } from "../../vault/vault.js";
import type { DataKeyUnit } from "./data-key.js";
import { placeIn, SEALED, type SealedColumn } from "./sealed-column.js";

/** A sealed value that does not open, and so cannot be sealed anew. */
export interface BrokenSeal {
  readonly table: string;
  readonly column: string;
  readonly rowId: string;
  readonly rootId: string;
}

/** What sealing anew came to. */
export interface Resealed {
  readonly count: number;
  readonly broken: readonly BrokenSeal[];
}

interface SealedRow {
  readonly id: string;
  readonly ownerId: string;
  readonly version: number;
  readonly sealed: Buffer;
}

/** Values that are sealed anew in one transaction. */
const BATCH = 100;

const statementsOf = ({ table, column, version }: SealedColumn) => ({
  others: {
    name: `reseal_others_${table}_${column}`,
    text: `SELECT id, owner_id AS "ownerId", ${version ?? "1"} AS version, ${column} AS sealed FROM ${table}
      WHERE root_id = $1 AND ${column} IS NOT NULL AND data_key_of(${column}) IS DISTINCT FROM $2 AND id > $3
      ORDER BY id LIMIT ${BATCH}`,
  },
  used: {
    name: `reseal_used_${table}_${column}`,
    text: `SELECT DISTINCT data_key_of(${column}) AS id FROM ${table} WHERE root_id = $1 AND ${column} IS NOT NULL`,
  },
  // By what was read: a secret that was replaced meanwhile is sealed with the new key already, and is not put back.
  replace: {
    name: `reseal_replace_${table}_${column}`,
    text: `UPDATE ${table} SET ${column} = $3 WHERE root_id = $1 AND id = $2 AND ${column} = $4 RETURNING id`,
  },
});

const COLUMNS: readonly SealedColumn[] = Object.values(SEALED);

/** The data keys that something of the organization says it is sealed with; null where something does not say. */
export async function keysInUse(unit: Unit, rootId: string): Promise<string[] | null> {
  const ids = new Set<string | null>();
  for (const column of COLUMNS) {
    const used = await unit.rows<{ id: string | null }>(statementsOf(column).used, [rootId]);
    for (const { id } of used) ids.add(id);
  }
  const known = [...ids].filter((id) => id !== null);
  return known.length < ids.size ? null : known;
}

/**
 * Seals everything of an organization that is sealed with another data key anew with the current one, in batches, while
 * servers run. `hold` has all its data keys at hand before each batch, so that no transaction waits for a key service.
 */
export async function reseal(
  pool: Pool,
  vault: Vault<DataKeyUnit>,
  {
    rootId,
    dataKeyId,
    hold,
  }: { readonly rootId: string; readonly dataKeyId: string; readonly hold: () => Promise<void> },
): Promise<Resealed> {
  const scope: Scope = { roots: [rootId], tenants: [rootId] };
  const broken: BrokenSeal[] = [];
  let count = 0;
  for (const column of COLUMNS) {
    const { others, replace } = statementsOf(column);
    for (let after: string | null = ""; after !== null;) {
      await hold();
      after = await inPreparedTransaction(pool, scope, async (unit): Promise<string | null> => {
        const rows: SealedRow[] = await unit.rows<SealedRow>(others, [rootId, dataKeyId, after]);
        for (const row of rows) {
          const sealed = await anew(unit, vault, rootId, column, row);
          if (sealed === null) broken.push({ table: column.table, column: column.column, rowId: row.id, rootId });
          else count += (await unit.rows(replace, [rootId, row.id, sealed, row.sealed])).length;
        }
        return rows.at(-1)?.id ?? null;
      });
    }
  }
  return { count, broken };
}

/** Null where the value does not open. */
async function anew(unit: Unit, vault: Vault<DataKeyUnit>, rootId: string, column: SealedColumn, row: SealedRow) {
  const place = placeIn(column, row, row.version);
  try {
    return await vault.seal(unit, rootId, await vault.open(unit, row.sealed, place), place);
  } catch (error) {
    if (error instanceof SealBroken || error instanceof UnwrapFailed || error instanceof KeyMissing) return null;
    throw error;
  }
}
