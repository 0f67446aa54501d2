import type { MigrationInterface, QueryRunner } from "typeorm";

/** Keys of the vault that can be replaced, and organizations that can be deleted: both by the owner of the tables alone. */
export class RotateKeys1764000005000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Row-level security binds the owner too, who would see no row to fill in.
      ALTER TABLE data_keys NO FORCE ROW LEVEL SECURITY;
      ALTER TABLE data_keys ADD COLUMN key_label text, ADD COLUMN is_current boolean NOT NULL DEFAULT true,
        ADD COLUMN retired_at timestamptz;
      -- So far all are wrapped by the key that made the sentinel.
      UPDATE data_keys SET key_label = (SELECT label FROM vault_sentinels);
      ALTER TABLE data_keys ALTER COLUMN key_label SET NOT NULL,
        ADD CONSTRAINT data_keys_current_or_retired CHECK (NOT is_current OR retired_at IS NULL);
      ALTER TABLE data_keys FORCE ROW LEVEL SECURITY;
      CREATE UNIQUE INDEX data_key_current ON data_keys (root_id) WHERE is_current;

      -- The key-encryption key that a rotation is under way to; and data keys made before a moment, which are being replaced.
      ALTER TABLE vault_sentinels ADD COLUMN next_label text, ADD COLUMN data_keys_since timestamptz;

      -- The data key that a sealed value says it was sealed with; null where it says none.
      CREATE FUNCTION data_key_of(sealed bytea) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT CASE WHEN octet_length(sealed) > 2 THEN encode(substring(sealed FROM 3 FOR get_byte(sealed, 1)), 'escape') END $$;

      -- Whether a command of the operator's asks, as the owner of the tables. The server never is.
      CREATE FUNCTION runs_as_owner() RETURNS boolean LANGUAGE sql STABLE
        AS $$ SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'public.tenants'::regclass $$;

      CREATE POLICY data_keys_owner ON data_keys USING ((SELECT runs_as_owner()));
      CREATE POLICY tenants_delete_organization ON tenants FOR DELETE USING (
        kind = 'ORGANIZATION' AND viewer_stands_in(root_id, root_id) AND (SELECT runs_as_owner()));

      -- What is left of an organization that was deleted: enough to tell that an export of its log is whole.
      CREATE TABLE deleted_organizations (
        id text COLLATE "C" PRIMARY KEY,
        name text NOT NULL,
        deleted_at timestamptz NOT NULL DEFAULT now(),
        log_entries bigint NOT NULL,
        log_hash text COLLATE "C" NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE deleted_organizations;
      DROP POLICY tenants_delete_organization ON tenants;
      DROP POLICY data_keys_owner ON data_keys;
      DROP FUNCTION runs_as_owner();
      DROP FUNCTION data_key_of(bytea);
      ALTER TABLE vault_sentinels DROP COLUMN next_label, DROP COLUMN data_keys_since;
      DROP INDEX data_key_current;
      ALTER TABLE data_keys DROP CONSTRAINT data_keys_current_or_retired,
        DROP COLUMN key_label, DROP COLUMN is_current, DROP COLUMN retired_at;
    `);
  }
}
