import type { EntityManager, EntityTarget, ObjectLiteral } from "typeorm";
import type { QueryDeepPartialEntity } from "typeorm/query-builder/QueryPartialEntity.js";
import { leasesEnded } from "../apple/signer.js";
import type { Context } from "../context.js";
import { atEndOf, inTransaction, type Scope, type Unit } from "../database/tenancy.js";
import { Denial, Refusal } from "../errors.js";
import { actorOf, record, type AuditEntry } from "./audit.js";

/** Runs the writes of a mutation in one transaction, within the viewer's tenants, with its entry in the log. */
export function write<T>(
  ctx: Context,
  work: (manager: EntityManager) => Promise<T>,
  entry: ((done: T) => AuditEntry) | null = null,
): Promise<T> {
  return inTransaction(ctx.platform.dataSource, ctx.viewer.scope, async (manager) => {
    const done = await work(manager);
    if (entry !== null) record(unitOf(manager), actorOf(ctx), entry(done));
    return done;
  });
}

/** As `write`, of what ends rights to use keys: resolves when no process sends anything to Apple by them any more. */
export async function withdraw<T>(...args: Parameters<typeof write<T>>): Promise<T> {
  const done = await write(...args);
  await leasesEnded();
  return done;
}

/** Names the column that says to whom a row belongs. */
type OwnerColumn = "owner_id" | "tenant_id" | "id" | "root_id";

/** Rows by id *and* owner: a row that the viewer only sees is not found, whatever was checked before. */
export function ownedWhere(column: OwnerColumn, id: string, scope: Scope): [clause: string, values: ObjectLiteral] {
  const clause = `id = :id AND root_id = ANY (:roots) AND (root_id = ANY (:tenants) OR ${column} = ANY (:tenants))`;
  return [clause, { id, roots: scope.roots, tenants: scope.tenants }];
}

/** Changes one row that the viewer owns. Throws NOT_FOUND where that is not one row. */
export async function updateOwned<Row extends ObjectLiteral>(
  manager: EntityManager,
  target: EntityTarget<Row>,
  where: [clause: string, values: ObjectLiteral],
  set: QueryDeepPartialEntity<Row>,
): Promise<void> {
  const { affected } = await manager
    .createQueryBuilder()
    .update(target)
    .set(set)
    .where(...where)
    .execute();
  if (affected !== 1) throw new Denial("NOT_FOUND");
}

/** Deletes one row that the viewer owns. Throws NOT_FOUND where that is not one row. */
export async function deleteOwned<Row extends ObjectLiteral>(
  manager: EntityManager,
  target: EntityTarget<Row>,
  where: [clause: string, values: ObjectLiteral],
): Promise<void> {
  const { affected } = await manager
    .createQueryBuilder()
    .delete()
    .from(target)
    .where(...where)
    .execute();
  if (affected !== 1) throw new Denial("NOT_FOUND");
}

const units = new WeakMap<EntityManager, Unit>();

/** A transaction that writes, as the vault and the log know it. */
export function unitOf(manager: EntityManager): Unit {
  const known = units.get(manager);
  if (known !== undefined) return known;
  const unit: Unit = {
    rows: (statement, values) => manager.query(statement.text, [...values]),
    atEnd: (work) => {
      atEndOf(manager, work);
    },
  };
  units.set(manager, unit);
  return unit;
}

/** Turns the breach of a unique index into ALREADY_EXISTS; any other error goes through. */
export async function orAlreadyExists<T>(work: Promise<T>, index: string, message: string, field: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const driverError = (error as { driverError?: { code?: unknown; constraint?: unknown } } | null)?.driverError;
    if (driverError?.code === "23505" && driverError.constraint === index)
      throw new Refusal("ALREADY_EXISTS", message, [field]);
    throw error;
  }
}
