import type { Context } from "../../../context.js";
import { inPreparedTransaction, ReadSession } from "../../../database/tenancy.js";
import type { ProfileType } from "../../../entities/apple/provisioning-profile.js";
import { isWithin } from "../../../entities/share.js";
import { Denial, Refusal } from "../../../errors.js";
import { authorizeChange, type Change } from "../../apple/change.js";
import { actorOf, record } from "../../audit.js";
import { once } from "../../idempotency.js";
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
import { assemble, stepsOf, type Parts, type SigningStep } from "./assembly.js";
import { chooseKey } from "./key-choice.js";
import { makesSomething, planFor, type Wish } from "./plan.js";

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
  if (!makesSomething(plan)) return assemble(ctx, plan, begunAs);
  if (plan.team.problem !== null) throw plan.team.problem;
  // By team and not by key: two keys of a team make the same.
  const { program, issuerId, credentialId, rootId } = change.key;
  const lock = `signing ${rootId} ${program} ${issuerId ?? credentialId} ${plan.certificateType}`;
  const work = async (): Promise<Parts> => {
    const now = await planFor(ctx, change, wish);
    if (makesSomething(now) && now.team.problem !== null) throw now.team.problem;
    return assemble(ctx, now, begunAs);
  };
  return ctx.platform.locks.exclusively(lock, PATIENCE_MS, work, () => {
    throw new Refusal("OUTCOME_UNKNOWN", "Others are still making what this needs: ask again in a minute.");
  });
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
    if (!kept.every(({ bundleIdentifier }) => isWithin(bundleIdentifier, certificate.bundleIdentifiers))) {
      throw new Denial("FORBIDDEN", "The share of this certificate is for other bundle identifiers.");
    }
    record(unit, actorOf(ctx), {
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
