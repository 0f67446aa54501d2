import type { Context } from "../context.js";
import type { Role } from "../entities/member.js";
import { Denial } from "../errors.js";
import type { MemberRow } from "../loaders/member.js";
import { rule, type Verdict } from "./shield.js";
import { mayIn } from "./tenant.js";

const OWNERS_ONLY = "Only an owner makes or unmakes an owner.";

/** The verdict on a member's permission to be managed; a member of the root is managed at the root. */
export function managesMember(ctx: Context, member: MemberRow | null): Verdict {
  if (member === null) return new Denial("NOT_FOUND");
  return mayIn(ctx, { id: member.tenantId, rootId: member.rootId }, "MEMBERS_MANAGE");
}

/** The viewer manages the members of the tenant that the member belongs to. */
export const managesThisMember = rule<unknown, { input: { memberId: string } }>(
  "managesThisMember",
  async (_, { input }, ctx) => managesMember(ctx, await ctx.loaders.member.load(input.memberId)),
);

/** A member is given no role that stands for more than the viewer has. */
export const givesNoMoreRolesThanItHolds = rule<
  unknown,
  { input: { tenantId?: string; memberId?: string; roles: Role[] } }
>("givesNoMoreRolesThanItHolds", async (_, { input }, ctx) => {
  const member = input.memberId === undefined ? null : await ctx.loaders.member.load(input.memberId);
  const tenant = await ctx.loaders.tenant.load(member?.tenantId ?? input.tenantId ?? "");
  if (tenant === null) return new Denial("NOT_FOUND");
  const beyond = input.roles.filter((role) => !ctx.viewer.holdsAllOf(role, tenant));
  return (
    beyond.length === 0 || new Denial("FORBIDDEN", `You cannot give what you do not have here: ${beyond.join(", ")}.`)
  );
});

/** An owner is made or unmade by an owner alone: by the roles given, and by the roles that the member has. */
export const leavesOwnersToOwners = rule<unknown, { input: { tenantId?: string; memberId?: string; roles?: Role[] } }>(
  "leavesOwnersToOwners",
  async (_, { input }, ctx) => {
    const member = input.memberId === undefined ? null : await ctx.loaders.member.load(input.memberId);
    const tenant = await ctx.loaders.tenant.load(member?.tenantId ?? input.tenantId ?? "");
    if (tenant === null) return new Denial("NOT_FOUND");
    const concernsOwner = input.roles?.includes("OWNER") === true || member?.roles.includes("OWNER") === true;
    return !concernsOwner || ctx.viewer.isOwnerOf(tenant) || new Denial("FORBIDDEN", OWNERS_ONLY);
  },
);
