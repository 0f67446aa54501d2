import type { Config } from "../config.js";
import { migrate as migrateDatabase, UnfitDatabase } from "../database/migrate.js";
import { openDatabase } from "../platform.js";

/** Brings the schema up to date and makes the server's role, without serving. */
export async function migrate(config: Config): Promise<void> {
  const database = await openDatabase(config, (line) => {
    console.error(line);
  });
  try {
    if (database.ownerUrl === null)
      throw new UnfitDatabase("DATABASE_OWNER_URL is missing: migrations run as the owner");
    await migrateDatabase(database.ownerUrl, database.serverUrl);
    console.log("The database is up to date.");
  } finally {
    await database.stop();
  }
}
