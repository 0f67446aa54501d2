import * as profiles from "../../../apple/provisioning-profile.js";
import { FETCHED_AT_ONCE, type ProfileWithContent } from "../../../apple/provisioning-profile.js";
import type { Context } from "../../../context.js";
import type { Unit } from "../../../database/tenancy.js";
import { isWithin } from "../../../entities/share.js";
import { CodedError, Denial, Refusal } from "../../../errors.js";
import { readProvisioningProfile } from "../../../files/mobileprovision.js";
import type { TenantRow } from "../../../loaders/tenant.js";
import { charge, type Use } from "../../apple/bookkeeping.js";
import { authorizeChange, refusalOfItem, spend, type Change } from "../../apple/change.js";
import { asOwner } from "../../apple/owner.js";
import { actorOf, record } from "../../audit.js";
import { bytesOf } from "../../input.js";
import { unitOf, write } from "../../write.js";
import { insertProfile, profileRow, type ProfileRow } from "./profile-row.js";

/** Profiles that one `keepProvisioningProfiles` picks. */
export const KEPT_AT_ONCE = 50;
/** Profiles that one `uploadProvisioningProfiles` takes. */
export const UPLOADED_AT_ONCE = 20;

/** What came of several: the ids of those that are kept, and why others are not. */
export interface Kept {
  readonly ids: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** Something for each of several, or why there is none. */
type Verdict<T> = { readonly row: T } | { readonly refusal: Refusal };

interface KeepInput {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly appleIds: readonly string[];
}

/** Keeps profiles that Apple holds. One that is kept already comes back as it is. */
export async function keep(ctx: Context, input: KeepInput): Promise<Kept> {
  const { tenantId, appleIds } = input;
  refuseCount(appleIds, KEPT_AT_ONCE, "appleIds");
  const tenant = await tenantOf(ctx, tenantId);
  const change = await authorizeChange(ctx, input);
  const found = await fetchAll(ctx, change, appleIds);
  const verdicts = await Promise.all(
    appleIds.map((appleId, index) =>
      verdictOn(["appleIds", String(index)], async (field) => {
        const profile = found.get(appleId);
        if (profile === undefined) throw new Refusal("NOT_FOUND", "Apple has no such profile for this key.", field);
        return fetchedRow(profile, { tenant, change, field });
      }),
    ),
  );
  const rows = verdicts.flatMap((verdict) => ("row" in verdict ? [verdict.row] : []));
  const store = async (unit: Unit): Promise<string[]> => {
    const uses = [{ ...change, what: "fetch profiles" }];
    return (await storeAll(ctx, unit, "provisioning_profile.kept", rows, uses)).map(({ id }) => id);
  };
  const ids = await asOwner(ctx.platform.readPool, change.key, store, [tenantId]);
  return { ids: [...new Set(ids)], refusals: refusalsOf(verdicts) };
}

/** What Apple holds of these, by its id or by why it could not be asked; where it could not be asked at all, that is thrown. */
async function fetchAll(
  ctx: Context,
  change: Change,
  appleIds: readonly string[],
): Promise<ReadonlyMap<string, ProfileWithContent | Error>> {
  const ids = [...new Set(appleIds)].filter((id) => /^[\w-]{1,100}$/.test(id));
  const groups = Array.from({ length: Math.ceil(ids.length / FETCHED_AT_ONCE) }, (_, n) =>
    ids.slice(n * FETCHED_AT_ONCE, (n + 1) * FETCHED_AT_ONCE),
  );
  const found = new Map<string, ProfileWithContent | Error>();
  const answers = await Promise.allSettled(groups.map((group) => profiles.fetch(ctx.platform.apple, change, group)));
  for (const [n, answer] of answers.entries()) {
    if (answer.status === "fulfilled") for (const profile of answer.value) found.set(profile.appleId, profile);
    else for (const id of groups[n] ?? []) found.set(id, answer.reason as Error);
  }
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed === undefined || answers.some((answer) => answer.status === "fulfilled")) return found;
  if (failed.reason instanceof CodedError) await spend(ctx.platform.readPool, change, "fetch profiles", failed.reason);
  throw failed.reason;
}

async function fetchedRow(
  found: ProfileWithContent | Error,
  { tenant, change, field }: { readonly tenant: TenantRow; readonly change: Change; readonly field: readonly string[] },
): Promise<ProfileRow> {
  if (found instanceof Error) throw found;
  if (found.content === null) {
    const message = "Apple gives no file of this profile, since it is invalid there: renew it at Apple.";
    throw new Refusal("INVALID_PROVISIONING_PROFILE", message, field);
  }
  const content = Buffer.from(found.content, "base64");
  const file = await readProvisioningProfile(content, field);
  if (!isWithin(file.bundleIdentifier, change.key.bundleIdentifiers)) {
    throw new Denial("FORBIDDEN", "The share of this key is for other bundle identifiers.");
  }
  const { appleId, appleType, appleState } = found;
  return profileRow(file, {
    ...{ rootId: tenant.rootId, ownerId: tenant.id, source: "FETCHED", content },
    atApple: { credentialId: change.key.credentialId, appleId, appleType, appleState },
  });
}

/** Keeps profiles out of their files. */
export async function upload(
  ctx: Context,
  input: { readonly tenantId: string; readonly profiles: readonly string[] },
): Promise<Kept> {
  refuseCount(input.profiles, UPLOADED_AT_ONCE, "profiles");
  const tenant = await tenantOf(ctx, input.tenantId);
  const verdicts: Verdict<ProfileRow & { readonly field: readonly string[] }>[] = [];
  // One after another: a file of a megabyte keeps a processor busy.
  for (const [index, base64] of input.profiles.entries()) {
    const verdict = await verdictOn(["profiles", String(index)], async (field) => {
      const content = bytesOf(base64, field);
      const file = await readProvisioningProfile(content, field);
      const place = { rootId: tenant.rootId, ownerId: tenant.id, source: "UPLOADED", content, atApple: null } as const;
      return { ...profileRow(file, place), field };
    });
    verdicts.push(verdict);
  }
  const rows = verdicts.flatMap((verdict) => ("row" in verdict ? [verdict.row] : []));
  const stored = await write(ctx, (manager) => storeAll(ctx, unitOf(manager), "provisioning_profile.uploaded", rows));
  const outcomes = verdicts.map((verdict): Verdict<string> => {
    if ("refusal" in verdict) return verdict;
    const { row } = verdict;
    if (stored.some(({ id }) => id === row.id)) return { row: row.id };
    return { refusal: new Refusal("ALREADY_EXISTS", "This profile is kept here already.", row.field) };
  });
  const ids = outcomes.flatMap((outcome) => ("row" in outcome ? [outcome.row] : []));
  return { ids, refusals: refusalsOf(outcomes) };
}

async function storeAll(
  ctx: Context,
  unit: Unit,
  action: string,
  rows: readonly ProfileRow[],
  uses: readonly Use[] = [],
): Promise<{ readonly id: string }[]> {
  // In one order: whoever keeps the same profiles at this moment waits for us, and not each for the other.
  const stored = new Map<ProfileRow, { id: string; isNew: boolean }>();
  const ordered = [...rows].sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  for (const row of ordered) stored.set(row, await insertProfile(unit, row));
  if (uses.length > 0) await charge(unit, uses);
  for (const row of rows.filter((each) => stored.get(each)?.isNew === true)) {
    const { id, rootId, ownerId, name, uuid, bundleIdentifier, credentialId } = row;
    const details = { uuid, bundleIdentifier, credentialId };
    record(unit, actorOf(ctx), { tenant: { rootId, id: ownerId }, action, subject: { id, label: name }, details });
  }
  return rows.flatMap((row) => stored.get(row) ?? []);
}

async function tenantOf(ctx: Context, id: string): Promise<TenantRow> {
  const tenant = await ctx.loaders.tenant.load(id);
  if (tenant === null) throw new Denial("NOT_FOUND");
  return tenant;
}

function refuseCount(items: readonly unknown[], most: number, field: string): void {
  if (items.length > 0 && items.length <= most) return;
  throw new Refusal("INVALID_INPUT", `Name 1 to ${most} profiles.`, [field]);
}

async function verdictOn<T>(
  field: readonly string[],
  judge: (field: readonly string[]) => Promise<T>,
): Promise<Verdict<T>> {
  try {
    return { row: await judge(field) };
  } catch (error) {
    return { refusal: refusalOfItem(error, field) };
  }
}

const refusalsOf = (verdicts: readonly Verdict<unknown>[]): Refusal[] =>
  verdicts.flatMap((verdict) => ("refusal" in verdict ? [verdict.refusal] : []));
