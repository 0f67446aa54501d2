import type { JournalEntry } from "../../src/sandbox/journal.js";
import type { KeyOptions } from "../../src/sandbox/team/key.js";
import type { Team } from "../../src/sandbox/team/team.js";
import { query } from "./database.js";
import type { Story } from "./seed.js";
import type { Ask, TestServer } from "./server.js";

/** A stored key, and what its team holds at Apple. */
export interface AppleKey {
  readonly id: string;
  readonly keyId: string;
  readonly issuerId: string;
  readonly teamId: string;
  readonly team: Team;
  /** The calls that Apple got with it, since the journal was last forgotten. */
  readonly calls: (path?: string) => readonly JournalEntry[];
}

/** A key of the root, unverified: Apple has not been asked with it. Its team has three devices and one certificate. */
export async function appleKey(
  server: TestServer,
  story: Story,
  contents: KeyOptions["contents"] = { devices: 3, certificates: 1, profiles: 0, bundleIds: 0, apps: 0 },
): Promise<AppleKey> {
  const { sandbox } = server;
  const { keyId, issuerId, privateKey, teamId } = await sandbox.registerKey({ program: "app-store", contents });
  if (issuerId === null) throw new Error("The key of a team has no issuer id");
  const input = { keyId, issuerId, privateKey, verify: false };
  const id = await story.credential(story.organizationId, input);
  return {
    ...{ id, keyId, issuerId, teamId, team: sandbox.team(teamId) },
    calls: (path = "/") => sandbox.journal.filter((call) => call.keyId === keyId && call.path.startsWith(path)),
  };
}

/** A list of Apple's as a client sees it. */
export interface SeenList {
  /** Apple's ids, in order; null where the list is. */
  readonly ids: readonly string[] | null;
  readonly freshness: {
    readonly asOf: string;
    readonly stale: boolean;
    readonly problem: { readonly code: string; readonly message: string } | null;
  } | null;
  /** The codes in `errors[]`. */
  readonly codes: readonly string[];
}

/** A list of Apple's by its name in the graph. */
export type ListName = "devices" | "certificates" | "provisioningProfiles" | "bundleIds";

/** Asks a server for a list of a key that is no older. */
export async function readList(
  ask: Ask,
  bearer: string,
  id: string,
  { maxAgeSeconds = 0, list = "devices" }: { readonly maxAgeSeconds?: number; readonly list?: ListName } = {},
): Promise<SeenList> {
  const { data, errors } = await ask<{
    credential: {
      appStoreConnect: { list: { nodes: { appleId: string }[]; freshness: SeenList["freshness"] } | null };
    } | null;
  }>(
    bearer,
    `query ($id: ID!, $age: Int!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: $age) {
      list: ${list} { nodes { appleId } freshness { asOf stale problem { code message } } } } } }`,
    { id, age: maxAgeSeconds },
  );
  const seen = data.credential?.appStoreConnect.list ?? null;
  return {
    ids: seen && seen.nodes.map(({ appleId }) => appleId),
    freshness: seen && seen.freshness,
    codes: (errors ?? []).map(({ extensions }) => extensions.code),
  };
}

/** Makes what is kept of keys' lists an hour older. */
export async function makeOld(server: TestServer, ids: readonly string[]): Promise<void> {
  await query(server.database.ownerUrl, [
    "UPDATE apple_snapshots SET as_of = as_of - interval '1 hour' WHERE credential_id = ANY ($1)",
    [ids],
  ]);
}
