import { GraphQLDateTime } from "graphql-scalars";
import {
  Arg,
  createUnionType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import type { Context } from "../context.js";
import { Credential } from "../entities/credential.js";
import { typeNameOf } from "../entities/node.js";
import { Organization } from "../entities/organization.js";
import { Share, ShareUse } from "../entities/share.js";
import { Certificate } from "../entities/signing/certificate.js";
import { ProvisioningProfile } from "../entities/signing/provisioning-profile.js";
import type { ShareRow, ShareSubject } from "../loaders/share.js";
import type { TenantRow } from "../loaders/tenant.js";
import * as shares from "../services/share.js";
import { AFTER, connectionOf, connectionType, FIRST, FirstType, pageOf, type Connection } from "./connection.js";
import { answer, deletionPayloadType, INPUT, MutationInput, payloadType } from "./payload.js";
import { SubOrganizationConnection } from "./tenant.js";

const ShareConnection = connectionType("Share", () => Share);
const SharePayload = payloadType("SharePayload", "share", () => Share);
const UnsharePayload = deletionPayloadType("UnsharePayload");

const Shareable = createUnionType({
  name: "Shareable",
  description: "What the root organization may share.",
  types: () => [Credential, Certificate, ProvisioningProfile] as const,
  resolveType: (value: { id: string }) => typeNameOf(value),
});

@InputType({
  description:
    "Sets how something is shared. Either withAllSubOrganizations, or subOrganizationIds that are not empty.",
})
class ShareInput extends MutationInput {
  @Field(() => ID, { description: "What the root organization owns: a key, a certificate or a provisioning profile." })
  subjectId!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The settings name; given, it renames the key or certificate. A profile is named at Apple, and takes none.",
  })
  name?: string | null;

  @Field(() => Boolean, { defaultValue: false, description: "With all, also those made later." })
  withAllSubOrganizations!: boolean;

  @Field(() => [ID], { defaultValue: [], description: "With these alone." })
  subOrganizationIds!: string[];

  @Field(() => [ShareUse], { defaultValue: ["VIEW", "SIGN", "PUBLISH"], description: "What it may be used for." })
  uses!: ShareUse[];

  @Field(() => [String], {
    defaultValue: [],
    description: "Bundle identifiers it may be used for, `*` at the end as a wildcard; empty: any.",
  })
  bundleIdentifiers!: string[];

  @Field(() => GraphQLDateTime, { nullable: true, description: "The share ends by itself at this time." })
  expiresAt?: Date | null;
}

@InputType({ description: "Ends the sharing of something." })
class UnshareInput extends MutationInput {
  @Field(() => ID, { description: "What is shared." })
  subjectId!: string;
}

/** The shares of an organization. */
@Resolver(() => Organization)
export class OrganizationSharesResolver {
  @FieldResolver(() => ShareConnection, { description: "Everything it shares." })
  async shares(
    @Root() organization: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() ctx: Context,
  ): Promise<Connection<ShareRow>> {
    const page = pageOf(organization.id, first, after, null);
    return connectionOf(await ctx.loaders.sharesByOrganization.load(page), page);
  }
}

/** Shares. */
@Resolver(() => Share)
export class ShareResolver {
  @Query(() => Share, { nullable: true, description: "A share by its id." })
  share(@Arg("id", () => ID, { description: "Its id." }) id: string, @Ctx() ctx: Context): Promise<ShareRow | null> {
    return ctx.loaders.share.load(id);
  }

  @FieldResolver(() => Shareable, { description: "What is shared." })
  async subject(@Root() { subjectId }: ShareRow, @Ctx() ctx: Context): Promise<ShareSubject["item"] | null> {
    return (await ctx.loaders.shareSubject(subjectId))?.item ?? null;
  }

  @FieldResolver(() => SubOrganizationConnection, { description: "Those chosen by hand; empty where it is with all." })
  async subOrganizations(
    @Root() share: ShareRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() ctx: Context,
  ): Promise<Connection<TenantRow>> {
    const page = pageOf(share.id, first, after, null);
    return connectionOf(await ctx.loaders.subOrganizationsByShare.load(page), page);
  }

  @Mutation(() => SharePayload, {
    name: "share",
    description: "Sets how a key, a certificate or a profile of the root is shared; a second call replaces the first.",
  })
  setShare(@Arg("input", () => ShareInput, INPUT) input: ShareInput, @Ctx() ctx: Context) {
    return answer(ctx, input, async () => {
      const id = await shares.share(ctx, input);
      ctx.refresh();
      return { share: await ctx.loaders.share.load(id) };
    });
  }

  @Mutation(() => UnsharePayload, {
    description: "Ends the sharing of something: from the answer on nobody below uses it.",
  })
  unshare(@Arg("input", () => UnshareInput, INPUT) input: UnshareInput, @Ctx() ctx: Context) {
    return answer(ctx, input, async () => ({ deletedId: await shares.unshare(ctx, input) }));
  }
}
