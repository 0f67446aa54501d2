import type { Unit } from "../../../database/tenancy.js";
import { profileTypeOf } from "../../../entities/apple/provisioning-profile.js";
import type { ProfileSource, ProvisioningProfile } from "../../../entities/signing/provisioning-profile.js";
import type { ProfileFile } from "../../../files/mobileprovision.js";
import { newId } from "../../../ids.js";

/** Where a profile is kept, and what its file does not say. */
export interface ProfilePlace {
  readonly rootId: string;
  readonly ownerId: string;
  readonly source: ProfileSource;
  /** The file itself. */
  readonly content: Buffer;
  /** What Apple says of it beside the file; null: Apple was not asked. */
  readonly atApple: {
    readonly credentialId: string;
    readonly appleId: string;
    readonly appleType: string;
    readonly appleState: string;
  } | null;
}

/** A profile as it is put into its table. */
export type ProfileRow = Readonly<Omit<ProvisioningProfile, "createdAt">>;

/** The row of a profile, under a new id. Apple's word for its type counts before what the file looks like. */
export function profileRow(file: ProfileFile, { rootId, ownerId, source, content, atApple }: ProfilePlace): ProfileRow {
  const appleType = atApple?.appleType ?? file.appleType;
  return {
    ...{ rootId, id: newId("provisioningProfile"), ownerId, source, content, appleType },
    ...{ credentialId: atApple?.credentialId ?? null, appleId: atApple?.appleId ?? null },
    type: profileTypeOf(appleType),
    invalidSince: atApple?.appleState === "INVALID" ? new Date() : null,
    name: file.name,
    uuid: file.uuid,
    expiresAt: file.expiresAt,
    platforms: [...file.platforms],
    teamId: file.teamId,
    teamName: file.teamName,
    bundleIdentifier: file.bundleIdentifier,
    entitlements: file.entitlements,
    deviceUdids: [...file.deviceUdids],
    certificateSha1s: file.certificates.map(({ sha1 }) => sha1),
  };
}

const INSERT = {
  name: "profile_insert",
  text: `INSERT INTO provisioning_profiles (root_id, id, owner_id, name, uuid, type, apple_type, invalid_since, expires_at,
      platforms, team_id, team_name, bundle_identifier, entitlements, device_udids, certificate_sha1s, source,
      credential_id, apple_id, content)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
    ON CONFLICT (root_id, owner_id, uuid) DO NOTHING RETURNING id`,
};
const BY_UUID = {
  name: "profile_by_uuid",
  text: `SELECT id FROM provisioning_profiles WHERE root_id = $1 AND owner_id = $2 AND uuid = $3`,
};

/** Keeps a profile, unless its tenant has it already; gives the id under which it is kept, and whether that is new. */
export async function insertProfile(unit: Unit, row: ProfileRow): Promise<{ id: string; isNew: boolean }> {
  const [made] = await unit.rows<{ id: string }>(INSERT, [
    ...[row.rootId, row.id, row.ownerId, row.name, row.uuid, row.type, row.appleType, row.invalidSince, row.expiresAt],
    ...[row.platforms, row.teamId, row.teamName, row.bundleIdentifier, row.entitlements, row.deviceUdids],
    ...[row.certificateSha1s, row.source, row.credentialId, row.appleId, row.content],
  ]);
  if (made !== undefined) return { id: made.id, isNew: true };
  const [there] = await unit.rows<{ id: string }>(BY_UUID, [row.rootId, row.ownerId, row.uuid]);
  if (there === undefined) throw new Error("A profile is neither new nor there already");
  return { id: there.id, isNew: false };
}
