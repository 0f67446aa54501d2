import type { Scope } from "../database/tenancy.js";
import type { AccessToken, Permission } from "../entities/access-token.js";
import type { Role } from "../entities/member.js";
import type { User } from "../entities/user.js";
import { ROLE_PERMISSIONS, ROOT_ONLY_PERMISSIONS } from "./permissions.js";

/** What a person or a token was given in one tenant. */
export interface Grant {
  readonly rootId: string;
  readonly tenantId: string;
  /** Empty for a token, which holds permissions and no role. */
  readonly roles: readonly Role[];
  readonly permissions: readonly Permission[];
  /** Whether it may make owners. */
  readonly isOwner: boolean;
}

/** A tenant as access sees it: the root organization where `id` is `rootId`. */
export interface TenantRef {
  readonly rootId: string;
  readonly id: string;
}

/** Who asks: a user, or an access token. */
export type Actor =
  | { readonly kind: "user"; readonly user: User }
  | { readonly kind: "token"; readonly token: Omit<AccessToken, "tokenHash"> };

/** What the roles of a membership give. */
export function grantOfRoles(rootId: string, tenantId: string, roles: readonly Role[]): Grant {
  const permissions = [...new Set(roles.flatMap((role) => ROLE_PERMISSIONS[role]))];
  return { rootId, tenantId, roles, permissions, isOwner: roles.includes("OWNER") };
}

/** Who is asking, and where they may do what. A grant in the root holds in each of its sub-organizations. */
export class Viewer {
  readonly scope: Scope;

  constructor(
    readonly actor: Actor,
    readonly grants: readonly Grant[],
  ) {
    this.scope = {
      roots: [...new Set(grants.map((grant) => grant.rootId))],
      tenants: [...new Set(grants.map((grant) => grant.tenantId))],
    };
  }

  /** The grants that hold in a tenant: its own, and those of its root. */
  #grantsIn(tenant: TenantRef): readonly Grant[] {
    return this.grants.filter(
      (grant) => grant.rootId === tenant.rootId && (grant.tenantId === tenant.id || grant.tenantId === tenant.rootId),
    );
  }

  /** Whether the viewer may enter the tenant at all. */
  standsIn(tenant: TenantRef): boolean {
    return this.#grantsIn(tenant).length > 0;
  }

  /** Whether what this tenant owns is the viewer's to change, permissions aside. */
  owns(item: { readonly rootId: string; readonly ownerId: string }): boolean {
    return this.standsIn({ rootId: item.rootId, id: item.ownerId });
  }

  may(permission: Permission, tenant: TenantRef): boolean {
    if (ROOT_ONLY_PERMISSIONS.has(permission) && tenant.id !== tenant.rootId) return false;
    return this.#grantsIn(tenant).some((grant) => grant.permissions.includes(permission));
  }

  /** Whether the viewer holds all that a role stands for: nobody gives more than they have. */
  holdsAllOf(role: Role, tenant: TenantRef): boolean {
    return ROLE_PERMISSIONS[role].every(
      (permission) =>
        this.may(permission, tenant) || (ROOT_ONLY_PERMISSIONS.has(permission) && tenant.id !== tenant.rootId),
    );
  }

  /** Whether the viewer may make and unmake owners here. */
  isOwnerOf(tenant: TenantRef): boolean {
    return this.#grantsIn(tenant).some((grant) => grant.isOwner);
  }

  permissionsIn(tenant: TenantRef): Permission[] {
    const held = new Set(this.#grantsIn(tenant).flatMap((grant) => grant.permissions));
    return [...held].filter((permission) => this.may(permission, tenant)).sort();
  }

  rolesIn(tenant: TenantRef): Role[] {
    return [...new Set(this.#grantsIn(tenant).flatMap((grant) => grant.roles))];
  }

  /** The tenants of the scope in which the viewer holds a permission; a root stands for its sub-organizations. */
  tenantsWith(permission: Permission): string[] {
    return this.grants.filter((grant) => grant.permissions.includes(permission)).map((grant) => grant.tenantId);
  }

  /** The id of the user or of the token. */
  get actorId(): string {
    return this.actor.kind === "user" ? this.actor.user.id : this.actor.token.id;
  }

  /** The actor as people know it: e-mail, or the name of the token. */
  get label(): string {
    return this.actor.kind === "user" ? this.actor.user.email : this.actor.token.name;
  }
}
