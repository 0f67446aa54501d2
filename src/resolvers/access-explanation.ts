import { Arg, Ctx, Field, ID, ObjectType, Query, Resolver } from "type-graphql";
import { explain, type Subject } from "../auth/explain.js";
import type { Context } from "../context.js";
import { isWithin, Share, ShareUse } from "../entities/share.js";
import { Denial } from "../errors.js";
import type { ShareRow, ShareSubject } from "../loaders/share.js";

@ObjectType({ simpleResolvers: true, description: "Why a tenant may or may not use something." })
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
    description:
      "Why a tenant may or may not use a key, a certificate or a profile: the grant, role or limit that decides, by name.",
  })
  async explainAccess(
    @Arg("tenantId", () => ID, { description: "The tenant that would use it." }) tenantId: string,
    @Arg("subjectId", () => ID, { description: "The key, certificate or profile." }) subjectId: string,
    @Arg("use", () => ShareUse, { defaultValue: "VIEW", description: "What for." }) use: ShareUse,
    @Arg("bundleIdentifier", () => String, { nullable: true, description: "For which app; left out: any." })
    bundleIdentifier: string | null | undefined,
    @Ctx() { loaders, viewer }: Context,
  ): Promise<AccessExplanation> {
    const [tenant, found] = await Promise.all([loaders.tenant.load(tenantId), loaders.shareSubject(subjectId)]);
    if (tenant === null || found === null) throw new Denial("NOT_FOUND");
    const { item } = found;
    const root = { id: item.rootId, rootId: item.rootId };
    const [owner, terms, share] = await Promise.all([
      loaders.tenant.load(item.ownerId),
      loaders.shareTerms(item.id, tenant.id),
      loaders.shareBySubject.load(item.id),
    ]);
    // A profile is used for the app that it is for, whether that is said or not.
    const app = bundleIdentifier ?? (use !== "VIEW" && "bundleIdentifier" in item ? item.bundleIdentifier : null);
    const explanation = explain({
      tenant,
      owner: owner ?? { id: item.ownerId, name: "another tenant" },
      subject: subjectOf(found, app),
      share: terms,
      use,
      bundleIdentifier: app,
      bundleIdentifierIsWithin: isWithin(app ?? "", terms?.bundleIdentifiers ?? []),
      viewer: {
        label: viewer.label,
        roles: viewer.rolesIn(tenant),
        may: (permission) => viewer.may(permission, tenant),
      },
    });
    return { ...explanation, share: viewer.may("CREDENTIALS_VIEW", root) ? share : null };
  }
}

/** What is to be used, as an explanation has it. */
function subjectOf(subject: ShareSubject, bundleIdentifier: string | null): Subject {
  switch (subject.kind) {
    case "credential":
      return { kind: "key", ...subject.item };
    case "certificate":
      return { kind: "certificate", ...subject.item };
    case "provisioningProfile": {
      const isForBundleIdentifier = isWithin(bundleIdentifier ?? "", [subject.item.bundleIdentifier]);
      return { kind: "profile", ...subject.item, isForBundleIdentifier };
    }
  }
}
