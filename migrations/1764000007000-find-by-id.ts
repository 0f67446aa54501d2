import type { MigrationInterface, QueryRunner } from "typeorm";

/** Whose rows are shared, and listed by their owners. */
const OF_OWNERS = ["credentials", "certificates", "provisioning_profiles"];

/**
 * Has what refers to a row find it by its id. Where organizations and owners have few rows on the whole, PostgreSQL takes any
 * index that begins with them for as good as that of the ids if it is no larger, keeps that plan, and goes through all
 * that there is of one who has thousands. So no index but that of the ids begins so, or is as small.
 */
export class FindById1764000007000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX credential_key_id, certificate_identity, certificates_by_sha1;
      DROP INDEX provisioning_profile_identity, provisioning_profiles_by_uuid;
      CREATE UNIQUE INDEX credential_key_id ON credentials (key_id, root_id, program, owner_id);
      CREATE UNIQUE INDEX certificate_identity ON certificates (sha1, root_id, owner_id);
      CREATE UNIQUE INDEX provisioning_profile_identity ON provisioning_profiles (uuid, root_id, owner_id);

      DROP INDEX apple_provisioning_profiles_in_order, apple_provisioning_profiles_by_bundle_id;
      CREATE INDEX apple_provisioning_profiles_in_order
        ON apple_provisioning_profiles (root_id, credential_id, position, apple_id);
      CREATE INDEX apple_provisioning_profiles_by_bundle_id
        ON apple_provisioning_profiles (root_id, credential_id, bundle_id, apple_id);
    `);
    // Row-level security names the organization again, in every statement, which PostgreSQL takes for one more thing that few
    // rows fit. It is told that an organization has a hundred thousand, so that it never goes through all of them for a few.
    for (const table of OF_OWNERS)
      await runner.query(`ALTER TABLE ${table} ALTER COLUMN root_id SET (n_distinct = -0.00001); ANALYZE ${table}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of OF_OWNERS) await runner.query(`ALTER TABLE ${table} ALTER COLUMN root_id RESET (n_distinct)`);
    await runner.query(`
      DROP INDEX credential_key_id, certificate_identity, provisioning_profile_identity;
      CREATE UNIQUE INDEX credential_key_id ON credentials (root_id, owner_id, program, key_id);
      CREATE UNIQUE INDEX certificate_identity ON certificates (root_id, owner_id, sha1);
      CREATE INDEX certificates_by_sha1 ON certificates (root_id, sha1);
      CREATE UNIQUE INDEX provisioning_profile_identity ON provisioning_profiles (root_id, owner_id, uuid);
      CREATE INDEX provisioning_profiles_by_uuid ON provisioning_profiles (root_id, uuid);

      DROP INDEX apple_provisioning_profiles_in_order, apple_provisioning_profiles_by_bundle_id;
      CREATE INDEX apple_provisioning_profiles_in_order ON apple_provisioning_profiles (root_id, credential_id, position);
      CREATE INDEX apple_provisioning_profiles_by_bundle_id
        ON apple_provisioning_profiles (root_id, credential_id, bundle_id);
    `);
  }
}
