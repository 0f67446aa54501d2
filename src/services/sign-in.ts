import { createHash } from "node:crypto";
import { TypeID } from "typeid-js";
import type { Identity } from "../auth/bearer.js";
import { Viewer, grantOfRoles, type Grant } from "../auth/viewer.js";
import type { SentStatement } from "../database/round-trip.js";
import { isSameValue } from "../database/known-rows.js";
import { inTransaction, ReadSession, type Premise, type Scope } from "../database/tenancy.js";
import type { Role } from "../entities/member.js";
import { Denial } from "../errors.js";
import { ID_PREFIXES } from "../ids.js";
import type { Platform } from "../context.js";
import type { AccessTokenRow } from "../loaders/access-token.js";
import type { Deadline } from "../server/deadline.js";

const TOKEN = {
  name: "sign_in_token",
  text: `SELECT id, root_id AS "rootId", tenant_id AS "tenantId", name, preview, permissions, is_owner AS "isOwner",
      expires_at AS "expiresAt", last_used_at AS "lastUsedAt", created_at AS "createdAt"
    FROM access_tokens WHERE token_hash = decode($1, 'hex') AND expires_at > now()`,
};
const MEMBERSHIPS = {
  name: "sign_in_memberships",
  text: `SELECT root_id AS "rootId", tenant_id AS "tenantId", roles FROM members WHERE email = $1 ORDER BY id`,
};

/** The time of a token's last use is written once a minute at most. */
const TOUCH_INTERVAL_MS = 60_000;

/** How many of those who signed in a process remembers: the longest unseen goes first. */
const REMEMBERED_MOST = 10_000;

/** What was presented and may be somebody: a token by its SHA-256 in hex, or whom a verified JWT names. */
export type Claim =
  { readonly kind: "token"; readonly hash: string } | { readonly kind: "user"; readonly user: Identity };

/** Who made a claim when it was last seen, and the reads of the request, which come after the question whether that still holds. */
export interface Assumed {
  readonly viewer: Viewer;
  /** Names the viewer as it was seen. */
  readonly name: string;
  readonly reads: ReadSession;
  /** Rejects with UNAUTHENTICATED where it is somebody else by now, or nobody. Nothing is done or answered before it resolves. */
  readonly confirmed: Promise<void>;
}

/** What the database told of a claim: the rows, and who follows from them. */
interface Remembered {
  readonly rows: readonly object[];
  readonly viewer: Viewer;
  /** Where the viewer's requests read: while this is remembered, together. */
  readonly scope: Scope;
  /** Of this process alone; another where anything of the viewer is another. */
  readonly name: string;
  /** What is asked to confirm it. */
  readonly question: SentStatement;
  /** What the answer to it was last, and who follows from that. */
  told: { readonly rows: readonly object[]; readonly now: Remembered | null } | null;
}

/** Who made which claim when it was last seen: a guess, which each request asks the database to confirm. */
export class SignIns {
  readonly #remembered = new Map<string, Remembered>();

  get(claim: Claim): Remembered | undefined {
    return this.#remembered.get(nameOf(claim));
  }

  set(claim: Claim, remembered: Remembered | null): void {
    const name = nameOf(claim);
    this.#remembered.delete(name);
    if (remembered === null) return;
    this.#remembered.set(name, remembered);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED_MOST && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

const nameOf = (claim: Claim): string => (claim.kind === "token" ? claim.hash : JSON.stringify(claim.user));

/** Verifies a JWT, for which no database is asked; null where users cannot sign in. Throws UNAUTHENTICATED. */
export async function claimOf({ verifyJwt }: Platform, jwt: string): Promise<Claim | null> {
  return verifyJwt === null ? null : { kind: "user", user: await verifyJwt(jwt) };
}

/** Asks who makes a claim, and remembers it; null where nobody does: unknown, expired or revoked. */
export async function signIn(platform: Platform, claim: Claim): Promise<Viewer | null> {
  const reads = new ReadSession(platform.readPool, { roots: [], tenants: [], ...presentedBy(claim) });
  const question = questionOf(claim);
  const rows = await reads.rows<object>(question.statement, question.values);
  const remembered = rememberedOf(claim, rows, question);
  platform.signIns.set(claim, remembered);
  return remembered && remembered.viewer;
}

let named = 0;
const newName = (): string => String((named += 1));

function rememberedOf(claim: Claim, rows: readonly object[], question: SentStatement): Remembered | null {
  const viewer = viewerOf(claim, rows);
  return (
    viewer && { rows, viewer, name: newName(), question, scope: { ...viewer.scope, ...presentedBy(claim) }, told: null }
  );
}

/**
 * Takes whoever made a claim the last time to make it again, and asks in the transaction of the request's reads, before
 * them, whether that is so. Null for a claim that was not seen yet.
 */
export function assume(platform: Platform, claim: Claim, deadline: Pick<Deadline, "check">): Assumed | null {
  const remembered = platform.signIns.get(claim);
  if (remembered === undefined) return null;
  const { viewer, name, scope, question } = remembered;
  let now = viewer;
  const premise: Premise = {
    question,
    accept(rows) {
      const found = confirm(claim, rows, remembered);
      platform.signIns.set(claim, found);
      if (found === null) throw new Denial("UNAUTHENTICATED");
      now = found.viewer;
    },
  };
  const reads = new ReadSession(platform.readPool, scope, deadline, premise, platform.knownRows);
  const confirmed = reads.hold().then(() => touch(platform, now));
  confirmed.catch(() => undefined); // Whoever answers awaits it.
  return { viewer, name, reads, confirmed };
}

/** The same somebody, as they are now; null where the rows make another, or nobody. Requests that go together are told by the same rows. */
function confirm(claim: Claim, rows: readonly object[], before: Remembered): Remembered | null {
  if (before.told?.rows !== rows) before.told = { rows, now: compare(claim, rows, before) };
  return before.told.now;
}

function compare(claim: Claim, rows: readonly object[], before: Remembered): Remembered | null {
  if (rows.length !== before.rows.length) return null;
  let isOfNow = true;
  for (const [index, row] of rows.entries()) {
    const was = before.rows[index] as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(row)) {
      if (isSameValue(value, was[name])) continue;
      if (name !== "lastUsedAt") return null;
      isOfNow = false; // When a token was last used changes by itself.
    }
  }
  return isOfNow ? before : rememberedOf(claim, rows, before.question);
}

const presentedBy = (claim: Claim): Pick<Scope, "presentedHash" | "signedInEmail"> =>
  claim.kind === "token" ? { presentedHash: claim.hash } : { signedInEmail: claim.user.email };

const questionOf = (claim: Claim): SentStatement =>
  claim.kind === "token"
    ? { statement: TOKEN, values: [claim.hash] }
    : { statement: MEMBERSHIPS, values: [claim.user.email] };

/** Who follows from the rows of a claim: of a token one or none, of a user any number of memberships. */
function viewerOf(claim: Claim, rows: readonly object[]): Viewer | null {
  if (claim.kind === "token") {
    const [token] = rows as readonly AccessTokenRow[];
    if (token === undefined) return null;
    const { rootId, tenantId, permissions, isOwner } = token;
    return new Viewer({ kind: "token", token }, [{ rootId, tenantId, roles: [], permissions, isOwner }]);
  }
  const { issuer, subject, email, name } = claim.user;
  const memberships = rows as readonly { rootId: string; tenantId: string; roles: Role[] }[];
  const grants: Grant[] = memberships.map(({ rootId, tenantId, roles }) => grantOfRoles(rootId, tenantId, roles));
  return new Viewer({ kind: "user", user: { id: userId(issuer, subject), email, name } }, grants);
}

/** Notes that a token was used, not more often than once a minute. */
async function touch(platform: Platform, { actor, scope }: Viewer): Promise<void> {
  if (actor.kind === "user") return;
  const { rootId, id, lastUsedAt } = actor.token;
  if (Date.now() - (lastUsedAt?.getTime() ?? 0) <= TOUCH_INTERVAL_MS) return;
  await inTransaction(platform.dataSource, scope, (manager) =>
    manager.query("UPDATE access_tokens SET last_used_at = now() WHERE root_id = $1 AND id = $2", [rootId, id]),
  );
}

/** A user is not stored: the id follows from issuer and subject, and stays the same. */
function userId(issuer: string, subject: string): string {
  const bytes = createHash("sha256")
    .update(JSON.stringify([issuer, subject]))
    .digest()
    .subarray(0, 16);
  return TypeID.fromUUIDBytes(ID_PREFIXES.user, bytes).toString();
}
