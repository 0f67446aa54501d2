import type { MigrationInterface, QueryRunner } from "typeorm";

/** What is seen through a share, with the column that is the subject of the share. */
const SHARED = [
  ["credentials", "id"],
  ["certificates", "id"],
  ["provisioning_profiles", "id"],
  ["apple_snapshots", "credential_id"],
  ["apple_budgets", "credential_id"],
  ["apple_certificates", "credential_id"],
  ["apple_bundle_ids", "credential_id"],
  ["apple_devices", "credential_id"],
  ["apple_provisioning_profiles", "credential_id"],
  ["apple_profile_certificates", "credential_id"],
  ["apple_profile_devices", "credential_id"],
  ["drift_events", "credential_id"],
] as const;

/** The column of `shares` that names a subject. */
const SUBJECT: Partial<Record<string, string>> = {
  certificates: "certificate_id",
  provisioning_profiles: "provisioning_profile_id",
};

/**
 * The policies that let rows be seen, with what few rows need asked in functions: as subqueries they came with the
 * policies of what they read, and their plans, with over a hundred nodes, took longer to start than to run.
 */
export class LightenPolicies1764000004000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Whether a share names one of the viewer's tenants.
      CREATE FUNCTION viewer_is_named_by(root text, share text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
      BEGIN
        RETURN EXISTS (SELECT 1 FROM share_targets
          WHERE root_id = root AND share_id = share AND sub_organization_id = ANY (viewer_tenants()));
      END $$;

      -- Whether the viewer sees a share of a key, a certificate or a profile: its policy says which.
      CREATE FUNCTION viewer_sees_share_of(root text, subject text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
      BEGIN
        RETURN EXISTS (SELECT 1 FROM shares
          WHERE root_id = root AND (credential_id = subject OR certificate_id = subject OR provisioning_profile_id = subject));
      END $$;

      -- Whether a key, a certificate or a profile is shared, as far as the viewer sees: by a share that is not over.
      CREATE FUNCTION is_shared(root text, subject text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
      BEGIN
        RETURN EXISTS (SELECT 1 FROM shares
          WHERE root_id = root AND (credential_id = subject OR certificate_id = subject OR provisioning_profile_id = subject)
            AND (expires_at IS NULL OR expires_at > now()));
      END $$;

      -- Whether it is shared with one of some tenants, for a use; null: for any. With all reaches tenants of its own root alone.
      CREATE FUNCTION is_shared_with(root text, subject text, names text[], use text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
      BEGIN
        RETURN EXISTS (SELECT 1 FROM shares s
          WHERE s.root_id = root AND (s.credential_id = subject OR s.certificate_id = subject OR s.provisioning_profile_id = subject)
            AND (s.expires_at IS NULL OR s.expires_at > now()) AND (use IS NULL OR use = ANY (s.uses))
            AND CASE WHEN s.with_all
              THEN EXISTS (SELECT 1 FROM tenants t WHERE t.root_id = root AND t.id = ANY (names))
              ELSE EXISTS (SELECT 1 FROM share_targets r
                WHERE r.root_id = root AND r.share_id = s.id AND r.sub_organization_id = ANY (names)) END);
      END $$;

      ALTER POLICY shares_select ON shares USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (root_id = ANY ((SELECT viewer_tenants())::text[])
          OR ((expires_at IS NULL OR expires_at > now()) AND (with_all OR viewer_is_named_by(root_id, id)))));

      ALTER POLICY audit_events_select ON audit_events USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (root_id = ANY ((SELECT viewer_tenants())::text[]) OR tenant_id = ANY ((SELECT viewer_tenants())::text[])));
    `);
    for (const [table, subject] of SHARED) {
      await runner.query(`
        ALTER POLICY ${table}_select ON ${table} USING (
          root_id = ANY ((SELECT viewer_roots())::text[])
          AND (root_id = ANY ((SELECT viewer_tenants())::text[])
            OR owner_id = ANY ((SELECT viewer_tenants())::text[])
            OR viewer_sees_share_of(root_id, ${subject})));
      `);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [table, subject] of SHARED) {
      await runner.query(`
        ALTER POLICY ${table}_select ON ${table} USING (
          root_id = ANY ((SELECT viewer_roots())::text[])
          AND (root_id = ANY ((SELECT viewer_tenants())::text[])
            OR owner_id = ANY ((SELECT viewer_tenants())::text[])
            OR EXISTS (SELECT 1 FROM shares WHERE shares.root_id = ${table}.root_id
              AND shares.${SUBJECT[table] ?? "credential_id"} = ${table}.${subject})));
      `);
    }
    await runner.query(`
      ALTER POLICY audit_events_select ON audit_events USING (viewer_stands_in(root_id, tenant_id));
      ALTER POLICY shares_select ON shares USING (
        root_id = ANY ((SELECT viewer_roots())::text[])
        AND (root_id = ANY ((SELECT viewer_tenants())::text[])
          OR ((expires_at IS NULL OR expires_at > now())
            AND (with_all OR EXISTS (
              SELECT 1 FROM share_targets target
              WHERE target.root_id = shares.root_id AND target.share_id = shares.id
                AND target.sub_organization_id = ANY ((SELECT viewer_tenants())::text[]))))));
      DROP FUNCTION is_shared_with(text, text, text[], text);
      DROP FUNCTION is_shared(text, text);
      DROP FUNCTION viewer_sees_share_of(text, text);
      DROP FUNCTION viewer_is_named_by(text, text);
    `);
  }
}
