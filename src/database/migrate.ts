import { escapeIdentifier, escapeLiteral } from "pg";
import { MigrationExecutor, type DataSource } from "typeorm";
import { makeOwnerDataSource } from "./data-source.js";
import { installQueue } from "./queue.js";

/** Taken while migrating, so that replicas that start together migrate once. Any constant of the project's own. */
const MIGRATION_LOCK = 7_265_401;

/** A database that the server must not run on, with what to do about it. */
export class UnfitDatabase extends Error {
  override readonly name = "UnfitDatabase";
}

/**
 * Brings the schema up to date as the owner, and makes the server's role where it is missing.
 * Replicas that start together wait for one another. What migrates is the session that holds the lock: where its process
 * dies, the next comes to it only when PostgreSQL has undone what that session had begun.
 */
export async function migrate(ownerUrl: string, serverUrl: string): Promise<void> {
  const owner = makeOwnerDataSource(ownerUrl);
  await owner.initialize();
  try {
    const lock = owner.createQueryRunner();
    await lock.connect();
    try {
      await lock.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
      await new MigrationExecutor(owner, lock).executePendingMigrations();
      await installQueue(ownerUrl);
      await makeServerRole(owner, new URL(serverUrl));
    } finally {
      await lock.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]).catch(() => undefined);
      await lock.release();
    }
  } finally {
    await owner.destroy();
  }
}

async function makeServerRole(owner: DataSource, server: URL): Promise<void> {
  const role = decodeURIComponent(server.username);
  const password = decodeURIComponent(server.password);
  const owners: unknown[] = await owner.query("SELECT 1 WHERE current_user = $1", [role]);
  if (owners.length > 0) {
    throw new UnfitDatabase(
      "DATABASE_URL and DATABASE_OWNER_URL name the same role: the server's role must own nothing",
    );
  }
  // Another database of the same PostgreSQL server may make the same role at this moment.
  await owner.query(`DO $do$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ${escapeLiteral(role)}) THEN
      CREATE ROLE ${escapeIdentifier(role)} LOGIN PASSWORD ${escapeLiteral(password)};
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END $do$`);
  await owner.query(`DO $do$ BEGIN
    IF NOT pg_has_role(${escapeLiteral(role)}, 'countersign_app', 'MEMBER') THEN
      GRANT countersign_app TO ${escapeIdentifier(role)};
    END IF;
  EXCEPTION WHEN unique_violation THEN NULL;
  END $do$`);
  await owner.query(`GRANT SELECT ON migrations TO ${escapeIdentifier(role)}`);
}

/** Refuses a database whose schema is not up to date, and a role that row-level security does not bind. */
export async function checkServerRole(server: DataSource): Promise<void> {
  if (await server.showMigrations().catch(() => true)) {
    throw new UnfitDatabase(
      "The database is not migrated: set DATABASE_OWNER_URL, or run `countersign migrate` with it, and start again",
    );
  }
  const [role] = await server.query<{ bypasses: boolean; owns: boolean }[]>(`
    SELECT bool_or(r.rolsuper OR r.rolbypassrls) AS bypasses,
           (SELECT bool_or(pg_has_role(current_user, c.relowner, 'USAGE')) FROM pg_class c WHERE c.oid = 'tenants'::regclass) AS owns
    FROM pg_roles r WHERE pg_has_role(current_user, r.oid, 'USAGE')`);
  if (role?.bypasses !== false || role.owns) {
    throw new UnfitDatabase(
      "DATABASE_URL names a role that row-level security does not bind (superuser, BYPASSRLS or owner of the tables): name another role there; with DATABASE_OWNER_URL set it is made where it is missing",
    );
  }
}
