import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from "type-graphql";
import type { Context } from "../../context.js";
import { CertificateType } from "../../entities/apple/certificate.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import type { FoundCertificate } from "../../loaders/signing/certificate.js";
import * as renewals from "../../services/signing/certificate/certificate-renewal.js";
import * as certificates from "../../services/signing/certificate/certificate.js";
import * as revocations from "../../services/signing/certificate/revocation.js";
import { field } from "../connection.js";
import { answer, IdempotentInput, INPUT, MutationInput, payloadType } from "../payload.js";

const CreateCertificatePayload = payloadType("CreateCertificatePayload", "certificate", () => Certificate);
const RevokeCertificatePayload = payloadType("RevokeCertificatePayload", "certificate", () => Certificate);
const RenewCertificatePayload = payloadType(
  "RenewCertificatePayload",
  "certificate",
  () => Certificate,
  field("provisioningProfiles", () => [ProvisioningProfile], {
    description: "The profiles that hold the new certificate now; `userErrors` says which were not renewed, and why.",
  }),
);

@InputType({ description: "Makes a certificate at Apple." })
class CreateCertificateInput extends IdempotentInput {
  @Field(() => ID, {
    description: "Whose certificate it will be: the root's may be shared with its sub-organizations.",
  })
  tenantId!: string;

  @Field(() => ID, { description: "With which key: the tenant's own, or one that is shared with it to sign." })
  credentialId!: string;

  @Field(() => CertificateType, {
    description: "What it is for. Developer ID and others are made at Apple's site alone.",
  })
  type!: CertificateType;

  @Field(() => String, {
    nullable: true,
    description: "The name here: 1 to 100 characters; type and date where it is left out.",
  })
  name?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "A signing request of the tenant, whose private key waits for the certificate. Left out, a key is made.",
  })
  signingRequestId?: string | null;
}

@InputType({ description: "Renews a certificate, and every kept profile that holds it." })
class RenewCertificateInput extends IdempotentInput {
  @Field(() => ID, { description: "The certificate." })
  certificateId!: string;

  @Field(() => ID, { nullable: true, description: "With which key; left out, the one it was made through." })
  credentialId?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      "Revoke the old one: when all profiles are renewed, or before, where Apple has no room for both. Takes SIGNING_REVOKE.",
  })
  revokeFirst!: boolean;
}

@InputType({ description: "Revokes a certificate at Apple." })
class RevokeCertificateInput extends MutationInput {
  @Field(() => ID, { description: "The certificate." })
  certificateId!: string;
}

/** Certificates that are made, renewed and revoked at Apple. */
@Resolver()
export class CertificateMakingResolver {
  @Mutation(() => CreateCertificatePayload, {
    description:
      "Makes a certificate at Apple, for a private key that is made here and stays here. Written down before Apple is asked, so that none is ever lost.",
  })
  createCertificate(
    @Arg("input", () => CreateCertificateInput, INPUT) input: CreateCertificateInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ certificate: await found(ctx, await certificates.create(ctx, input)) }));
  }

  @Mutation(() => RenewCertificatePayload, {
    description:
      "Renews a certificate: a new one first, then every kept profile that holds the old one, and the old one is revoked last, if that is asked for. Asked again, it goes on where it was.",
  })
  renewCertificate(
    @Arg("input", () => RenewCertificateInput, INPUT) input: RenewCertificateInput,
    @Ctx() ctx: Context,
  ) {
    const act = async () => {
      const { certificateId, provisioningProfileIds, refusals } = await renewals.renew(ctx, input);
      const certificate = await found(ctx, certificateId);
      const profiles = await ctx.loaders.provisioningProfile.loadMany(provisioningProfileIds);
      return { certificate, provisioningProfiles: profiles.filter((profile) => profile !== null), refusals };
    };
    return answer(ctx, input, act, { provisioningProfiles: [] });
  }

  @Mutation(() => RevokeCertificatePayload, {
    description: "Revokes a certificate at Apple: profiles that hold it become invalid. It stays here, as revoked.",
  })
  revokeCertificate(
    @Arg("input", () => RevokeCertificateInput, INPUT) input: RevokeCertificateInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ certificate: await found(ctx, await revocations.revoke(ctx, input)) }));
  }
}

/** A certificate after a write, read anew. */
function found(ctx: Context, id: string): Promise<FoundCertificate | null> {
  ctx.refresh();
  return ctx.loaders.certificate.load(id);
}
