import type { EntityManager, EntityTarget, ObjectLiteral } from "typeorm";
import type { QueryDeepPartialEntity } from "typeorm/query-builder/QueryPartialEntity.js";
import type { Context } from "../context.js";
import { inTransaction, type Scope } from "../database/tenancy.js";
import { Denial, Refusal } from "../errors.js";
import { actorOf, record, type AuditEntry } from "./audit.js";
import type { DataKeyUnit } from "./data-key.js";

/** Runs the writes of a mutation in one transaction, within the viewer's tenants: `work`, and last its entry in the log. */
export function write<T>(
  ctx: Context,
  work: (manager: EntityManager) => Promise<T>,
  entry: ((done: T) => AuditEntry) | null = null,
): Promise<T> {
  return inTransaction(ctx.platform.dataSource, ctx.viewer.scope, async (manager) => {
    const done = await work(manager);
    if (entry !== null) await record(unitOf(manager), actorOf(ctx), entry(done));
    return done;
  });
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

/** The vault's view of a transaction that writes. */
export function unitOf(manager: EntityManager): DataKeyUnit {
  return { rows: (statement, values) => manager.query(statement.text, [...values]) };
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
