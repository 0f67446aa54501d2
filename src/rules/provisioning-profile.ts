import type { Permission } from "../entities/access-token.js";
import { Denial } from "../errors.js";
import type { FoundProfile } from "../loaders/signing/provisioning-profile.js";
import { rule, type Verdict } from "./shield.js";
import { mayChange } from "./tenant.js";

/** The verdict on seeing a profile: own, or shared to be seen with a tenant where the viewer may see profiles. */
export function seesProfile(profile: FoundProfile | null): Verdict {
  if (profile === null) return new Denial("NOT_FOUND");
  return profile.viewable || new Denial("FORBIDDEN", "This takes SIGNING_VIEW here, and a share that allows VIEW.");
}

/** The viewer owns the profile that the input names, and has the permission there. */
export const ownsProfile = (permission: Permission) =>
  rule<unknown, { input: { provisioningProfileId: string } }>(`ownsProfile ${permission}`, async (_, { input }, ctx) =>
    mayChange(ctx, await ctx.loaders.provisioningProfile.load(input.provisioningProfileId), permission),
  );

/** The viewer owns all the profiles that the input names, and has the permission where each is kept. */
export const ownsProfiles = (permission: Permission) =>
  rule<unknown, { input: { provisioningProfileIds: readonly string[] } }>(
    `ownsProfiles ${permission}`,
    async (_, { input }, ctx) => {
      const { provisioningProfile } = ctx.loaders;
      const profiles = await Promise.all(input.provisioningProfileIds.map((id) => provisioningProfile.load(id)));
      const verdicts = profiles.map((profile) => mayChange(ctx, profile, permission));
      return verdicts.find((verdict) => verdict !== true) ?? true;
    },
  );

/** The viewer knows the profile that the input names; whether its file may be had the service asks, at the moment of use. */
export const knowsProfile = rule<unknown, { input: { provisioningProfileId: string } }>(
  "knowsProfile",
  async (_, { input }, ctx) =>
    (await ctx.loaders.provisioningProfile.load(input.provisioningProfileId)) === null ? new Denial("NOT_FOUND") : true,
);
