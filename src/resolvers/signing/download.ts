import { Arg, Ctx, Field, ID, InputType, Mutation, ObjectType, Resolver } from "type-graphql";
import type { Context } from "../../context.js";
import { describedEnum } from "../../entities/enum.js";
import * as downloads from "../../services/signing/download.js";
import { answer, INPUT, MutationInput, payloadType } from "../payload.js";

const Pkcs12Encoding = describedEnum("Pkcs12Encoding", "How a .p12 file is encrypted.", {
  KEYCHAIN: "Imports on every macOS, and opens in OpenSSL: 3DES and SHA-1.",
  MODERN: "AES-256 and SHA-256: for OpenSSL and the newest macOS.",
});
type Pkcs12Encoding = keyof typeof Pkcs12Encoding;

/** A .p12 file that is handed out. */
@ObjectType({ simpleResolvers: true, description: "A certificate with its private key, as a .p12 file." })
export class CertificateDownload {
  @Field(() => String, { description: "A name for the file, with `.p12` at its end." })
  fileName!: string;

  @Field(() => String, { description: "Base64 of the file. Import it with `security import -f pkcs12`." })
  pkcs12!: string;

  @Field(() => String, { description: "The password of the file: the one that was given, or a random one." })
  password!: string;
}

/** A profile's file that is handed out. */
@ObjectType({ simpleResolvers: true, description: "The file of a provisioning profile." })
export class ProvisioningProfileDownload {
  @Field(() => String, {
    description: "A name for the file, with `.mobileprovision` at its end, or `.provisionprofile` for macOS.",
  })
  fileName!: string;

  @Field(() => String, { description: "Base64 of the file." })
  content!: string;
}

const DownloadCertificatePayload = payloadType("DownloadCertificatePayload", "download", () => CertificateDownload);
const DownloadProvisioningProfilePayload = payloadType(
  "DownloadProvisioningProfilePayload",
  "download",
  () => ProvisioningProfileDownload,
);

@InputType({ description: "Hands out a certificate with its private key." })
class DownloadCertificateInput extends MutationInput {
  @Field(() => ID, { description: "The certificate: own, or shared to sign." })
  certificateId!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The password for the file: 1 to 128 characters, for KEYCHAIN of ASCII. Left out, a random one is made.",
  })
  password?: string | null;

  @Field(() => Pkcs12Encoding, { defaultValue: "KEYCHAIN", description: "How the file is encrypted." })
  encoding!: Pkcs12Encoding;
}

@InputType({ description: "Hands out the file of a provisioning profile." })
class DownloadProvisioningProfileInput extends MutationInput {
  @Field(() => ID, { description: "The profile: own, or shared to sign." })
  provisioningProfileId!: string;
}

/** The only ways by which files leave, each noted in the log before. */
@Resolver()
export class DownloadResolver {
  @Mutation(() => DownloadCertificatePayload, {
    description: "Hands out a certificate with its private key, as a .p12 file. The log says so before.",
  })
  downloadCertificate(
    @Arg("input", () => DownloadCertificateInput, INPUT) input: DownloadCertificateInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ download: await downloads.downloadCertificate(ctx, input) }));
  }

  @Mutation(() => DownloadProvisioningProfilePayload, {
    description: "Hands out the file of a provisioning profile. The log says so before.",
  })
  downloadProvisioningProfile(
    @Arg("input", () => DownloadProvisioningProfileInput, INPUT) input: DownloadProvisioningProfileInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ download: await downloads.downloadProfile(ctx, input) }));
  }
}
