import { Arg, Ctx, FieldResolver, ID, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { AppleCertificate, CertificateState } from "../../entities/apple/certificate.js";
import { AppleProvisioningProfile } from "../../entities/apple/provisioning-profile.js";
import { Certificate } from "../../entities/signing/certificate.js";
import type { AppleCertificateRow } from "../../loaders/apple/certificate.js";
import type { AppleProvisioningProfileRow } from "../../loaders/apple/provisioning-profile.js";
import type { CertificateRow } from "../../loaders/signing/certificate.js";

/** Certificates at Apple. */
@Resolver(() => AppleCertificate)
export class AppleCertificateResolver {
  @FieldResolver(() => CertificateState, {
    description: "Whether it can sign, by its date: Apple lists no revoked ones.",
  })
  state(@Root() { expiresAt }: AppleCertificateRow): CertificateState {
    return expiresAt !== null && expiresAt <= new Date() ? "EXPIRED" : "VALID";
  }

  @FieldResolver(() => [AppleProvisioningProfile], { description: "The profiles that hold it." })
  provisioningProfiles(
    @Root() certificate: AppleCertificateRow,
    @Ctx() { loaders }: Context,
  ): Promise<AppleProvisioningProfileRow[]> {
    return loaders.appleProfilesOfCertificate.load(certificate);
  }

  @FieldResolver(() => Certificate, {
    nullable: true,
    description: "The tenant's own copy with its private key, where it keeps one.",
  })
  keptAs(
    @Root() { serialNumber }: AppleCertificateRow,
    @Arg("tenantId", () => ID, { description: "The tenant." }) tenantId: string,
    @Ctx() { loaders }: Context,
  ): Promise<CertificateRow | null> {
    return loaders.keptCertificate.load({ tenantId, identity: serialNumber });
  }
}
