import type { Permission } from "../entities/access-token.js";
import { Denial } from "../errors.js";
import type { FoundCertificate } from "../loaders/signing/certificate.js";
import { rule, type Verdict } from "./shield.js";
import { mayChange } from "./tenant.js";

/** The verdict on seeing a certificate: own, or shared to be seen with a tenant where the viewer may see certificates. */
export function seesCertificate(certificate: FoundCertificate | null): Verdict {
  if (certificate === null) return new Denial("NOT_FOUND");
  return certificate.viewable || new Denial("FORBIDDEN", "This takes SIGNING_VIEW here, and a share that allows VIEW.");
}

/** The viewer owns the certificate that the input names, and has the permission there. */
export const ownsCertificate = (permission: Permission) =>
  rule<unknown, { input: { certificateId: string } }>(`ownsCertificate ${permission}`, async (_, { input }, ctx) =>
    mayChange(ctx, await ctx.loaders.certificate.load(input.certificateId), permission),
  );

/** A renewal that is to revoke the old certificate takes what revoking it takes. */
export const revokesOnlyWhereItMay = rule<unknown, { input: { certificateId: string; revokeFirst: boolean } }>(
  "revokesOnlyWhereItMay",
  async (_, { input }, ctx) =>
    !input.revokeFirst || mayChange(ctx, await ctx.loaders.certificate.load(input.certificateId), "SIGNING_REVOKE"),
);

/** The viewer knows the certificate that the input names; whether its file may be had the service asks, at the moment of use. */
export const knowsCertificate = rule<unknown, { input: { certificateId: string } }>(
  "knowsCertificate",
  async (_, { input }, ctx) =>
    (await ctx.loaders.certificate.load(input.certificateId)) === null ? new Denial("NOT_FOUND") : true,
);
