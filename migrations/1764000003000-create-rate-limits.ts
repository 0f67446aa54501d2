import type { MigrationInterface, QueryRunner } from "typeorm";

/** How much each actor has asked in this minute. */
export class CreateRateLimits1764000003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The limiter's own table: ids of actors, and nothing that row-level security guards. After a crash it is empty.
      CREATE UNLOGGED TABLE rate_limits (key varchar(255) PRIMARY KEY, points integer NOT NULL DEFAULT 0, expire bigint);
      CREATE INDEX rate_limits_by_end ON rate_limits (expire);
      GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO countersign_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE rate_limits;`);
  }
}
