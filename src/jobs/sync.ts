import { setTimeout as delay } from "node:timers/promises";
import PgBoss from "pg-boss";
import type { Logger } from "pino";
import { POOL_LIMITS } from "../database/availability.js";
import { QUEUE_SCHEMA, SYNC_QUEUE } from "../database/queue.js";
import * as sync from "../services/apple/sync.js";
import type { SyncedKey } from "../services/apple/sync.js";

/** Keys that a process keeps fresh at once. */
const KEYS_AT_ONCE = 20;
const POLL_MS = 1_000;
/** How often it is looked for jobs whose process has died. */
const MAINTENANCE_SECONDS = 15;
/** A key's turn comes when its lists are so old, in parts of the age configured: somewhere between, so that keys spread out. */
const EARLIEST = 0.6;
const LATEST = 0.9;

/** What runs the sync, and where it is told what to keep fresh. */
export interface SyncOptions {
  readonly databaseUrl: string;
  /** How old lists in use become at most, while Apple answers. */
  readonly ageSeconds: number;
  readonly log: Logger;
  /** How often it is looked for jobs whose process has died. */
  readonly maintenanceSeconds?: number;
}

/** Keeps the lists of keys that are in use fresh, without anyone asking. Any number of processes share the work on one database. */
export class SyncJobs {
  readonly #boss: PgBoss;
  readonly #stopping = new AbortController();
  #polling: Promise<void> = Promise.resolve();

  constructor(private readonly options: SyncOptions) {
    this.#boss = new PgBoss({
      ...POOL_LIMITS,
      connectionString: options.databaseUrl,
      application_name: "countersign jobs",
      schema: QUEUE_SCHEMA,
      max: 3,
      migrate: false,
      schedule: false,
      maintenanceIntervalSeconds: options.maintenanceSeconds ?? MAINTENANCE_SECONDS,
      archiveCompletedAfterSeconds: 300,
      deleteAfterHours: 1,
    });
    this.#boss.on("error", (error) => {
      this.#report(error);
    });
  }

  /** Takes jobs from now on. Throws where the queue is not installed. */
  async start(sources: sync.SyncSources): Promise<void> {
    await this.#boss.start();
    this.#polling = this.#poll(sources);
  }

  /** Sees to it that a key has its turn, unless it waits for one. `agedSeconds`: how old its lists are already. */
  async schedule({ rootId, ownerId, credentialId }: SyncedKey, agedSeconds = 0): Promise<void> {
    const share = EARLIEST + Math.random() * (LATEST - EARLIEST);
    await this.#boss.send(
      SYNC_QUEUE,
      { rootId, ownerId, credentialId },
      {
        singletonKey: credentialId,
        startAfter: Math.max(1, Math.round(this.options.ageSeconds * share - agedSeconds)),
      },
    );
  }

  /** Takes no more jobs, and ends when those under way are done. Keys can be scheduled still. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#polling;
  }

  /** Lets go of the queue. */
  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false });
  }

  /**
   * Takes jobs as there is room for them. Not by the library's own workers: these take several at once, which end
   * together, and where the database fails at the end of a job they end the process.
   */
  async #poll(sources: sync.SyncSources): Promise<void> {
    const { signal } = this.#stopping;
    const running = new Set<Promise<void>>();
    while (!signal.aborted) {
      // Gives none where the database is away.
      const jobs = await this.#boss.fetch<SyncedKey>(SYNC_QUEUE, { batchSize: KEYS_AT_ONCE - running.size });
      for (const job of jobs) {
        const run = this.#run(sources, job).finally(() => running.delete(run));
        running.add(run);
      }
      if (running.size === KEYS_AT_ONCE) await Promise.race(running);
      else await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(running);
  }

  /** Gives a key its turn, and its next. Never rejects: a job that does not end is taken over by and by. */
  async #run(sources: sync.SyncSources, { id, data: key }: PgBoss.Job<SyncedKey>): Promise<void> {
    try {
      const oldestSeconds = await sync
        .refreshKey(sources, key, this.options.ageSeconds * EARLIEST)
        .catch((error: unknown) => {
          this.#report(error);
          return 0;
        });
      if (oldestSeconds !== null) await this.schedule(key, oldestSeconds);
      await this.#boss.complete(SYNC_QUEUE, id);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const { name, code } = error as { name?: unknown; code?: unknown };
    this.options.log.error({ fault: { type: name, code } }, "the sync failed");
  }
}
