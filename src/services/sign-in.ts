import { createHash } from "node:crypto";
import { TypeID } from "typeid-js";
import type { Presented } from "../auth/bearer.js";
import { Viewer, grantOfRoles, type Grant } from "../auth/viewer.js";
import { inTransaction, ReadSession } from "../database/tenancy.js";
import type { Role } from "../entities/member.js";
import { ID_PREFIXES } from "../ids.js";
import type { Platform } from "../context.js";
import type { AccessTokenRow } from "../loaders/access-token.js";

const TOKEN = {
  name: "sign_in_token",
  text: `SELECT id, root_id AS "rootId", tenant_id AS "tenantId", name, preview, permissions, is_owner AS "isOwner",
      expires_at AS "expiresAt", last_used_at AS "lastUsedAt", created_at AS "createdAt"
    FROM access_tokens WHERE token_hash = $1 AND expires_at > now()`,
};
const MEMBERSHIPS = {
  name: "sign_in_memberships",
  text: `SELECT root_id AS "rootId", tenant_id AS "tenantId", roles FROM members WHERE email = $1 ORDER BY id`,
};

/** The time of a token's last use is written once a minute at most. */
const TOUCH_INTERVAL_MS = 60_000;

/** Who presents this; null where it is unknown, expired or revoked. */
export async function signIn(platform: Platform, presented: Presented): Promise<Viewer | null> {
  return presented.kind === "token" ? byToken(platform, presented.hash) : byJwt(platform, presented.jwt);
}

async function byToken(platform: Platform, hash: Buffer): Promise<Viewer | null> {
  const presentedHash = hash.toString("hex");
  const reads = new ReadSession(platform.readPool, { roots: [], tenants: [], presentedHash });
  const [token] = await reads.rows<AccessTokenRow>(TOKEN, [hash]);
  if (token === undefined) return null;
  const { rootId, tenantId, permissions, isOwner } = token;
  const viewer = new Viewer({ kind: "token", token }, [{ rootId, tenantId, roles: [], permissions, isOwner }]);
  if (Date.now() - (token.lastUsedAt?.getTime() ?? 0) > TOUCH_INTERVAL_MS) await touch(platform, viewer, token);
  return viewer;
}

async function touch(platform: Platform, viewer: Viewer, token: AccessTokenRow): Promise<void> {
  await inTransaction(platform.dataSource, viewer.scope, (manager) =>
    manager.query("UPDATE access_tokens SET last_used_at = now() WHERE root_id = $1 AND id = $2", [
      token.rootId,
      token.id,
    ]),
  );
}

async function byJwt(platform: Platform, jwt: string): Promise<Viewer | null> {
  if (platform.verifyJwt === null) return null;
  const { issuer, subject, email, name } = await platform.verifyJwt(jwt);
  const reads = new ReadSession(platform.readPool, { roots: [], tenants: [], signedInEmail: email });
  const memberships = await reads.rows<{ rootId: string; tenantId: string; roles: Role[] }>(MEMBERSHIPS, [email]);
  const grants: Grant[] = memberships.map(({ rootId, tenantId, roles }) => grantOfRoles(rootId, tenantId, roles));
  return new Viewer({ kind: "user", user: { id: userId(issuer, subject), email, name } }, grants);
}

/** A user is not stored: the id follows from issuer and subject, and stays the same. */
function userId(issuer: string, subject: string): string {
  const bytes = createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest()
    .subarray(0, 16);
  return TypeID.fromUUIDBytes(ID_PREFIXES.user, bytes).toString();
}
