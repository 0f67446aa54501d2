import { createHash, randomBytes } from "node:crypto";
import pg from "pg";
import { CONNECTIONS } from "./load.js";

/** The database at 1x: 200 roots of 50 sub-organizations with 20 keys each, and what else an organization has. */
export const ROOTS = 200;
export const SUB_ORGANIZATIONS = 50;
export const KEYS = 20;
/** Keys of a root itself, each shared: with all sub-organizations, or every second one with the first five. */
const ROOT_KEYS = 4;
/** Of each root, kept by its sub-organizations: certificates, and as many profiles. */
const KEPT = 40;
const AUDIT_EVENTS = 100;
/** Certificates of the one key whose list at Apple is kept. */
const LISTED_CERTIFICATES = 50;
/** Organizations with an owner token, for writes: one a connection of the load. */
const WRITERS = CONNECTIONS;

/** An organization, and a token of it with every permission. */
export interface Owner {
  readonly organizationId: string;
  readonly token: string;
  readonly subOrganizationIds: readonly string[];
  /** Keys of the organization itself, which it shares. */
  readonly credentialIds: readonly string[];
}

/** What is asked for, all of organizations in the middle. */
export interface Rows {
  readonly organizationId: string;
  readonly subOrganizationId: string;
  readonly credentialId: string;
  /** A token of that organization that may see keys, what signs, and the log. */
  readonly token: string;
  /** That token and others that may see the same: as many as the load has connections. */
  readonly tokens: readonly string[];
  /** An organization each of whose sub-organizations has 50 keys, and a token of it. */
  readonly wide: { readonly organizationId: string; readonly token: string };
  readonly owners: readonly Owner[];
}

const pad = (number: number): string => String(number).padStart(26, "0");
/** A TypeID in SQL: 26 digits of base 32, here from a counter. */
const id = (prefix: string, number: string): string => `'${prefix}_' || lpad((${number})::text, 26, '0')`;
const root = id("org", "r");
const sub = (number: string): string => id("sub", `r * 1000 + ${number}`);

/** Fills an empty, migrated database as its owner, with so many organizations. */
export async function fill(ownerUrl: string, roots = ROOTS): Promise<Rows> {
  const middle = Math.floor(ROOTS / 2);
  const wide = middle + 1;
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    // The rows are right by themselves: millions of keys need not be looked up to know it. Sharing keys come last.
    await client.query("SET session_replication_role = replica");
    const series = `generate_series(1, ${roots}) r`;
    await client.query("INSERT INTO foundings DEFAULT VALUES");
    await client.query(`
      INSERT INTO tenants (root_id, id, kind, name, name_key)
      SELECT ${root}, ${root}, 'ORGANIZATION', 'Organization ' || r, 'organization ' || r FROM ${series}
      UNION ALL
      SELECT ${root}, ${sub("s")}, 'SUB_ORGANIZATION', 'Team ' || s, 'team ' || s
      FROM ${series}, generate_series(1, ${SUB_ORGANIZATIONS}) s`);
    const credential = (number: string, owner: string): string => `
      SELECT ${root}, ${id("cred", number)}, ${owner}, 'Key ' || k, 'APP_STORE', 'TEAM', 'KEY' || lpad(k::text, 7, '0'),
        '69a6de70-03db-47e3-e053-5b8c7c11a4d1', md5(k::text), '\\x00'::bytea`;
    const into =
      "INSERT INTO credentials (root_id, id, owner_id, name, program, key_type, key_id, issuer_id, fingerprint, sealed_key)";
    await client.query(`${into} ${credential("(r * 1000 + s) * 100 + k", sub("s"))}
      FROM ${series}, generate_series(1, ${SUB_ORGANIZATIONS}) s,
        LATERAL generate_series(1, CASE WHEN r = ${wide} THEN 50 ELSE ${KEYS} END) k`);
    await client.query(`${into} ${credential("(r * 1000 + 999) * 100 + k", root)}
      FROM ${series}, generate_series(1, ${ROOT_KEYS}) k`);
    await client.query(`
      INSERT INTO shares (root_id, id, owner_id, credential_id, with_all, uses)
      SELECT ${root}, ${id("shr", "r * 100 + k")}, ${root}, ${id("cred", "(r * 1000 + 999) * 100 + k")}, k % 2 = 1, '{VIEW,SIGN}'
      FROM ${series}, generate_series(1, ${ROOT_KEYS}) k`);
    await client.query(`
      INSERT INTO share_targets (root_id, share_id, sub_organization_id)
      SELECT ${root}, ${id("shr", "r * 100 + k")}, ${sub("s")}
      FROM ${series}, generate_series(2, ${ROOT_KEYS}, 2) k, generate_series(1, 5) s`);
    await fillSigning(client, series);
    await client.query(`
      INSERT INTO audit_events (root_id, id, seq, tenant_id, at, action, outcome, actor_id, actor_label, subject_id,
        subject_label, details, request_id, ip_address, hash)
      SELECT ${root}, ${id("aud", "r * 1000 + n")}, n, ${sub(`n % ${SUB_ORGANIZATIONS} + 1`)},
        timestamptz '2026-01-01Z' + n * interval '1 minute', 'credential.updated', 'DONE', ${id("tok", "r")}, 'CI',
        ${id("cred", "n")}, 'Key ' || n, '{}', NULL, '127.0.0.1', md5(n::text)
      FROM ${series}, generate_series(1, ${AUDIT_EVENTS}) n`);
    await client.query(
      `INSERT INTO audit_heads (root_id, seq, hash) SELECT ${root}, ${AUDIT_EVENTS}, md5('${AUDIT_EVENTS}') FROM ${series}`,
    );
    const reading = ["CREDENTIALS_VIEW", "SIGNING_VIEW", "AUDIT_VIEW"];
    const tokens: string[] = [];
    for (let n = 1; n <= CONNECTIONS; n += 1) tokens.push(await addToken(client, middle, n, reading, false));
    const [token = ""] = tokens;
    const wideToken = await addToken(client, wide, 1, reading, false);
    const owners: Owner[] = [];
    for (let n = 1; n <= Math.min(WRITERS, roots); n += 1) owners.push(await ownerOf(client, n));
    await fillList(client, middle);
    await client.query("VACUUM ANALYZE");
    return {
      organizationId: `org_${pad(middle)}`,
      subOrganizationId: `sub_${pad(middle * 1000 + 1)}`,
      credentialId: `cred_${pad((middle * 1000 + 1) * 100 + 1)}`,
      ...{ token, tokens },
      wide: { organizationId: `org_${pad(wide)}`, token: wideToken },
      owners,
    };
  } finally {
    await client.end();
  }
}

/** Certificates and profiles that end within a year, in whole days and a half. */
async function fillSigning(client: pg.Client, series: string): Promise<void> {
  const ends = "date_trunc('day', now()) + n * 8 * interval '1 day' + interval '36 hours'";
  const owner = sub(`n % ${SUB_ORGANIZATIONS} + 1`);
  await client.query(`
    INSERT INTO certificates (root_id, id, owner_id, name, type, apple_type, serial_number, sha1, public_key_sha256,
      common_name, expires_at, source, content)
    SELECT ${root}, ${id("cert", "r * 1000 + n")}, ${owner}, 'Certificate ' || n, 'DISTRIBUTION', 'DISTRIBUTION',
      lpad(to_hex(n), 16, '0'), md5(n::text), md5(n::text), 'Apple Distribution: Acme', ${ends}, 'UPLOADED', '\\x00'
    FROM ${series}, generate_series(1, ${KEPT}) n`);
  await client.query(`
    INSERT INTO provisioning_profiles (root_id, id, owner_id, name, uuid, type, apple_type, expires_at, platforms, team_id,
      bundle_identifier, entitlements, device_udids, certificate_sha1s, source, content)
    SELECT ${root}, ${id("prof", "r * 1000 + n")}, ${owner}, 'Profile ' || n, md5(n::text), 'IOS_APP_STORE',
      'IOS_APP_STORE', ${ends} + interval '1 hour', '{IOS}', 'TEAM000001', 'com.acme.app' || n, '{}', '{}', '{}',
      'UPLOADED', '\\x00'
    FROM ${series}, generate_series(1, ${KEPT}) n`);
}

/** What Apple holds for one key, as it was just asked. */
async function fillList(client: pg.Client, r: number): Promise<void> {
  const of = [`org_${pad(r)}`, `sub_${pad(r * 1000 + 1)}`, `cred_${pad((r * 1000 + 1) * 100 + 1)}`];
  await client.query(
    "INSERT INTO apple_snapshots (root_id, owner_id, credential_id, list, as_of) VALUES ($1, $2, $3, 'CERTIFICATES', now())",
    of,
  );
  await client.query(
    `INSERT INTO apple_certificates (root_id, owner_id, credential_id, apple_id, position, name, type, apple_type,
       serial_number, expires_at)
     SELECT $1, $2, $3, 'CERT' || lpad(n::text, 6, '0'), n, 'Apple Distribution: Acme ' || n, 'DISTRIBUTION', 'DISTRIBUTION',
       lpad(to_hex(n), 16, '0'), date_trunc('day', now()) + n * interval '5 days'
     FROM generate_series(0, ${LISTED_CERTIFICATES - 1}) n`,
    of,
  );
}

async function addToken(
  client: pg.Client,
  r: number,
  number: number,
  permissions: readonly string[],
  isOwner: boolean,
): Promise<string> {
  const token = `cs_${randomBytes(32).toString("base64url")}`;
  await client.query(
    `INSERT INTO access_tokens (root_id, id, tenant_id, name, preview, token_hash, permissions, is_owner, expires_at)
     VALUES ($1, $2, $1, 'Bench', 'cs_', $3, $4, $5, now() + interval '1 day')`,
    [`org_${pad(r)}`, `tok_${pad(number)}`, createHash("sha256").update(token).digest(), permissions, isOwner],
  );
  return token;
}

async function ownerOf(client: pg.Client, r: number): Promise<Owner> {
  const permissions = [
    ...["TENANT_MANAGE", "MEMBERS_MANAGE", "TOKENS_MANAGE", "CREDENTIALS_VIEW", "CREDENTIALS_MANAGE"],
    ...["CREDENTIALS_SHARE", "SIGNING_VIEW", "SIGNING_MANAGE", "SIGNING_DOWNLOAD", "SIGNING_REVOKE", "AUDIT_VIEW"],
  ];
  return {
    organizationId: `org_${pad(r)}`,
    token: await addToken(client, r, 2, permissions, true),
    subOrganizationIds: Array.from({ length: SUB_ORGANIZATIONS }, (_, s) => `sub_${pad(r * 1000 + s + 1)}`),
    credentialIds: Array.from({ length: ROOT_KEYS }, (_, k) => `cred_${pad((r * 1000 + 999) * 100 + k + 1)}`),
  };
}
