import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { CertificateType } from "../../src/entities/apple/certificate.js";
import type { ProfileType } from "../../src/entities/apple/provisioning-profile.js";
import { newId } from "../../src/ids.js";
import { query } from "./database.js";
import type { TestServer } from "./server.js";

const DAY_MS = 24 * 60 * 60 * 1000;

/** A moment so many days ahead, or behind. */
export const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

/** What may be said of a certificate that is kept; the rest is made up. */
export interface KeptCertificate {
  readonly name: string;
  readonly type: CertificateType;
  readonly serialNumber: string;
  readonly sha1: string;
  readonly commonName: string;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly credentialId: string | null;
  /** Bytes that stand for the sealed private key; null: none is kept. */
  readonly sealedKey: Buffer | null;
}

/** What may be said of a profile that is kept; the rest is made up. */
export interface KeptProfile {
  readonly name: string;
  readonly type: ProfileType;
  readonly uuid: string;
  readonly expiresAt: Date;
  readonly invalidSince: Date | null;
  readonly bundleIdentifier: string;
  readonly certificateSha1s: readonly string[];
  readonly credentialId: string | null;
}

/** What tenants of an organization keep, written as the owner of the tables: each gives the id. */
export interface Keep {
  certificate(tenantId: string, what?: Partial<KeptCertificate>): Promise<string>;
  profile(tenantId: string, what?: Partial<KeptProfile>): Promise<string>;
  signingRequest(tenantId: string, certificateId?: string | null): Promise<string>;
  /** So many certificates for each tenant, in one go. */
  certificates(tenantIds: readonly string[], count: number): Promise<void>;
}

const CERTIFICATE = `INSERT INTO certificates (root_id, id, owner_id, name, type, apple_type, serial_number, sha1,
    public_key_sha256, team_id, common_name, expires_at, revoked_at, source, credential_id, content, sealed_key)
  VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, 'ABCDE12345', $9, $10, $11, 'UPLOADED', $12, $13, $14)`;

const PROFILE = `INSERT INTO provisioning_profiles (root_id, id, owner_id, name, uuid, type, apple_type, invalid_since,
    expires_at, platforms, team_id, bundle_identifier, entitlements, device_udids, certificate_sha1s, source,
    credential_id, content)
  VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, '{iOS}', 'ABCDE12345', $9, '{}', '{}', $10, 'UPLOADED', $11, $12)`;

const SIGNING_REQUEST = `INSERT INTO signing_requests (root_id, id, owner_id, common_name, email, country, csr_pem,
    public_key_sha256, sealed_key, certificate_id)
  VALUES ($1, $2, $3, 'Acme', 'ci@acme.example', 'DE', 'the request', $4, $5, $6)`;

const hex = (bytes: number): string => randomBytes(bytes).toString("hex").toUpperCase();
/** A SHA-1 that nothing else has. */
export const anySha1 = (): string => createHash("sha1").update(randomBytes(20)).digest("hex").toUpperCase();

/** Begins to keep things for the tenants of an organization. */
export function keepIn(server: TestServer, rootId: string): Keep {
  const { ownerUrl } = server.database;
  const certificateRow = (ownerId: string, what: Partial<KeptCertificate>): [id: string, values: unknown[]] => {
    const id = newId("certificate");
    const { name = "Distribution", type = "DISTRIBUTION", serialNumber = hex(8), sha1 = anySha1() } = what;
    const { commonName = "Apple Distribution: Acme (ABCDE12345)", expiresAt = inDays(300), revokedAt = null } = what;
    const { credentialId = null, sealedKey = randomBytes(64) } = what;
    const publicKey = hex(32).toLowerCase();
    const said = [name, type, serialNumber, sha1, publicKey, commonName, expiresAt, revokedAt, credentialId];
    return [id, [rootId, id, ownerId, ...said, randomBytes(16), sealedKey]];
  };
  return {
    certificate: async (tenantId, what = {}) => {
      const [id, values] = certificateRow(tenantId, what);
      await query(ownerUrl, [CERTIFICATE, values]);
      return id;
    },
    certificates: async (tenantIds, count) => {
      const rows = tenantIds.flatMap((tenantId) => Array.from({ length: count }, () => certificateRow(tenantId, {})));
      await query(ownerUrl, ...rows.map(([, values]): [string, unknown[]] => [CERTIFICATE, values]));
    },
    profile: async (tenantId, what = {}) => {
      const id = newId("provisioningProfile");
      const { name = "Acme App Store", uuid = randomUUID(), type = "IOS_APP_STORE", invalidSince = null } = what;
      const { expiresAt = inDays(300), bundleIdentifier = "com.acme.app", certificateSha1s = [anySha1()] } = what;
      const said = [name, uuid, type, invalidSince, expiresAt, bundleIdentifier, certificateSha1s];
      await query(ownerUrl, [
        PROFILE,
        [rootId, id, tenantId, ...said, what.credentialId ?? null, Buffer.from("the profile")],
      ]);
      return id;
    },
    signingRequest: async (tenantId, certificateId = null) => {
      const id = newId("signingRequest");
      await query(ownerUrl, [
        SIGNING_REQUEST,
        [rootId, id, tenantId, hex(32).toLowerCase(), randomBytes(64), certificateId],
      ]);
      return id;
    },
  };
}
