import type { EntityManager } from "typeorm";
import type { Context } from "../context.js";
import { Member, type Role } from "../entities/member.js";
import { Denial, Refusal } from "../errors.js";
import { newId } from "../ids.js";
import type { AuditEntry } from "./audit.js";
import { emailOf, someOf } from "./input.js";
import { deleteOwned, orAlreadyExists, ownedWhere, updateOwned, withdraw, write } from "./write.js";

const NO_ROLES = "A member needs a role.";

/** Adds a person, by e-mail. */
export async function add(ctx: Context, input: { tenantId: string; email: string; roles: Role[] }): Promise<string> {
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const row = {
    rootId: tenant.rootId,
    id: newId("member"),
    tenantId: tenant.id,
    email: emailOf(input.email),
    roles: someOf(input.roles, "roles", NO_ROLES),
  };
  const { id, email, roles } = row;
  const added = write(
    ctx,
    (manager) => manager.insert(Member, row),
    () => ({ tenant, action: "member.added", subject: { id, label: email }, details: { roles } }),
  );
  await orAlreadyExists(added, "member_email", "This person is a member already: change the roles instead.", "email");
  return row.id;
}

/** Gives a member other roles, and ends what the old ones alone allowed. */
export async function update(ctx: Context, input: { memberId: string; roles: Role[] }): Promise<string> {
  const roles = someOf(input.roles, "roles", NO_ROLES);
  const entry = await entryOf(ctx, input.memberId, "member.updated", { roles });
  const work = async (manager: EntityManager): Promise<void> => {
    if (!roles.includes("OWNER")) await keepAnOwner(manager, ctx, input.memberId);
    await updateOwned(manager, Member, ownedWhere("tenant_id", input.memberId, ctx.viewer.scope), { roles });
  };
  await withdraw(ctx, work, () => entry);
  return input.memberId;
}

/** Removes a member, and ends the use of keys by them. */
export async function remove(ctx: Context, input: { memberId: string }): Promise<string> {
  const entry = await entryOf(ctx, input.memberId, "member.removed");
  const work = async (manager: EntityManager): Promise<void> => {
    await keepAnOwner(manager, ctx, input.memberId);
    await deleteOwned(manager, Member, ownedWhere("tenant_id", input.memberId, ctx.viewer.scope));
  };
  await withdraw(ctx, work, () => entry);
  return input.memberId;
}

async function entryOf(ctx: Context, id: string, action: string, details = {}): Promise<AuditEntry> {
  const member = await ctx.loaders.member.load(id);
  if (member === null) throw new Denial("NOT_FOUND");
  const tenant = { rootId: member.rootId, id: member.tenantId };
  return { tenant, action, subject: { id, label: member.email }, details };
}

/** Refuses to take the last owner from a root organization. */
async function keepAnOwner(manager: EntityManager, ctx: Context, memberId: string): Promise<void> {
  const member = await ctx.loaders.member.load(memberId);
  if (member === null || member.tenantId !== member.rootId) return;
  // Two owners who take the role from one another at the same moment: the second waits here for the first.
  // Not FOR UPDATE: whoever notes something in the log refers to this row, and would wait while others wait for the log.
  await manager.query("SELECT 1 FROM tenants WHERE root_id = $1 AND id = $1 FOR NO KEY UPDATE", [member.rootId]);
  const owners = await manager.query<{ id: string }[]>(
    "SELECT id FROM members WHERE root_id = $1 AND tenant_id = $1 AND 'OWNER' = ANY (roles)",
    [member.rootId],
  );
  if (owners.length === 1 && owners[0]?.id === memberId) {
    throw new Refusal("LAST_OWNER", "This is the organization's last owner: make another owner first.", ["memberId"]);
  }
}
