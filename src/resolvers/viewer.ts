import { Arg, createUnionType, Ctx, Field, FieldResolver, ObjectType, Query, Resolver } from "type-graphql";
import type { Context } from "../context.js";
import { AccessToken } from "../entities/access-token.js";
import { Role } from "../entities/member.js";
import { typeNameOf } from "../entities/node.js";
import { Tenant } from "../entities/tenant.js";
import { User } from "../entities/user.js";
import { AFTER, connectionOf, connectionType, field, FIRST, FirstType, pageOf } from "./connection.js";

const TenantConnection = connectionType("Tenant", () => Tenant, {
  edge: field("roles", () => [Role], {
    description: "The viewer's roles there, inherited ones too; none for a token.",
  }),
});

const Actor = createUnionType({
  name: "Actor",
  description: "Who asks: a person or a machine.",
  types: () => [User, AccessToken] as const,
  resolveType: (value: { id: string }) => typeNameOf(value),
});

@ObjectType({ description: "Who asks, and where they may go." })
class Viewer {
  @Field(() => Actor, { description: "The user or the token that asks." })
  actor!: unknown;
}

/** Who asks. */
@Resolver(() => Viewer)
export class ViewerResolver {
  @Query(() => Viewer, { description: "Who asks, and where they may go." })
  viewer(@Ctx() { viewer }: Context): Viewer {
    return { actor: viewer.actor.kind === "user" ? viewer.actor.user : viewer.actor.token };
  }

  @FieldResolver(() => TenantConnection, { description: "Every tenant the viewer may enter, roots first." })
  async tenants(
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() { viewer, loaders }: Context,
  ) {
    const page = pageOf("", first, after, null);
    const rows = await loaders.tenantsOfViewer(page.after ?? "", first + 1);
    const found = { rows: rows.slice(0, first), hasNextPage: rows.length > first };
    return connectionOf(found, page, (tenant) => ({ roles: viewer.rolesIn(tenant) }));
  }
}
