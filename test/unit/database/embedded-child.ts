import { startEmbeddedPostgres } from "../../../src/database/embedded/postgres.js";

/** What the child tells its parent, once: how the start went. */
export type ChildAnswer = { ownerUrl: string; startedHere: boolean } | { error: string };

// Run by fork(): starts with the options of its argument, stops when it is told anything.
const tell = (answer: ChildAnswer): void => void process.send?.(answer);
try {
  const options = JSON.parse(process.argv[2] ?? "{}") as Parameters<typeof startEmbeddedPostgres>[0];
  const database = await startEmbeddedPostgres(options);
  process.once("message", () => {
    void database.stop().then(() => {
      process.disconnect();
    });
  });
  tell(database);
} catch (error) {
  tell({ error: String(error) });
  process.disconnect();
}
