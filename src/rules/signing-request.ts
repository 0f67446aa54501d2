import type { Permission } from "../entities/access-token.js";
import { rule } from "./shield.js";
import { mayChange } from "./tenant.js";

/** The viewer owns the signing request that the input names, and has the permission there. */
export const ownsSigningRequest = (permission: Permission) =>
  rule<unknown, { input: { signingRequestId: string } }>(
    `ownsSigningRequest ${permission}`,
    async (_, { input }, ctx) =>
      mayChange(ctx, await ctx.loaders.signingRequest.load(input.signingRequestId), permission),
  );
