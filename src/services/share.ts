import type { EntityManager } from "typeorm";
import { leasesEnded } from "../apple/signer.js";
import type { Context } from "../context.js";
import type { ShareSubjectColumn } from "../database/readable-by.js";
import type { Scope } from "../database/tenancy.js";
import { Credential } from "../entities/credential.js";
import { Certificate } from "../entities/signing/certificate.js";
import { Share, ShareTarget, type ShareUse } from "../entities/share.js";
import { SubOrganization } from "../entities/sub-organization.js";
import { In } from "typeorm";
import { Denial, Refusal } from "../errors.js";
import { kindOf, newId } from "../ids.js";
import type { ShareSubject } from "../loaders/share.js";
import type { AuditEntry } from "./audit.js";
import { nameOf, someOf } from "./input.js";
import { deleteOwned, ownedWhere, updateOwned, withdraw, write } from "./write.js";

/** Bundle identifiers that one share may name. */
export const SHARE_BUNDLE_IDENTIFIERS = 100;

interface ShareInput {
  readonly subjectId: string;
  readonly name?: string | null;
  readonly withAllSubOrganizations: boolean;
  readonly subOrganizationIds: readonly string[];
  readonly uses: readonly ShareUse[];
  readonly bundleIdentifiers: readonly string[];
  readonly expiresAt?: Date | null;
}

/** Sets how something of the root is shared; what was set before is replaced as a whole, everywhere. Returns the share's id. */
export async function share(ctx: Context, input: ShareInput): Promise<string> {
  const terms = termsOf(input);
  const targets = targetsOf(input);
  const name = input.name === undefined || input.name === null ? null : nameOf(input.name);
  const subject = await ctx.loaders.shareSubject(input.subjectId);
  if (subject === null) throw new Denial("NOT_FOUND");
  if (name !== null && subject.kind === "provisioningProfile") {
    throw new Refusal("INVALID_INPUT", "A profile has the name that Apple has for it: it is not renamed here.", [
      "name",
    ]);
  }
  const { rootId } = subject.item;
  const work = async (manager: EntityManager): Promise<SetShare> => {
    if (name !== null) await rename(manager, ctx.viewer.scope, subject, name);
    await refuseStrangers(manager, rootId, targets);
    const set = await upsert(manager, ctx.viewer.scope, subject, terms);
    const { id } = set;
    await manager.delete(ShareTarget, { rootId, shareId: id });
    await manager.insert(
      ShareTarget,
      targets.map((subOrganizationId) => ({ rootId, shareId: id, subOrganizationId })),
    );
    return set;
  };
  const details = { ...terms, subOrganizationIds: targets };
  const { id, isNew } = await write(ctx, work, (set) => entryOf("share.set", subject, { shareId: set.id, ...details }));
  if (!isNew && subject.kind === "credential") await leasesEnded();
  return id;
}

function entryOf(action: string, { item }: ShareSubject, details: Readonly<Record<string, unknown>>): AuditEntry {
  const { id, rootId, name } = item;
  return { tenant: { rootId, id: rootId }, action, subject: { id, label: name }, details };
}

async function rename(manager: EntityManager, scope: Scope, { kind, item }: ShareSubject, name: string): Promise<void> {
  const entity = kind === "certificate" ? Certificate : Credential;
  await updateOwned<Certificate | Credential>(manager, entity, ownedWhere("owner_id", item.id, scope), { name });
}

/** Where each thing that can be shared is stored, and the column of `shares` that refers to it. */
const STORED: Readonly<Record<ShareSubject["kind"], { readonly table: string; readonly column: ShareSubjectColumn }>> =
  {
    credential: { table: "credentials", column: "credential_id" },
    certificate: { table: "certificates", column: "certificate_id" },
    provisioningProfile: { table: "provisioning_profiles", column: "provisioning_profile_id" },
  };

/** A share as it was set, and whether there was none before. */
interface SetShare {
  readonly id: string;
  readonly isNew: boolean;
}

/**
 * Sets the one share of something, whether there was one or not, where the root owns it and the viewer stands in
 * the root. Not TypeORM's upsert, which would write the owner too. Throws NOT_FOUND.
 */
async function upsert(
  manager: EntityManager,
  scope: Scope,
  { kind, item }: ShareSubject,
  share: Terms,
): Promise<SetShare> {
  const { table, column } = STORED[kind];
  const [row] = await manager.query<SetShare[]>(
    `INSERT INTO shares (root_id, id, owner_id, ${column}, with_all, uses, bundle_identifiers, expires_at)
     SELECT k.root_id, $4, k.owner_id, k.id, $5, $6, $7, $8 FROM ${table} k
     WHERE k.id = $1 AND k.owner_id = k.root_id AND k.root_id = ANY ($2) AND k.root_id = ANY ($3)
     ON CONFLICT (root_id, ${column}) DO UPDATE SET with_all = excluded.with_all, uses = excluded.uses,
       bundle_identifiers = excluded.bundle_identifiers, expires_at = excluded.expires_at, updated_at = now()
     RETURNING id, xmax = 0 AS "isNew"`,
    [
      item.id,
      scope.roots,
      scope.tenants,
      newId("share"),
      share.withAllSubOrganizations,
      share.uses,
      share.bundleIdentifiers,
      share.expiresAt,
    ],
  );
  if (row === undefined) throw new Denial("NOT_FOUND");
  return row;
}

/** Ends the sharing of something, from the answer on and everywhere. Returns the id of the share that was. */
export async function unshare(ctx: Context, input: { subjectId: string }): Promise<string> {
  const current = await ctx.loaders.shareBySubject.load(input.subjectId);
  if (current === null) throw new Refusal("NOT_FOUND", "It is not shared.", ["subjectId"]);
  const where = ownedWhere("owner_id", current.id, ctx.viewer.scope);
  const subject = await ctx.loaders.shareSubject(input.subjectId);
  if (subject === null) throw new Denial("NOT_FOUND");
  const end = subject.kind === "credential" ? withdraw : write;
  await end(
    ctx,
    (manager) => deleteOwned(manager, Share, where),
    () => entryOf("share.ended", subject, { shareId: current.id }),
  );
  return current.id;
}

/** Sub-organizations that a message names. */
const NAMED = 10;

/** With whom something is shared, for a message; null: it is not shared. */
export async function usersOf(ctx: Context, subjectId: string): Promise<string | null> {
  const current = await ctx.loaders.shareBySubject.load(subjectId);
  if (current === null) return null;
  if (current.withAllSubOrganizations) return "all sub-organizations";
  const page = { key: current.id, first: NAMED, after: null, filter: null };
  const { rows, hasNextPage } = await ctx.loaders.subOrganizationsByShare.load(page);
  return rows.map((row) => row.name).join(", ") + (hasNextPage ? " and more" : "");
}

type Terms = Pick<Share, "withAllSubOrganizations" | "uses" | "bundleIdentifiers" | "expiresAt">;

function termsOf(input: ShareInput): Terms {
  const expiresAt = input.expiresAt ?? null;
  if (expiresAt !== null && expiresAt <= new Date()) {
    throw new Refusal("INVALID_INPUT", "This time has passed.", ["expiresAt"]);
  }
  const bundleIdentifiers = [...new Set(input.bundleIdentifiers.map((pattern) => pattern.trim()))];
  if (bundleIdentifiers.length > SHARE_BUNDLE_IDENTIFIERS) {
    throw new Refusal("INVALID_INPUT", `A share names ${SHARE_BUNDLE_IDENTIFIERS} bundle identifiers at most.`, [
      "bundleIdentifiers",
    ]);
  }
  if (!bundleIdentifiers.every((pattern) => /^(?:[A-Za-z0-9.-]{1,255}\*?|\*)$/.test(pattern))) {
    const message = "A bundle identifier holds letters, digits, dots and hyphens, with an optional * at the end.";
    throw new Refusal("INVALID_INPUT", message, ["bundleIdentifiers"]);
  }
  return {
    withAllSubOrganizations: input.withAllSubOrganizations,
    uses: someOf(input.uses, "uses", "A share allows at least one use."),
    bundleIdentifiers,
    expiresAt,
  };
}

function targetsOf({ withAllSubOrganizations, subOrganizationIds }: ShareInput): string[] {
  if (withAllSubOrganizations !== (subOrganizationIds.length === 0)) {
    const message = "Share either with all sub-organizations or with those that are named.";
    throw new Refusal("INVALID_INPUT", message, ["subOrganizationIds"]);
  }
  return [...new Set(subOrganizationIds)];
}

/** Foreign and absent ids answer alike. The foreign key of the table holds it once more. */
async function refuseStrangers(manager: EntityManager, rootId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const possible = ids.filter((id) => kindOf(id) === "subOrganization");
  const known = await manager.countBy(SubOrganization, { rootId, id: In(possible) });
  if (known !== ids.length) {
    throw new Refusal("NOT_FOUND", "One of these is no sub-organization of this organization.", ["subOrganizationIds"]);
  }
}
