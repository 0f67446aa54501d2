import { GraphQLDateTime } from "graphql-scalars";
import { Arg, Ctx, Field, FieldResolver, ID, InputType, Query, Resolver, Root } from "type-graphql";
import type { Found } from "../../loaders/batch.js";
import type { Context } from "../../context.js";
import { ProfileState, ProfileType } from "../../entities/apple/provisioning-profile.js";
import { Credential } from "../../entities/credential.js";
import { Share } from "../../entities/share.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import { Tenant } from "../../entities/tenant.js";
import type { FoundCredential } from "../../loaders/credential.js";
import type { CertificateRow } from "../../loaders/signing/certificate.js";
import type { ListedProfile, ProfileRow } from "../../loaders/signing/provisioning-profile.js";
import type { ShareRow } from "../../loaders/share.js";
import type { TenantRow } from "../../loaders/tenant.js";
import {
  AFTER,
  connectionOf,
  connectionType,
  FIRST,
  FirstType,
  pageOf,
  searchOf,
  sharingTag,
  type Connection,
} from "../connection.js";

/** A page of kept profiles. */
export const ProvisioningProfileConnection = connectionType("ProvisioningProfile", () => ProvisioningProfile);

const TenantProvisioningProfileConnection = connectionType("TenantProvisioningProfile", () => ProvisioningProfile, {
  edge: sharingTag,
});

@InputType({ description: "What narrows a list of provisioning profiles; a profile has to fit all of it." })
class ProvisioningProfileFilter {
  @Field(() => String, {
    nullable: true,
    description: "Part of the name, the UUID or the bundle identifier, without case.",
  })
  search?: string | null;

  @Field(() => ProfileType, { nullable: true, description: "Of this type." })
  type?: ProfileType | null;

  @Field(() => ProfileState, { nullable: true, description: "In this state." })
  state?: ProfileState | null;

  @Field(() => String, { nullable: true, description: "For exactly this bundle identifier." })
  bundleIdentifier?: string | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: "Whose time is over before this one." })
  expiresBefore?: Date | null;
}

/** The provisioning profiles of every tenant. */
@Resolver(() => Tenant)
export class TenantProvisioningProfilesResolver {
  @FieldResolver(() => TenantProvisioningProfileConnection, {
    description: "Provisioning profiles this tenant keeps and those shared with it.",
  })
  async provisioningProfiles(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("filter", () => ProvisioningProfileFilter, { nullable: true, description: "Only those that fit all of it." })
    filter: ProvisioningProfileFilter | null | undefined,
    @Ctx() { loaders }: Context,
  ): Promise<Connection<ListedProfile>> {
    const { type = null, state = null, expiresBefore = null } = filter ?? {};
    const page = pageOf(tenant.id, first, after, {
      ...{ type, state, expiresBefore },
      search: searchOf(filter?.search) || null,
      bundleIdentifier: searchOf(filter?.bundleIdentifier) || null,
    });
    return connectionOf(await loaders.provisioningProfilesByTenant.load(page), page, ({ tag }) => ({ tag }));
  }
}

/** Provisioning profiles that tenants keep. */
@Resolver(() => ProvisioningProfile)
export class ProvisioningProfileResolver {
  @Query(() => ProvisioningProfile, { nullable: true, description: "A provisioning profile by its id." })
  provisioningProfile(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() { loaders }: Context,
  ): Promise<ProfileRow | null> {
    return loaders.provisioningProfile.load(id);
  }

  @FieldResolver(() => ProfileState, { description: "Whether it can be used." })
  state(@Root() { state }: ProfileRow): ProfileState {
    return state;
  }

  @FieldResolver(() => Tenant, { description: "Who keeps it: the root organization where it came by a share." })
  owner(@Root() { ownerId }: ProfileRow, @Ctx() { loaders }: Context): Found<TenantRow | null> {
    return loaders.tenant.find(ownerId);
  }

  @FieldResolver(() => Share, {
    nullable: true,
    description: "How it is shared; null for whoever may not see that.",
  })
  share(@Root() { id, rootId }: ProfileRow, @Ctx() { loaders, viewer }: Context): Promise<ShareRow | null> | null {
    return viewer.may("CREDENTIALS_VIEW", { id: rootId, rootId }) ? loaders.shareBySubject.load(id) : null;
  }

  @FieldResolver(() => Credential, {
    nullable: true,
    description:
      "The key it was made or fetched through; null where it was uploaded, and for whoever does not see that key.",
  })
  async credential(@Root() { credentialId }: ProfileRow, @Ctx() { loaders }: Context): Promise<FoundCredential | null> {
    const credential = credentialId === null ? null : await loaders.credential.load(credentialId);
    return credential?.viewable === true ? credential : null;
  }

  @FieldResolver(() => [Certificate], {
    description:
      "Kept certificates in it that can sign here, as far as the viewer sees them: not empty means it can be used.",
  })
  certificates(@Root() { id }: ProfileRow, @Ctx() { loaders }: Context): Promise<CertificateRow[]> {
    return loaders.certificatesOfProfile.load(id);
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may delete it here." })
  viewerCanDelete(@Root() { ownerId, rootId }: ProfileRow, @Ctx() { viewer }: Context): boolean {
    return viewer.may("SIGNING_MANAGE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may renew it." })
  viewerCanRenew(@Root() { ownerId, rootId }: ProfileRow, @Ctx() { viewer }: Context): boolean {
    return viewer.may("SIGNING_MANAGE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, {
    description:
      "Whether the viewer may have its file, which takes SIGNING_DOWNLOAD where it is kept or shared to SIGN.",
  })
  async viewerCanDownload(@Root() { id }: ProfileRow, @Ctx() { loaders }: Context): Promise<boolean> {
    return (await loaders.downloadableProfile.load(id)) !== null;
  }
}
