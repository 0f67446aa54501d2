import pLimit from "p-limit";
import type { DataSource } from "typeorm";
import type { AppleClient } from "../apple/client.js";
import { survey, type ResourceOutcome, type Survey } from "../apple/survey.js";
import { inTransaction, type Scope } from "../database/tenancy.js";
import { Organization } from "../entities/organization.js";
import type { AppleList } from "../entities/apple/snapshot.js";
import type { Credential, CredentialStatus } from "../entities/credential.js";
import { Denial } from "../errors.js";
import { SealBroken } from "../vault/envelope.js";
import { UnwrapFailed } from "../vault/key-provider.js";
import type { Vault } from "../vault/vault.js";
import { keepHealth, signingFields } from "./credential.js";
import type { DataKeyUnit } from "./vault/data-key.js";
import { placeOf } from "./signing-key.js";
import { ownedWhere, unitOf } from "./write.js";

/** Keys that are asked about at once; each asks for up to four things at once. */
const KEYS_AT_ONCE = 4;

/** What a key is examined with. */
export interface DoctorSources {
  readonly dataSource: DataSource;
  readonly vault: Vault<DataKeyUnit>;
  readonly apple: AppleClient;
  /** What is said of the keys of a program whose host does not answer: it is not asked again for each. */
  readonly outages: ReadonlyMap<Credential["program"], Survey>;
}

/** Which keys; what is left out narrows nothing. */
export interface KeyFilter {
  readonly organization?: string;
  readonly key?: string;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** What is kept of one of Apple's lists. */
export interface KeptList {
  readonly list: AppleList;
  /** When Apple was asked for it, ISO 8601; null where it never answered. */
  readonly asOf: string | null;
  readonly ageSeconds: number | null;
  /** Why the last attempt to renew it failed; null where it did not. */
  readonly problem: { readonly code: string; readonly message: string } | null;
}

/** With whom a key is shared. */
export interface KeyShare {
  readonly withAllSubOrganizations: boolean;
  /** How many have it, all of them counted. */
  readonly subOrganizations: number;
  readonly expiresAt: string | null;
  readonly isOver: boolean;
}

/** What there is to say of a key before Apple is asked. */
export interface StoredKey
  extends
    Pick<Credential, "id" | "rootId" | "ownerId" | "program" | "keyType" | "keyId" | "issuerId">,
    Pick<Credential, "name" | "sealedKey" | "keyVersion"> {
  readonly organization: Named;
  readonly owner: Named;
  readonly lists: readonly KeptList[];
  readonly share: KeyShare | null;
  readonly budget: KeyBudget | null;
}

/** Apple's budget as it last said. */
export interface KeyBudget {
  readonly limitPerHour: number;
  readonly remaining: number;
  readonly asOf: string;
}

/** What works with a key and what does not: what `countersign doctor --json` prints of each. */
export interface KeyReport extends Pick<StoredKey, "organization" | "owner" | "id" | "name" | "keyId"> {
  readonly program: Credential["program"];
  readonly keyType: Credential["keyType"];
  /** Whether nothing is wrong: the vault opens it, Apple accepts it, and it may do all that it is for. */
  readonly works: boolean;
  /** UNVERIFIED where Apple could not be asked. */
  readonly status: CredentialStatus;
  readonly advice: string | null;
  /** By how much Apple's clock is ahead of this server's, by the answer that refused the key; null: not refused. */
  readonly clockSkewSeconds: number | null;
  readonly vault: { readonly opens: boolean; readonly advice: string | null };
  readonly resources: readonly ResourceOutcome[];
  readonly budget: KeyBudget | null;
  readonly lists: readonly KeptList[];
  readonly share: KeyShare | null;
}

const scopeOf = (rootId: string): Scope => ({ roots: [rootId], tenants: [rootId] });

const KEYS = `
  SELECT c.id, c.root_id AS "rootId", c.owner_id AS "ownerId", c.name, c.program, c.key_type AS "keyType",
    c.key_id AS "keyId", c.issuer_id AS "issuerId", c.key_version AS "keyVersion", c.sealed_key AS "sealedKey",
    json_build_object('id', o.id, 'name', o.name) AS organization, json_build_object('id', t.id, 'name', t.name) AS owner,
    CASE WHEN s.id IS NOT NULL THEN json_build_object('withAllSubOrganizations', s.with_all,
      'subOrganizations', CASE WHEN s.with_all
        THEN (SELECT count(*) FROM tenants b WHERE b.root_id = s.root_id AND b.id <> b.root_id)
        ELSE (SELECT count(*) FROM share_targets b WHERE b.root_id = s.root_id AND b.share_id = s.id) END,
      'expiresAt', s.expires_at, 'isOver', coalesce(s.expires_at <= now(), false)) END AS share,
    CASE WHEN b.limit_per_hour IS NOT NULL AND b.remaining IS NOT NULL AND b.as_of IS NOT NULL THEN
      json_build_object('limitPerHour', b.limit_per_hour, 'remaining', b.remaining, 'asOf', b.as_of) END AS budget,
    coalesce((SELECT json_agg(json_build_object('list', a.list, 'asOf', a.as_of,
        'ageSeconds', floor(extract(epoch FROM now() - a.as_of)),
        'problem', CASE WHEN a.problem_code IS NOT NULL
          THEN json_build_object('code', a.problem_code, 'message', a.problem_message) END)
        ORDER BY array_position(ARRAY['CERTIFICATES', 'PROFILES', 'BUNDLE_IDS', 'DEVICES'], a.list))
      FROM apple_snapshots a WHERE a.root_id = c.root_id AND a.credential_id = c.id), '[]') AS lists
  FROM credentials c
  JOIN tenants o ON o.root_id = c.root_id AND o.id = c.root_id
  JOIN tenants t ON t.root_id = c.root_id AND t.id = c.owner_id
  LEFT JOIN shares s ON s.root_id = c.root_id AND s.credential_id = c.id
  LEFT JOIN apple_budgets b ON b.root_id = c.root_id AND b.credential_id = c.id
  WHERE c.root_id = $1 AND ($2::text IS NULL OR c.id = $2) ORDER BY c.created_at, c.id`;

/** The keys that this server has, organization by organization, oldest first. Throws NOT_FOUND where the filter names none. */
export async function list(dataSource: DataSource, { organization, key }: KeyFilter): Promise<StoredKey[]> {
  const all = await inTransaction(dataSource, { roots: [], tenants: [], operator: true }, (manager) =>
    manager.find(Organization, { select: { id: true }, order: { createdAt: "ASC", id: "ASC" } }),
  );
  const roots = all.map(({ id }) => id).filter((id) => organization === undefined || id === organization);
  if (organization !== undefined && roots.length === 0) throw new Denial("NOT_FOUND", "There is no such organization.");
  const keys: StoredKey[] = [];
  for (const root of roots) {
    keys.push(
      ...(await inTransaction(dataSource, scopeOf(root), (manager) =>
        manager.query<StoredKey[]>(KEYS, [root, key ?? null]),
      )),
    );
  }
  if (key !== undefined && keys.length === 0) throw new Denial("NOT_FOUND", "There is no such key.");
  return keys;
}

/** What works with each of the keys, in their order. It only reads at Apple, and keeps the outcome as the key's health. */
export async function examine(sources: DoctorSources, keys: readonly StoredKey[]): Promise<KeyReport[]> {
  const limit = pLimit(KEYS_AT_ONCE);
  return Promise.all(
    keys.map((key) =>
      limit(() =>
        examineOne(sources, key).catch((error: unknown) =>
          // The message is not shown: it may be of any library, and hold anything.
          reportOn(key, `This server failed while it looked: ${error instanceof Error ? error.name : "unknown"}.`),
        ),
      ),
    ),
  );
}

const DOES_NOT_OPEN =
  "The vault does not open this key: its row was changed or moved, or its data key is damaged. Rotate the key, with a .p8 at hand.";

async function examineOne({ dataSource, vault, apple, outages }: DoctorSources, key: StoredKey): Promise<KeyReport> {
  const secret = await inTransaction(dataSource, scopeOf(key.rootId), (manager) =>
    vault.open(unitOf(manager), key.sealedKey, placeOf(key)),
  ).catch((error: unknown) => {
    if (error instanceof SealBroken || error instanceof UnwrapFailed) return null;
    throw error;
  });
  if (secret === null) return { ...reportOn(key, null), vault: { opens: false, advice: DOES_NOT_OPEN } };
  const signing = { ...signingFields(key), privateKey: () => Promise.resolve(secret) };
  const found = outages.get(key.program) ?? (await survey(apple, signing));
  await inTransaction(dataSource, scopeOf(key.rootId), (manager) =>
    keepHealth(manager, ownedWhere("owner_id", key.id, scopeOf(key.rootId)), key.keyVersion, found),
  );
  const { rateLimit } = apple.allowance(key.id);
  const budget = rateLimit && {
    limitPerHour: rateLimit.limitPerHour,
    remaining: rateLimit.remaining,
    asOf: rateLimit.asOf.toISOString(),
  };
  return { ...reportOn(key, null), ...found, works: worksIn(found), budget: budget ?? key.budget };
}

const worksIn = ({ status, resources }: Survey): boolean =>
  status === "WORKING" && resources.every((resource) => resource.status === "WORKING");

/** What is known of a key that Apple was not asked about. Field by field: the sealed key is in none. */
function reportOn(key: StoredKey, advice: string | null): KeyReport {
  const { organization, owner, id, name, keyId, program, keyType, budget, lists, share } = key;
  return {
    ...{ organization, owner, id, name, keyId, program, keyType, works: false },
    ...{ status: "UNVERIFIED", advice, clockSkewSeconds: null, vault: { opens: true, advice: null } },
    ...{ resources: [], budget, lists, share },
  };
}
