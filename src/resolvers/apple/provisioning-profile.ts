import { Arg, Ctx, FieldResolver, ID, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { AppleBundleId } from "../../entities/apple/bundle-id.js";
import { AppleCertificate } from "../../entities/apple/certificate.js";
import { AppleDevice } from "../../entities/apple/device.js";
import { AppleProvisioningProfile, ProfileState } from "../../entities/apple/provisioning-profile.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import type { AppleBundleIdRow } from "../../loaders/apple/bundle-id.js";
import type { AppleCertificateRow } from "../../loaders/apple/certificate.js";
import type { AppleDeviceRow } from "../../loaders/apple/device.js";
import type { AppleProvisioningProfileRow } from "../../loaders/apple/provisioning-profile.js";
import type { ProfileRow } from "../../loaders/signing/provisioning-profile.js";

/** Provisioning profiles at Apple. */
@Resolver(() => AppleProvisioningProfile)
export class AppleProvisioningProfileResolver {
  @FieldResolver(() => ProfileState, { description: "Whether it can be used." })
  state(@Root() { expiresAt, appleState }: AppleProvisioningProfileRow): ProfileState {
    if (appleState === "EXPIRED" || (expiresAt !== null && expiresAt <= new Date())) return "EXPIRED";
    return appleState === "ACTIVE" ? "ACTIVE" : "INVALID";
  }

  @FieldResolver(() => AppleBundleId, { nullable: true, description: "The bundle id it is for." })
  async bundleId(
    @Root() { credentialId, bundleIdAppleId }: AppleProvisioningProfileRow,
    @Ctx() { loaders }: Context,
  ): Promise<AppleBundleIdRow | null> {
    if (bundleIdAppleId === null) return null;
    const [bundleId] = await loaders.appleBundleId.load({ credentialId, appleId: bundleIdAppleId });
    return bundleId ?? null;
  }

  @FieldResolver(() => [AppleCertificate], { description: "The certificates in it." })
  certificates(
    @Root() profile: AppleProvisioningProfileRow,
    @Ctx() { loaders }: Context,
  ): Promise<AppleCertificateRow[]> {
    return loaders.appleCertificatesOfProfile.load(profile);
  }

  @FieldResolver(() => [AppleDevice], { description: "The devices in it: development and ad hoc alone have any." })
  devices(@Root() profile: AppleProvisioningProfileRow, @Ctx() { loaders }: Context): Promise<AppleDeviceRow[]> {
    return loaders.appleDevicesOfProfile.load(profile);
  }

  @FieldResolver(() => ProvisioningProfile, {
    nullable: true,
    description: "The tenant's own copy, where it keeps one.",
  })
  keptAs(
    @Root() { uuid }: AppleProvisioningProfileRow,
    @Arg("tenantId", () => ID, { description: "The tenant." }) tenantId: string,
    @Ctx() { loaders }: Context,
  ): Promise<ProfileRow | null> {
    return loaders.keptProfile.load({ tenantId, identity: uuid });
  }
}
