import { ALL_PERMISSIONS } from "../auth/permissions.js";
import { makeToken } from "../auth/bearer.js";
import type { EntityManager } from "typeorm";
import type { Context, Platform } from "../context.js";
import { inTransaction } from "../database/tenancy.js";
import { AccessToken } from "../entities/access-token.js";
import { Organization } from "../entities/organization.js";
import { Denial } from "../errors.js";
import { newId } from "../ids.js";
import { defaultExpiry } from "./access-token.js";
import { nameKeyOf, nameOf } from "./input.js";
import { record, THE_OPERATOR } from "./audit.js";
import { ownedWhere, unitOf, updateOwned, write } from "./write.js";

/** What a new organization's first owner needs. The token is shown this once. */
export interface Founded {
  readonly organizationId: string;
  readonly token: string;
}

/** Makes a root organization and its owner token: the only token that may make owners. */
export async function found(platform: Platform, name: string): Promise<Founded> {
  const id = newId("organization");
  return inTransaction(platform.dataSource, { roots: [id], tenants: [id] }, async (manager) => {
    await manager.query("INSERT INTO foundings DEFAULT VALUES ON CONFLICT DO NOTHING");
    return make(manager, id, name);
  });
}

/** Makes the first root organization of an empty database; null where there is one, made even at this moment. */
export async function foundFirst(platform: Platform, name: string): Promise<Founded | null> {
  const id = newId("organization");
  return inTransaction(platform.dataSource, { roots: [id], tenants: [id] }, async (manager) => {
    // Of several first starts one inserts the row; the others wait for it here, and find it.
    const first: unknown[] = await manager.query(
      "INSERT INTO foundings DEFAULT VALUES ON CONFLICT DO NOTHING RETURNING id",
    );
    return first.length === 0 ? null : make(manager, id, name);
  });
}

async function make(manager: EntityManager, id: string, name: string): Promise<Founded> {
  const read = nameOf(name);
  await manager.insert(Organization, { rootId: id, id, name: read, nameKey: nameKeyOf(read) });
  const token = await addOwnerToken(manager, id);
  record(unitOf(manager), THE_OPERATOR, {
    ...{ tenant: { rootId: id, id }, action: "organization.created", subject: { id, label: read } },
  });
  return { organizationId: id, token };
}

async function addOwnerToken(manager: EntityManager, id: string): Promise<string> {
  const { token, hash, preview } = makeToken();
  await manager.insert(AccessToken, {
    rootId: id,
    id: newId("accessToken"),
    tenantId: id,
    name: "Owner",
    preview,
    tokenHash: hash,
    permissions: [...ALL_PERMISSIONS],
    isOwner: true,
    expiresAt: defaultExpiry(),
  });
  return token;
}

/** Makes another owner token of an organization, for an operator who has lost the last. Throws NOT_FOUND. */
export async function makeOwnerToken(platform: Platform, id: string): Promise<Founded> {
  return inTransaction(platform.dataSource, { roots: [id], tenants: [id] }, async (manager) => {
    if (!(await manager.existsBy(Organization, { rootId: id, id }))) throw new Denial("NOT_FOUND");
    const token = await addOwnerToken(manager, id);
    record(unitOf(manager), THE_OPERATOR, { tenant: { rootId: id, id }, action: "owner_token.created" });
    return { organizationId: id, token };
  });
}

/** Renames an organization. */
export async function rename(ctx: Context, input: { organizationId: string; name: string }): Promise<string> {
  const name = nameOf(input.name);
  const where = ownedWhere("id", input.organizationId, ctx.viewer.scope);
  const id = input.organizationId;
  await write(
    ctx,
    (manager) => updateOwned(manager, Organization, where, { name, nameKey: nameKeyOf(name) }),
    () => ({ tenant: { rootId: id, id }, action: "organization.renamed", subject: { id, label: name } }),
  );
  return id;
}
