import { Arg, Ctx, Field, FieldResolver, ID, InputType, Mutation, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { AppleBundleId } from "../../entities/apple/bundle-id.js";
import { AppleProvisioningProfile } from "../../entities/apple/provisioning-profile.js";
import type { AppleBundleIdRow } from "../../loaders/apple/bundle-id.js";
import type { AppleProvisioningProfileRow } from "../../loaders/apple/provisioning-profile.js";
import * as bundleIds from "../../services/apple/bundle-id.js";
import { answer, INPUT, MutationInput, payloadType } from "../payload.js";

const RegisterBundleIdPayload = payloadType("RegisterBundleIdPayload", "bundleId", () => AppleBundleId);

@InputType({ description: "Registers a bundle id (App ID) at Apple." })
class RegisterBundleIdInput extends MutationInput {
  @Field(() => ID, { description: "For which tenant." })
  tenantId!: string;

  @Field(() => ID, { description: "With which key: the tenant's own, or one that is shared with it to sign." })
  credentialId!: string;

  @Field(() => String, { description: "The identifier, such as `com.acme.shop`; `com.acme.*` for a wildcard." })
  identifier!: string;

  @Field(() => String, { description: "The name: 1 to 100 characters." })
  name!: string;

  @Field(() => String, { defaultValue: "IOS", description: "Apple's word: IOS, MAC_OS, UNIVERSAL." })
  platform!: string;

  @Field(() => [String], {
    defaultValue: [],
    description: `Apple's words for what it may do, such as PUSH_NOTIFICATIONS; ${bundleIds.CAPABILITIES_MOST} at most.`,
  })
  capabilities!: string[];
}

/** Bundle ids at Apple. */
@Resolver(() => AppleBundleId)
export class AppleBundleIdResolver {
  @FieldResolver(() => [AppleProvisioningProfile], { description: "The profiles that are for it." })
  provisioningProfiles(
    @Root() bundleId: AppleBundleIdRow,
    @Ctx() { loaders }: Context,
  ): Promise<AppleProvisioningProfileRow[]> {
    return loaders.appleProfilesOfBundleId.load(bundleId);
  }

  @Mutation(() => RegisterBundleIdPayload, {
    description:
      "Registers a bundle id at Apple and gives it capabilities. Where Apple refuses a capability, the bundle id comes with those that it has, and `userErrors` says which are missing.",
  })
  registerBundleId(
    @Arg("input", () => RegisterBundleIdInput, INPUT) input: RegisterBundleIdInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, () => bundleIds.register(ctx, input));
  }
}
