import { Arg, Ctx, ID, Query, Resolver } from "type-graphql";
import type { Context } from "../context.js";
import { Node } from "../entities/node.js";
import { CodedError, Denial } from "../errors.js";
import { kindOf } from "../ids.js";

/** Ids that one `nodes` takes at most. */
export const NODES_MOST = 200;

async function load({ loaders, viewer }: Context, id: string): Promise<{ id: string } | null> {
  switch (kindOf(id)) {
    case "organization":
    case "subOrganization":
      return loaders.tenant.load(id);
    case "member":
      return loaders.member.load(id);
    case "accessToken":
      return viewer.actor.kind === "token" && viewer.actor.token.id === id
        ? viewer.actor.token
        : loaders.accessToken.load(id);
    case "credential":
      return loaders.credential.load(id);
    case "certificate":
      return loaders.certificate.load(id);
    case "provisioningProfile":
      return loaders.provisioningProfile.load(id);
    case "signingRequest":
      return loaders.signingRequest.load(id);
    case "share":
      return loaders.share.load(id);
    case "auditEvent":
      return loaders.auditEvent.load(id);
    case "driftEvent":
      return loaders.driftEvent.load(id);
    case "user":
      return viewer.actor.kind === "user" ? viewer.actor.user : null;
    default:
      return null;
  }
}

/** Anything by its id. */
@Resolver()
export class NodeResolver {
  @Query(() => Node, { nullable: true, description: "Anything by its id." })
  node(@Arg("id", () => ID, { description: "Its id." }) id: string, @Ctx() ctx: Context): Promise<object | null> {
    return load(ctx, id);
  }

  @Query(() => [Node], {
    nullable: "items",
    description: "Several things by their ids, in that order; null, with an error, for each that may not be seen.",
  })
  nodes(
    @Arg("ids", () => [ID], { description: `Their ids, ${NODES_MOST} at most.` }) ids: string[],
    @Ctx() ctx: Context,
  ): Promise<(object | null)[]> {
    if (ids.length > NODES_MOST) throw new Denial("INVALID_INPUT", `\`ids\` names ${NODES_MOST} at most.`);
    return Promise.all(
      ids.map(async (id) => {
        const verdict = await ctx.sees(id);
        if (verdict === true) return load(ctx, id);
        if (verdict instanceof CodedError) return verdict; // An error in a list is that item's error alone.
        throw verdict;
      }),
    );
  }
}
