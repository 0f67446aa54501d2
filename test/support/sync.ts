import type { AppleKey } from "./apple.js";
import { query } from "./database.js";
import { eventually } from "./eventually.js";
import type { TestServer } from "./server.js";

/** How a key's job stands in the queue. */
export interface SyncJob {
  readonly keyId: string;
  readonly state: "created" | "retry" | "active" | "completed" | "failed";
  /** In how many seconds its turn comes. */
  readonly inSeconds: number;
}

/** The jobs that there were for keys, those of the past too, oldest first. */
export function jobsOf(server: TestServer, keys: readonly AppleKey[]): Promise<SyncJob[]> {
  return query<SyncJob>(server.database.ownerUrl, [
    `SELECT singleton_key AS "keyId", state::text, extract(epoch FROM start_after - now())::float8 AS "inSeconds"
     FROM countersign_jobs.job WHERE singleton_key = ANY ($1) ORDER BY created_on`,
    [keys.map(({ id }) => id)],
  ]);
}

/** Waits until every key waits for its turn, and no server works at one; gives the jobs that wait. */
export function waitingJobs(server: TestServer, keys: readonly AppleKey[]): Promise<SyncJob[]> {
  return eventually("a job of each that waits", async () => {
    const open = (await jobsOf(server, keys)).filter(({ state }) => state !== "completed");
    const wait = open.filter(({ state, inSeconds }) => state === "created" && inSeconds > 0);
    return open.length === keys.length && wait.length === keys.length && open;
  });
}

/** Waits until no turn of a key is to come. */
export async function untilNoJob(server: TestServer, key: AppleKey): Promise<void> {
  await eventually("an end of the jobs", async () =>
    (await jobsOf(server, [key])).every(({ state }) => state === "completed"),
  );
}

/** Lets the turn of keys come now, as if the time had passed. */
export async function letTurnCome(server: TestServer, keys: readonly AppleKey[]): Promise<void> {
  await waitingJobs(server, keys);
  await query(server.database.ownerUrl, [
    "UPDATE countersign_jobs.job SET start_after = now() - interval '1 second' WHERE state = 'created' AND singleton_key = ANY ($1)",
    [keys.map(({ id }) => id)],
  ]);
}

/** Lets the turn of keys come now, and waits until it is over. */
export async function haveTurn(server: TestServer, keys: readonly AppleKey[]): Promise<void> {
  await letTurnCome(server, keys);
  await waitingJobs(server, keys);
}
