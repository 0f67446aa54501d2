import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from "type-graphql";
import type { Context } from "../../context.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import * as deletion from "../../services/signing/profile/profile-deletion.js";
import * as profiles from "../../services/signing/profile/profile-keeping.js";
import { answer, INPUT, listPayloadType, MutationInput } from "../payload.js";

const KeepProvisioningProfilesPayload = listPayloadType(
  "KeepProvisioningProfilesPayload",
  "provisioningProfiles",
  () => ProvisioningProfile,
);
const UploadProvisioningProfilesPayload = listPayloadType(
  "UploadProvisioningProfilesPayload",
  "provisioningProfiles",
  () => ProvisioningProfile,
);
const DeleteProvisioningProfilesPayload = listPayloadType(
  "DeleteProvisioningProfilesPayload",
  "deletedIds",
  () => ID,
  "Those that are gone; `userErrors` says why others are not.",
);

@InputType({ description: "Picks profiles that Apple holds and keeps them in the tenant, content and all." })
class KeepProvisioningProfilesInput extends MutationInput {
  @Field(() => ID, { description: "Who will keep them." })
  tenantId!: string;

  @Field(() => ID, { description: "Through which key: the tenant's own, or one that is shared with it to sign." })
  credentialId!: string;

  @Field(() => [String], { description: `Apple's own ids of the profiles, ${profiles.KEPT_AT_ONCE} at most.` })
  appleIds!: string[];
}

@InputType({ description: "Keeps profiles out of their files." })
class UploadProvisioningProfilesInput extends MutationInput {
  @Field(() => ID, { description: "Who will keep them." })
  tenantId!: string;

  @Field(() => [String], {
    description: `Base64 of each .mobileprovision or .provisionprofile, up to ${profiles.UPLOADED_AT_ONCE}.`,
  })
  profiles!: string[];
}

@InputType({ description: "Deletes profiles here, and at Apple where that is wanted." })
class DeleteProvisioningProfilesInput extends MutationInput {
  @Field(() => [ID], { description: `The profiles, ${deletion.DELETED_AT_ONCE} at most.` })
  provisioningProfileIds!: string[];

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Delete them at Apple too, first there and then here, through the key that each came through.",
  })
  alsoAtApple!: boolean;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Also while they are shared; without it the refusal (IN_USE) says with whom.",
  })
  force!: boolean;
}

/** How provisioning profiles come here, other than made at Apple from here, and go. */
@Resolver()
export class ProfileKeepingResolver {
  @Mutation(() => KeepProvisioningProfilesPayload, {
    description:
      "Keeps profiles that Apple holds, each by itself: `userErrors` says which could not be kept. One that is kept already comes back as it is.",
  })
  keepProvisioningProfiles(
    @Arg("input", () => KeepProvisioningProfilesInput, INPUT) input: KeepProvisioningProfilesInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => kept(ctx, await profiles.keep(ctx, input)), { provisioningProfiles: [] });
  }

  @Mutation(() => UploadProvisioningProfilesPayload, {
    description: "Keeps profiles out of their files, each by itself: `userErrors` says which could not be kept.",
  })
  uploadProvisioningProfiles(
    @Arg("input", () => UploadProvisioningProfilesInput, INPUT) input: UploadProvisioningProfilesInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => kept(ctx, await profiles.upload(ctx, input)), { provisioningProfiles: [] });
  }

  @Mutation(() => DeleteProvisioningProfilesPayload, {
    description:
      "Deletes profiles here, and at Apple where that is wanted, each by itself: `userErrors` says which stay.",
  })
  deleteProvisioningProfiles(
    @Arg("input", () => DeleteProvisioningProfilesInput, INPUT) input: DeleteProvisioningProfilesInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, () => deletion.remove(ctx, input), { deletedIds: [] });
  }
}

/** Profiles after a write, read anew. */
async function kept(ctx: Context, { ids, refusals }: profiles.Kept) {
  ctx.refresh();
  const { provisioningProfile } = ctx.loaders;
  return { provisioningProfiles: await Promise.all(ids.map((id) => provisioningProfile.load(id))), refusals };
}
