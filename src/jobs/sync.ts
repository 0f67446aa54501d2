import PgBoss from "pg-boss";
import type { Logger } from "pino";
import { QUEUE_SCHEMA, SYNC_QUEUE } from "../database/queue.js";
import * as sync from "../services/apple/sync.js";
import type { SyncedKey } from "../services/apple/sync.js";

/** Keys that a process keeps fresh at once: so many workers, and so many keys for each. */
const WORKERS = 4;
const KEYS_AT_ONCE = 5;
const POLL_SECONDS = 1;
/** How often it is looked for jobs whose process has died. */
const MAINTENANCE_SECONDS = 15;
/** A key's turn comes when its lists are so old, in parts of the age configured: somewhere between, so that keys spread out. */
const EARLIEST = 0.6;
const LATEST = 0.9;

/** What runs the sync, and where it is told what to keep fresh. */
export interface SyncOptions {
  readonly databaseUrl: string;
  /** How old lists in use become at most. */
  readonly ageSeconds: number;
  readonly log: Logger;
}

/** Keeps the lists of keys that are in use fresh, without anyone asking. Any number of processes share the work on one database. */
export class SyncJobs {
  readonly #boss: PgBoss;

  constructor(private readonly options: SyncOptions) {
    this.#boss = new PgBoss({
      connectionString: options.databaseUrl,
      application_name: "countersign jobs",
      schema: QUEUE_SCHEMA,
      max: 3,
      migrate: false,
      schedule: false,
      maintenanceIntervalSeconds: MAINTENANCE_SECONDS,
      archiveCompletedAfterSeconds: 300,
      deleteAfterHours: 1,
    });
    this.#boss.on("error", (error) => {
      const { name, code } = error as Error & { code?: unknown };
      options.log.error({ fault: { type: name, code } }, "the job queue failed");
    });
  }

  /** Takes jobs from now on. Throws where the queue is not installed. */
  async start(source: sync.SyncSources): Promise<void> {
    await this.#boss.start();
    const work = async (jobs: PgBoss.Job<SyncedKey>[]): Promise<void> => {
      await Promise.all(jobs.map(({ data }) => this.#run(source, data)));
    };
    for (let n = 0; n < WORKERS; n += 1) {
      await this.#boss.work<SyncedKey>(
        SYNC_QUEUE,
        { batchSize: KEYS_AT_ONCE, pollingIntervalSeconds: POLL_SECONDS },
        work,
      );
    }
  }

  /** Sees to it that a key has its turn, unless it waits for one. */
  async schedule({ rootId, ownerId, credentialId }: SyncedKey): Promise<void> {
    const share = EARLIEST + Math.random() * (LATEST - EARLIEST);
    await this.#boss.send(
      SYNC_QUEUE,
      { rootId, ownerId, credentialId },
      { singletonKey: credentialId, startAfter: Math.max(1, Math.round(this.options.ageSeconds * share)) },
    );
  }

  /** Takes no more jobs, and ends when those under way are done. */
  async stop(): Promise<void> {
    await this.#boss.stop({ graceful: true, timeout: 30_000 });
  }

  async #run(source: sync.SyncSources, key: SyncedKey): Promise<void> {
    const isInUse = await sync.refreshKey(source, key, this.options.ageSeconds * EARLIEST);
    if (isInUse) await this.schedule(key);
  }
}
