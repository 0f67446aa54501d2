import * as appleBundleIds from "../../../apple/bundle-id.js";
import type { Context } from "../../../context.js";
import type { ProfileType } from "../../../entities/apple/provisioning-profile.js";
import { Denial, Refusal } from "../../../errors.js";
import * as bundleIds from "../../apple/bundle-id.js";
import type { Change } from "../../apple/change.js";
import { make as makeCertificate } from "../certificate/certificate.js";
import { platformFor } from "../profile/fitting.js";
import * as profileKeeping from "../profile/profile-keeping.js";
import { nextName, replace } from "../profile/profile-renewal.js";
import { make as makeProfile } from "../profile/provisioning-profile.js";
import { teamOf } from "../team.js";
import type { Plan, ProfileStep } from "./plan.js";

/** What is done to get all that it takes. */
export type SigningAction =
  | "REUSE_CERTIFICATE"
  | "CREATE_CERTIFICATE"
  | "REUSE_PROFILE"
  | "CREATE_PROFILE"
  | "REPLACE_PROFILE"
  | "REGISTER_BUNDLE_ID";

/** One step of a plan. */
export interface SigningStep {
  readonly action: SigningAction;
  readonly label: string;
  readonly done: boolean;
}

/** What a kit is made of, without its secrets. */
export interface Parts {
  readonly certificateId: string;
  readonly provisioningProfileIds: readonly string[];
  readonly steps: readonly SigningStep[];
}

/** Does what a plan says, step by step, and gives what came of it. */
export async function assemble(ctx: Context, plan: Plan, begunAs: string | null): Promise<Parts> {
  const { change } = plan;
  const steps = (await stepsOf(ctx, plan)).map((step) => ({ ...step, done: true }));
  const certificateId = plan.certificate?.id ?? (await newCertificate(ctx, plan, begunAs));
  ctx.refresh();
  const certificate = plan.certificate ?? (await ctx.loaders.certificate.load(certificateId));
  if (certificate === null) throw new Denial("NOT_FOUND");
  const team = plan.certificate === null ? await teamOf(ctx, change, ["CERTIFICATES"]) : plan.team;
  const appleId = team.certificates.find(({ serialNumber }) => serialNumber === certificate.serialNumber)?.appleId;
  const provisioningProfileIds: string[] = [];
  for (const step of plan.profiles)
    provisioningProfileIds.push(await profileOf(ctx, plan, step, appleId ?? "", begunAs));
  return { certificateId, provisioningProfileIds, steps };
}

function newCertificate(ctx: Context, { change, certificateType }: Plan, begunAs: string | null): Promise<string> {
  const name = `${certificateType} ${new Date().toISOString().slice(0, 10)}`;
  const wanted = { name, appleType: certificateType, signingRequestId: null, renewsId: null };
  return makeCertificate(ctx, change, wanted, begunAs === null ? null : `${begunAs} certificate`);
}

async function profileOf(
  ctx: Context,
  plan: Plan,
  step: ProfileStep,
  certificateAppleId: string,
  begunAs: string | null,
): Promise<string> {
  const { change, team, deviceAppleIds } = plan;
  const { type } = plan.wish;
  const key = begunAs === null ? null : `${begunAs} ${step.bundleIdentifier}`;
  switch (step.does) {
    case "REUSE":
      return step.profile.id;
    case "KEEP":
      return keptFrom(ctx, change, step.atApple.appleId);
    case "REPLACE": {
      const choice = { certificateAppleIds: [certificateAppleId], deviceAppleIds };
      return (await replace(ctx, change, step.profile, choice, key)).provisioningProfileId;
    }
    case "CREATE": {
      const bundleIdAppleId =
        team.bundleIds.find(({ identifier }) => identifier === step.bundleIdentifier)?.appleId ??
        (await registered(ctx, change, step.bundleIdentifier, type));
      const name = nextName(`${step.bundleIdentifier.replace("*", "any")} ${type}`, team);
      const certificateAppleIds = [certificateAppleId];
      return makeProfile(
        ctx,
        change,
        { name, appleType: type, bundleIdAppleId, certificateAppleIds, deviceAppleIds, replacesId: null },
        key,
      );
    }
  }
}

async function keptFrom(ctx: Context, { key }: Change, appleId: string): Promise<string> {
  const { tenantId, credentialId } = key;
  const { ids, refusals } = await profileKeeping.keep(ctx, { tenantId, credentialId, appleIds: [appleId] });
  const [id] = ids;
  if (id !== undefined) return id;
  const [refusal] = refusals;
  if (refusal === undefined) throw new Denial("NOT_FOUND");
  throw new Refusal(refusal.code, refusal.message, ["bundleIdentifiers"]);
}

async function registered(ctx: Context, change: Change, identifier: string, type: ProfileType): Promise<string> {
  const { tenantId, credentialId } = change.key;
  // Somebody may have registered it since the list was asked for.
  const there = await appleBundleIds.find(ctx.platform.apple, change, identifier);
  if (there !== null) return there.appleId;
  // Apple takes no dots in the name.
  const name = identifier.replaceAll(/[^A-Za-z0-9]+/g, " ").trim() || "any";
  const input = { tenantId, credentialId, identifier, name, platform: platformFor(type), capabilities: [] };
  return (await bundleIds.register(ctx, input)).bundleId.appleId;
}

/** A plan in words: nothing of it is done yet. */
export async function stepsOf(ctx: Context, plan: Plan): Promise<SigningStep[]> {
  const key = await ctx.loaders.credential.load(plan.change.key.credentialId);
  const through = `through the key "${key?.name ?? plan.change.key.keyId}"`;
  const step = (action: SigningAction, label: string): SigningStep => ({ action, label, done: false });
  const certificate =
    plan.certificate === null
      ? step("CREATE_CERTIFICATE", `${plan.certificateType} ${through}`)
      : step("REUSE_CERTIFICATE", `"${plan.certificate.name}" (serial ${plan.certificate.serialNumber}) ${through}`);
  const profiles = plan.profiles.flatMap((each): SigningStep[] => {
    const what = `${plan.wish.type} for ${each.bundleIdentifier}`;
    switch (each.does) {
      case "REUSE":
        return [step("REUSE_PROFILE", `"${each.profile.name}": ${what}`)];
      case "KEEP":
        return [step("REUSE_PROFILE", `"${each.atApple.name}", which Apple holds: ${what}`)];
      case "REPLACE":
        return [step("REPLACE_PROFILE", `"${each.profile.name}": ${what}`)];
      case "CREATE":
        return [
          ...(each.isRegistered ? [] : [step("REGISTER_BUNDLE_ID", each.bundleIdentifier)]),
          step("CREATE_PROFILE", what),
        ];
    }
  });
  return [certificate, ...profiles];
}
