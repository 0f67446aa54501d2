import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Resolver } from "type-graphql";
import type { Context } from "../../context.js";
import { ProfileType } from "../../entities/apple/provisioning-profile.js";
import { describedEnum } from "../../entities/enum.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import * as signing from "../../services/signing/kit/prepare.js";
import { field } from "../connection.js";
import { answer, IdempotentInput, INPUT, payloadType } from "../payload.js";
import { CertificateDownload, ProvisioningProfileDownload } from "./download.js";

const SigningAction = describedEnum("SigningAction", "What is done to get all that a build needs to sign.", {
  REUSE_CERTIFICATE: "A kept certificate serves.",
  CREATE_CERTIFICATE: "A certificate is made at Apple.",
  REUSE_PROFILE: "A profile that is kept, or that Apple holds, serves.",
  CREATE_PROFILE: "A profile is made at Apple.",
  REPLACE_PROFILE:
    "A kept profile ends too soon, is invalid, or lacks the certificate or devices: another takes its place.",
  REGISTER_BUNDLE_ID: "The bundle identifier is registered at Apple.",
});
type SigningAction = keyof typeof SigningAction;

@ObjectType({ simpleResolvers: true, description: "All that a build needs to sign." })
class SigningKit {
  @Field(() => Certificate, { description: "The certificate." })
  certificate!: unknown;

  @Field(() => [ProvisioningProfile], {
    description: "The profiles, in the order of the bundle identifiers asked for.",
  })
  provisioningProfiles!: unknown[];

  @Field(() => CertificateDownload, { description: "The certificate with its private key, as a .p12 file." })
  download!: CertificateDownload;

  @Field(() => [ProvisioningProfileDownload], { description: "The files of the profiles, in the same order." })
  profileDownloads!: ProvisioningProfileDownload[];
}

@ObjectType({ simpleResolvers: true, description: "One step of a plan." })
class SigningStep {
  @Field(() => SigningAction, { description: "What is done." })
  action!: SigningAction;

  @Field(() => String, { description: "With what, for a person." })
  label!: string;

  @Field(() => Boolean, { description: "Whether it was done; false in a dry run." })
  done!: boolean;
}

const PrepareSigningPayload = payloadType(
  "PrepareSigningPayload",
  "kit",
  () => SigningKit,
  field("plan", () => [SigningStep], { description: "What was done, or in a dry run would be, in that order." }),
);

@InputType({ description: "What a build wants to sign." })
class PrepareSigningInput extends IdempotentInput {
  @Field(() => ID, { description: "For which tenant: what is made will be its own." })
  tenantId!: string;

  @Field(() => ID, {
    nullable: true,
    description: "With which key; left out, the fitting one of the tenant, its own before those shared with it.",
  })
  credentialId?: string | null;

  @Field(() => ProfileType, { description: "How the app is to be distributed." })
  type!: ProfileType;

  @Field(() => [String], {
    description: `The app's bundle identifiers, and those of its extensions: ${signing.KIT_IDENTIFIERS_MOST} at most.`,
  })
  bundleIdentifiers!: string[];

  @Field(() => Int, { defaultValue: 7, description: "What ends sooner than in so many days is renewed." })
  minimumValidDays!: number;

  @Field(() => String, { nullable: true, description: "The password of the .p12; left out, a random one is made." })
  password?: string | null;

  @Field(() => Boolean, { defaultValue: false, description: "Say what would be done, and do nothing." })
  dryRun!: boolean;
}

/** Signing kits. */
@Resolver()
export class SigningKitResolver {
  @Mutation(() => PrepareSigningPayload, {
    description:
      "Everything a build needs to sign: finds or makes the certificate and the profiles, and hands them over. Any number of builds may call it at once: one certificate is made. The log says so before anything is handed out.",
  })
  prepareSigning(@Arg("input", () => PrepareSigningInput, INPUT) input: PrepareSigningInput, @Ctx() ctx: Context) {
    const act = async () => {
      const { kit, plan } = await signing.prepare(ctx, input);
      if (kit === null) return { kit, plan };
      ctx.refresh();
      const { certificateId, provisioningProfileIds, download, profileDownloads } = kit;
      const certificate = await ctx.loaders.certificate.load(certificateId);
      const provisioningProfiles = await ctx.loaders.provisioningProfile.loadMany(provisioningProfileIds);
      return { kit: { certificate, provisioningProfiles, download, profileDownloads }, plan };
    };
    return answer(ctx, input, act, { plan: [] });
  }
}
