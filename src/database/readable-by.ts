import type { ShareUse } from "../entities/share.js";

/** The columns of `shares` that refer to what is shared. */
export type ShareSubjectColumn = "credential_id" | "certificate_id" | "provisioning_profile_id";

/**
 * The clause that every load of something shareable carries: rows of the viewer's tenants, or shared with one of
 * them, for a use where one is named, by a share that is not over. `$1` are the viewer's roots, `$2` the tenants; `row`
 * is the alias of a table with `root_id`, `owner_id` and `id`. Shares are looked up by a function of the database, and
 * only for rows that are not the tenants' own.
 */
export function readableBy(row: string, tenants: `$${number}` = "$2", use: ShareUse | null = null): string {
  const wanted = use === null ? "NULL" : `'${use}'`;
  return `(${ownedBy(row, tenants)} OR (${row}.root_id = ANY ($1)
    AND is_shared_with(${row}.root_id, ${row}.id, ${tenants}, ${wanted})))`;
}

/** As `readableBy`, with what the share `s` has to allow besides. */
export function readableOnTerms(row: string, subject: ShareSubjectColumn, tenants: string, terms: string): string {
  return `(${ownedBy(row, tenants)} OR (${row}.root_id = ANY ($1) AND EXISTS (
    SELECT 1 FROM shares s WHERE s.root_id = ${row}.root_id AND s.${subject} = ${row}.id AND ${liveFor("s", tenants)}
      AND ${terms})))`;
}

/** The term of the share `s` that allows a use. */
export const allows = (use: ShareUse): string => `'${use}' = ANY (s.uses)`;

/** Rows that one of the tenants owns; a root owns what its sub-organizations own. */
export function ownedBy(row: string, tenants = "$2"): string {
  return `(${row}.root_id = ANY ($1) AND (${row}.root_id = ANY (${tenants}) OR ${row}.owner_id = ANY (${tenants})))`;
}

/** Shares that are not over and reach one of the tenants; one with all reaches tenants of its own root, and nobody where there are none. */
export function liveFor(share: string, tenants: string): string {
  return `${live(share)} AND (CASE WHEN ${share}.with_all
    THEN EXISTS (SELECT 1 FROM tenants reached WHERE reached.root_id = ${share}.root_id AND reached.id = ANY (${tenants}))
    ELSE EXISTS (
      SELECT 1 FROM share_targets reached
      WHERE reached.root_id = ${share}.root_id AND reached.share_id = ${share}.id AND reached.sub_organization_id = ANY (${tenants})) END)`;
}

/** Tenants that the viewer stands in: those of `$2`, and those below a root of it. */
export const standsIn = (tenant: string): string =>
  `(${tenant}.root_id = ANY ($1) AND (${tenant}.root_id = ANY ($2) OR ${tenant}.id = ANY ($2)))`;

/** Shares that reach one tenant of their root, over or not; `tenant` is an expression. */
export const reaches = (share: string, tenant: string): string => `(${share}.with_all OR EXISTS (
      SELECT 1 FROM share_targets reached WHERE reached.root_id = ${share}.root_id AND reached.share_id = ${share}.id
        AND reached.sub_organization_id = ${tenant}))`;

/** Shares that are not over. */
export function live(share: string): string {
  return `(${share}.expires_at IS NULL OR ${share}.expires_at > now())`;
}

/**
 * What binds a use of something shareable: the tenant it is for, and the patterns of bundle identifiers; empty: any.
 * Columns of a statement that has `sharedFor` in it.
 */
export const termsOfUse = (row: string, tenants: string): string => `
  CASE WHEN ${ownedBy(row, tenants)} THEN '{}' ELSE s.bundle_identifiers END AS "bundleIdentifiers",
  CASE WHEN ${ownedBy(row, tenants)} THEN ${row}.owner_id ELSE (SELECT min(t.id) FROM tenants t
    WHERE t.root_id = ${row}.root_id AND t.id = ANY (${tenants}) AND (s.with_all OR EXISTS (SELECT 1 FROM share_targets r
      WHERE r.root_id = s.root_id AND r.share_id = s.id AND r.sub_organization_id = t.id))) END AS "tenantId"`;

/**
 * Joins the share `s` that lets one of the tenants use a row; `use` is an expression. What is left is theirs to use now:
 * own rows, and those of such a share. The clause of `WHERE` comes with it, and goes on with AND.
 */
export const sharedFor = (
  row: string,
  subject: "credential_id" | "certificate_id" | "provisioning_profile_id",
  tenants: string,
  use: string,
): string => `
  LEFT JOIN shares s ON s.root_id = ${row}.root_id AND s.${subject} = ${row}.id AND ${liveFor("s", tenants)} AND ${use} = ANY (s.uses)
  WHERE ${row}.root_id = ANY ($1) AND (${ownedBy(row, tenants)} OR s.id IS NOT NULL)`;

/**
 * The start of every statement that reads what Apple said of keys: those that may be used now to see it, in `usable`,
 * with the patterns that bind the use. `$1` are the viewer's roots, `$2` the tenants in which the viewer has the
 * permission; `keys` says which keys, by default those of `$3`. Each is looked up by itself, or all of an organization's
 * would be gone through.
 */
export const withKeysToView = (keys = "$3::text[]"): string => `WITH usable AS (
  SELECT found.* FROM (SELECT DISTINCT unnest(${keys}) AS id) asked CROSS JOIN LATERAL (
    SELECT c.root_id, c.owner_id, c.id, c.key_type, CASE WHEN ${ownedBy("c")} THEN '{}' ELSE s.bundle_identifiers END AS patterns
    FROM credentials c
    LEFT JOIN shares s ON s.root_id = c.root_id AND s.credential_id = c.id AND 'VIEW' = ANY (s.uses) AND ${liveFor("s", "$2")}
    WHERE c.root_id = ANY ($1) AND c.id = asked.id AND (${ownedBy("c")} OR s.id IS NOT NULL) LIMIT 1) found)`;
