import { closeSync, openSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { query, type TestDatabase } from "./database.js";

/** What PostgreSQL has written into its own log. */
export interface DatabaseLog {
  /** Since it was begun to look. */
  written(): string;
}

/** Lets PostgreSQL log every statement on a database with its parameters. Null where its log cannot be read from here. */
export async function logEverything({ ownerUrl }: TestDatabase): Promise<DatabaseLog | null> {
  const name = new URL(ownerUrl).pathname.slice(1);
  const settings = ["log_statement = 'all'", "log_min_error_statement = 'error'", "log_error_verbosity = 'verbose'"];
  const parameters = ["log_parameter_max_length = -1", "log_parameter_max_length_on_error = -1"];
  await query(ownerUrl, ...[...settings, ...parameters].map((setting) => `ALTER DATABASE ${name} SET ${setting}`));
  const [row] = await query<{ dir: string; major: string }>(
    ownerUrl,
    "SELECT current_setting('data_directory') AS dir, current_setting('server_version_num')::int / 10000 AS major",
  );
  const { dir = "", major = "" } = row ?? {};
  const places = [dirname(dir), dirname(dirname(dir))].map((folder) => join(folder, "postgres.log"));
  for (const path of [`/var/log/postgresql/postgresql-${major}-main.log`, ...places]) {
    try {
      const from = statSync(path).size;
      closeSync(openSync(path, "r"));
      return { written: () => textFrom(path, from) };
    } catch {
      // Not there, or of another account.
    }
  }
  return null;
}

function textFrom(path: string, from: number): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(statSync(path).size - from);
    readSync(file, bytes, 0, bytes.length, from);
    return bytes.toString();
  } finally {
    closeSync(file);
  }
}
