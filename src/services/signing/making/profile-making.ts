import * as profiles from "../../../apple/provisioning-profile.js";
import type { ProfileWithContent } from "../../../apple/provisioning-profile.js";
import type { Unit } from "../../../database/tenancy.js";
import {
  AppleProfileCertificate,
  AppleProfileDevice,
  AppleProvisioningProfile,
} from "../../../entities/apple/provisioning-profile.js";
import type { WantedProfile } from "../../../entities/signing/signing-intent.js";
import { readProvisioningProfile, type ProfileFile } from "../../../files/mobileprovision.js";
import { nextPosition, put } from "../../apple/row.js";
import { profileRow } from "../../apple/store.js";
import { record } from "../../audit.js";
import { keysOfTeam } from "../team.js";
import { insertProfile, profileRow as keptRow, type ProfilePlace } from "../profile/profile-row.js";
import type { Intent } from "./intent.js";
import type { Making, MakingSources } from "./making.js";

const REPLACE = {
  name: "profile_replace",
  text: `UPDATE provisioning_profiles SET name = $4, uuid = $5, invalid_since = NULL, expires_at = $6, platforms = $7,
      team_id = $8, team_name = $9, entitlements = $10, device_udids = $11, certificate_sha1s = $12, credential_id = $13,
      apple_id = $14, content = $15
    WHERE root_id = $1 AND owner_id = $2 AND id = $3 RETURNING id`,
};
/** How a profile is made, found by its name, which is unique in a team, and kept; also in the place of the one it replaces. */
export function profileMaking(
  { apple }: MakingSources,
  { wanted }: { readonly wanted: WantedProfile },
): Making<ProfileWithContent> {
  const isIt = (found: ProfileWithContent): boolean =>
    found.appleType === wanted.appleType && found.bundleId === wanted.bundleIdAppleId && found.content !== null;
  return {
    find: async (change) => (await profiles.findByName(apple, change, wanted.name)).find(isIt) ?? null,
    make: async (change) => {
      const made = await profiles.create(apple, change, wanted);
      if (made.content !== null) return made;
      const [fetched] = await profiles.fetch(apple, change, [made.appleId]);
      return fetched ?? made;
    },
    keep: keepProfile,
  };
}

async function keepProfile(unit: Unit, intent: Intent, found: ProfileWithContent): Promise<string> {
  const content = Buffer.from(found.content ?? "", "base64");
  const file = await readProvisioningProfile(content);
  const wanted = intent.wanted as WantedProfile;
  const replaced =
    wanted.replacesId === null ? null : await replace(unit, intent, wanted.replacesId, found, file, content);
  // The kept one may have been deleted meanwhile.
  const id = replaced ?? (await insertProfile(unit, keptRow(file, placeOf(intent, found, content)))).id;
  await noteAtApple(unit, intent, found, wanted);
  record(unit, intent.actor, {
    tenant: { rootId: intent.rootId, id: intent.ownerId },
    action: replaced === null ? "provisioning_profile.created" : "provisioning_profile.renewed",
    subject: { id, label: found.name },
    details: { credentialId: intent.credentialId, appleId: found.appleId, type: found.appleType, uuid: file.uuid },
  });
  return id;
}

const placeOf = (
  { rootId, ownerId, credentialId }: Intent,
  found: ProfileWithContent,
  content: Buffer,
): ProfilePlace => ({
  ...{ rootId, ownerId, source: "CREATED", content },
  atApple: { credentialId, appleId: found.appleId, appleType: found.appleType, appleState: found.appleState },
});

async function replace(
  unit: Unit,
  { rootId, ownerId, credentialId }: Intent,
  id: string,
  found: ProfileWithContent,
  file: ProfileFile,
  content: Buffer,
): Promise<string | null> {
  const [replaced] = await unit.rows<{ id: string }>(REPLACE, [
    ...[rootId, ownerId, id, found.name, file.uuid, file.expiresAt, file.platforms, file.teamId, file.teamName],
    ...[
      file.entitlements,
      file.deviceUdids,
      file.certificates.map(({ sha1 }) => sha1),
      credentialId,
      found.appleId,
      content,
    ],
  ]);
  return replaced?.id ?? null;
}

/** Puts the new profile, and what it holds, into the snapshots of the team's keys: Apple's list may not show it yet. */
async function noteAtApple(
  unit: Unit,
  intent: Intent,
  found: ProfileWithContent,
  wanted: WantedProfile,
): Promise<void> {
  const { certificateAppleIds, deviceAppleIds, bundleIdAppleId: bundleId } = wanted;
  for (const place of await keysOfTeam(unit, intent)) {
    const position = await nextPosition(unit, AppleProvisioningProfile, place);
    const row = profileRow({ ...place, position }, { ...found, bundleId }, new Date());
    await put(unit, AppleProvisioningProfile, [row], { keep: ["position"] });
    const held = { ...place, profileId: found.appleId };
    const certificates = certificateAppleIds.map((certificateId, at) => ({ ...held, certificateId, place: at }));
    const devices = deviceAppleIds.map((deviceId, at) => ({ ...held, deviceId, place: at }));
    await put(unit, AppleProfileCertificate, certificates);
    await put(unit, AppleProfileDevice, devices);
  }
}
