import { Field, ID, InputType } from "type-graphql";
import { AppleKeyType, AppleProgram, Credential, CredentialStatus } from "../entities/credential.js";
import { connectionType, sharingTag } from "./connection.js";
import { deletionPayloadType, MutationInput, payloadType } from "./payload.js";

const KEY_TEXT =
  "The text of the .p8 file, also as pasted with escaped line breaks, quotes or without its frame; or base64 of the file.";
const VERIFY = "Ask Apple before saving; a key that Apple refuses is not saved.";

/** A page of a tenant's keys, each with how it came there. */
export const TenantCredentialConnection = connectionType("TenantCredential", () => Credential, {
  edge: sharingTag,
});

export const CreateCredentialPayload = payloadType("CreateCredentialPayload", "credential", () => Credential);
export const UpdateCredentialPayload = payloadType("UpdateCredentialPayload", "credential", () => Credential);
export const RotateCredentialPayload = payloadType("RotateCredentialPayload", "credential", () => Credential);
export const VerifyCredentialPayload = payloadType("VerifyCredentialPayload", "credential", () => Credential);
export const DeleteCredentialPayload = deletionPayloadType("DeleteCredentialPayload");

/** What narrows a list of keys. */
@InputType({ description: "What narrows a list of keys; a key has to fit all of it." })
export class CredentialFilter {
  @Field(() => String, { nullable: true, description: "Part of the name or of Apple's key id, without case." })
  search?: string | null;

  @Field(() => AppleProgram, { nullable: true, description: "Of this program." })
  program?: AppleProgram | null;

  @Field(() => Boolean, { nullable: true, description: "Shared by the root, or not." })
  shared?: boolean | null;

  @Field(() => CredentialStatus, { nullable: true, description: "With this outcome of the last check." })
  status?: CredentialStatus | null;
}

/** Adds a key. */
@InputType({ description: "Adds a key." })
export class CreateCredentialInput extends MutationInput {
  @Field(() => ID, { description: "Whose key it will be: the root's may be shared with its sub-organizations." })
  tenantId!: string;

  @Field(() => String, { description: "The name: 1 to 100 characters." })
  name!: string;

  @Field(() => AppleProgram, { defaultValue: "APP_STORE", description: "Which of Apple's programs it belongs to." })
  program!: AppleProgram;

  @Field(() => AppleKeyType, { defaultValue: "TEAM", description: "A team's key, or one person's." })
  keyType!: AppleKeyType;

  @Field(() => String, { description: "Apple's key id." })
  keyId!: string;

  @Field(() => String, {
    nullable: true,
    description: "Apple's issuer id: required of a team's key, and none for an individual one.",
  })
  issuerId?: string | null;

  @Field(() => String, { description: KEY_TEXT })
  privateKey!: string;

  @Field(() => Boolean, { defaultValue: true, description: VERIFY })
  verify!: boolean;
}

/** Renames a key. */
@InputType({ description: "Renames a key." })
export class UpdateCredentialInput extends MutationInput {
  @Field(() => ID, { description: "The key." })
  credentialId!: string;

  @Field(() => String, { description: "The new name: 1 to 100 characters." })
  name!: string;
}

/** Puts a new .p8 behind a key. */
@InputType({ description: "Puts a new .p8 behind a key." })
export class RotateCredentialInput extends MutationInput {
  @Field(() => ID, { description: "The key." })
  credentialId!: string;

  @Field(() => String, { description: "Apple's id of the new key." })
  keyId!: string;

  @Field(() => String, {
    nullable: true,
    description: "Apple's issuer id; where it is left out, the one there is stays.",
  })
  issuerId?: string | null;

  @Field(() => String, { description: KEY_TEXT })
  privateKey!: string;

  @Field(() => Boolean, { defaultValue: true, description: VERIFY })
  verify!: boolean;
}

/** Asks Apple about a key. */
@InputType({ description: "Asks Apple about a key." })
export class VerifyCredentialInput extends MutationInput {
  @Field(() => ID, { description: "The key." })
  credentialId!: string;
}

/** Deletes a key. */
@InputType({ description: "Deletes a key." })
export class DeleteCredentialInput extends MutationInput {
  @Field(() => ID, { description: "The key." })
  credentialId!: string;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Also while it is shared; without it the refusal (IN_USE) says who uses it.",
  })
  force!: boolean;
}
