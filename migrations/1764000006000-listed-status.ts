import type { MigrationInterface, QueryRunner } from "typeorm";

/** What the list of devices last said of a device, apart from what came along with a profile. */
export class ListedStatus1764000006000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE apple_devices ADD COLUMN listed_status text;
      -- Row-level security binds the owner too, who would see no row to fill in.
      ALTER TABLE apple_devices NO FORCE ROW LEVEL SECURITY;
      UPDATE apple_devices SET listed_status = status WHERE position IS NOT NULL;
      ALTER TABLE apple_devices FORCE ROW LEVEL SECURITY;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query("ALTER TABLE apple_devices DROP COLUMN listed_status");
  }
}
