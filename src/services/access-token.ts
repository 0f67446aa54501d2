import { makeToken } from "../auth/bearer.js";
import type { Context } from "../context.js";
import { AccessToken, type Permission } from "../entities/access-token.js";
import { Denial, Refusal } from "../errors.js";
import { newId } from "../ids.js";
import { nameOf, someOf } from "./input.js";
import { deleteOwned, ownedWhere, withdraw, write } from "./write.js";

export const TOKEN_DEFAULT_MONTHS = 6;
export const TOKEN_LONGEST_MONTHS = 12;

const inMonths = (months: number): Date => {
  const date = new Date();
  date.setUTCMonth(date.getUTCMonth() + months);
  return date;
};

/** When a token ends whose maker does not say. */
export const defaultExpiry = (): Date => inMonths(TOKEN_DEFAULT_MONTHS);

interface CreateInput {
  readonly tenantId: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly expiresAt?: Date | null;
}

/** Makes a token, and returns its secret this once. */
export async function create(ctx: Context, input: CreateInput): Promise<{ id: string; secret: string }> {
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const expiresAt = input.expiresAt ?? defaultExpiry();
  if (expiresAt <= new Date()) throw new Refusal("INVALID_INPUT", "This time has passed.", ["expiresAt"]);
  if (expiresAt > inMonths(TOKEN_LONGEST_MONTHS)) {
    throw new Refusal("INVALID_INPUT", "A token lasts a year at most.", ["expiresAt"]);
  }
  const { token, hash, preview } = makeToken();
  const row = {
    rootId: tenant.rootId,
    id: newId("accessToken"),
    tenantId: tenant.id,
    name: nameOf(input.name),
    preview,
    tokenHash: hash,
    permissions: someOf(input.permissions, "permissions", "A token needs a permission."),
    expiresAt,
  };
  const { id, permissions } = row;
  await write(
    ctx,
    (manager) => manager.insert(AccessToken, row),
    () => ({
      ...{ tenant, action: "access_token.created", subject: { id, label: row.name } },
      details: { permissions, expiresAt: expiresAt.toISOString() },
    }),
  );
  return { id: row.id, secret: token };
}

/** Revokes a token: from now on it is unknown, and the use of keys by it has ended. */
export async function revoke(ctx: Context, input: { accessTokenId: string }): Promise<string> {
  const where = ownedWhere("tenant_id", input.accessTokenId, ctx.viewer.scope);
  const token = await ctx.loaders.accessToken.load(input.accessTokenId);
  if (token === null) throw new Denial("NOT_FOUND");
  const { id, rootId, tenantId, name } = token;
  await withdraw(
    ctx,
    (manager) => deleteOwned(manager, AccessToken, where),
    () => ({ tenant: { rootId, id: tenantId }, action: "access_token.revoked", subject: { id, label: name } }),
  );
  return id;
}
