import { GraphQLDateTime } from "graphql-scalars";
import { Arg, Ctx, Field, FieldResolver, ID, InputType, Query, Resolver, Root } from "type-graphql";
import type { Found } from "../../loaders/batch.js";
import type { Context } from "../../context.js";
import { CertificateState, CertificateType } from "../../entities/apple/certificate.js";
import { Credential } from "../../entities/credential.js";
import { Share } from "../../entities/share.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { Tenant } from "../../entities/tenant.js";
import type { FoundCredential } from "../../loaders/credential.js";
import type { CertificateRow, ListedCertificate } from "../../loaders/signing/certificate.js";
import type { ProfileRow } from "../../loaders/signing/provisioning-profile.js";
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
import { ProvisioningProfileConnection } from "./provisioning-profile.js";

const TenantCertificateConnection = connectionType("TenantCertificate", () => Certificate, { edge: sharingTag });

@InputType({ description: "What narrows a list of certificates; a certificate has to fit all of it." })
class CertificateFilter {
  @Field(() => String, {
    nullable: true,
    description: "Part of the name, the common name, the serial number or the SHA-1, without case.",
  })
  search?: string | null;

  @Field(() => CertificateType, { nullable: true, description: "Of this type." })
  type?: CertificateType | null;

  @Field(() => CertificateState, { nullable: true, description: "In this state." })
  state?: CertificateState | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: "Whose time is over before this one." })
  expiresBefore?: Date | null;
}

/** The certificates of every tenant. */
@Resolver(() => Tenant)
export class TenantCertificatesResolver {
  @FieldResolver(() => TenantCertificateConnection, {
    description: "Certificates this tenant keeps and those shared with it.",
  })
  async certificates(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("filter", () => CertificateFilter, { nullable: true, description: "Only those that fit all of it." })
    filter: CertificateFilter | null | undefined,
    @Ctx() { loaders }: Context,
  ): Promise<Connection<ListedCertificate>> {
    const { search, type = null, state = null, expiresBefore = null } = filter ?? {};
    const page = pageOf(tenant.id, first, after, { search: searchOf(search) || null, type, state, expiresBefore });
    return connectionOf(await loaders.certificatesByTenant.load(page), page, ({ tag }) => ({ tag }));
  }
}

/** Certificates that tenants keep. */
@Resolver(() => Certificate)
export class CertificateResolver {
  @Query(() => Certificate, { nullable: true, description: "A certificate by its id." })
  certificate(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() { loaders }: Context,
  ): Promise<CertificateRow | null> {
    return loaders.certificate.load(id);
  }

  @FieldResolver(() => CertificateState, { description: "Whether it can sign." })
  state(@Root() { state }: CertificateRow): CertificateState {
    return state;
  }

  @FieldResolver(() => Boolean, { description: "Whether its private key is here: without it, it cannot sign." })
  hasPrivateKey(@Root() { hasPrivateKey }: CertificateRow): boolean {
    return hasPrivateKey;
  }

  @FieldResolver(() => Tenant, { description: "Who keeps it: the root organization where it came by a share." })
  owner(@Root() { ownerId }: CertificateRow, @Ctx() { loaders }: Context): Found<TenantRow | null> {
    return loaders.tenant.find(ownerId);
  }

  @FieldResolver(() => Share, {
    nullable: true,
    description: "How it is shared; null for whoever may not see that.",
  })
  share(@Root() { id, rootId }: CertificateRow, @Ctx() { loaders, viewer }: Context): Promise<ShareRow | null> | null {
    return viewer.may("CREDENTIALS_VIEW", { id: rootId, rootId }) ? loaders.shareBySubject.load(id) : null;
  }

  @FieldResolver(() => Credential, {
    nullable: true,
    description: "The key it was made through; null where it was uploaded, and for whoever does not see that key.",
  })
  async credential(
    @Root() { credentialId }: CertificateRow,
    @Ctx() { loaders }: Context,
  ): Promise<FoundCredential | null> {
    const credential = credentialId === null ? null : await loaders.credential.load(credentialId);
    return credential?.viewable === true ? credential : null;
  }

  @FieldResolver(() => ProvisioningProfileConnection, {
    description: "The kept profiles that hold it, as far as the viewer sees them.",
  })
  async provisioningProfiles(
    @Root() { id }: CertificateRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() { loaders }: Context,
  ): Promise<Connection<ProfileRow>> {
    const page = pageOf(id, first, after, null);
    return connectionOf(await loaders.profilesByCertificate.load(page), page);
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may rename and renew it." })
  viewerCanUpdate(@Root() { ownerId, rootId }: CertificateRow, @Ctx() { viewer }: Context): boolean {
    return viewer.may("SIGNING_MANAGE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may delete it here." })
  viewerCanDelete(@Root() { ownerId, rootId }: CertificateRow, @Ctx() { viewer }: Context): boolean {
    return viewer.may("SIGNING_MANAGE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may revoke it at Apple." })
  viewerCanRevoke(@Root() { ownerId, rootId }: CertificateRow, @Ctx() { viewer }: Context): boolean {
    return viewer.may("SIGNING_REVOKE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, {
    description:
      "Whether the viewer may have its .p12 file, which takes SIGNING_DOWNLOAD where it is kept or shared to SIGN.",
  })
  async viewerCanDownload(@Root() { id }: CertificateRow, @Ctx() { loaders }: Context): Promise<boolean> {
    return (await loaders.downloadableCertificate.load(id)) !== null;
  }
}
