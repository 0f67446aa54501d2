import * as bundleIds from "../../../apple/bundle-id.js";
import * as profiles from "../../../apple/provisioning-profile.js";
import type { Context } from "../../../context.js";
import type { WantedProfile } from "../../../entities/signing/signing-intent.js";
import { Denial, Refusal } from "../../../errors.js";
import { newId } from "../../../ids.js";
import { authorizeChange, refusalOf, type Change } from "../../apple/change.js";
import { actorOf } from "../../audit.js";
import { once } from "../../idempotency.js";
import { nameOf } from "../../input.js";
import * as intents from "../making/intent.js";
import { bringAbout } from "../making/making.js";
import { profileMaking } from "../making/profile-making.js";
import { checkKeyFor, checkWish, isKnown, type ProfileWish } from "./profile-wish.js";
import { teamOf } from "../team.js";

interface CreateInput extends ProfileWish {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly name: string;
  readonly idempotencyKey?: string | null;
  readonly clientMutationId?: string | null;
}

/** Makes a provisioning profile at Apple and keeps it. Gives the id of what is kept. */
export async function create(ctx: Context, input: CreateInput): Promise<string> {
  const name = nameOf(input.name);
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const call = { operation: "createProvisioningProfile", tenant, input };
  const { provisioningProfileId } = await once(ctx, call, async (begunAs) => {
    const begun = await intents.begunBy(ctx.platform.readPool, { rootId: tenant.rootId, ownerId: tenant.id }, begunAs);
    if (begun !== null) return { provisioningProfileId: begun };
    const change = await authorizeChange(ctx, input);
    checkKeyFor(change, input.type, input.bundleIdentifier);
    let team = await teamOf(ctx, change, ["CERTIFICATES", "DEVICES"]);
    if (!isKnown(team, input)) team = await teamOf(ctx, change, ["CERTIFICATES", "DEVICES"], 0);
    checkWish(team, input);
    const bundleIdAppleId = await bundleIdOf(ctx, change, input.bundleIdentifier);
    await refuseTakenName(ctx, change, name);
    const { type: appleType, certificateAppleIds, deviceAppleIds } = input;
    const wanted = { name, appleType, bundleIdAppleId, certificateAppleIds, deviceAppleIds, replacesId: null };
    return { provisioningProfileId: await make(ctx, change, wanted, begunAs) };
  });
  return provisioningProfileId;
}

/** Makes a profile for the tenant of a change. Throws Refusal, AppleError. */
export async function make(
  ctx: Context,
  change: Change,
  wanted: WantedProfile,
  begunAs: string | null,
): Promise<string> {
  const { rootId, tenantId: ownerId, credentialId } = change.key;
  const intent = {
    ...{ id: newId("signingIntent"), rootId, ownerId, credentialId, kind: "PROFILE" as const },
    ...{ actor: actorOf(ctx), idempotencyKey: begunAs, publicKeySha256: null, privateKey: null, wanted },
  };
  try {
    return await bringAbout(ctx.platform, change, intent, profileMaking(ctx.platform, intent));
  } catch (error) {
    throw refusalOf(error, ["name"]);
  }
}

async function bundleIdOf(ctx: Context, change: Change, identifier: string): Promise<string> {
  const found = await bundleIds.find(ctx.platform.apple, change, identifier);
  if (found === null) {
    const message = "The team of this key has no such bundle id: registerBundleId makes it.";
    throw new Refusal("NOT_FOUND", message, ["bundleIdentifier"]);
  }
  return found.appleId;
}

async function refuseTakenName(ctx: Context, change: Change, name: string): Promise<void> {
  const there = await profiles.findByName(ctx.platform.apple, change, name);
  if (there.length > 0) throw new Refusal("ALREADY_EXISTS", "The team has a profile of this name already.", ["name"]);
}
