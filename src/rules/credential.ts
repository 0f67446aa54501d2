import type { Permission } from "../entities/access-token.js";
import { Denial } from "../errors.js";
import type { CredentialRow, FoundCredential } from "../loaders/credential.js";
import { rule, type Verdict } from "./shield.js";
import { mayChange } from "./tenant.js";

/** The verdict on seeing a key: own, or shared with a tenant where the viewer may see keys. */
export function seesCredential(credential: FoundCredential | null): Verdict {
  if (credential === null) return new Denial("NOT_FOUND");
  return credential.viewable || new Denial("FORBIDDEN", "This takes CREDENTIALS_VIEW here.");
}

/** The viewer owns the key that the input names, and has the permission there. */
export const ownsCredential = (permission: Permission) =>
  rule<unknown, { input: { credentialId: string } }>(`ownsCredential ${permission}`, async (_, { input }, ctx) =>
    mayChange(ctx, await ctx.loaders.credential.load(input.credentialId), permission),
  );

/** The viewer may use what Apple holds for this key somewhere; the terms of the share bind when the key is loaded. */
export const usesCredential = rule<CredentialRow>("usesCredential", (credential, _, ctx) => {
  const holds = ctx.viewer.grants.some(
    (grant) => grant.rootId === credential.rootId && grant.permissions.includes("SIGNING_VIEW"),
  );
  return holds || new Denial("FORBIDDEN", "This takes SIGNING_VIEW here.");
});

/** The viewer knows the key that the input names; whether it may be used in the tenant the service asks, at the moment of use. */
export const knowsCredential = rule<unknown, { input: { credentialId: string } }>(
  "knowsCredential",
  async (_, { input }, ctx) =>
    (await ctx.loaders.credential.load(input.credentialId)) === null ? new Denial("NOT_FOUND") : true,
);

/** The same where a key may be named or left to be chosen. */
export const knowsAnyCredential = rule<unknown, { input: { credentialId?: string | null } }>(
  "knowsAnyCredential",
  async (_, { input }, ctx) => {
    if (input.credentialId === undefined || input.credentialId === null) return true;
    return (await ctx.loaders.credential.load(input.credentialId)) === null ? new Denial("NOT_FOUND") : true;
  },
);
