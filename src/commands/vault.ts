import type { Pool } from "pg";
import type { Config } from "../config.js";
import { AdvisoryLocks } from "../database/advisory-lock.js";
import { UnfitDatabase } from "../database/migrate.js";
import { makeReadPool } from "../database/read-pool.js";
import { openDatabase } from "../platform.js";
import { keptKey, keyRingOf } from "../platform/key-ring.js";
import { dataKeyStore } from "../services/vault/data-key.js";
import { rotateDataKeys, type DataKeyRotation } from "../services/vault/data-key-rotation.js";
import * as keyEncryptionKey from "../services/vault/key-encryption-key.js";
import { checkVaultOf } from "../services/vault/vault-sentinel.js";
import type { KeyRing } from "../vault/key-ring.js";
import { Vault } from "../vault/vault.js";
import { safeJson } from "./doctor-table.js";

interface RotateOptions {
  readonly dataKeys?: boolean;
  readonly organization?: string;
  readonly wait: string;
  readonly json?: boolean;
}

/** Of several that run at once on one database, one rotates. */
const LOCK = "vault rotate";
/** One that was killed lets go of it only when PostgreSQL sees that its connection is gone. */
const PATIENCE_MS = 5_000;

/** Wraps all data keys with the current key-encryption key; or gives organizations new data keys. Sets exit status 1 where something does not open. */
export async function vaultRotate(config: Config, options: RotateOptions): Promise<void> {
  const graceSeconds = Number(options.wait);
  if (!/^\d{1,5}$/.test(options.wait)) throw new RangeError("--wait takes a number of seconds");
  if (options.organization !== undefined && options.dataKeys !== true) {
    throw new RangeError("--organization goes with --data-keys: the key-encryption key is one for all");
  }
  await asOwner(config, async (pool, ownerUrl) => {
    const ring = await keyRingOf(config, keptKey);
    await checkVaultOf(pool, ring);
    const locks = new AdvisoryLocks(ownerUrl);
    try {
      const work = () =>
        options.dataKeys === true
          ? dataKeys(pool, ring, options, graceSeconds)
          : keyEncryptionKeys(pool, ring, options.json === true);
      await locks.exclusively(LOCK, PATIENCE_MS, work, () => {
        throw new Error("Another rotation runs on this database: wait until it has ended.");
      });
    } finally {
      await locks.close();
    }
  });
}

/** Works as the owner of the tables: the server's role has no right to what this takes. */
export async function asOwner(config: Config, work: (pool: Pool, ownerUrl: string) => Promise<void>): Promise<void> {
  const database = await openDatabase(config, (line) => {
    console.error(line);
  });
  try {
    if (database.ownerUrl === null) {
      throw new UnfitDatabase("DATABASE_OWNER_URL is missing: this is done as the owner of the tables");
    }
    const pool = makeReadPool(database.ownerUrl, 4);
    try {
      await work(pool, database.ownerUrl);
    } finally {
      await pool.end();
    }
  } finally {
    await database.stop();
  }
}

async function keyEncryptionKeys(pool: Pool, ring: KeyRing, json: boolean): Promise<void> {
  const done = await keyEncryptionKey.rotate(pool, ring);
  if (done.broken.length > 0) process.exitCode = 1;
  console.log(json ? safeJson(done) : keyLines(done, ring).join("\n"));
}

function keyLines({ from, to, rewrapped, broken }: keyEncryptionKey.KeyRotation, ring: KeyRing): string[] {
  const former = ring.labels.slice(1);
  const last =
    broken.length > 0
      ? `${from} stays in force. Run this again once they are mended.`
      : former.length === 0
        ? "No former key was given, and none is needed."
        : `No longer needed, once every process has ${to}: ${former.join(", ")}.`;
  return [
    `${count(rewrapped, "data key")} wrapped anew with ${to}.`,
    ...broken.map(
      ({ id, rootId, keyLabel }) =>
        `✗ ${id} of ${rootId} does not unwrap with ${keyLabel}, which wraps it: put its row back from a backup.`,
    ),
    last,
  ];
}

async function dataKeys(pool: Pool, ring: KeyRing, options: RotateOptions, graceSeconds: number): Promise<void> {
  const vault = new Vault(ring, dataKeyStore);
  const organizationId = options.organization ?? null;
  const done = await rotateDataKeys({ pool, vault }, { organizationId, graceSeconds });
  if (done.broken.length > 0) process.exitCode = 1;
  console.log(options.json === true ? safeJson(done) : dataKeyLines(done).join("\n"));
}

function dataKeyLines(done: DataKeyRotation): string[] {
  const counts = [
    `${count(done.made, "data key")} made`,
    `${count(done.resealed, "secret")} sealed anew`,
    `${count(done.destroyed, "old data key")} destroyed`,
  ];
  const broken = done.broken.map(
    ({ table, column, rowId, rootId }) => `✗ ${table}.${column} of ${rowId} (${rootId}) does not open.`,
  );
  return [
    `${count(done.organizations, "organization")}: ${counts.join(", ")}.`,
    ...(done.begunAt === null
      ? []
      : [`This ended a rotation that was begun at ${done.begunAt}. Run it again for keys that are newer than that.`]),
    ...broken,
    ...(broken.length > 0
      ? ["The data keys that sealed them are kept. Replace or delete these secrets, then run this again."]
      : []),
  ];
}

const count = (number: number, noun: string): string =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
