import { Arg, Ctx, Field, ID, ObjectType, Query, Resolver } from "type-graphql";
import { explain } from "../auth/explain.js";
import type { Context } from "../context.js";
import { isWithin, Share, ShareUse } from "../entities/share.js";
import { Denial } from "../errors.js";
import type { ShareRow } from "../loaders/share.js";

@ObjectType({ simpleResolvers: true, description: "Why a tenant may or may not use a key." })
class AccessExplanation {
  @Field(() => Boolean, { description: "Whether it may, as the viewer." })
  allowed!: boolean;

  @Field(() => [String], {
    description: "The grant, role, terms and limits that decide, by name; where it may not, those that refuse.",
  })
  reasons!: string[];

  @Field(() => Share, { nullable: true, description: "The share that decides; null for whoever may not see it." })
  share!: ShareRow | null;
}

/** Why a 403 is a 403. */
@Resolver()
export class AccessExplanationResolver {
  @Query(() => AccessExplanation, {
    description: "Why a tenant may or may not use a key: the grant, role or limit that decides, by name.",
  })
  async explainAccess(
    @Arg("tenantId", () => ID, { description: "The tenant that would use it." }) tenantId: string,
    @Arg("subjectId", () => ID, { description: "The key." }) subjectId: string,
    @Arg("use", () => ShareUse, { defaultValue: "VIEW", description: "What for." }) use: ShareUse,
    @Arg("bundleIdentifier", () => String, { nullable: true, description: "For which app; left out: any." })
    bundleIdentifier: string | null | undefined,
    @Ctx() { loaders, viewer }: Context,
  ): Promise<AccessExplanation> {
    const [tenant, key] = await Promise.all([loaders.tenant.load(tenantId), loaders.credential.load(subjectId)]);
    if (tenant === null || key === null) throw new Denial("NOT_FOUND");
    const [owner, terms, share] = await Promise.all([
      loaders.tenant.load(key.ownerId),
      loaders.shareTerms(key.id, tenant.id),
      loaders.shareBySubject.load(key.id),
    ]);
    const explanation = explain({
      tenant,
      owner: owner ?? { id: key.ownerId, name: "another tenant" },
      key,
      share: terms,
      use,
      bundleIdentifier: bundleIdentifier ?? null,
      bundleIdentifierIsWithin: isWithin(bundleIdentifier ?? "", terms?.bundleIdentifiers ?? []),
      viewer: {
        label: viewer.label,
        roles: viewer.rolesIn(tenant),
        may: (permission) => viewer.may(permission, tenant),
      },
    });
    return { ...explanation, share };
  }
}
