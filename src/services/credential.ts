import type { EntityManager, EntityTarget } from "typeorm";
import type { AuditEntry } from "./audit.js";
import { check, type CheckOutcome, type CheckStatus } from "../apple/check.js";
import type { SigningKey } from "../apple/token.js";
import type { Context } from "../context.js";
import { AppleBudget } from "../entities/apple/budget.js";
import { AppleBundleId } from "../entities/apple/bundle-id.js";
import { AppleCertificate } from "../entities/apple/certificate.js";
import { AppleDevice } from "../entities/apple/device.js";
import { AppleProvisioningProfile } from "../entities/apple/provisioning-profile.js";
import type { KeyRow as AppleKeyRow } from "../entities/apple/row.js";
import { AppleSnapshot } from "../entities/apple/snapshot.js";
import { Credential, type AppleKeyType, type AppleProgram } from "../entities/credential.js";
import { Denial, Refusal, type ErrorCode } from "../errors.js";
import { readP8, type P8 } from "../files/p8.js";
import { newId } from "../ids.js";
import type { FoundCredential } from "../loaders/credential.js";
import { Secret } from "../vault/secret.js";
import { appleIdOf, nameOf } from "./input.js";
import { usersOfKey } from "./signing/key-users.js";
import { placeOf } from "./signing-key.js";
import { readyToSeal } from "./vault/data-key.js";
import { deleteOwned, orAlreadyExists, ownedWhere, unitOf, updateOwned, withdraw, write } from "./write.js";

const KEY_ID_TAKEN = "This key id is here already: rotate that key instead.";

interface KeyInput {
  readonly keyId: string;
  readonly issuerId?: string | null;
  readonly privateKey: string;
  readonly verify: boolean;
}

interface CreateInput extends KeyInput {
  readonly tenantId: string;
  readonly name: string;
  readonly program: AppleProgram;
  readonly keyType: AppleKeyType;
}

/** Adds a key: read, asked of Apple unless told not to, sealed and stored. Nothing is stored that Apple refuses. */
export async function create(ctx: Context, input: CreateInput): Promise<string> {
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const name = nameOf(input.name);
  if (input.program === "ENTERPRISE" && input.keyType === "INDIVIDUAL") {
    throw new Refusal("INVALID_INPUT", "The Enterprise Program has no individual keys that could sign.", ["keyType"]);
  }
  const { keyId, issuerId, p8 } = keyOf(input, input.keyType, null);
  const row = { id: newId("credential"), rootId: tenant.rootId, ownerId: tenant.id, keyVersion: 1 };
  const key = { ...row, program: input.program, keyType: input.keyType, keyId, issuerId };
  const health = input.verify ? await verified(ctx, signingKey(key, p8)) : UNVERIFIED;
  const work = async (manager: EntityManager): Promise<void> => {
    const sealedKey = await ctx.platform.vault.seal(unitOf(manager), row.rootId, Secret.of(p8.pkcs8Der), placeOf(row));
    await manager.insert(Credential, { ...key, name, fingerprint: p8.fingerprint, sealedKey, ...health });
  };
  await readyToSeal(ctx.platform, row.rootId);
  const details = { keyId, program: key.program, fingerprint: p8.fingerprint };
  const stored = write(ctx, work, () => entryOf("created", { ...row, name }, details));
  await orAlreadyExists(stored, "credential_key_id", KEY_ID_TAKEN, "keyId");
  return row.id;
}

/** Renames a key. */
export async function rename(ctx: Context, input: { credentialId: string; name: string }): Promise<string> {
  const name = nameOf(input.name);
  const where = ownedWhere("owner_id", input.credentialId, ctx.viewer.scope);
  const current = await known(ctx, input.credentialId);
  await write(
    ctx,
    (manager) => updateOwned(manager, Credential, where, { name }),
    () => entryOf("renamed", { ...current, name }, { was: current.name }),
  );
  return current.id;
}

/** Puts a new .p8 behind the same id, in its next version, and ends the use of the old one. Program and type stay; so does the issuer id where none is given. */
export async function rotate(ctx: Context, input: KeyInput & { credentialId: string }): Promise<string> {
  const current = await known(ctx, input.credentialId);
  const { keyId, issuerId, p8 } = keyOf(input, current.keyType, current.issuerId);
  const next = { ...current, keyId, issuerId, keyVersion: current.keyVersion + 1 };
  const health = input.verify ? await verified(ctx, signingKey(next, p8)) : UNVERIFIED;
  const [clause, values] = ownedWhere("owner_id", current.id, ctx.viewer.scope);
  await readyToSeal(ctx.platform, current.rootId);
  const work = async (manager: EntityManager): Promise<void> => {
    const sealedKey = await ctx.platform.vault.seal(
      unitOf(manager),
      next.rootId,
      Secret.of(p8.pkcs8Der),
      placeOf(next),
    );
    // The version that was read: of two rotations at once, one is refused rather than mixed with the other.
    const where: [string, object] = [
      `${clause} AND key_version = :keyVersion`,
      { ...values, keyVersion: current.keyVersion },
    ];
    const set = { keyId, issuerId, sealedKey, keyVersion: next.keyVersion, fingerprint: p8.fingerprint, ...health };
    await updateOwned(manager, Credential, where, set);
    await forget(manager, current, issuerId === current.issuerId ? [AppleBudget] : [AppleBudget, ...OF_TEAM]);
  };
  const details = {
    keyId,
    fingerprint: p8.fingerprint,
    was: { keyId: current.keyId, fingerprint: current.fingerprint },
  };
  const stored = withdraw(ctx, work, () => entryOf("rotated", current, details));
  await orAlreadyExists(stored, "credential_key_id", KEY_ID_TAKEN, "keyId");
  return current.id;
}

/** What Apple said of a key's team; what its profiles hold goes with them. What changed there stays told. */
const OF_TEAM = [AppleSnapshot, AppleCertificate, AppleBundleId, AppleDevice, AppleProvisioningProfile];

/** Forgets what Apple said of a key that is another one now, of another team perhaps. */
async function forget(
  manager: EntityManager,
  { rootId, id }: Pick<Credential, "rootId" | "id">,
  entities: readonly EntityTarget<AppleKeyRow>[],
): Promise<void> {
  for (const entity of entities) await manager.delete(entity, { rootId, credentialId: id });
}

/** Asks Apple about a stored key and keeps the outcome. */
export async function verify(ctx: Context, input: { credentialId: string }): Promise<string> {
  const where = ownedWhere("owner_id", input.credentialId, ctx.viewer.scope);
  const current = await known(ctx, input.credentialId);
  await readyToSeal(ctx.platform, current.rootId);
  const key = await write(ctx, async (manager) => {
    const row = await manager
      .createQueryBuilder(Credential, "c")
      .addSelect("c.sealedKey")
      .where(...prefixed(where))
      .getOne();
    if (row === null) throw new Denial("NOT_FOUND");
    const secret = await ctx.platform.vault.open(unitOf(manager), row.sealedKey, placeOf(row));
    return { ...signingFields(row), privateKey: () => Promise.resolve(secret) };
  });
  const { key: usable, lease } = await ctx.signerFor(current.ownerId, "VIEW").load(current.id);
  if (usable.version !== key.version) throw new Denial("NOT_FOUND", "The key was rotated meanwhile.");
  const outcome = await check(ctx.platform.apple, key, lease);
  await write(
    ctx,
    (manager) => keepHealth(manager, where, key.version, outcome),
    () => entryOf("verified", current, { status: outcome.status }),
  );
  return current.id;
}

/** Keeps what a check found as the health of a key. One that was rotated meanwhile is another key, of which it says nothing. */
export async function keepHealth(
  manager: EntityManager,
  [clause, values]: ReturnType<typeof ownedWhere>,
  version: number,
  outcome: CheckOutcome,
): Promise<void> {
  await manager
    .createQueryBuilder()
    .update(Credential)
    .set(healthOf(outcome))
    .where(`${clause} AND key_version = :version`, { ...values, version })
    .execute();
}

/** Deletes a key, and ends its use. Refused without force while it is shared: the message says with whom. */
export async function remove(ctx: Context, input: { credentialId: string; force: boolean }): Promise<string> {
  const reasons = input.force ? [] : await usersOfKey(ctx, input.credentialId);
  if (reasons.length > 0) {
    throw new Refusal("IN_USE", `${reasons.join(". ")}. Or delete it with force.`, ["credentialId"]);
  }
  const where = ownedWhere("owner_id", input.credentialId, ctx.viewer.scope);
  const current = await known(ctx, input.credentialId);
  await withdraw(
    ctx,
    (manager) => deleteOwned(manager, Credential, where),
    () => entryOf("deleted", current, { keyId: current.keyId, force: input.force }),
  );
  return current.id;
}

async function known(ctx: Context, id: string): Promise<FoundCredential> {
  const credential = await ctx.loaders.credential.load(id);
  if (credential === null) throw new Denial("NOT_FOUND");
  return credential;
}

function entryOf(
  what: string,
  { id, rootId, ownerId, name }: Pick<Credential, "id" | "rootId" | "ownerId" | "name">,
  details: Readonly<Record<string, unknown>>,
): AuditEntry {
  const tenant = { rootId, id: ownerId };
  return { tenant, action: `credential.${what}`, subject: { id, label: name }, details };
}

const UNVERIFIED = { healthStatus: "UNVERIFIED", healthAdvice: null, healthCheckedAt: null } as const;

/** What a check that fails means to whoever adds the key, and the field that is most likely at fault. */
const REFUSALS: Record<Exclude<CheckStatus, "WORKING">, [code: ErrorCode, field: string]> = {
  KEY_REJECTED: ["APPLE_KEY_REJECTED", "privateKey"],
  WRONG_PROGRAM: ["APPLE_KEY_REJECTED", "program"],
  CLOCK_SKEW: ["APPLE_KEY_REJECTED", "verify"],
  ROLE_TOO_NARROW: ["APPLE_FORBIDDEN", "privateKey"],
  AGREEMENT_MISSING: ["APPLE_AGREEMENT_MISSING", "privateKey"],
  RATE_LIMITED: ["APPLE_RATE_LIMITED", "verify"],
  UNREACHABLE: ["APPLE_UNAVAILABLE", "verify"],
};

async function verified(ctx: Context, key: SigningKey): Promise<ReturnType<typeof healthOf>> {
  const outcome = await check(ctx.platform.apple, key);
  if (outcome.status !== "WORKING") {
    const [code, field] = REFUSALS[outcome.status];
    throw new Refusal(code, outcome.advice ?? undefined, [field]);
  }
  return healthOf(outcome);
}

function healthOf({ status, advice }: CheckOutcome) {
  return { healthStatus: status, healthAdvice: advice, healthCheckedAt: new Date() };
}

/** Reads the parts of a key. A team's key needs an issuer id; an individual one has none. */
function keyOf(input: KeyInput, keyType: AppleKeyType, currentIssuerId: string | null) {
  const given = input.issuerId === undefined || input.issuerId === null ? null : appleIdOf(input.issuerId, "issuerId");
  const issuerId = given ?? currentIssuerId;
  if (keyType === "TEAM" && issuerId === null) {
    throw new Refusal("INVALID_INPUT", "A team's key needs its issuer id, shown above the keys in App Store Connect.", [
      "issuerId",
    ]);
  }
  if (keyType === "INDIVIDUAL" && given !== null) {
    throw new Refusal("INVALID_INPUT", "An individual key has no issuer id.", ["issuerId"]);
  }
  return { keyId: appleIdOf(input.keyId, "keyId"), issuerId, p8: readP8(input.privateKey) };
}

type KeyRow = Pick<Credential, "id" | "keyVersion" | "program" | "keyType" | "keyId" | "issuerId">;

/** All that a token is signed for, but the private key. */
export function signingFields({ id, keyVersion, program, keyType, keyId, issuerId }: KeyRow) {
  return { credentialId: id, version: keyVersion, program, keyType, keyId, issuerId };
}

function signingKey(row: KeyRow, p8: P8): SigningKey {
  return { ...signingFields(row), privateKey: () => Promise.resolve(Secret.of(p8.pkcs8Der)) };
}

/** The same clause for a query that names its table. */
function prefixed([clause, values]: ReturnType<typeof ownedWhere>): ReturnType<typeof ownedWhere> {
  return [clause.replaceAll(/\b(id|root_id|owner_id) =/g, "c.$1 ="), values];
}
