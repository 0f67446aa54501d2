import pLimit from "p-limit";
import * as profiles from "../../../apple/provisioning-profile.js";
import type { Context } from "../../../context.js";
import { ownedBy } from "../../../database/readable-by.js";
import { AppleProvisioningProfile } from "../../../entities/apple/provisioning-profile.js";
import { isWithin } from "../../../entities/share.js";
import { ProvisioningProfile } from "../../../entities/signing/provisioning-profile.js";
import { CodedError, Denial, Refusal } from "../../../errors.js";
import type { FoundProfile } from "../../../loaders/signing/provisioning-profile.js";
import { charge } from "../../apple/bookkeeping.js";
import { authorizeChange, refusalOfItem, type Change } from "../../apple/change.js";
import { asOwner } from "../../apple/owner.js";
import { forget } from "../../apple/row.js";
import { actorOf, record } from "../../audit.js";
import { usersOf } from "../../share.js";
import { deleteOwned, ownedWhere, unitOf, write } from "../../write.js";

/** Profiles that one `deleteProvisioningProfiles` names. */
export const DELETED_AT_ONCE = 50;
/** Of these, how many are asked of Apple at the same time. */
const ASKED_AT_ONCE = 4;

interface DeleteInput {
  readonly provisioningProfileIds: readonly string[];
  readonly alsoAtApple: boolean;
  readonly force: boolean;
}

/** What came of several: those that are gone, and why others are not. */
export interface Deleted {
  readonly deletedIds: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** Deletes profiles, each by itself: at Apple first where that is wanted, so that none is left there unseen; then here. */
export async function remove(ctx: Context, input: DeleteInput): Promise<Deleted> {
  const ids = [...new Set(input.provisioningProfileIds)];
  if (ids.length === 0 || ids.length > DELETED_AT_ONCE) {
    throw new Refusal("INVALID_INPUT", `Name 1 to ${DELETED_AT_ONCE} profiles.`, ["provisioningProfileIds"]);
  }
  const atApple = new AtApple(ctx);
  const outcomes = await Promise.allSettled(
    ids.map(async (id) => {
      const profile = await ctx.loaders.provisioningProfile.load(id);
      if (profile === null) throw new Denial("NOT_FOUND");
      if (!input.force) await refuseWhileShared(ctx, id);
      if (input.alsoAtApple) await atApple.remove(profile);
      return id;
    }),
  );
  await atApple.settle();
  const ready = new Set(outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])));
  const gone = ready.size === 0 ? new Set<string>() : await removeHere(ctx, [...ready], input);
  const refusals = outcomes.flatMap((outcome, index) => {
    if (outcome.status === "fulfilled" && gone.has(outcome.value)) return [];
    const reason: unknown = outcome.status === "fulfilled" ? new Denial("NOT_FOUND") : outcome.reason;
    const place = input.provisioningProfileIds.indexOf(ids[index] ?? "");
    return [refusalOfItem(reason, ["provisioningProfileIds", String(place)])];
  });
  return { deletedIds: ids.filter((id) => gone.has(id)), refusals };
}

async function refuseWhileShared(ctx: Context, id: string): Promise<void> {
  const users = await usersOf(ctx, id);
  if (users === null) return;
  throw new Refusal("IN_USE", `This profile is shared with ${users}: unshare it first, or delete it with force.`);
}

const OWN = {
  name: "profiles_own",
  text: `SELECT k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.uuid FROM provisioning_profiles k
    WHERE ${ownedBy("k")} AND k.id = ANY ($3) ORDER BY k.id FOR UPDATE`,
};

/** Deletes them here, all that are there yet. */
async function removeHere(
  ctx: Context,
  ids: readonly string[],
  { alsoAtApple, force }: DeleteInput,
): Promise<Set<string>> {
  const { scope } = ctx.viewer;
  return write(ctx, async (manager) => {
    const unit = unitOf(manager);
    const rows = await unit.rows<Pick<ProvisioningProfile, "id" | "rootId" | "ownerId" | "name" | "uuid">>(OWN, [
      ...[scope.roots, scope.tenants, ids],
    ]);
    for (const { id, rootId, ownerId, name, uuid } of rows) {
      await deleteOwned(manager, ProvisioningProfile, ownedWhere("owner_id", id, scope));
      record(unit, actorOf(ctx), {
        tenant: { rootId, id: ownerId },
        action: "provisioning_profile.deleted",
        subject: { id, label: name },
        details: { uuid, alsoAtApple, force },
      });
    }
    return new Set(rows.map(({ id }) => id));
  });
}

/** What is deleted at Apple in one request: each key is authorized once, and asked no more once Apple refuses the key itself. */
class AtApple {
  readonly #changes = new Map<string, Promise<Change>>();
  readonly #turns = pLimit(ASKED_AT_ONCE);
  readonly #refused = new Map<Change, Error>();
  readonly #failed = new Map<Change, CodedError>();
  readonly #removed: { readonly change: Change; readonly appleId: string }[] = [];

  constructor(private readonly ctx: Context) {}

  /** Deletes one profile at Apple, with the key that it was made or fetched through, for the tenant that keeps it. */
  async remove({ ownerId, credentialId, appleId, bundleIdentifier }: FoundProfile): Promise<void> {
    if (credentialId === null || appleId === null) {
      throw new Refusal("INVALID_INPUT", "No key here leads to this profile at Apple: delete it without alsoAtApple.");
    }
    const change = await this.#authorize(ownerId, credentialId);
    if (!isWithin(bundleIdentifier, change.key.bundleIdentifiers)) {
      throw new Denial("FORBIDDEN", "The share of this key is for other bundle identifiers.");
    }
    await this.#turns(async () => {
      const refused = this.#refused.get(change);
      if (refused !== undefined) throw refused;
      try {
        await profiles.remove(this.ctx.platform.apple, change, appleId);
        this.#removed.push({ change, appleId });
      } catch (error) {
        if (error instanceof CodedError) this.#failed.set(change, error);
        if (error instanceof Denial && error.code !== "APPLE_REFUSED") this.#refused.set(change, error);
        throw error;
      }
    });
  }

  /** Notes in the snapshots of the keys what is gone at Apple, and what was spent. */
  async settle(): Promise<void> {
    for (const asked of this.#changes.values()) {
      const change = await asked.catch(() => null); // Whose item it was is told.
      if (change === null || change.meter.calls === 0) continue;
      const { rootId, ownerId, credentialId } = change.key;
      const gone = this.#removed.filter((each) => each.change === change);
      const places = gone.map(({ appleId }) => ({ ...{ rootId, ownerId, credentialId, appleId }, position: null }));
      const note = asOwner(this.ctx.platform.readPool, change.key, async (unit) => {
        await forget(unit, AppleProvisioningProfile, places);
        const problem = gone.length === 0 ? (this.#failed.get(change) ?? null) : null;
        await charge(unit, [{ ...change, what: "delete profiles", problem }]);
      });
      // Of a key that was rotated or deleted meanwhile there is nothing to note.
      await note.catch((error: unknown) => {
        if (!(error instanceof Denial)) throw error;
      });
    }
  }

  #authorize(tenantId: string, credentialId: string): Promise<Change> {
    const name = `${tenantId} ${credentialId}`;
    const change = this.#changes.get(name) ?? authorizeChange(this.ctx, { tenantId, credentialId });
    this.#changes.set(name, change);
    return change;
  }
}
