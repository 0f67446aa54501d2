import type { Context } from "../context.js";
import type { Permission } from "../entities/access-token.js";
import { Denial } from "../errors.js";
import type { TenantRow } from "../loaders/tenant.js";
import { rule, type Verdict } from "./shield.js";

/** Whoever is signed in: nobody else gets as far as the graph. */
export const isSignedIn = rule("isSignedIn", () => true);

/** The verdict on a permission in a tenant that is known, or null where it is not. */
export function mayIn(ctx: Context, tenant: Pick<TenantRow, "id" | "rootId"> | null, permission: Permission): Verdict {
  if (tenant === null) return new Denial("NOT_FOUND");
  return ctx.viewer.may(permission, tenant) || new Denial("FORBIDDEN", `This takes ${permission} here.`);
}

/** The verdict on changing what a tenant owns: by whoever sees it only through a share, never. */
export function mayChange(
  ctx: Context,
  item: { readonly rootId: string; readonly ownerId: string } | null,
  permission: Permission,
): Verdict {
  if (item === null) return new Denial("NOT_FOUND");
  if (!ctx.viewer.owns(item)) return new Denial("SHARED_FROM_ROOT");
  return mayIn(ctx, { id: item.ownerId, rootId: item.rootId }, permission);
}

/** The viewer has the permission in the tenant that the input names. */
export const may = (permission: Permission, field: "tenantId" | "organizationId" | "subOrganizationId") =>
  rule<unknown, { input: Record<string, string> }>(`may ${permission} in ${field}`, async (_, { input }, ctx) =>
    mayIn(ctx, await ctx.loaders.tenant.load(input[field] ?? ""), permission),
  );

/** The input names a root organization. */
export const namesOrganization = rule<unknown, { input: { organizationId: string } }>(
  "namesOrganization",
  async (_, { input }, ctx) => {
    const tenant = await ctx.loaders.tenant.load(input.organizationId);
    return tenant?.id === tenant?.rootId && tenant !== null ? true : new Denial("NOT_FOUND");
  },
);

/** The viewer may do at the root of a sub-organization what changes the set of sub-organizations. */
export const managesItsOrganization = rule<unknown, { input: { subOrganizationId: string } }>(
  "managesItsOrganization",
  async (_, { input }, ctx) => {
    const tenant = await ctx.loaders.tenant.load(input.subOrganizationId);
    if (tenant === null || tenant.id === tenant.rootId) return new Denial("NOT_FOUND");
    return mayIn(ctx, { id: tenant.rootId, rootId: tenant.rootId }, "TENANT_MANAGE");
  },
);

/** The viewer has the permission in the tenant whose field this is. */
export const mayHere = (permission: Permission) =>
  rule<TenantRow>(`mayHere ${permission}`, (tenant, _, ctx) => mayIn(ctx, tenant, permission));

/** The viewer has one of the permissions in the tenant whose field this is, or somewhere in its organization. */
export const mayAnyHere = (...permissions: Permission[]) =>
  rule<TenantRow>(`mayAnyHere ${permissions.join()}`, ({ rootId }, _, { viewer }) => {
    const grants = viewer.grants.filter((grant) => grant.rootId === rootId);
    const holds = grants.some((grant) => permissions.some((permission) => grant.permissions.includes(permission)));
    return holds || new Denial("FORBIDDEN", `This takes ${permissions.join(" or ")} here.`);
  });

/** The viewer may enter the tenant whose field this is, and does not only know it by name. */
export const entersHere = rule<TenantRow>(
  "entersHere",
  (tenant, _, ctx) => ctx.viewer.standsIn(tenant) || new Denial("FORBIDDEN"),
);

/** The viewer has the permission in the tenant that the argument names. */
export const mayThere = (permission: Permission) =>
  rule<unknown, { tenantId: string }>(`mayThere ${permission}`, async (_, { tenantId }, ctx) =>
    mayIn(ctx, await ctx.loaders.tenant.load(tenantId), permission),
  );
