import type { Pool } from "pg";
import { leasesEnded } from "../../apple/signer.js";
import { inPreparedTransaction, type Unit } from "../../database/tenancy.js";
import { Denial } from "../../errors.js";
import { lockSealing } from "./data-key.js";

/** What is left of an organization that was deleted. */
export interface DeletedOrganization {
  readonly id: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly deletedAt: string;
  /** How many entries its log had. */
  readonly logEntries: number;
  /** The hash of the last of them, empty where there was none: an export that ends with it is whole. */
  readonly logHash: string;
  /** How many data keys were destroyed with it. */
  readonly dataKeys: number;
}

const FIND = {
  name: "organization_to_delete",
  text: `SELECT name FROM tenants WHERE root_id = $1 AND id = $1 AND kind = 'ORGANIZATION'`,
};
const LOCK = {
  name: "organization_delete_lock",
  text: `${FIND.text} FOR UPDATE`,
};
// The end of the log is held until all is gone: nothing is appended that the hash would not tell of.
const LOG_END = {
  name: "organization_log_end",
  text: `SELECT seq::float AS "logEntries", hash AS "logHash" FROM audit_heads WHERE root_id = $1 FOR UPDATE`,
};
const REMEMBER = {
  name: "organization_remember",
  text: `INSERT INTO deleted_organizations (id, name, log_entries, log_hash) VALUES ($1, $2, $3, $4)
    RETURNING to_char(deleted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "deletedAt"`,
};
const DESTROY_KEYS = {
  name: "organization_destroy_keys",
  text: `DELETE FROM data_keys WHERE root_id = $1 RETURNING id`,
};
// Everything else that is the organization's goes with its row, by the foreign keys.
const DELETE = {
  name: "organization_delete",
  text: `DELETE FROM tenants WHERE root_id = $1 AND id = $1 AND kind = 'ORGANIZATION' RETURNING id`,
};
/** An organization with a long log takes longer than a statement may otherwise. */
const TAKE_ITS_TIME = { name: "organization_take_time", text: `SELECT set_config('statement_timeout', '0', true)` };

const inRoot = <T>(pool: Pool, rootId: string, work: (unit: Unit) => Promise<T>): Promise<T> =>
  inPreparedTransaction(pool, { roots: [rootId], tenants: [rootId] }, work);

/** The name of an organization that may be deleted. `pool` connects as the owner of the tables. Throws NOT_FOUND. */
export async function nameOfRoot(pool: Pool, id: string): Promise<string> {
  const [found] = await inRoot(pool, id, (unit) => unit.rows<{ name: string }>(FIND, [id]));
  if (found === undefined) throw new Denial("NOT_FOUND", "There is no such organization.");
  return found.name;
}

/**
 * Deletes an organization with everything that is its own, and destroys its data keys: all of it, or nothing. What is at
 * Apple stays there, and when this resolves Apple is asked nothing more for it. `pool` connects as the owner of the tables. Throws NOT_FOUND.
 */
export async function deleteOrganization(pool: Pool, id: string): Promise<DeletedOrganization> {
  const deleted = await inRoot(pool, id, async (unit): Promise<DeletedOrganization> => {
    await unit.rows(TAKE_ITS_TIME, []);
    // Those who seal now store it before, and it is deleted with the rest; those who come after find no organization.
    await lockSealing(unit, id, "exclusive");
    const [found] = await unit.rows<{ name: string }>(LOCK, [id]);
    if (found === undefined) throw new Denial("NOT_FOUND", "There is no such organization.");
    const [end = { logEntries: 0, logHash: "" }] = await unit.rows<{ logEntries: number; logHash: string }>(LOG_END, [
      id,
    ]);
    const [kept] = await unit.rows<{ deletedAt: string }>(REMEMBER, [id, found.name, end.logEntries, end.logHash]);
    const keys = await unit.rows(DESTROY_KEYS, [id]);
    const gone = await unit.rows(DELETE, [id]);
    if (gone.length !== 1) throw new Error("The organization was not deleted");
    return { id, name: found.name, deletedAt: kept?.deletedAt ?? "", ...end, dataKeys: keys.length };
  });
  await leasesEnded();
  return deleted;
}
