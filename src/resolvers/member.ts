import { Arg, Ctx, Field, FieldResolver, ID, InputType, Mutation, Resolver, Root } from "type-graphql";
import type { Context } from "../context.js";
import { Member, Role } from "../entities/member.js";
import { Organization } from "../entities/organization.js";
import { Tenant } from "../entities/tenant.js";
import type { MemberRow } from "../loaders/member.js";
import type { TenantRow } from "../loaders/tenant.js";
import * as members from "../services/member.js";
import { AFTER, connectionOf, connectionType, FIRST, FirstType, pageOf, type Connection } from "./connection.js";
import { answer, deletionPayloadType, INPUT, MutationInput, payloadType } from "./payload.js";

const MemberConnection = connectionType("Member", () => Member);
const AddMemberPayload = payloadType("AddMemberPayload", "member", () => Member);
const UpdateMemberPayload = payloadType("UpdateMemberPayload", "member", () => Member);
const RemoveMemberPayload = deletionPayloadType("RemoveMemberPayload");

@InputType({ description: "Adds a person to a tenant." })
class AddMemberInput extends MutationInput {
  @Field(() => ID, { description: "The organization or sub-organization." })
  tenantId!: string;

  @Field(() => String, { description: "The e-mail address that the identity provider will name." })
  email!: string;

  @Field(() => [Role], { description: "At least one; OWNER is given by owners alone." })
  roles!: Role[];
}

@InputType({ description: "Gives a member other roles." })
class UpdateMemberInput extends MutationInput {
  @Field(() => ID, { description: "The member." })
  memberId!: string;

  @Field(() => [Role], { description: "All the roles from now on, at least one." })
  roles!: Role[];
}

@InputType({ description: "Removes a member." })
class RemoveMemberInput extends MutationInput {
  @Field(() => ID, { description: "The member." })
  memberId!: string;
}

function found(ctx: Context, id: string): Promise<MemberRow | null> {
  ctx.refresh();
  return ctx.loaders.member.load(id);
}

/** The members of every tenant. */
@Resolver(() => Tenant)
export class TenantMembersResolver {
  @FieldResolver(() => MemberConnection, {
    description: "Its members; below the root those of the root too, as inherited.",
  })
  async members(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() ctx: Context,
  ): Promise<Connection<MemberRow>> {
    const page = pageOf(tenant.id, first, after, null);
    return connectionOf(await ctx.loaders.membersByTenant.load(page), page);
  }
}

/** Members. */
@Resolver(() => Member)
export class MemberResolver {
  @FieldResolver(() => Organization, {
    nullable: true,
    description: "Set where the roles come from the root organization, not from this tenant.",
  })
  inheritedFrom(@Root() { inheritedFromId }: MemberRow, @Ctx() ctx: Context): Promise<TenantRow | null> | null {
    return inheritedFromId === null ? null : ctx.loaders.tenant.load(inheritedFromId);
  }

  @Mutation(() => AddMemberPayload, { description: "Adds a person to a tenant, by e-mail." })
  addMember(@Arg("input", () => AddMemberInput, INPUT) input: AddMemberInput, @Ctx() ctx: Context) {
    return answer(ctx, input, async () => ({ member: await found(ctx, await members.add(ctx, input)) }));
  }

  @Mutation(() => UpdateMemberPayload, { description: "Gives a member other roles. An organization keeps an owner." })
  updateMember(@Arg("input", () => UpdateMemberInput, INPUT) input: UpdateMemberInput, @Ctx() ctx: Context) {
    return answer(ctx, input, async () => ({ member: await found(ctx, await members.update(ctx, input)) }));
  }

  @Mutation(() => RemoveMemberPayload, { description: "Removes a member. An organization keeps an owner." })
  removeMember(@Arg("input", () => RemoveMemberInput, INPUT) input: RemoveMemberInput, @Ctx() ctx: Context) {
    return answer(ctx, input, async () => ({ deletedId: await members.remove(ctx, input) }));
  }
}
