import type { Logger } from "pino";
import { AppleClient } from "./apple/client.js";
import { TokenCache } from "./apple/signer.js";
import { jwtVerifier } from "./auth/bearer.js";
import type { Config } from "./config.js";
import type { Platform } from "./context.js";
import { makeDataSource } from "./database/data-source.js";
import { AdvisoryLocks } from "./database/advisory-lock.js";
import { checkServerRole, migrate } from "./database/migrate.js";
import { KnownRows } from "./database/known-rows.js";
import { DatabaseProbe } from "./database/probe.js";
import { makeReadPool } from "./database/read-pool.js";
import { SeenRows } from "./loaders/assumption.js";
import { dataKeyStore } from "./services/vault/data-key.js";
import { ReconcileJobs } from "./jobs/reconcile.js";
import { SyncJobs } from "./jobs/sync.js";
import { makeLog } from "./log.js";
import { Snapshots } from "./services/apple/snapshot.js";
import { noteWanted } from "./services/apple/sync.js";
import { SignIns } from "./services/sign-in.js";
import { checkVault } from "./services/vault/vault-sentinel.js";
import { keyRingOf } from "./platform/key-ring.js";
import { Vault } from "./vault/vault.js";
import { startEmbeddedPostgres } from "./database/embedded/postgres.js";

/** A platform that is ready, and how to end it. */
export interface OpenPlatform {
  readonly platform: Platform;
  readonly close: () => Promise<void>;
}

/** Says what takes a while. */
export type Progress = (line: string) => void;

interface Database {
  readonly serverUrl: string;
  readonly ownerUrl: string | null;
  readonly stop: () => Promise<void>;
}

/** The database of the configuration: one's own, or the embedded one below the data folder. */
export async function openDatabase(config: Config, progress: Progress): Promise<Database> {
  if (config.databaseUrl !== null) {
    return { serverUrl: config.databaseUrl, ownerUrl: config.databaseOwnerUrl, stop: () => Promise.resolve() };
  }
  const { serverUrl, ownerUrl, stop } = await startEmbeddedPostgres({ dataDir: config.dataDir, onProgress: progress });
  return { serverUrl, ownerUrl, stop };
}

/**
 * Opens all that a process needs, in this order: database, migrations under a lock, the server's role, the vault's
 * sentinel. Whatever does not fit keeps it from starting.
 */
export async function openPlatform(
  config: Config,
  progress: Progress,
  log: Logger = makeLog(config),
): Promise<OpenPlatform> {
  const database = await openDatabase(config, progress);
  const closers: (() => Promise<unknown>)[] = [() => database.stop()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    if (database.ownerUrl !== null) await migrate(database.ownerUrl, database.serverUrl);
    const ring = await keyRingOf(config);
    const dataSource = makeDataSource(database.serverUrl);
    await dataSource.initialize();
    closers.push(() => dataSource.destroy());
    await checkServerRole(dataSource);
    await checkVault(dataSource, ring);
    const readPool = makeReadPool(database.serverUrl);
    closers.push(() => readPool.end());
    // A connection that breaks while nobody uses it: the pool opens another.
    readPool.on("error", (error) => {
      log.warn({ type: error.name }, "an idle database connection broke");
    });
    const probe = new DatabaseProbe(database.serverUrl);
    closers.push(() => probe.close());
    const apple = appleClientOf(config);
    const locks = new AdvisoryLocks(database.serverUrl);
    closers.push(() => locks.close());
    const sync =
      config.syncSeconds === 0
        ? null
        : new SyncJobs({ databaseUrl: database.serverUrl, ageSeconds: config.syncSeconds, log });
    const snapshots = new Snapshots({
      ...{ apple, readPool, locks, log },
      onWanted: async (lists) => {
        await noteWanted(dataSource, lists);
        if (sync !== null) await Promise.all(lists.map((list) => sync.schedule(list)));
      },
    });
    if (sync !== null) closers.push(() => sync.close());
    closers.push(() => snapshots.settle());
    const platform: Platform = {
      dataSource,
      readPool,
      probe,
      vault: new Vault(ring, dataKeyStore),
      apple,
      tokens: new TokenCache(),
      snapshots,
      signIns: new SignIns(),
      seenRows: new SeenRows(),
      knownRows: new KnownRows(),
      locks,
      verifyJwt: config.oidc === null ? null : jwtVerifier(config.oidc),
      log,
    };
    if (sync !== null) {
      await sync.start(platform);
      closers.push(() => sync.stop());
    }
    const reconciling = new ReconcileJobs(log);
    reconciling.start(platform);
    closers.push(() => reconciling.stop());
    closers.push(async () => {
      snapshots.stop();
      await apple.close();
    });
    return { platform, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The client for the two hosts of the configuration. */
export function appleClientOf(config: Config): AppleClient {
  const hosts = { APP_STORE: config.appleBaseUrl, ENTERPRISE: config.appleEnterpriseBaseUrl };
  return new AppleClient(hosts, config.appleDeadlineMs);
}
