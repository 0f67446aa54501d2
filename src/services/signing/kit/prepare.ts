import * as appleBundleIds from "../../../apple/bundle-id.js";
import type { Context } from "../../../context.js";
import { inPreparedTransaction, ReadSession } from "../../../database/tenancy.js";
import type { ProfileType } from "../../../entities/apple/provisioning-profile.js";
import { Denial, Refusal } from "../../../errors.js";
import { authorizeChange, type Change } from "../../apple/change.js";
import * as bundleIds from "../../apple/bundle-id.js";
import { actorOf, record } from "../../audit.js";
import { once } from "../../idempotency.js";
import { make as makeCertificate } from "../certificate/certificate.js";
import {
  allowed,
  passwordOf,
  pkcs12Of,
  profileDownloadOf,
  usableCertificates,
  usableProfiles,
  type CertificateDownload,
  type ProfileDownload,
} from "../export.js";
import { platformFor } from "../profile/fitting.js";
import { chooseKey } from "./key-choice.js";
import * as profileKeeping from "../profile/profile-keeping.js";
import { makesSomething, planFor, type Plan, type ProfileStep, type Wish } from "./plan.js";
import { nextName, replace } from "../profile/profile-renewal.js";
import { make as makeProfile } from "../profile/provisioning-profile.js";
import { teamOf } from "../team.js";

/** Bundle identifiers of one kit: an app with its extensions has a few. */
export const KIT_IDENTIFIERS_MOST = 20;
const VALID_DAYS_MOST = 300;
/** How long a build waits while others make what it needs. */
const PATIENCE_MS = 180_000;

interface PrepareInput {
  readonly tenantId: string;
  readonly credentialId?: string | null;
  readonly type: ProfileType;
  readonly bundleIdentifiers: readonly string[];
  readonly minimumValidDays: number;
  readonly password?: string | null;
  readonly dryRun: boolean;
  readonly idempotencyKey?: string | null;
  readonly clientMutationId?: string | null;
}

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

/** All that a build needs to sign. */
export interface SigningKit {
  readonly certificateId: string;
  readonly provisioningProfileIds: readonly string[];
  readonly download: CertificateDownload;
  readonly profileDownloads: readonly ProfileDownload[];
}

/** What came of it; `kit` is null for a dry run. */
export interface Prepared {
  readonly kit: SigningKit | null;
  readonly plan: readonly SigningStep[];
}

/** What a kit is made of, without its secrets. */
interface Parts {
  readonly certificateId: string;
  readonly provisioningProfileIds: readonly string[];
  readonly steps: readonly SigningStep[];
}

/** Finds or makes the certificate and the profiles that a build needs, and hands them over. Any number may ask at once: one of them makes. */
export async function prepare(ctx: Context, input: PrepareInput): Promise<Prepared> {
  const wish = wishOf(input);
  passwordOf({ password: input.password ?? null, encoding: "KEYCHAIN" });
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const authorize = async (): Promise<Change> => {
    if (input.credentialId == null) return chooseKey(ctx, tenant.id, wish);
    return authorizeChange(ctx, { tenantId: tenant.id, credentialId: input.credentialId });
  };
  if (input.dryRun) {
    const plan = await planFor(ctx, await authorize(), wish);
    return { kit: null, plan: await stepsOf(ctx, plan) };
  }
  const parts = await once(ctx, { operation: "prepareSigning", tenant, input }, async (begunAs) =>
    partsFor(ctx, await authorize(), wish, begunAs),
  );
  return { kit: await handOver(ctx, tenant, parts, input.password ?? null), plan: parts.steps };
}

function wishOf({ type, bundleIdentifiers, minimumValidDays }: PrepareInput): Wish {
  const identifiers = [...new Set(bundleIdentifiers.map((each) => each.trim()))];
  if (identifiers.length === 0 || identifiers.length > KIT_IDENTIFIERS_MOST) {
    throw new Refusal("INVALID_INPUT", `Name 1 to ${KIT_IDENTIFIERS_MOST} bundle identifiers.`, ["bundleIdentifiers"]);
  }
  const wrong = identifiers.findIndex(
    (each) => each.length > 255 || !/^(?:[A-Za-z0-9-]+\.)*(?:[A-Za-z0-9-]+|\*)$/.test(each),
  );
  if (wrong !== -1) {
    const message = "A bundle identifier holds letters, digits, dots and hyphens, with an optional * as its last part.";
    throw new Refusal("INVALID_INPUT", message, ["bundleIdentifiers", String(wrong)]);
  }
  if (minimumValidDays < 0 || minimumValidDays > VALID_DAYS_MOST) {
    throw new Refusal("INVALID_INPUT", `minimumValidDays is 0 to ${VALID_DAYS_MOST}.`, ["minimumValidDays"]);
  }
  return { type, bundleIdentifiers: identifiers, minimumValidDays };
}

/** What serves at once is taken as it is; else one at a time makes what is missing, and the others find it. */
async function partsFor(ctx: Context, change: Change, wish: Wish, begunAs: string | null): Promise<Parts> {
  const plan = await planFor(ctx, change, wish);
  if (!makesSomething(plan)) return carryOut(ctx, plan, begunAs);
  if (plan.team.problem !== null) throw plan.team.problem;
  // By team and not by key: two keys of a team make the same.
  const { program, issuerId, credentialId, rootId } = change.key;
  const lock = `signing ${rootId} ${program} ${issuerId ?? credentialId} ${plan.certificateType}`;
  const work = async (): Promise<Parts> => {
    const now = await planFor(ctx, change, wish);
    if (makesSomething(now) && now.team.problem !== null) throw now.team.problem;
    return carryOut(ctx, now, begunAs);
  };
  return ctx.platform.locks.exclusively(lock, PATIENCE_MS, work, () => {
    throw new Refusal("OUTCOME_UNKNOWN", "Others are still making what this needs: ask again in a minute.");
  });
}

async function carryOut(ctx: Context, plan: Plan, begunAs: string | null): Promise<Parts> {
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
  if (id === undefined) throw refusals[0] ?? new Denial("NOT_FOUND");
  return id;
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

async function stepsOf(ctx: Context, plan: Plan): Promise<SigningStep[]> {
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

/** Writes the files out, when the log says that they are handed out. The terms of shares bind once more, now. */
async function handOver(
  ctx: Context,
  tenant: { readonly rootId: string; readonly id: string },
  { certificateId, provisioningProfileIds }: Parts,
  password: string | null,
): Promise<SigningKit> {
  const scope = { roots: [tenant.rootId], tenants: [tenant.id] };
  const user = { scope, tenants: [tenant.id] };
  const found = await inPreparedTransaction(ctx.platform.readPool, scope, async (unit) => {
    const certificate = allowed(await usableCertificates(unit, user, [certificateId]), certificateId);
    const profiles = await usableProfiles(unit, user, provisioningProfileIds);
    const kept = provisioningProfileIds.map((id) => allowed(profiles, id));
    await record(unit, actorOf(ctx), {
      tenant,
      action: "signing.prepared",
      subject: { id: certificateId, label: certificate.name },
      details: { provisioningProfileIds, bundleIdentifiers: kept.map((profile) => profile.bundleIdentifier) },
    });
    return { certificate, kept };
  });
  const reads = new ReadSession(ctx.platform.readPool, scope);
  const download = await pkcs12Of(ctx.platform.vault, reads, found.certificate, { password, encoding: "KEYCHAIN" });
  return { certificateId, provisioningProfileIds, download, profileDownloads: found.kept.map(profileDownloadOf) };
}
