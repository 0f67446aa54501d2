import { Arg, Ctx, Field, FieldResolver, ID, InputType, Mutation, Query, Resolver, Root } from "type-graphql";
import type { Found } from "../loaders/batch.js";
import type { Context } from "../context.js";
import { Permission } from "../entities/access-token.js";
import { Organization } from "../entities/organization.js";
import { SubOrganization } from "../entities/sub-organization.js";
import { Tenant } from "../entities/tenant.js";
import type { TenantRow } from "../loaders/tenant.js";
import * as organizations from "../services/organization.js";
import * as subOrganizations from "../services/sub-organization.js";
import {
  AFTER,
  connectionOf,
  connectionType,
  FIRST,
  FirstType,
  pageOf,
  searchOf,
  type Connection,
} from "./connection.js";
import { answer, deletionPayloadType, INPUT, MutationInput, payloadType } from "./payload.js";

/** A page of sub-organizations. */
export const SubOrganizationConnection = connectionType("SubOrganization", () => SubOrganization);

const UpdateOrganizationPayload = payloadType("UpdateOrganizationPayload", "organization", () => Organization);
const CreateSubOrganizationPayload = payloadType(
  "CreateSubOrganizationPayload",
  "subOrganization",
  () => SubOrganization,
);
const UpdateSubOrganizationPayload = payloadType(
  "UpdateSubOrganizationPayload",
  "subOrganization",
  () => SubOrganization,
);
const DeleteSubOrganizationPayload = deletionPayloadType("DeleteSubOrganizationPayload");

@InputType({ description: "Renames an organization." })
class UpdateOrganizationInput extends MutationInput {
  @Field(() => ID, { description: "The organization." })
  organizationId!: string;

  @Field(() => String, { description: "The new name: 1 to 100 characters." })
  name!: string;
}

@InputType({ description: "Makes a sub-organization." })
class CreateSubOrganizationInput extends MutationInput {
  @Field(() => ID, { description: "The root organization it will belong to." })
  organizationId!: string;

  @Field(() => String, { description: "The name: 1 to 100 characters, unique in the organization without case." })
  name!: string;
}

@InputType({ description: "Renames a sub-organization." })
class UpdateSubOrganizationInput extends MutationInput {
  @Field(() => ID, { description: "The sub-organization." })
  subOrganizationId!: string;

  @Field(() => String, { description: "The new name: 1 to 100 characters, unique in the organization without case." })
  name!: string;
}

@InputType({ description: "Deletes a sub-organization with its members and tokens." })
class DeleteSubOrganizationInput extends MutationInput {
  @Field(() => ID, {
    description: "The sub-organization; it must own no keys, certificates and provisioning profiles.",
  })
  subOrganizationId!: string;
}

/** A tenant after a write, read anew. */
function found(ctx: Context, id: string): Promise<TenantRow | null> {
  ctx.refresh();
  return ctx.loaders.tenant.load(id);
}

/** What every tenant has. */
@Resolver(() => Tenant)
export class TenantResolver {
  @FieldResolver(() => [Permission], { description: "What the viewer may do here." })
  viewerPermissions(@Root() tenant: TenantRow, @Ctx() ctx: Context): Permission[] {
    return ctx.viewer.permissionsIn(tenant);
  }
}

/** Root organizations. */
@Resolver(() => Organization)
export class OrganizationResolver {
  @Query(() => Organization, { nullable: true, description: "A root organization by its id." })
  organization(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() ctx: Context,
  ): Promise<TenantRow | null> {
    return ctx.loaders.tenant.load(id);
  }

  @FieldResolver(() => SubOrganizationConnection, { description: "The workspaces below it." })
  async subOrganizations(
    @Root() organization: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("search", () => String, { nullable: true, description: "Part of the name, without case." })
    search: string | null | undefined,
    @Ctx() ctx: Context,
  ): Promise<Connection<TenantRow>> {
    const filter = { search: searchOf(search).normalize("NFKC").toLowerCase() };
    const page = pageOf(organization.id, first, after, filter);
    return connectionOf(await ctx.loaders.subOrganizationsByOrganization.load(page), page);
  }

  @Mutation(() => UpdateOrganizationPayload, { description: "Renames a root organization." })
  updateOrganization(
    @Arg("input", () => UpdateOrganizationInput, INPUT) input: UpdateOrganizationInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ organization: await found(ctx, await organizations.rename(ctx, input)) }));
  }
}

/** Sub-organizations. */
@Resolver(() => SubOrganization)
export class SubOrganizationResolver {
  @Query(() => SubOrganization, { nullable: true, description: "A sub-organization by its id." })
  subOrganization(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() ctx: Context,
  ): Promise<TenantRow | null> {
    return ctx.loaders.tenant.load(id);
  }

  @FieldResolver(() => Organization, { description: "The root organization it belongs to." })
  organization(@Root() { rootId }: TenantRow, @Ctx() ctx: Context): Found<TenantRow | null> {
    return ctx.loaders.tenant.find(rootId);
  }

  @Mutation(() => CreateSubOrganizationPayload, {
    description: "Makes a sub-organization. What is shared with all is shared with it at once.",
  })
  createSubOrganization(
    @Arg("input", () => CreateSubOrganizationInput, INPUT) input: CreateSubOrganizationInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({
      subOrganization: await found(ctx, await subOrganizations.create(ctx, input)),
    }));
  }

  @Mutation(() => UpdateSubOrganizationPayload, { description: "Renames a sub-organization." })
  updateSubOrganization(
    @Arg("input", () => UpdateSubOrganizationInput, INPUT) input: UpdateSubOrganizationInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({
      subOrganization: await found(ctx, await subOrganizations.rename(ctx, input)),
    }));
  }

  @Mutation(() => DeleteSubOrganizationPayload, {
    description:
      "Deletes a sub-organization with its members and tokens. Refused with IN_USE while it owns keys, certificates or provisioning profiles.",
  })
  deleteSubOrganization(
    @Arg("input", () => DeleteSubOrganizationInput, INPUT) input: DeleteSubOrganizationInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ deletedId: await subOrganizations.remove(ctx, input) }));
  }
}
