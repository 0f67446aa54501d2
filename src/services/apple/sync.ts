import type { Pool } from "pg";
import type { DataSource } from "typeorm";
import { createSigner, type TokenCache } from "../../apple/signer.js";
import { inTransaction, ReadSession } from "../../database/tenancy.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import { Denial } from "../../errors.js";
import type { Vault } from "../../vault/vault.js";
import type { DataKeyUnit } from "../vault/data-key.js";
import { THE_SERVER } from "../audit.js";
import { signingKeySource } from "../signing-key.js";
import type { Snapshots, WantedList } from "./snapshot.js";

/** A list that nobody has asked for in this time is left alone. */
const IN_USE = "3 days";

/** A key whose lists are kept fresh. */
export interface SyncedKey {
  readonly rootId: string;
  readonly ownerId: string;
  readonly credentialId: string;
}

/** What the sync works with. */
export interface SyncSources {
  readonly readPool: Pool;
  readonly vault: Vault<DataKeyUnit>;
  readonly tokens: TokenCache;
  readonly snapshots: Snapshots;
}

/** Notes that lists are in use, each where the owner of its key stands. */
export async function noteWanted(dataSource: DataSource, lists: readonly WantedList[]): Promise<void> {
  const scope = { roots: [...new Set(lists.map((l) => l.rootId))], tenants: [...new Set(lists.map((l) => l.ownerId))] };
  await inTransaction(dataSource, scope, (manager) =>
    manager.query(
      `INSERT INTO apple_snapshots (root_id, owner_id, credential_id, list, wanted_at)
       SELECT DISTINCT c.root_id, c.owner_id, c.id, wanted.list, now()
       FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (root_id, credential_id, list)
       CROSS JOIN LATERAL (SELECT * FROM credentials k WHERE k.root_id = wanted.root_id AND k.id = wanted.credential_id LIMIT 1) c
       ORDER BY 3, 4
       ON CONFLICT (root_id, credential_id, list) DO UPDATE SET wanted_at = excluded.wanted_at`,
      [lists.map((l) => l.rootId), lists.map((l) => l.credentialId), lists.map((l) => l.list)],
    ),
  );
}

const IN_USE_LISTS = {
  name: "apple_lists_in_use",
  text: `SELECT list, attempts, extract(epoch FROM now() - as_of)::float8 AS "ageSeconds" FROM apple_snapshots
    WHERE root_id = $1 AND credential_id = $2 AND wanted_at > now() - interval '${IN_USE}'`,
};

/**
 * Renews the lists of a key that are in use and older than so many seconds. Failures are kept with the list, as for
 * whoever asks. Gives the age in seconds of the oldest list that was left as it is, 0 where there is none; null where
 * the key is gone, or no longer in use.
 */
export async function refreshKey(
  sources: SyncSources,
  key: SyncedKey,
  olderThanSeconds: number,
): Promise<number | null> {
  const scope = { roots: [key.rootId], tenants: [key.ownerId] };
  const reads = new ReadSession(sources.readPool, scope);
  const lists = await reads.rows<{ list: AppleList; attempts: number; ageSeconds: number | null }>(IN_USE_LISTS, [
    key.rootId,
    key.credentialId,
  ]);
  if (lists.length === 0) return null;
  const due = lists.filter(({ ageSeconds }) => ageSeconds === null || ageSeconds > olderThanSeconds);
  const oldestSeconds = Math.max(0, ...lists.filter((each) => !due.includes(each)).map((each) => each.ageSeconds ?? 0));
  if (due.length === 0) return oldestSeconds;
  const user = { scope, tenants: [key.ownerId], use: "VIEW", actor: THE_SERVER } as const;
  const signer = createSigner(signingKeySource(reads, user, sources.vault), sources.tokens);
  try {
    const authorization = await signer.load(key.credentialId);
    await Promise.all(
      due.map(({ list, attempts }) => sources.snapshots.refresh({ authorization, list, attempts, purpose: "SYNC" })),
    );
    return oldestSeconds;
  } catch (error) {
    if (error instanceof Denial) return null;
    throw error;
  }
}
