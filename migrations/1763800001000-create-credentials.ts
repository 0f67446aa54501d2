import type { MigrationInterface, QueryRunner } from "typeorm";

/** Keys, how they are shared, and the vault's wrapped data keys. */
export class CreateCredentials1763800001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE data_keys (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        wrapped bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT data_keys_organization FOREIGN KEY (root_id, root_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE
      );

      -- One row: proves at start that the key-encryption key is the one this database was sealed with.
      CREATE TABLE vault_sentinels (
        id boolean PRIMARY KEY DEFAULT true,
        label text NOT NULL,
        sealed bytea NOT NULL,
        CONSTRAINT vault_sentinels_one_row CHECK (id)
      );

      CREATE TABLE credentials (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        program text NOT NULL,
        key_type text NOT NULL,
        key_id text COLLATE "C" NOT NULL,
        issuer_id text COLLATE "C",
        fingerprint text COLLATE "C" NOT NULL,
        sealed_key bytea NOT NULL,
        key_version integer NOT NULL DEFAULT 1,
        health_status text NOT NULL DEFAULT 'UNVERIFIED',
        health_advice text,
        health_checked_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT credentials_owned_by UNIQUE (root_id, owner_id, id),
        CONSTRAINT credentials_owner FOREIGN KEY (root_id, owner_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT credentials_program CHECK (program IN ('APP_STORE', 'ENTERPRISE')),
        CONSTRAINT credentials_key_type CHECK (key_type IN ('TEAM', 'INDIVIDUAL')),
        CONSTRAINT credentials_issuer CHECK ((key_type = 'TEAM') = (issuer_id IS NOT NULL))
      );
      CREATE UNIQUE INDEX credential_key_id ON credentials (root_id, owner_id, program, key_id);

      -- Apart from the credential, since who uses a shared key may not write to the key.
      CREATE TABLE credential_uses (
        root_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        last_used_at timestamptz NOT NULL,
        PRIMARY KEY (root_id, credential_id),
        CONSTRAINT credential_uses_credential FOREIGN KEY (root_id, credential_id) REFERENCES credentials (root_id, id) ON DELETE CASCADE
      );

      CREATE TABLE shares (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        with_all boolean NOT NULL,
        uses text[] NOT NULL,
        bundle_identifiers text[] NOT NULL DEFAULT '{}',
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT shares_only_what_the_root_owns CHECK (owner_id = root_id),
        CONSTRAINT shares_credential FOREIGN KEY (root_id, owner_id, credential_id)
          REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE,
        CONSTRAINT shares_uses CHECK (cardinality(uses) > 0 AND uses <@ ARRAY['VIEW', 'SIGN', 'PUBLISH'])
      );
      CREATE UNIQUE INDEX share_of_credential ON shares (root_id, credential_id);

      CREATE TABLE share_targets (
        root_id text COLLATE "C" NOT NULL,
        share_id text COLLATE "C" NOT NULL,
        sub_organization_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (root_id, share_id, sub_organization_id),
        CONSTRAINT share_targets_share FOREIGN KEY (root_id, share_id) REFERENCES shares (root_id, id) ON DELETE CASCADE,
        CONSTRAINT share_targets_sub_organization FOREIGN KEY (root_id, sub_organization_id)
          REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT share_targets_are_below CHECK (sub_organization_id <> root_id)
      );
      CREATE INDEX share_targets_by_sub_organization ON share_targets (root_id, sub_organization_id, share_id);

      ALTER TABLE data_keys ENABLE ROW LEVEL SECURITY;
      ALTER TABLE data_keys FORCE ROW LEVEL SECURITY;
      CREATE POLICY data_keys_select ON data_keys FOR SELECT USING (root_id = ANY ((SELECT viewer_roots())::text[]));
      CREATE POLICY data_keys_insert ON data_keys FOR INSERT WITH CHECK (root_id = ANY ((SELECT viewer_roots())::text[]));

      ALTER TABLE share_targets ENABLE ROW LEVEL SECURITY;
      ALTER TABLE share_targets FORCE ROW LEVEL SECURITY;
      -- With whom else something is shared is the root's affair.
      CREATE POLICY share_targets_select ON share_targets FOR SELECT USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (root_id = ANY ((SELECT viewer_tenants())::text[]) OR sub_organization_id = ANY ((SELECT viewer_tenants())::text[])));
      CREATE POLICY share_targets_insert ON share_targets FOR INSERT WITH CHECK (viewer_stands_in(root_id, root_id));
      CREATE POLICY share_targets_delete ON share_targets FOR DELETE USING (viewer_stands_in(root_id, root_id));

      ALTER TABLE shares ENABLE ROW LEVEL SECURITY;
      ALTER TABLE shares FORCE ROW LEVEL SECURITY;
      CREATE POLICY shares_select ON shares FOR SELECT USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (root_id = ANY ((SELECT viewer_tenants())::text[])
          OR ((expires_at IS NULL OR expires_at > now())
            AND (with_all OR EXISTS (
              SELECT 1 FROM share_targets target
              WHERE target.root_id = shares.root_id AND target.share_id = shares.id
                AND target.sub_organization_id = ANY ((SELECT viewer_tenants())::text[]))))));
      CREATE POLICY shares_insert ON shares FOR INSERT WITH CHECK (viewer_stands_in(root_id, root_id));
      CREATE POLICY shares_update ON shares FOR UPDATE USING (viewer_stands_in(root_id, root_id));
      CREATE POLICY shares_delete ON shares FOR DELETE USING (viewer_stands_in(root_id, root_id));

      ALTER TABLE credentials ENABLE ROW LEVEL SECURITY;
      ALTER TABLE credentials FORCE ROW LEVEL SECURITY;
      -- Seen by the owner, and by whoever sees a share of it; written by the owner alone.
      CREATE POLICY credentials_select ON credentials FOR SELECT USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (root_id = ANY ((SELECT viewer_tenants())::text[])
          OR owner_id = ANY ((SELECT viewer_tenants())::text[])
          OR EXISTS (SELECT 1 FROM shares WHERE shares.root_id = credentials.root_id AND shares.credential_id = credentials.id)));
      CREATE POLICY credentials_insert ON credentials FOR INSERT WITH CHECK (viewer_stands_in(root_id, owner_id));
      CREATE POLICY credentials_update ON credentials FOR UPDATE USING (viewer_stands_in(root_id, owner_id));
      CREATE POLICY credentials_delete ON credentials FOR DELETE USING (viewer_stands_in(root_id, owner_id));

      ALTER TABLE credential_uses ENABLE ROW LEVEL SECURITY;
      ALTER TABLE credential_uses FORCE ROW LEVEL SECURITY;
      -- Whoever sees the credential sees, and says, when it was last used.
      CREATE POLICY credential_uses_all ON credential_uses USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND EXISTS (SELECT 1 FROM credentials c WHERE c.root_id = credential_uses.root_id AND c.id = credential_uses.credential_id));

      GRANT SELECT, INSERT ON data_keys TO countersign_app;
      GRANT SELECT, INSERT ON vault_sentinels TO countersign_app;
      GRANT SELECT, INSERT, DELETE ON credentials TO countersign_app;
      GRANT UPDATE (name, key_id, issuer_id, fingerprint, sealed_key, key_version, health_status, health_advice, health_checked_at, updated_at)
        ON credentials TO countersign_app;
      GRANT SELECT, INSERT, UPDATE (last_used_at) ON credential_uses TO countersign_app;
      GRANT SELECT, INSERT, DELETE, UPDATE (with_all, uses, bundle_identifiers, expires_at, updated_at) ON shares TO countersign_app;
      GRANT SELECT, INSERT, DELETE ON share_targets TO countersign_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE credential_uses, share_targets, shares, credentials, vault_sentinels, data_keys;`);
  }
}
