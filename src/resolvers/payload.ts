import { type ClassType, Field, ID, InputType, ObjectType } from "type-graphql";
import type { Context } from "../context.js";
import { describedEnum } from "../entities/enum.js";
import { ERROR_CODES, Refusal, type ErrorCode } from "../errors.js";

/** The codes as an enum of the graph. */
export const ErrorCodeEnum = describedEnum(
  "ErrorCode",
  "Why a request was not served: in errors[].extensions.code and in userErrors[].code alike.",
  ERROR_CODES,
);

/** What the user can mend. */
@ObjectType({ simpleResolvers: true, description: "Why a mutation was understood and refused, for the user to mend." })
export class UserError {
  @Field(() => ErrorCodeEnum, { description: "Stable, for programs." })
  code!: ErrorCode;

  @Field(() => String, { description: "For people; may change." })
  message!: string;

  @Field(() => [String], {
    nullable: true,
    description: "Path of the input field at fault, below `input`; null where it is no single field's.",
  })
  field!: readonly string[] | null;
}

/** What every input has. */
@InputType()
export abstract class MutationInput {
  @Field(() => String, { nullable: true, description: "Comes back in the payload as it was." })
  clientMutationId?: string | null;
}

/** What the input of a mutation has that may be asked for twice and is done once. */
@InputType()
export abstract class IdempotentInput extends MutationInput {
  @Field(() => String, {
    nullable: true,
    description:
      "1 to 100 visible ASCII characters: the same key and the same input within 24 hours give the first outcome again, and do nothing twice.",
  })
  idempotencyKey?: string | null;
}

/** What every payload has. */
@ObjectType({ simpleResolvers: true })
abstract class MutationPayload {
  @Field(() => [UserError], { description: "Why it was refused; empty where it was done." })
  userErrors!: UserError[];

  @Field(() => String, { nullable: true, description: "As it came in the input." })
  clientMutationId!: string | null;
}

/** The GraphQL type of a payload: the thing by its name, null where the mutation was refused. */
export function payloadType(
  name: string,
  fieldName: string,
  type: () => object,
  extend?: (prototype: object) => void,
): ClassType {
  @ObjectType(name, { simpleResolvers: true, description: "What came of the mutation." })
  class Payload extends MutationPayload {}
  Field(type as () => ClassType, {
    nullable: true,
    description: "What it is now; null where the mutation was refused.",
  })(Payload.prototype, fieldName);
  extend?.(Payload.prototype);
  return Payload;
}

/** The GraphQL type of a payload with several things, empty where the mutation was refused. */
export function listPayloadType(
  name: string,
  fieldName: string,
  type: () => object,
  description = "What they are now; `userErrors` says why others are not here.",
): ClassType {
  @ObjectType(name, { simpleResolvers: true, description: "What came of the mutation." })
  class Payload extends MutationPayload {}
  Field(() => [type() as ClassType], { description })(Payload.prototype, fieldName);
  return Payload;
}

/** The payload of a deletion. */
export function deletionPayloadType(name: string): ClassType {
  return payloadType(name, "deletedId", () => ID);
}

/** How the one argument of a mutation is described. */
export const INPUT = { description: "What to do." } as const;

/**
 * Runs a mutation and answers with its payload: a refusal becomes `userErrors`. Where parts of it were done, `refusals`
 * says why the others were not. `nothing` is what a refused mutation gives in the place of its things, null by default.
 */
export async function answer<T extends object>(
  ctx: Context,
  input: MutationInput,
  act: () => Promise<T & { readonly refusals?: readonly Refusal[] }>,
  nothing: Partial<T> = {},
): Promise<Partial<T> & MutationPayload> {
  const clientMutationId = input.clientMutationId ?? null;
  try {
    const { refusals = [], ...done } = await act();
    ctx.refusals.push(refusals);
    return { ...(done as unknown as T), userErrors: refusals.map(userErrorOf), clientMutationId };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    ctx.refusals.push([error]);
    return { ...nothing, userErrors: [userErrorOf(error)], clientMutationId };
  }
}

const userErrorOf = ({ code, message, field }: Refusal): UserError => ({ code, message, field });
