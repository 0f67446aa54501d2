import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from "type-graphql";
import type { Context } from "../../context.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { SigningRequest } from "../../entities/signing/signing-request.js";
import type { FoundCertificate } from "../../loaders/signing/certificate.js";
import * as certificates from "../../services/signing/certificate/certificate-keeping.js";
import * as signingRequests from "../../services/signing/signing-request.js";
import { answer, deletionPayloadType, INPUT, MutationInput, payloadType } from "../payload.js";

const CreateSigningRequestPayload = payloadType("CreateSigningRequestPayload", "signingRequest", () => SigningRequest);
const CompleteSigningRequestPayload = payloadType("CompleteSigningRequestPayload", "certificate", () => Certificate);
const UploadCertificatePayload = payloadType("UploadCertificatePayload", "certificate", () => Certificate);
const DeleteCertificatePayload = deletionPayloadType("DeleteCertificatePayload");

@InputType({ description: "Makes a certificate signing request." })
class CreateSigningRequestInput extends MutationInput {
  @Field(() => ID, { description: "Whose request it will be." })
  tenantId!: string;

  @Field(() => String, {
    description: "The common name: 1 to 64 characters. Apple names the certificate after the team.",
  })
  commonName!: string;

  @Field(() => String, { description: "An e-mail address." })
  email!: string;

  @Field(() => String, { description: "The country: two letters, such as US." })
  country!: string;
}

@InputType({ description: "Brings a signing request the certificate that Apple gave for it." })
class CompleteSigningRequestInput extends MutationInput {
  @Field(() => ID, { description: "The request." })
  signingRequestId!: string;

  @Field(() => String, { description: "Base64 of the .cer that Apple gave for this request." })
  certificate!: string;
}

@InputType({ description: "Keeps a certificate that is there already, with its private key." })
class UploadCertificateInput extends MutationInput {
  @Field(() => ID, {
    description: "Whose certificate it will be: the root's may be shared with its sub-organizations.",
  })
  tenantId!: string;

  @Field(() => String, { description: "Base64 of the .p12, which holds one private key and its certificate." })
  pkcs12!: string;

  @Field(() => String, { defaultValue: "", description: "The password of the .p12; it is not kept." })
  password!: string;

  @Field(() => String, {
    nullable: true,
    description: "The name: 1 to 100 characters; the certificate's common name where it is left out.",
  })
  name?: string | null;
}

@InputType({ description: "Deletes a certificate here only; Apple keeps its certificate." })
class DeleteCertificateInput extends MutationInput {
  @Field(() => ID, { description: "The certificate." })
  certificateId!: string;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      "Also while it is shared, or in kept profiles whose time is not over; without it the refusal (IN_USE) says which.",
  })
  force!: boolean;
}

/** How certificates come here, other than made at Apple from here, and go. */
@Resolver()
export class CertificateKeepingResolver {
  @Mutation(() => CreateSigningRequestPayload, {
    description:
      "Makes a certificate signing request, whose private key is made here and waits here for the certificate.",
  })
  createSigningRequest(
    @Arg("input", () => CreateSigningRequestInput, INPUT) input: CreateSigningRequestInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => {
      const id = await signingRequests.create(ctx, input);
      ctx.refresh();
      return { signingRequest: await ctx.loaders.signingRequest.load(id) };
    });
  }

  @Mutation(() => CompleteSigningRequestPayload, {
    description:
      "Keeps the certificate that Apple gave for a signing request, with the private key that waited for it.",
  })
  completeSigningRequest(
    @Arg("input", () => CompleteSigningRequestInput, INPUT) input: CompleteSigningRequestInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({
      certificate: await found(ctx, await signingRequests.complete(ctx, input)),
    }));
  }

  @Mutation(() => UploadCertificatePayload, {
    description: "Keeps a certificate with its private key, from a .p12 file.",
  })
  uploadCertificate(
    @Arg("input", () => UploadCertificateInput, INPUT) input: UploadCertificateInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ certificate: await found(ctx, await certificates.upload(ctx, input)) }));
  }

  @Mutation(() => DeleteCertificatePayload, {
    description: "Deletes a certificate here, with its private key; Apple keeps its certificate.",
  })
  deleteCertificate(
    @Arg("input", () => DeleteCertificateInput, INPUT) input: DeleteCertificateInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ deletedId: await certificates.remove(ctx, input) }));
  }
}

/** A certificate after a write, read anew. */
function found(ctx: Context, id: string): Promise<FoundCertificate | null> {
  ctx.refresh();
  return ctx.loaders.certificate.load(id);
}
