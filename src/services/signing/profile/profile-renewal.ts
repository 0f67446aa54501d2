import * as profiles from "../../../apple/provisioning-profile.js";
import type { Context } from "../../../context.js";
import { inPreparedTransaction, ReadSession } from "../../../database/tenancy.js";
import { AppleProvisioningProfile, type ProfileType } from "../../../entities/apple/provisioning-profile.js";
import { Denial, Refusal } from "../../../errors.js";
import { charge } from "../../apple/bookkeeping.js";
import { authorizeChange, spend, type Change } from "../../apple/change.js";
import { forget } from "../../apple/row.js";
import { once } from "../../idempotency.js";
import { fitsDevice, fittingCertificates, takesDevices } from "./fitting.js";
import * as intents from "../making/intent.js";
import { signableCertificates, type SignableProfile } from "../kit/kept.js";
import { checkKeyFor, checkWish, isKnown } from "./profile-wish.js";
import { make } from "./provisioning-profile.js";
import { teamOf, WHOLE_TEAM, type Team, type TeamProfile } from "../team.js";

interface RenewInput {
  readonly provisioningProfileId: string;
  readonly deviceAppleIds?: readonly string[] | null;
  readonly idempotencyKey?: string | null;
  readonly clientMutationId?: string | null;
}

/** What came of a renewal: the profile, and what is left to do of the old one. */
export interface Renewed {
  readonly provisioningProfileId: string;
  readonly refusals: readonly Refusal[];
}

/** What a new profile is to hold that the old one did not; null: as before. */
interface Choice {
  readonly certificateAppleIds: readonly string[] | null;
  readonly deviceAppleIds: readonly string[] | null;
}

/** How long one waits for another that renews the same profile. */
const PATIENCE_MS = 90_000;

/** The kept profile that is to be renewed. */
export type Renewable = Omit<SignableProfile, "invalidSince" | "expiresAt">;

/** Makes a new profile at Apple in the place of a kept one: the same id, shares and all, another file. The old one is deleted at Apple. */
export async function renew(ctx: Context, input: RenewInput): Promise<Renewed> {
  const kept = await ctx.loaders.provisioningProfile.load(input.provisioningProfileId);
  if (kept === null) throw new Denial("NOT_FOUND");
  const tenant = { rootId: kept.rootId, id: kept.ownerId };
  const { provisioningProfileId, left } = await once(
    ctx,
    { operation: "renewProvisioningProfile", tenant, input },
    async (begunAs) => {
      const begun = await intents.begunBy(ctx.platform.readPool, kept, begunAs);
      if (begun !== null) return { provisioningProfileId: begun, left: [] };
      const change = await authorizeRenewal(ctx, kept);
      const choice = { certificateAppleIds: null, deviceAppleIds: input.deviceAppleIds ?? null };
      const { provisioningProfileId: id, refusals } = await replace(ctx, change, kept, choice, begunAs);
      return {
        provisioningProfileId: id,
        left: refusals.map(({ code, message, field }) => ({ code, message, field })),
      };
    },
  );
  return {
    provisioningProfileId,
    refusals: left.map(({ code, message, field }) => new Refusal(code, message, field)),
  };
}

const KEY_OF = {
  name: "profile_key_of",
  text: `SELECT credential_id AS "credentialId" FROM apple_provisioning_profiles WHERE root_id = $1 AND uuid = $2 ORDER BY credential_id LIMIT 1`,
};

/** The key that reaches the team of a kept profile. Throws NOT_RENEWABLE where there is none. */
export async function authorizeRenewal(ctx: Context, kept: Renewable): Promise<Change> {
  const { rootId, ownerId: tenantId } = kept;
  const reads = new ReadSession(ctx.platform.readPool, { roots: [rootId], tenants: [tenantId] });
  const found =
    kept.credentialId ?? (await reads.rows<{ credentialId: string }>(KEY_OF, [rootId, kept.uuid]))[0]?.credentialId;
  if (found === undefined) {
    const message = "It was uploaded, and no key here reaches the team that holds it: keep it through a key first.";
    throw new Refusal("NOT_RENEWABLE", message, ["provisioningProfileId"]);
  }
  return authorizeChange(ctx, { tenantId, credentialId: found });
}

/** Makes the new profile, and deletes the old one at Apple when the new one is kept. Of several at once, each replaces what the one before made. */
export function replace(
  ctx: Context,
  change: Change,
  kept: Renewable,
  choice: Choice,
  begunAs: string | null,
): Promise<Renewed> {
  const work = async (): Promise<Renewed> => {
    ctx.refresh(); // Another may have replaced it while this one waited.
    const now = await ctx.loaders.provisioningProfile.load(kept.id);
    if (now === null) throw new Denial("NOT_FOUND");
    return replaceNow(ctx, change, now, choice, begunAs);
  };
  return ctx.platform.locks.exclusively(`renewal of ${kept.id}`, PATIENCE_MS, work, () => {
    throw new Refusal("OUTCOME_UNKNOWN", "Another is still renewing this profile: ask again in a minute.");
  });
}

async function replaceNow(
  ctx: Context,
  change: Change,
  kept: Renewable,
  choice: Choice,
  begunAs: string | null,
): Promise<Renewed> {
  const { type, bundleIdentifier } = kept;
  checkKeyFor(change, type, bundleIdentifier);
  let team = await teamOf(ctx, change, WHOLE_TEAM);
  // Made through another key of the team, this one's list does not have it yet.
  const named = { certificateAppleIds: choice.certificateAppleIds ?? [], deviceAppleIds: choice.deviceAppleIds ?? [] };
  if (!isKnown(team, named)) team = await teamOf(ctx, change, WHOLE_TEAM, 0);
  if (team.problem !== null) throw team.problem;
  const old = team.profiles.find(({ uuid }) => uuid === kept.uuid) ?? null;
  const certificateAppleIds = choice.certificateAppleIds ?? (await certificatesFor(ctx, change, team, kept, old));
  const deviceAppleIds = choice.deviceAppleIds ?? devicesFor(team, kept, old);
  checkWish(team, { type, bundleIdentifier, certificateAppleIds, deviceAppleIds });
  const bundleId = team.bundleIds.find(({ identifier }) => identifier === bundleIdentifier);
  if (bundleId === undefined) {
    const message = `The team no longer has the bundle id ${bundleIdentifier}.`;
    throw new Refusal("NOT_RENEWABLE", message, ["provisioningProfileId"]);
  }
  const name = nextName(kept.name, team);
  const wanted = {
    name,
    appleType: type,
    bundleIdAppleId: bundleId.appleId,
    certificateAppleIds,
    deviceAppleIds,
    replacesId: kept.id,
  };
  const provisioningProfileId = await make(ctx, change, wanted, begunAs);
  const refusals = old === null ? [] : await removeOld(ctx, change, old);
  return { provisioningProfileId, refusals };
}

/** The certificates of the old profile that can still sign; where there is none, the kept one that lasts longest. */
async function certificatesFor(
  ctx: Context,
  change: Change,
  team: Team,
  kept: Renewable,
  old: TeamProfile | null,
): Promise<string[]> {
  const fitting = fittingCertificates(kept.type);
  const live = team.certificates.filter(
    ({ type, expiresAt }) => fitting.includes(type) && (expiresAt === null || expiresAt > new Date()),
  );
  const before = live.filter(({ appleId }) => old?.certificateIds.includes(appleId) === true);
  if (before.length > 0) return before.map(({ appleId }) => appleId);
  const { rootId, tenantId } = change.key;
  const reads = new ReadSession(ctx.platform.readPool, { roots: [rootId], tenants: [tenantId] });
  const usable = await signableCertificates(reads, { rootId, id: tenantId });
  const own = usable.flatMap(({ serialNumber }) => live.find((each) => each.serialNumber === serialNumber) ?? []);
  const [best] = own;
  if (best === undefined) {
    const message = "None of its certificates can sign any more, and no other that fits is kept here: make one first.";
    throw new Refusal("CERTIFICATE_NOT_FITTING", message, ["provisioningProfileId"]);
  }
  return [best.appleId];
}

const canonical = (udid: string): string => udid.toLowerCase().replaceAll("-", "");

/** The devices of the old profile that are still enabled; where there is none, all that fit. */
function devicesFor(team: Team, kept: Renewable, old: TeamProfile | null): string[] {
  if (!takesDevices(kept.type)) return [];
  const enabled = enabledDevices(team, kept.type);
  const udids = new Set(kept.deviceUdids.map(canonical));
  const before = enabled.filter(
    ({ appleId, udid }) => old?.deviceIds.includes(appleId) === true || udids.has(canonical(udid)),
  );
  return (before.length > 0 ? before : enabled).map(({ appleId }) => appleId);
}

/** The devices of a team that can be in profiles of a type. */
export const enabledDevices = (team: Team, type: ProfileType): Team["devices"] =>
  team.devices.filter(({ status, deviceClass }) => status === "ENABLED" && fitsDevice(type, deviceClass));

const SUFFIX = / \d{8}-\d{6}(?:-\d+)?$/;
const NAME_MOST = 80;

/** A name that no profile of the team has: with the time behind it, since two of a day must not clash. */
export function nextName(name: string, team: Pick<Team, "profiles">, at = new Date()): string {
  const time = at.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  const base = `${Array.from(name.replace(SUFFIX, "").replaceAll(",", " ")).slice(0, NAME_MOST).join("")} ${time}`;
  const taken = new Set(team.profiles.map((profile) => profile.name));
  let next = base;
  for (let n = 2; taken.has(next); n += 1) next = `${base}-${n}`;
  return next;
}

/** Deletes the old profile at Apple. Where that fails the new one stays, and it is said what is left to do. */
async function removeOld(ctx: Context, change: Change, old: TeamProfile): Promise<Refusal[]> {
  const { rootId, ownerId, tenantId, credentialId } = change.key;
  const scope = { roots: [rootId], tenants: [...new Set([ownerId, tenantId])] };
  try {
    await profiles.remove(ctx.platform.apple, change, old.appleId);
  } catch (error) {
    if (!(error instanceof Denial)) throw error;
    await spend(ctx.platform.readPool, change, "delete a profile", error);
    const message = `The new profile is kept; the old one is still at Apple (${old.appleId}). ${error.message}`;
    return [new Refusal(error.code, message, ["provisioningProfileId"])];
  }
  await inPreparedTransaction(ctx.platform.readPool, scope, async (unit) => {
    await forget(unit, AppleProvisioningProfile, [
      { rootId, ownerId, credentialId, appleId: old.appleId, position: null },
    ]);
    await charge(unit, [{ ...change, what: "delete a profile" }]);
  });
  return [];
}
