import { AppleError } from "../../../apple/error.js";
import type { Context } from "../../../context.js";
import type { CertificateType } from "../../../entities/apple/certificate.js";
import { Denial, Refusal } from "../../../errors.js";
import { createCsr } from "../../../files/csr.js";
import { generateSigningKey, pkcs8Der, publicKeySha256 } from "../../../files/signing-key.js";
import { newId } from "../../../ids.js";
import { Secret } from "../../../vault/secret.js";
import { authorizeChange, refusalOf, type Change } from "../../apple/change.js";
import { actorOf } from "../../audit.js";
import { once } from "../../idempotency.js";
import { nameOf } from "../../input.js";
import { certificateMaking } from "../making/certificate-making.js";
import { explainLimit } from "./certificate-limit.js";
import * as intents from "../making/intent.js";
import { bringAbout } from "../making/making.js";

/** The types that Apple makes through a key: Developer ID takes the Account Holder at Apple's site, others a further identifier. */
export const MADE_THROUGH_KEYS: readonly CertificateType[] = [
  ...(["DEVELOPMENT", "DISTRIBUTION", "IOS_DEVELOPMENT", "IOS_DISTRIBUTION"] as const),
  ...(["MAC_APP_DEVELOPMENT", "MAC_APP_DISTRIBUTION", "MAC_INSTALLER_DISTRIBUTION"] as const),
];
/** Apple takes the public key of a request and nothing else of it. */
const REQUEST_EMAIL = "signing@countersign.invalid";
const REQUEST_COUNTRY = "US";
const COMMON_NAME_MOST = 64;
/** How long one waits for another that makes a certificate of the same signing request. */
const PATIENCE_MS = 90_000;

interface CreateInput {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly type: CertificateType;
  readonly name?: string | null;
  readonly signingRequestId?: string | null;
  readonly idempotencyKey?: string | null;
  readonly clientMutationId?: string | null;
}

/** Makes a certificate at Apple for a private key that was made here, or waits here. Gives the id of what is kept. */
export async function create(ctx: Context, input: CreateInput): Promise<string> {
  if (!MADE_THROUGH_KEYS.includes(input.type)) {
    const message =
      "Apple does not make certificates of this type through a key: make one at Apple's site with createSigningRequest, then completeSigningRequest.";
    throw new Refusal("INVALID_INPUT", message, ["type"]);
  }
  const name = nameOf(input.name ?? nameForType(input.type));
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const { certificateId } = await once(ctx, { operation: "createCertificate", tenant, input }, async (begunAs) => {
    const begun = await intents.begunBy(ctx.platform.readPool, { rootId: tenant.rootId, ownerId: tenant.id }, begunAs);
    if (begun !== null) return { certificateId: begun };
    const change = await authorizeChange(ctx, input);
    const wanted = { name, appleType: input.type, signingRequestId: input.signingRequestId ?? null, renewsId: null };
    return { certificateId: await make(ctx, change, wanted, begunAs) };
  });
  return certificateId;
}

const nameForType = (type: CertificateType): string => `${type} ${new Date().toISOString().slice(0, 10)}`;

/** A certificate that is wanted: its private key is made for it where no signing request holds one. */
interface Wanted {
  readonly name: string;
  readonly appleType: string;
  readonly signingRequestId: string | null;
  /** The kept certificate that it renews. */
  readonly renewsId: string | null;
}

/** Makes a certificate for the tenant of a change; of several for one signing request the first. Throws Refusal, AppleError. */
export function make(ctx: Context, change: Change, wanted: Wanted, begunAs: string | null): Promise<string> {
  if (wanted.signingRequestId === null) return makeNow(ctx, change, wanted, begunAs);
  const work = (): Promise<string> => {
    ctx.refresh(); // Another may have made it while this one waited.
    return makeNow(ctx, change, wanted, begunAs);
  };
  const lock = `signing request ${change.key.tenantId} ${wanted.signingRequestId}`;
  return ctx.platform.locks.exclusively(lock, PATIENCE_MS, work, () => {
    throw new Refusal("OUTCOME_UNKNOWN", "Another is still making the certificate of this signing request.");
  });
}

async function makeNow(ctx: Context, change: Change, wanted: Wanted, begunAs: string | null): Promise<string> {
  const { rootId, tenantId: ownerId, credentialId } = change.key;
  const id = newId("signingIntent");
  const request =
    wanted.signingRequestId === null
      ? await newRequest(wanted.name)
      : await openRequest(ctx, { rootId, ownerId }, wanted.signingRequestId);
  const intent = {
    ...{
      id,
      rootId,
      ownerId,
      credentialId,
      kind: "CERTIFICATE" as const,
      actor: actorOf(ctx),
      idempotencyKey: begunAs,
    },
    ...{ publicKeySha256: request.publicKeySha256, privateKey: request.privateKey },
    wanted: { ...wanted, csrPem: request.csrPem },
  };
  try {
    return await bringAbout(ctx.platform, change, intent, certificateMaking(ctx.platform, intent));
  } catch (error) {
    if (error instanceof AppleError && isLimit(error)) throw await explainLimit(ctx.platform, change, wanted.appleType);
    throw refusalOf(error, ["type"]);
  }
}

const LIMIT = /You already have a current .* certificate or a pending certificate request/i;
const isLimit = ({ entries }: AppleError): boolean =>
  entries.some(({ title, detail }) => LIMIT.test(detail) || LIMIT.test(title));

interface RequestForCertificate {
  readonly csrPem: string;
  readonly publicKeySha256: string;
  /** Null where the signing request holds it. */
  readonly privateKey: Secret | null;
}

async function newRequest(name: string): Promise<RequestForCertificate> {
  const privateKey = await generateSigningKey();
  const commonName = Array.from(name).slice(0, COMMON_NAME_MOST).join("");
  const csrPem = await createCsr(privateKey, { commonName, email: REQUEST_EMAIL, country: REQUEST_COUNTRY });
  return {
    csrPem,
    publicKeySha256: publicKeySha256(privateKey),
    privateKey: Secret.of(pkcs8Der(privateKey)),
  };
}

async function openRequest(
  ctx: Context,
  place: { readonly rootId: string; readonly ownerId: string },
  signingRequestId: string,
): Promise<RequestForCertificate> {
  const request = await ctx.loaders.signingRequest.load(signingRequestId);
  if (request?.ownerId !== place.ownerId) {
    throw new Refusal("NOT_FOUND", "The tenant has no such signing request.", ["signingRequestId"]);
  }
  if (request.certificateId !== null) {
    throw new Refusal("ALREADY_EXISTS", "A certificate was made from this signing request already.", [
      "signingRequestId",
    ]);
  }
  // Its key is the same each time: what Apple may have made for it is not asked for again.
  await intents.refuseWhileOpen(ctx.platform.readPool, place, request.publicKeySha256);
  return { csrPem: request.csrPem, publicKeySha256: request.publicKeySha256, privateKey: null };
}
