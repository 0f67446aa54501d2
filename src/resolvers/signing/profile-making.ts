import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from "type-graphql";
import type { Context } from "../../context.js";
import { ProfileType } from "../../entities/apple/provisioning-profile.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import type { FoundProfile } from "../../loaders/signing/provisioning-profile.js";
import * as renewals from "../../services/signing/profile/profile-renewal.js";
import * as profiles from "../../services/signing/profile/provisioning-profile.js";
import { answer, IdempotentInput, INPUT, payloadType } from "../payload.js";

const CreateProvisioningProfilePayload = payloadType(
  "CreateProvisioningProfilePayload",
  "provisioningProfile",
  () => ProvisioningProfile,
);
const RenewProvisioningProfilePayload = payloadType(
  "RenewProvisioningProfilePayload",
  "provisioningProfile",
  () => ProvisioningProfile,
);

@InputType({ description: "Makes a provisioning profile at Apple, and keeps it." })
class CreateProvisioningProfileInput extends IdempotentInput {
  @Field(() => ID, { description: "Whose profile it will be: the root's may be shared with its sub-organizations." })
  tenantId!: string;

  @Field(() => ID, { description: "With which key: the tenant's own, or one that is shared with it to sign." })
  credentialId!: string;

  @Field(() => String, { description: "The name at Apple: 1 to 100 characters, unique in the team." })
  name!: string;

  @Field(() => ProfileType, {
    description: "What it is for: in-house with a key of the Enterprise Program alone, and nothing else with it.",
  })
  type!: ProfileType;

  @Field(() => String, { description: "The bundle identifier it is for, which the team has." })
  bundleIdentifier!: string;

  @Field(() => [String], { description: "Apple's ids of its certificates: one, or for development several." })
  certificateAppleIds!: string[];

  @Field(() => [String], {
    defaultValue: [],
    description: "Apple's ids of its devices: for development and ad hoc at least one, otherwise none.",
  })
  deviceAppleIds!: string[];
}

@InputType({ description: "Makes a new profile in the place of a kept one." })
class RenewProvisioningProfileInput extends IdempotentInput {
  @Field(() => ID, { description: "The profile." })
  provisioningProfileId!: string;

  @Field(() => [String], {
    nullable: true,
    description: "Apple's ids of its devices from now on; left out, those of before that are still enabled.",
  })
  deviceAppleIds?: string[] | null;
}

/** Provisioning profiles that are made and renewed at Apple. */
@Resolver()
export class ProfileMakingResolver {
  @Mutation(() => CreateProvisioningProfilePayload, {
    description:
      "Makes a provisioning profile at Apple, and keeps it. Apple's rules are checked before Apple is asked.",
  })
  createProvisioningProfile(
    @Arg("input", () => CreateProvisioningProfileInput, INPUT) input: CreateProvisioningProfileInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({
      provisioningProfile: await found(ctx, await profiles.create(ctx, input)),
    }));
  }

  @Mutation(() => RenewProvisioningProfilePayload, {
    description:
      "Makes a new profile at Apple in the place of a kept one, whose id and shares stay. The old one is deleted at Apple when the new one is kept.",
  })
  renewProvisioningProfile(
    @Arg("input", () => RenewProvisioningProfileInput, INPUT) input: RenewProvisioningProfileInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => {
      const { provisioningProfileId, refusals } = await renewals.renew(ctx, input);
      return { provisioningProfile: await found(ctx, provisioningProfileId), refusals };
    });
  }
}

/** A profile after a write, read anew. */
function found(ctx: Context, id: string): Promise<FoundProfile | null> {
  ctx.refresh();
  return ctx.loaders.provisioningProfile.load(id);
}
