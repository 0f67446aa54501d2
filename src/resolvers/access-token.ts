import { GraphQLDateTime } from "graphql-scalars";
import { Arg, Ctx, Field, FieldResolver, ID, InputType, Mutation, Resolver, Root } from "type-graphql";
import type { Context } from "../context.js";
import { AccessToken, Permission } from "../entities/access-token.js";
import { Tenant } from "../entities/tenant.js";
import type { AccessTokenRow } from "../loaders/access-token.js";
import type { TenantRow } from "../loaders/tenant.js";
import * as accessTokens from "../services/access-token.js";
import { AFTER, connectionOf, connectionType, field, FIRST, FirstType, pageOf, type Connection } from "./connection.js";
import { answer, deletionPayloadType, INPUT, MutationInput, payloadType } from "./payload.js";

const AccessTokenConnection = connectionType("AccessToken", () => AccessToken);
const CreateAccessTokenPayload = payloadType(
  "CreateAccessTokenPayload",
  "accessToken",
  () => AccessToken,
  field("secret", () => String, { nullable: true, description: "The token itself. Shown this once." }),
);
const RevokeAccessTokenPayload = deletionPayloadType("RevokeAccessTokenPayload");

@InputType({ description: "Makes a token that is bound to a tenant." })
class CreateAccessTokenInput extends MutationInput {
  @Field(() => ID, { description: "The tenant; a token of the root holds in every sub-organization." })
  tenantId!: string;

  @Field(() => String, { description: "What it is for: 1 to 100 characters." })
  name!: string;

  @Field(() => [Permission], { description: "What it may do: no more than the viewer's own permissions there." })
  permissions!: Permission[];

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "At most a year ahead; six months where it is left out.",
  })
  expiresAt?: Date | null;
}

@InputType({ description: "Revokes a token." })
class RevokeAccessTokenInput extends MutationInput {
  @Field(() => ID, { description: "The token." })
  accessTokenId!: string;
}

/** The tokens of every tenant. */
@Resolver(() => Tenant)
export class TenantAccessTokensResolver {
  @FieldResolver(() => AccessTokenConnection, { description: "The machine identities bound to it." })
  async accessTokens(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() ctx: Context,
  ): Promise<Connection<AccessTokenRow>> {
    const page = pageOf(tenant.id, first, after, null);
    return connectionOf(await ctx.loaders.accessTokensByTenant.load(page), page);
  }
}

/** Access tokens. */
@Resolver(() => AccessToken)
export class AccessTokenResolver {
  @Mutation(() => CreateAccessTokenPayload, {
    description: "Makes a token. Its secret is in this answer and nowhere else.",
  })
  createAccessToken(
    @Arg("input", () => CreateAccessTokenInput, INPUT) input: CreateAccessTokenInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => {
      const { id, secret } = await accessTokens.create(ctx, input);
      ctx.refresh();
      return { accessToken: await ctx.loaders.accessToken.load(id), secret };
    });
  }

  @Mutation(() => RevokeAccessTokenPayload, { description: "Revokes a token: from the answer on it is refused." })
  revokeAccessToken(
    @Arg("input", () => RevokeAccessTokenInput, INPUT) input: RevokeAccessTokenInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ deletedId: await accessTokens.revoke(ctx, input) }));
  }
}
