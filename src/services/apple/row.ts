import { getMetadataArgsStorage } from "typeorm";
import { SnakeNamingStrategy } from "../../database/naming.js";
import type { Statement, Unit } from "../../database/tenancy.js";
import type { AppleRow, KeyRow } from "../../entities/apple/row.js";

/** A class of rows that Apple's answers become. */
export type RowClass<Row> = abstract new () => Row;

interface Column {
  readonly property: string;
  readonly name: string;
  readonly type: string;
  readonly isKey: boolean;
}

/** What an entity says of its table. */
interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
}

const tables = new Map<unknown, Table>();
const naming = new SnakeNamingStrategy();

function tableOf(entity: RowClass<unknown>): Table {
  const known = tables.get(entity);
  if (known !== undefined) return known;
  const storage = getMetadataArgsStorage();
  const lineage: unknown[] = [];
  for (let type: unknown = entity; typeof type === "function"; type = Object.getPrototypeOf(type)) lineage.push(type);
  const columns = storage.columns
    .filter(({ target }) => lineage.includes(target))
    .map(({ propertyName, options }): Column => ({
      property: propertyName,
      name: naming.columnName(propertyName, options.name),
      type: `${String(options.type)}${options.array === true ? "[]" : ""}`,
      isKey: options.primary === true,
    }));
  const table = { name: naming.tableName(entity.name, undefined), columns };
  tables.set(entity, table);
  return table;
}

/** Of whose rows. */
export interface KeyPlace {
  readonly rootId: string;
  readonly ownerId: string;
  readonly credentialId: string;
}

const statements = new Map<string, Statement>();

/** A statement, put together once. */
function prepared(name: string, make: () => string): Statement {
  const statement = statements.get(name) ?? { name, text: make() };
  statements.set(name, statement);
  return statement;
}

/** The rows of the lists of keys as they were. */
export async function listed<Row extends AppleRow>(
  unit: Unit,
  entity: RowClass<Row>,
  places: readonly KeyPlace[],
): Promise<Row[]> {
  if (places.length === 0) return [];
  const { name, columns } = tableOf(entity);
  const statement = prepared(
    `listed_${name}`,
    () =>
      `SELECT ${columns.map((column) => `${column.name} AS "${column.property}"`).join(", ")} FROM ${name}
       WHERE root_id = ANY ($1) AND credential_id = ANY ($2) AND position IS NOT NULL`,
  );
  return unit.rows<Row>(statement, [places.map((place) => place.rootId), places.map((place) => place.credentialId)]);
}

/** Rows that were written from here are Apple's list to change only when it has had time to show that. */
const BELIEVED = `("row".written_at IS NULL OR "row".written_at < `;

/** How rows are put: columns that stay as they are, and since when what was written here is not to be changed. */
interface Putting<Row> {
  readonly keep?: readonly (keyof Row & string)[];
  readonly writtenBefore?: Date;
}

/** Puts rows by their primary key, in one statement: new ones are inserted, and of those that there are the ones that differ are changed. */
export async function put<Row extends KeyRow>(
  unit: Unit,
  entity: RowClass<Row>,
  rows: readonly Row[],
  { keep = [], writtenBefore }: Putting<Row> = {},
): Promise<void> {
  if (rows.length === 0) return;
  const { name, columns } = tableOf(entity);
  const statement = prepared(`put_${name}_${keep.length}_${writtenBefore === undefined ? "all" : "believed"}`, () => {
    const names = columns.map((column) => column.name).join(", ");
    const changed = columns
      .filter(
        ({ isKey, property }) => !isKey && property !== "ownerId" && !(keep as readonly string[]).includes(property),
      )
      .map((column) => column.name);
    const list = (prefix: string): string => changed.map((column) => `${prefix}.${column}`).join(", ");
    return `INSERT INTO ${name} AS "row" (${names})
      SELECT ${names} FROM jsonb_to_recordset($1::jsonb) AS given (${columns.map((c) => `${c.name} ${c.type}`).join(", ")})
      ON CONFLICT (${columns.flatMap((column) => (column.isKey ? column.name : [])).join(", ")})
      DO UPDATE SET ${changed.map((column) => `${column} = excluded.${column}`).join(", ")}
      WHERE (${list('"row"')}) IS DISTINCT FROM (${list("excluded")})
        ${writtenBefore === undefined ? "" : `AND ${BELIEVED}$2::timestamptz)`}`;
  });
  const named = rows.map((row) =>
    Object.fromEntries(columns.map(({ name: column, property }) => [column, row[property as keyof Row] ?? null])),
  );
  await unit.rows(statement, [JSON.stringify(named), ...(writtenBefore === undefined ? [] : [writtenBefore])]);
}

/** Forgets rows of lists, unless they were written from here not long ago. */
export async function forget<Row extends AppleRow>(
  unit: Unit,
  entity: RowClass<Row>,
  rows: readonly AppleRow[],
  writtenBefore?: Date,
): Promise<void> {
  if (rows.length === 0) return;
  const { name } = tableOf(entity);
  const statement = prepared(
    `forget_${name}`,
    () =>
      `DELETE FROM ${name} AS "row" USING unnest($1::text[], $2::text[], $3::text[]) AS gone (root_id, credential_id, apple_id)
       WHERE "row".root_id = gone.root_id AND "row".credential_id = gone.credential_id AND "row".apple_id = gone.apple_id
       ${writtenBefore === undefined ? "" : `AND ${BELIEVED}$4::timestamptz)`}`,
  );
  await unit.rows(statement, [
    ...[rows.map((row) => row.rootId), rows.map((row) => row.credentialId), rows.map((row) => row.appleId)],
    ...(writtenBefore === undefined ? [] : [writtenBefore]),
  ]);
}

/** The position of a row that comes behind all that there are of a key's list. */
export async function nextPosition(
  unit: Unit,
  entity: RowClass<AppleRow>,
  { rootId, credentialId }: KeyPlace,
): Promise<number> {
  const { name } = tableOf(entity);
  const statement = prepared(
    `next_position_${name}`,
    () => `SELECT coalesce(max(position), -1) + 1 AS next FROM ${name} WHERE root_id = $1 AND credential_id = $2`,
  );
  const [row] = await unit.rows<{ next: number }>(statement, [rootId, credentialId]);
  return row?.next ?? 0;
}
