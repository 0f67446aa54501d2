import type { MigrationInterface, QueryRunner } from "typeorm";

/** What tenants keep to sign with, what is being made at Apple, and what was asked once. */
export class CreateSigning1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE certificates (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        type text NOT NULL,
        apple_type text NOT NULL,
        serial_number text COLLATE "C" NOT NULL,
        sha1 text COLLATE "C" NOT NULL,
        public_key_sha256 text COLLATE "C" NOT NULL,
        team_id text COLLATE "C",
        common_name text NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        source text NOT NULL,
        credential_id text COLLATE "C",
        apple_id text COLLATE "C",
        content bytea NOT NULL,
        sealed_key bytea,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT certificates_owned_by UNIQUE (root_id, owner_id, id),
        CONSTRAINT certificates_owner FOREIGN KEY (root_id, owner_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        -- Kept when the key it was made through is gone.
        CONSTRAINT certificates_credential FOREIGN KEY (root_id, credential_id) REFERENCES credentials (root_id, id)
          ON DELETE SET NULL (credential_id),
        CONSTRAINT certificates_source CHECK (source IN ('CREATED', 'SIGNING_REQUEST', 'UPLOADED'))
      );
      CREATE UNIQUE INDEX certificate_identity ON certificates (root_id, owner_id, sha1);
      CREATE INDEX certificates_by_sha1 ON certificates (root_id, sha1);
      CREATE INDEX certificates_by_serial_number ON certificates (root_id, serial_number);
      CREATE INDEX certificates_by_credential ON certificates (root_id, credential_id);
      CREATE INDEX certificates_by_expiry ON certificates (root_id, expires_at, id) WHERE revoked_at IS NULL;

      CREATE TABLE signing_requests (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        common_name text NOT NULL,
        email text NOT NULL,
        country text NOT NULL,
        csr_pem text NOT NULL,
        public_key_sha256 text COLLATE "C" NOT NULL,
        sealed_key bytea NOT NULL,
        certificate_id text COLLATE "C",
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT signing_requests_owner FOREIGN KEY (root_id, owner_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT signing_requests_certificate FOREIGN KEY (root_id, certificate_id) REFERENCES certificates (root_id, id)
          ON DELETE SET NULL (certificate_id)
      );
      CREATE INDEX signing_requests_by_owner ON signing_requests (root_id, owner_id, id);
      CREATE INDEX signing_requests_by_certificate ON signing_requests (root_id, certificate_id) WHERE certificate_id IS NOT NULL;

      CREATE TABLE provisioning_profiles (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        name text NOT NULL,
        uuid text COLLATE "C" NOT NULL,
        type text NOT NULL,
        apple_type text NOT NULL,
        invalid_since timestamptz,
        expires_at timestamptz NOT NULL,
        platforms text[] NOT NULL,
        team_id text COLLATE "C" NOT NULL,
        team_name text,
        bundle_identifier text COLLATE "C" NOT NULL,
        entitlements text NOT NULL,
        device_udids text[] NOT NULL,
        certificate_sha1s text[] COLLATE "C" NOT NULL,
        source text NOT NULL,
        credential_id text COLLATE "C",
        apple_id text COLLATE "C",
        content bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT provisioning_profiles_owned_by UNIQUE (root_id, owner_id, id),
        CONSTRAINT provisioning_profiles_owner FOREIGN KEY (root_id, owner_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT provisioning_profiles_credential FOREIGN KEY (root_id, credential_id) REFERENCES credentials (root_id, id)
          ON DELETE SET NULL (credential_id),
        CONSTRAINT provisioning_profiles_source CHECK (source IN ('CREATED', 'FETCHED', 'UPLOADED'))
      );
      CREATE UNIQUE INDEX provisioning_profile_identity ON provisioning_profiles (root_id, owner_id, uuid);
      CREATE INDEX provisioning_profiles_by_uuid ON provisioning_profiles (root_id, uuid);
      CREATE INDEX provisioning_profiles_by_credential ON provisioning_profiles (root_id, credential_id, apple_id);
      CREATE INDEX provisioning_profiles_by_expiry ON provisioning_profiles (root_id, expires_at, id);

      -- What was made from here, and Apple's lists may not show yet.
      ALTER TABLE apple_certificates ADD COLUMN written_at timestamptz;
      ALTER TABLE apple_provisioning_profiles ADD COLUMN written_at timestamptz;

      CREATE INDEX access_tokens_by_expiry ON access_tokens (root_id, expires_at, id);

      -- Something that is to be made at Apple: written before the first byte goes out, so that it is never lost.
      CREATE TABLE signing_intents (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        state text NOT NULL,
        wanted jsonb NOT NULL,
        actor jsonb NOT NULL,
        public_key_sha256 text COLLATE "C",
        sealed_key bytea,
        idempotency_key text COLLATE "C",
        subject_id text COLLATE "C",
        problem_code text,
        problem_message text,
        created_at timestamptz NOT NULL DEFAULT now(),
        sent_at timestamptz,
        next_look_at timestamptz NOT NULL DEFAULT now(),
        looks integer NOT NULL DEFAULT 0,
        PRIMARY KEY (root_id, id),
        CONSTRAINT signing_intents_owner FOREIGN KEY (root_id, owner_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE,
        CONSTRAINT signing_intents_credential FOREIGN KEY (root_id, credential_id) REFERENCES credentials (root_id, id) ON DELETE CASCADE,
        CONSTRAINT signing_intents_kind CHECK (kind IN ('CERTIFICATE', 'PROFILE')),
        CONSTRAINT signing_intents_state CHECK (state IN ('INTENT', 'SENT', 'LOST', 'DONE', 'FAILED')),
        CONSTRAINT signing_intents_key CHECK ((kind = 'CERTIFICATE') = (public_key_sha256 IS NOT NULL)),
        CONSTRAINT signing_intents_done CHECK ((state = 'DONE') = (subject_id IS NOT NULL))
      );
      CREATE INDEX signing_intents_open ON signing_intents (next_look_at) WHERE state IN ('INTENT', 'SENT', 'LOST');
      CREATE INDEX signing_intents_by_credential ON signing_intents (root_id, credential_id);
      CREATE INDEX signing_intents_by_public_key ON signing_intents (root_id, public_key_sha256) WHERE public_key_sha256 IS NOT NULL;
      CREATE INDEX signing_intents_by_idempotency_key ON signing_intents (root_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

      -- What a mutation with an idempotency key came to.
      CREATE TABLE idempotent_requests (
        root_id text COLLATE "C" NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        actor_id text COLLATE "C" NOT NULL,
        operation text NOT NULL,
        key text COLLATE "C" NOT NULL,
        input_hash text NOT NULL,
        outcome jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, tenant_id, actor_id, operation, key),
        CONSTRAINT idempotent_requests_tenant FOREIGN KEY (root_id, tenant_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE
      );
      CREATE INDEX idempotent_requests_by_age ON idempotent_requests (root_id, created_at);

      -- A share is of one thing: a key, a certificate or a profile.
      ALTER TABLE shares ALTER COLUMN credential_id DROP NOT NULL;
      ALTER TABLE shares ADD COLUMN certificate_id text COLLATE "C", ADD COLUMN provisioning_profile_id text COLLATE "C",
        ADD CONSTRAINT shares_one_subject CHECK (num_nonnulls(credential_id, certificate_id, provisioning_profile_id) = 1),
        ADD CONSTRAINT shares_certificate FOREIGN KEY (root_id, owner_id, certificate_id)
          REFERENCES certificates (root_id, owner_id, id) ON DELETE CASCADE,
        ADD CONSTRAINT shares_provisioning_profile FOREIGN KEY (root_id, owner_id, provisioning_profile_id)
          REFERENCES provisioning_profiles (root_id, owner_id, id) ON DELETE CASCADE;
      CREATE UNIQUE INDEX share_of_certificate ON shares (root_id, certificate_id);
      CREATE UNIQUE INDEX share_of_provisioning_profile ON shares (root_id, provisioning_profile_id);
    `);
    for (const [table, subject] of SHAREABLE) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
        -- Seen by the owner, and by whoever sees a share of it; written by the owner alone.
        CREATE POLICY ${table}_select ON ${table} FOR SELECT USING (
          root_id = ANY ((SELECT viewer_roots())::text[])
          AND (root_id = ANY ((SELECT viewer_tenants())::text[])
            OR owner_id = ANY ((SELECT viewer_tenants())::text[])
            OR EXISTS (SELECT 1 FROM shares WHERE shares.root_id = ${table}.root_id AND shares.${subject} = ${table}.id)));
        CREATE POLICY ${table}_insert ON ${table} FOR INSERT WITH CHECK (viewer_stands_in(root_id, owner_id));
        CREATE POLICY ${table}_update ON ${table} FOR UPDATE USING (viewer_stands_in(root_id, owner_id));
        CREATE POLICY ${table}_delete ON ${table} FOR DELETE USING (viewer_stands_in(root_id, owner_id));
      `);
    }
    for (const [table, owner] of PRIVATE) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY ${table}_select ON ${table} FOR SELECT USING (viewer_stands_in(root_id, ${owner}));
        CREATE POLICY ${table}_insert ON ${table} FOR INSERT WITH CHECK (viewer_stands_in(root_id, ${owner}));
        CREATE POLICY ${table}_update ON ${table} FOR UPDATE USING (viewer_stands_in(root_id, ${owner}));
        CREATE POLICY ${table}_delete ON ${table} FOR DELETE USING (viewer_stands_in(root_id, ${owner}));
      `);
    }
    await runner.query(`
      -- A process that looks for what others left unfinished sees that, wherever it belongs, and nothing else.
      CREATE POLICY signing_intents_select_operator ON signing_intents FOR SELECT USING (
        state IN ('INTENT', 'SENT', 'LOST') AND (SELECT current_setting('countersign.operator', true)) = 'on');

      GRANT SELECT, INSERT, DELETE ON certificates, provisioning_profiles, signing_requests TO countersign_app;
      GRANT UPDATE (name, revoked_at) ON certificates TO countersign_app;
      -- A renewed profile is another file behind the same id: shares and links stay.
      GRANT UPDATE (name, uuid, invalid_since, expires_at, platforms, team_id, team_name, entitlements, device_udids,
        certificate_sha1s, credential_id, apple_id, content) ON provisioning_profiles TO countersign_app;
      GRANT UPDATE (certificate_id) ON signing_requests TO countersign_app;
      GRANT SELECT, INSERT, DELETE ON signing_intents TO countersign_app;
      GRANT UPDATE (state, subject_id, problem_code, problem_message, sent_at, next_look_at, looks) ON signing_intents TO countersign_app;
      GRANT SELECT, INSERT, DELETE, UPDATE (outcome, input_hash, created_at) ON idempotent_requests TO countersign_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Row-level security binds the owner too, who would see none of them.
      ALTER TABLE shares NO FORCE ROW LEVEL SECURITY;
      DELETE FROM shares WHERE credential_id IS NULL;
      ALTER TABLE shares FORCE ROW LEVEL SECURITY;
      ALTER TABLE shares DROP CONSTRAINT shares_certificate, DROP CONSTRAINT shares_provisioning_profile;
      DROP INDEX access_tokens_by_expiry;
      ALTER TABLE apple_certificates DROP COLUMN written_at;
      ALTER TABLE apple_provisioning_profiles DROP COLUMN written_at;
      DROP TABLE idempotent_requests, signing_intents, signing_requests, provisioning_profiles, certificates;
      ALTER TABLE shares DROP COLUMN certificate_id, DROP COLUMN provisioning_profile_id;
      ALTER TABLE shares ALTER COLUMN credential_id SET NOT NULL;
    `);
  }
}

const SHAREABLE = [
  ["certificates", "certificate_id"],
  ["provisioning_profiles", "provisioning_profile_id"],
] as const;

const PRIVATE = [
  ["signing_requests", "owner_id"],
  ["signing_intents", "owner_id"],
  ["idempotent_requests", "tenant_id"],
] as const;
