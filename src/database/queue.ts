import PgBoss from "pg-boss";
import pg from "pg";
import { CONNECTION_LIMITS } from "./availability.js";

/** The schema of the job library's own tables. They hold ids alone, and nothing that row-level security guards. */
export const QUEUE_SCHEMA = "countersign_jobs";
/** The queue of keys whose lists are kept fresh. */
export const SYNC_QUEUE = "sync";
/** A job that takes longer was taken by a process that died: another takes it. */
const SYNC_EXPIRES_SECONDS = 120;

/** Makes the job library's tables and the queues, as the owner, and lets the server's role use them. Done twice it changes nothing. */
export async function installQueue(ownerUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...CONNECTION_LIMITS,
    connectionString: ownerUrl,
    schema: QUEUE_SCHEMA,
    max: 1,
    supervise: false,
    schedule: false,
  });
  boss.on("error", () => undefined); // Each call below rejects by itself.
  await boss.start();
  try {
    await boss.createQueue(SYNC_QUEUE, {
      name: SYNC_QUEUE,
      // One job a key waits at a time, however many ask for it.
      policy: "short",
      expireInSeconds: SYNC_EXPIRES_SECONDS,
      retryLimit: 10,
      retryDelay: 1,
    });
  } finally {
    await boss.stop({ graceful: false });
  }
  const client = new pg.Client({ ...CONNECTION_LIMITS, connectionString: ownerUrl });
  client.on("error", () => undefined); // Likewise.
  await client.connect();
  try {
    await client.query(`
      GRANT USAGE ON SCHEMA ${QUEUE_SCHEMA} TO countersign_app;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${QUEUE_SCHEMA} TO countersign_app;`);
  } finally {
    await client.end();
  }
}
