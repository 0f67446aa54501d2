import type { Context } from "../../../context.js";
import { ownedBy } from "../../../database/readable-by.js";
import { inPreparedTransaction, ReadSession } from "../../../database/tenancy.js";
import { CodedError, Denial, Refusal } from "../../../errors.js";
import { newId } from "../../../ids.js";
import { authorizeChange, type Change } from "../../apple/change.js";
import { actorOf, record } from "../../audit.js";
import { once } from "../../idempotency.js";
import { make, MADE_THROUGH_KEYS } from "./certificate.js";
import { takesSeveralCertificates } from "../profile/fitting.js";
import type { SignableProfile } from "../kit/kept.js";
import * as intents from "../making/intent.js";
import { authorizeRenewal, replace } from "../profile/profile-renewal.js";
import { placeAtApple, revoke } from "./revocation.js";
import { teamOf } from "../team.js";

interface RenewInput {
  readonly certificateId: string;
  readonly credentialId?: string | null;
  readonly revokeFirst: boolean;
  readonly idempotencyKey?: string | null;
  readonly clientMutationId?: string | null;
}

/** What came of a renewal: the new certificate, the profiles that hold it now, and what was left undone. */
export interface RenewedCertificate {
  readonly certificateId: string;
  readonly provisioningProfileIds: readonly string[];
  readonly refusals: readonly Refusal[];
}

/** How long one waits for another that renews the same certificate. */
const PATIENCE_MS = 90_000;

type Renewing = NonNullable<Awaited<ReturnType<Context["loaders"]["certificate"]["load"]>>>;

/**
 * Renews a certificate: the new one first, then every kept profile that held the old one, and the revocation last, where
 * that was asked for and nothing holds the old one any more. Only where Apple has no room for both is the old one revoked
 * first. Asked again after a crash, it goes on where it was.
 */
export async function renew(ctx: Context, input: RenewInput): Promise<RenewedCertificate> {
  const old = await ctx.loaders.certificate.load(input.certificateId);
  if (old === null) throw new Denial("NOT_FOUND");
  const tenant = { rootId: old.rootId, id: old.ownerId };
  const done = await once(ctx, { operation: "renewCertificate", tenant, input }, (begunAs) =>
    inTurn(ctx, old, async () => {
      const change = await authorizeFor(ctx, old, input.credentialId ?? null);
      const certificateId = await newCertificate(ctx, change, old, input.revokeFirst, begunAs);
      await shareAlike(ctx, old, certificateId);
      const { provisioningProfileIds, refusals } = await renewProfiles(ctx, old, certificateId, begunAs);
      const left = [...refusals, ...(input.revokeFirst ? await revokeLast(ctx, old, refusals.length === 0) : [])];
      return {
        certificateId,
        provisioningProfileIds,
        left: left.map(({ code, message, field }) => ({ code, message, field })),
      };
    }),
  );
  const refusals = done.left.map(({ code, message, field }) => new Refusal(code, message, field));
  return { certificateId: done.certificateId, provisioningProfileIds: done.provisioningProfileIds, refusals };
}

/** Of several who renew one certificate at the same time, one makes the new one, and the others find it. */
function inTurn<T>(ctx: Context, { id }: Renewing, work: () => Promise<T>): Promise<T> {
  const renewal = (): Promise<T> => {
    ctx.refresh();
    return work();
  };
  return ctx.platform.locks.exclusively(`renewal of ${id}`, PATIENCE_MS, renewal, () => {
    throw new Refusal("OUTCOME_UNKNOWN", "Another is still renewing this certificate: ask again in a minute.");
  });
}

async function authorizeFor(ctx: Context, old: Renewing, credentialId: string | null): Promise<Change> {
  if (!MADE_THROUGH_KEYS.includes(old.type)) {
    const message =
      "Apple does not make certificates of this type through a key: make a new one with createSigningRequest.";
    throw new Refusal("NOT_RENEWABLE", message, ["certificateId"]);
  }
  const found = credentialId ?? (await placeAtApple(ctx, old))?.credentialId;
  if (found === undefined) {
    const message = "No key here reaches the team that made it: name one as credentialId.";
    throw new Refusal("NOT_RENEWABLE", message, ["credentialId"]);
  }
  return authorizeChange(ctx, { tenantId: old.ownerId, credentialId: found });
}

const BEGUN = {
  name: "renewal_begun",
  text: `SELECT c.id FROM signing_intents i JOIN certificates c ON c.root_id = i.root_id AND c.id = i.subject_id
    WHERE i.root_id = $1 AND i.owner_id = $2 AND i.credential_id = $3 AND i.kind = 'CERTIFICATE' AND i.state = 'DONE'
      AND i.wanted->>'renewsId' = $4 AND c.revoked_at IS NULL AND c.expires_at > now()
    ORDER BY c.id DESC LIMIT 1`,
};

/** The new certificate: the one that an earlier renewal made, or one made now. */
async function newCertificate(
  ctx: Context,
  change: Change,
  old: Renewing,
  mayRevoke: boolean,
  begunAs: string | null,
): Promise<string> {
  const { rootId, ownerId } = old;
  await intents.begunBy(ctx.platform.readPool, old, begunAs);
  const reads = new ReadSession(ctx.platform.readPool, { roots: [rootId], tenants: [ownerId] });
  const [begun] = await reads.rows<{ id: string }>(BEGUN, [rootId, ownerId, change.key.credentialId, old.id]);
  if (begun !== undefined) return begun.id;
  const wanted = { name: old.name, appleType: old.appleType, signingRequestId: null, renewsId: old.id };
  try {
    return await make(ctx, change, wanted, begunAs);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "CERTIFICATE_LIMIT_REACHED") throw error;
    if (!mayRevoke) {
      const hint =
        "With revokeFirst, the old one is revoked to make room, and until all is renewed nothing signs with it.";
      throw new Refusal(error.code, `${error.message} ${hint}`, ["certificateId"]);
    }
    await revoke(ctx, { certificateId: old.id });
    return make(ctx, change, wanted, begunAs === null ? null : `${begunAs} again`);
  }
}

const SHARE = {
  name: "renewal_share",
  text: `INSERT INTO shares (root_id, id, owner_id, certificate_id, with_all, uses, bundle_identifiers, expires_at)
    SELECT root_id, $3, owner_id, $4, with_all, uses, bundle_identifiers, expires_at FROM shares
    WHERE root_id = $1 AND certificate_id = $2 AND (expires_at IS NULL OR expires_at > now())
    ON CONFLICT (root_id, certificate_id) DO NOTHING RETURNING id`,
};
const SHARE_TARGETS = {
  name: "renewal_share_targets",
  text: `INSERT INTO share_targets (root_id, share_id, sub_organization_id)
    SELECT t.root_id, $3, t.sub_organization_id FROM share_targets t JOIN shares s ON s.root_id = t.root_id AND s.id = t.share_id
    WHERE s.root_id = $1 AND s.certificate_id = $2`,
};

/** Shares the new certificate as the old one is: those below go on without noticing. */
async function shareAlike(ctx: Context, old: Renewing, certificateId: string): Promise<void> {
  if (old.ownerId !== old.rootId) return;
  await inPreparedTransaction(ctx.platform.readPool, { roots: [old.rootId], tenants: [old.rootId] }, async (unit) => {
    const [made] = await unit.rows<{ id: string }>(SHARE, [old.rootId, old.id, newId("share"), certificateId]);
    if (made === undefined) return;
    await unit.rows(SHARE_TARGETS, [old.rootId, old.id, made.id]);
    record(unit, actorOf(ctx), {
      tenant: { rootId: old.rootId, id: old.rootId },
      action: "share.created",
      subject: { id: certificateId, label: old.name },
      details: { shareId: made.id, like: old.id },
    });
  });
}

const HOLDING = {
  name: "renewal_profiles_holding",
  text: `SELECT k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.uuid, k.type, k.bundle_identifier AS "bundleIdentifier",
      k.invalid_since AS "invalidSince", k.expires_at AS "expiresAt", k.certificate_sha1s AS "certificateSha1s",
      k.device_udids AS "deviceUdids", k.credential_id AS "credentialId", k.apple_id AS "appleId"
    FROM provisioning_profiles k WHERE ${ownedBy("k")} AND k.certificate_sha1s @> ARRAY[$3] AND k.expires_at > now() ORDER BY k.id`,
};

/** Renews the kept profiles that hold the old certificate, one by one: one that fails leaves the others. */
async function renewProfiles(
  ctx: Context,
  old: Renewing,
  certificateId: string,
  begunAs: string | null,
): Promise<Pick<RenewedCertificate, "provisioningProfileIds" | "refusals">> {
  ctx.refresh();
  const made = await ctx.loaders.certificate.load(certificateId);
  if (made === null) throw new Denial("NOT_FOUND");
  const { scope } = ctx.viewer;
  const reads = new ReadSession(ctx.platform.readPool, scope);
  const holding = await reads.rows<SignableProfile>(HOLDING, [scope.roots, scope.tenants, old.sha1]);
  const provisioningProfileIds: string[] = [];
  const refusals: Refusal[] = [];
  for (const profile of holding) {
    try {
      const key = begunAs === null ? null : `${begunAs} ${profile.id}`;
      const begun = await intents.begunBy(ctx.platform.readPool, profile, key);
      const renewed = begun === null ? await renewProfile(ctx, profile, old, made, key) : { id: begun, refusals: [] };
      provisioningProfileIds.push(renewed.id);
      refusals.push(...renewed.refusals);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      refusals.push(
        new Refusal(error.code, `The profile "${profile.name}" (${profile.id}) was not renewed. ${error.message}`),
      );
    }
  }
  return { provisioningProfileIds, refusals };
}

async function renewProfile(
  ctx: Context,
  profile: SignableProfile,
  old: Renewing,
  made: Renewing,
  begunAs: string | null,
): Promise<{ readonly id: string; readonly refusals: readonly Refusal[] }> {
  const change = await authorizeRenewal(ctx, profile);
  const team = await teamOf(ctx, change, ["CERTIFICATES", "PROFILES"]);
  const before = takesSeveralCertificates(profile.type)
    ? (team.profiles.find(({ uuid }) => uuid === profile.uuid)?.certificateIds ?? [])
    : [];
  const others = team.certificates.filter(
    ({ appleId, serialNumber, expiresAt }) =>
      before.includes(appleId) && serialNumber !== old.serialNumber && (expiresAt === null || expiresAt > new Date()),
  );
  const certificateAppleIds = [...new Set([made.appleId ?? "", ...others.map(({ appleId }) => appleId)])];
  const renewed = await replace(ctx, change, profile, { certificateAppleIds, deviceAppleIds: null }, begunAs);
  return { id: renewed.provisioningProfileId, refusals: renewed.refusals };
}

/** Revokes the old certificate when nothing that is kept holds it any more. */
async function revokeLast(ctx: Context, old: Renewing, isFree: boolean): Promise<Refusal[]> {
  if (!isFree) {
    return [
      new Refusal("IN_USE", "The old certificate was not revoked: not all of its profiles are renewed.", [
        "revokeFirst",
      ]),
    ];
  }
  try {
    ctx.refresh();
    await revoke(ctx, { certificateId: old.id });
    return [];
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return [new Refusal(error.code, `The old certificate was not revoked. ${error.message}`, ["revokeFirst"])];
  }
}
