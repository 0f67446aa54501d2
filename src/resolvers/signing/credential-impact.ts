import { Ctx, FieldResolver, ObjectType, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { Credential } from "../../entities/credential.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import { SubOrganization } from "../../entities/sub-organization.js";
import type { CredentialRow } from "../../loaders/credential.js";
import type { CertificateRow } from "../../loaders/signing/certificate.js";
import type { ProfileRow } from "../../loaders/signing/provisioning-profile.js";
import type { TenantRow } from "../../loaders/tenant.js";

/** Who and what would be hit if a key were deleted or no longer shared. */
@ObjectType({
  description: "Who and what would be hit if a key were deleted or no longer shared, as far as the viewer may see it.",
})
class CredentialImpact {
  credentialId!: string;
}

/** The impact of a key. */
@Resolver(() => Credential)
export class CredentialImpactResolver {
  @FieldResolver(() => CredentialImpact, {
    description: "Who and what would be hit if this key were deleted or no longer shared.",
  })
  impact(@Root() { id }: CredentialRow): CredentialImpact {
    return { credentialId: id };
  }
}

/** What the impact of a key is made of. */
@Resolver(() => CredentialImpact)
export class ImpactResolver {
  @FieldResolver(() => [SubOrganization], { description: "The sub-organizations that it is shared with now." })
  subOrganizations(@Root() { credentialId }: CredentialImpact, @Ctx() { loaders }: Context): Promise<TenantRow[]> {
    return loaders.subOrganizationsOfCredential.load(credentialId);
  }

  @FieldResolver(() => [Certificate], { description: "The kept certificates that were made through it." })
  certificates(@Root() { credentialId }: CredentialImpact, @Ctx() { loaders }: Context): Promise<CertificateRow[]> {
    return loaders.certificatesOfCredential.load(credentialId);
  }

  @FieldResolver(() => [ProvisioningProfile], {
    description: "The kept profiles that were made or fetched through it.",
  })
  provisioningProfiles(@Root() { credentialId }: CredentialImpact, @Ctx() { loaders }: Context): Promise<ProfileRow[]> {
    return loaders.profilesOfCredential.load(credentialId);
  }
}
