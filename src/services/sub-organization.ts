import type { EntityManager } from "typeorm";
import type { Context } from "../context.js";
import { Credential } from "../entities/credential.js";
import { Share } from "../entities/share.js";
import { Certificate } from "../entities/signing/certificate.js";
import { ProvisioningProfile } from "../entities/signing/provisioning-profile.js";
import { SubOrganization } from "../entities/sub-organization.js";
import { Denial, Refusal } from "../errors.js";
import { newId } from "../ids.js";
import type { TenantRow } from "../loaders/tenant.js";
import { nameKeyOf, nameOf } from "./input.js";
import { deleteOwned, orAlreadyExists, ownedWhere, updateOwned, withdraw, write } from "./write.js";

/** How many of what would be lost a refusal names. */
const NAMED_AT_MOST = 10;

/** What a sub-organization is not deleted with. */
const LOST_WITH_IT = [
  [Credential, "keys"],
  [Certificate, "certificates"],
  [ProvisioningProfile, "provisioning profiles"],
] as const;

const NAME_TAKEN = "Another sub-organization has this name.";

/** Makes a sub-organization; what is shared with all is shared with it at once. */
export async function create(ctx: Context, input: { organizationId: string; name: string }): Promise<string> {
  const name = nameOf(input.name);
  const id = newId("subOrganization");
  const row = { rootId: input.organizationId, id, name, nameKey: nameKeyOf(name) };
  const tenant = { rootId: row.rootId, id: row.rootId };
  const made = write(
    ctx,
    (manager) => manager.insert(SubOrganization, row),
    () => ({ tenant, action: "sub_organization.created", subject: { id, label: name } }),
  );
  await orAlreadyExists(made, "sub_organization_name", NAME_TAKEN, "name");
  return id;
}

/** Renames a sub-organization. */
export async function rename(ctx: Context, input: { subOrganizationId: string; name: string }): Promise<string> {
  const name = nameOf(input.name);
  const where = ownedWhere("id", input.subOrganizationId, ctx.viewer.scope);
  const tenant = await tenantOf(ctx, input.subOrganizationId);
  const renamed = write(
    ctx,
    (manager) => updateOwned(manager, SubOrganization, where, { name, nameKey: nameKeyOf(name) }),
    () => ({ tenant, action: "sub_organization.renamed", subject: { id: tenant.id, label: name } }),
  );
  await orAlreadyExists(renamed, "sub_organization_name", NAME_TAKEN, "name");
  return input.subOrganizationId;
}

/** Deletes a sub-organization with its members and tokens, and their rights to use keys. Refused while it owns what would be lost with it. */
export async function remove(ctx: Context, input: { subOrganizationId: string }): Promise<string> {
  const { subOrganizationId: id } = input;
  const { rootId, name } = await tenantOf(ctx, id);
  const work = async (manager: EntityManager): Promise<void> => {
    for (const [entity, what] of LOST_WITH_IT) {
      const owned = await manager.find(entity, { where: { ownerId: id }, order: { id: "ASC" }, take: NAMED_AT_MOST });
      if (owned.length === 0) continue;
      const names = owned.map((each) => each.name).join(", ");
      throw new Refusal("IN_USE", `It owns ${what}, which would be lost: delete them first (${names}).`, [
        "subOrganizationId",
      ]);
    }
    await deleteOwned(manager, SubOrganization, ownedWhere("root_id", id, ctx.viewer.scope));
    // A share that was with this one alone would be with nobody.
    await manager
      .createQueryBuilder()
      .delete()
      .from(Share)
      .where("root_id = ANY (:roots) AND root_id = ANY (:tenants) AND NOT with_all", ctx.viewer.scope)
      .andWhere(
        "NOT EXISTS (SELECT 1 FROM share_targets t WHERE t.root_id = shares.root_id AND t.share_id = shares.id)",
      )
      .execute();
  };
  // In the log of the root: its own is read by nobody any more.
  const tenant = { rootId, id: rootId };
  await withdraw(ctx, work, () => ({ tenant, action: "sub_organization.deleted", subject: { id, label: name } }));
  return id;
}

async function tenantOf(ctx: Context, id: string): Promise<TenantRow> {
  const tenant = await ctx.loaders.tenant.load(id);
  if (tenant === null) throw new Denial("NOT_FOUND");
  return tenant;
}
