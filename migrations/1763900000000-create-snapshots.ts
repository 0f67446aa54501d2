import type { MigrationInterface, QueryRunner } from "typeorm";

/** What Apple said is kept: the lists of each key in normal form, its budget, who spent it, and what changed. */
export class CreateSnapshots1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Whether an identifier is within the patterns of a share: * at the end is a wildcard, no pattern allows any.
      CREATE FUNCTION is_within(identifier text, patterns text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT patterns = '{}' OR EXISTS (SELECT 1 FROM unnest(patterns) AS pattern WHERE
          CASE WHEN right(pattern, 1) = '*' THEN starts_with(identifier, left(pattern, -1)) ELSE identifier = pattern END) $$;

      -- One list of one key: when Apple was asked for what is kept of it, and how the last attempt ended.
      CREATE TABLE apple_snapshots (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        list text NOT NULL,
        as_of timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        attempted_at timestamptz,
        problem_code text,
        problem_message text,
        wanted_at timestamptz,
        PRIMARY KEY (root_id, credential_id, list),
        CONSTRAINT apple_snapshots_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE,
        CONSTRAINT apple_snapshots_list CHECK (list IN ('CERTIFICATES', 'PROFILES', 'BUNDLE_IDS', 'DEVICES')),
        CONSTRAINT apple_snapshots_problem CHECK ((problem_code IS NULL) = (problem_message IS NULL))
      );

      -- A row without a position is in no list that was fetched: it is known because a profile holds it.
      CREATE TABLE apple_certificates (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        apple_id text COLLATE "C" NOT NULL,
        position integer,
        name text NOT NULL,
        type text NOT NULL,
        apple_type text NOT NULL,
        serial_number text COLLATE "C" NOT NULL,
        expires_at timestamptz,
        PRIMARY KEY (root_id, credential_id, apple_id),
        CONSTRAINT apple_certificates_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE
      );
      CREATE INDEX apple_certificates_in_order ON apple_certificates (root_id, credential_id, position);

      CREATE TABLE apple_bundle_ids (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        apple_id text COLLATE "C" NOT NULL,
        position integer,
        identifier text COLLATE "C" NOT NULL,
        name text NOT NULL,
        platform text NOT NULL,
        capabilities text[] NOT NULL DEFAULT '{}',
        written_at timestamptz,
        PRIMARY KEY (root_id, credential_id, apple_id),
        CONSTRAINT apple_bundle_ids_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE
      );
      CREATE INDEX apple_bundle_ids_in_order ON apple_bundle_ids (root_id, credential_id, position);

      CREATE TABLE apple_devices (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        apple_id text COLLATE "C" NOT NULL,
        position integer,
        name text NOT NULL,
        udid text COLLATE "C" NOT NULL,
        model text,
        device_class text NOT NULL,
        platform text NOT NULL,
        status text NOT NULL,
        added_at timestamptz,
        written_at timestamptz,
        PRIMARY KEY (root_id, credential_id, apple_id),
        CONSTRAINT apple_devices_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE
      );
      CREATE INDEX apple_devices_in_order ON apple_devices (root_id, credential_id, position);

      CREATE TABLE apple_provisioning_profiles (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        apple_id text COLLATE "C" NOT NULL,
        position integer,
        name text NOT NULL,
        uuid text NOT NULL,
        type text NOT NULL,
        apple_type text NOT NULL,
        apple_state text NOT NULL,
        expires_at timestamptz,
        bundle_id text COLLATE "C",
        PRIMARY KEY (root_id, credential_id, apple_id),
        CONSTRAINT apple_provisioning_profiles_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE
      );
      CREATE INDEX apple_provisioning_profiles_in_order ON apple_provisioning_profiles (root_id, credential_id, position);
      CREATE INDEX apple_provisioning_profiles_by_bundle_id ON apple_provisioning_profiles (root_id, credential_id, bundle_id);

      -- What a profile holds. The place is Apple's order.
      CREATE TABLE apple_profile_certificates (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        profile_id text COLLATE "C" NOT NULL,
        certificate_id text COLLATE "C" NOT NULL,
        place integer NOT NULL,
        PRIMARY KEY (root_id, credential_id, profile_id, certificate_id),
        CONSTRAINT apple_profile_certificates_profile FOREIGN KEY (root_id, credential_id, profile_id)
          REFERENCES apple_provisioning_profiles (root_id, credential_id, apple_id) ON DELETE CASCADE
      );
      CREATE INDEX apple_profile_certificates_by_certificate ON apple_profile_certificates (root_id, credential_id, certificate_id);

      CREATE TABLE apple_profile_devices (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        profile_id text COLLATE "C" NOT NULL,
        device_id text COLLATE "C" NOT NULL,
        place integer NOT NULL,
        PRIMARY KEY (root_id, credential_id, profile_id, device_id),
        CONSTRAINT apple_profile_devices_profile FOREIGN KEY (root_id, credential_id, profile_id)
          REFERENCES apple_provisioning_profiles (root_id, credential_id, apple_id) ON DELETE CASCADE
      );
      CREATE INDEX apple_profile_devices_by_device ON apple_profile_devices (root_id, credential_id, device_id);

      -- A key's budget as Apple last reported it to any process, and until when the key has to wait after a 429.
      CREATE TABLE apple_budgets (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        limit_per_hour integer,
        remaining integer,
        limit_per_minute integer,
        remaining_in_minute integer,
        as_of timestamptz,
        blocked_until timestamptz,
        refusals integer NOT NULL DEFAULT 0,
        PRIMARY KEY (root_id, credential_id),
        CONSTRAINT apple_budgets_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE
      );

      -- How often Apple was asked with a key for a tenant, by slots of time: what a fair share is reckoned by.
      CREATE TABLE apple_calls (
        root_id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        tenant_id text COLLATE "C" NOT NULL,
        slot timestamptz NOT NULL,
        calls integer NOT NULL,
        PRIMARY KEY (root_id, credential_id, tenant_id, slot),
        CONSTRAINT apple_calls_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE,
        CONSTRAINT apple_calls_tenant FOREIGN KEY (root_id, tenant_id) REFERENCES tenants (root_id, id) ON DELETE CASCADE
      );

      CREATE TABLE drift_events (
        root_id text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        owner_id text COLLATE "C" NOT NULL,
        credential_id text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        apple_id text COLLATE "C" NOT NULL,
        label text NOT NULL,
        bundle_identifier text COLLATE "C",
        at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (root_id, id),
        CONSTRAINT drift_events_credential FOREIGN KEY (root_id, owner_id, credential_id) REFERENCES credentials (root_id, owner_id, id) ON DELETE CASCADE
      );
      CREATE INDEX drift_events_by_credential ON drift_events (root_id, credential_id, id DESC);
    `);
    for (const table of SEEN_WITH_THE_KEY) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
        -- Whoever sees the key sees what Apple said of it. Only where its owner stands is it written.
        CREATE POLICY ${table}_select ON ${table} FOR SELECT USING (
          root_id = ANY ((SELECT viewer_roots())::text[])
          AND (root_id = ANY ((SELECT viewer_tenants())::text[])
            OR owner_id = ANY ((SELECT viewer_tenants())::text[])
            OR EXISTS (SELECT 1 FROM shares WHERE shares.root_id = ${table}.root_id AND shares.credential_id = ${table}.credential_id)));
        CREATE POLICY ${table}_insert ON ${table} FOR INSERT WITH CHECK (viewer_stands_in(root_id, owner_id));
        CREATE POLICY ${table}_update ON ${table} FOR UPDATE USING (viewer_stands_in(root_id, owner_id));
        CREATE POLICY ${table}_delete ON ${table} FOR DELETE USING (viewer_stands_in(root_id, owner_id));
        GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO countersign_app;
      `);
    }
    await runner.query(`
      ALTER TABLE apple_calls ENABLE ROW LEVEL SECURITY;
      ALTER TABLE apple_calls FORCE ROW LEVEL SECURITY;
      -- Who else uses a key is its owner's affair.
      CREATE POLICY apple_calls_all ON apple_calls USING (viewer_stands_in(root_id, owner_id));
      GRANT SELECT, INSERT, UPDATE (calls), DELETE ON apple_calls TO countersign_app;

      -- A command of whoever runs the server sees which organizations there are, and nothing of theirs.
      CREATE POLICY tenants_select_operator ON tenants FOR SELECT USING (
        id = root_id AND (SELECT current_setting('countersign.operator', true)) = 'on');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP POLICY tenants_select_operator ON tenants;
      DROP TABLE drift_events, apple_calls, apple_budgets, apple_profile_devices, apple_profile_certificates,
        apple_provisioning_profiles, apple_devices, apple_bundle_ids, apple_certificates, apple_snapshots;
      DROP FUNCTION is_within(text, text[]);
    `);
  }
}

const SEEN_WITH_THE_KEY = [
  "apple_snapshots",
  "apple_certificates",
  "apple_bundle_ids",
  "apple_devices",
  "apple_provisioning_profiles",
  "apple_profile_certificates",
  "apple_profile_devices",
  "apple_budgets",
  "drift_events",
];
