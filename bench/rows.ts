import { createHash, randomBytes } from "node:crypto";
import pg from "pg";

/** How much is in the database: 200 roots × 50 sub-organizations × 20 keys. */
export const ROOTS = 200;
export const SUB_ORGANIZATIONS = 50;
export const KEYS = 20;

/** What the reads ask for, all of one organization in the middle. */
export interface Rows {
  readonly organizationId: string;
  readonly subOrganizationId: string;
  readonly credentialId: string;
  /** A token of that organization with every permission. */
  readonly token: string;
}

/** A TypeID in SQL: 26 digits of base 32, here from a counter. */
const id = (prefix: string, number: string): string => `'${prefix}_' || lpad((${number})::text, 26, '0')`;

/** Fills an empty, migrated database as its owner. */
export async function fill(ownerUrl: string): Promise<Rows> {
  const token = `cs_${randomBytes(32).toString("base64url")}`;
  const root = Math.floor(ROOTS / 2);
  const sub = root * 1000 + 1;
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query("INSERT INTO foundings DEFAULT VALUES");
    await client.query(`
      INSERT INTO tenants (root_id, id, kind, name, name_key)
      SELECT ${id("org", "r")}, ${id("org", "r")}, 'ORGANIZATION', 'Organization ' || r, 'organization ' || r
      FROM generate_series(1, ${ROOTS}) r`);
    await client.query(`
      INSERT INTO tenants (root_id, id, kind, name, name_key)
      SELECT ${id("org", "r")}, ${id("sub", "r * 1000 + s")}, 'SUB_ORGANIZATION', 'Team ' || s, 'team ' || s
      FROM generate_series(1, ${ROOTS}) r, generate_series(1, ${SUB_ORGANIZATIONS}) s`);
    await client.query(`
      INSERT INTO credentials (root_id, id, owner_id, name, program, key_type, key_id, issuer_id, fingerprint, sealed_key)
      SELECT ${id("org", "r")}, ${id("cred", "(r * 1000 + s) * 100 + k")}, ${id("sub", "r * 1000 + s")},
        'Key ' || k, 'APP_STORE', 'TEAM', 'KEY' || lpad(k::text, 7, '0'), '69a6de70-03db-47e3-e053-5b8c7c11a4d1', md5(k::text), '\\x00'
      FROM generate_series(1, ${ROOTS}) r, generate_series(1, ${SUB_ORGANIZATIONS}) s, generate_series(1, ${KEYS}) k`);
    await client.query(
      `INSERT INTO access_tokens (root_id, id, tenant_id, name, preview, token_hash, permissions, expires_at)
       SELECT $1, ${id("tok", "1")}, $1, 'Bench', 'cs_', $2, ARRAY['CREDENTIALS_VIEW', 'SIGNING_VIEW'], now() + interval '1 day'`,
      [`org_${String(root).padStart(26, "0")}`, createHash("sha256").update(token).digest()],
    );
    await client.query("VACUUM ANALYZE");
  } finally {
    await client.end();
  }
  const pad = (number: number): string => String(number).padStart(26, "0");
  return {
    organizationId: `org_${pad(root)}`,
    subOrganizationId: `sub_${pad(sub)}`,
    credentialId: `cred_${pad(sub * 100 + 1)}`,
    token,
  };
}
