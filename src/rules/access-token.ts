import type { Context } from "../context.js";
import type { Permission } from "../entities/access-token.js";
import { Denial } from "../errors.js";
import type { AccessTokenRow } from "../loaders/access-token.js";
import { rule, type Verdict } from "./shield.js";
import { mayIn } from "./tenant.js";

/** The verdict on managing a token. */
export function managesToken(ctx: Context, token: AccessTokenRow | null): Verdict {
  if (token === null) return new Denial("NOT_FOUND");
  return mayIn(ctx, { id: token.tenantId, rootId: token.rootId }, "TOKENS_MANAGE");
}

/** The viewer manages the tokens of the tenant that the token belongs to; an owner token is an owner's affair. */
export const managesThisToken = rule<unknown, { input: { accessTokenId: string } }>(
  "managesThisToken",
  async (_, { input }, ctx) => {
    const token = await ctx.loaders.accessToken.load(input.accessTokenId);
    if (token?.isOwner === true && !ctx.viewer.isOwnerOf({ id: token.tenantId, rootId: token.rootId })) {
      return new Denial("FORBIDDEN", "Only an owner revokes an owner token.");
    }
    return managesToken(ctx, token);
  },
);

/** A token is given no more than its maker has. */
export const givesNoMoreThanItHas = rule<unknown, { input: { tenantId: string; permissions: Permission[] } }>(
  "givesNoMoreThanItHas",
  async (_, { input }, ctx) => {
    const tenant = await ctx.loaders.tenant.load(input.tenantId);
    if (tenant === null) return new Denial("NOT_FOUND");
    const beyond = input.permissions.filter((permission) => !ctx.viewer.may(permission, tenant));
    return (
      beyond.length === 0 || new Denial("FORBIDDEN", `You cannot give what you do not have here: ${beyond.join(", ")}.`)
    );
  },
);
