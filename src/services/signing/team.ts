import type { Context } from "../../context.js";
import { ReadSession, type Unit } from "../../database/tenancy.js";
import type { AppleBundleId } from "../../entities/apple/bundle-id.js";
import type { AppleCertificate } from "../../entities/apple/certificate.js";
import type { AppleDevice } from "../../entities/apple/device.js";
import type { AppleProvisioningProfile } from "../../entities/apple/provisioning-profile.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import type { CodedError } from "../../errors.js";
import type { Change } from "../apple/change.js";
import type { KeyPlace } from "../apple/row.js";

/** A profile with Apple's ids of what it holds. */
export type TeamProfile = Pick<
  AppleProvisioningProfile,
  "appleId" | "name" | "uuid" | "type" | "appleState" | "expiresAt" | "bundleIdAppleId"
> & { readonly certificateIds: readonly string[]; readonly deviceIds: readonly string[] };

/** What Apple holds for the team of a key, as its snapshot has it. */
export interface Team {
  readonly certificates: readonly Pick<AppleCertificate, "appleId" | "name" | "type" | "serialNumber" | "expiresAt">[];
  readonly devices: readonly Pick<AppleDevice, "appleId" | "name" | "udid" | "deviceClass" | "status">[];
  readonly bundleIds: readonly Pick<AppleBundleId, "appleId" | "identifier">[];
  readonly profiles: readonly TeamProfile[];
  /** Why it is older than was asked for; null where it is not. */
  readonly problem: CodedError | null;
}

/** How old what a decision goes by may be: what is made from here is in it at once. */
const TEAM_SECONDS = 60;

/** All that Apple holds for a team. */
export const WHOLE_TEAM: readonly AppleList[] = ["CERTIFICATES", "DEVICES", "BUNDLE_IDS", "PROFILES"];

const STANDING = {
  name: "team_standing",
  text: `SELECT wanted.list, coalesce(s.attempts, 0) AS attempts, s.as_of IS NOT NULL AS "isKept",
      coalesce(s.as_of > now() - make_interval(secs => $4), false) AS "isFresh"
    FROM unnest($3::text[]) AS wanted (list)
    LEFT JOIN apple_snapshots s ON s.root_id = $1 AND s.credential_id = $2 AND s.list = wanted.list`,
};
const CERTIFICATES = {
  name: "team_certificates",
  text: `SELECT apple_id AS "appleId", name, type, serial_number AS "serialNumber", expires_at AS "expiresAt"
    FROM apple_certificates WHERE root_id = $1 AND credential_id = $2 AND position IS NOT NULL`,
};
const DEVICES = {
  name: "team_devices",
  text: `SELECT apple_id AS "appleId", name, udid, device_class AS "deviceClass", status
    FROM apple_devices WHERE root_id = $1 AND credential_id = $2 AND position IS NOT NULL`,
};
const BUNDLE_IDS = {
  name: "team_bundle_ids",
  text: `SELECT apple_id AS "appleId", identifier FROM apple_bundle_ids WHERE root_id = $1 AND credential_id = $2`,
};
const PROFILES = {
  name: "team_profiles",
  text: `SELECT p.apple_id AS "appleId", p.name, p.uuid, p.type, p.apple_state AS "appleState", p.expires_at AS "expiresAt",
      p.bundle_id AS "bundleIdAppleId",
      ARRAY(SELECT certificate_id FROM apple_profile_certificates c WHERE c.root_id = p.root_id AND c.credential_id = p.credential_id
        AND c.profile_id = p.apple_id ORDER BY c.place) AS "certificateIds",
      ARRAY(SELECT device_id FROM apple_profile_devices d WHERE d.root_id = p.root_id AND d.credential_id = p.credential_id
        AND d.profile_id = p.apple_id ORDER BY d.place) AS "deviceIds"
    FROM apple_provisioning_profiles p WHERE p.root_id = $1 AND p.credential_id = $2 AND p.position IS NOT NULL`,
};

/**
 * What the team of a key holds, asked for first where what is kept is older than so. Where Apple does not answer, what is
 * kept serves, with the problem. Throws that problem where nothing was ever kept.
 */
export async function teamOf(
  ctx: Context,
  change: Change,
  lists: readonly AppleList[],
  maxAgeSeconds = TEAM_SECONDS,
): Promise<Team> {
  const { rootId, ownerId, credentialId } = change.key;
  const reader = new ReadSession(ctx.platform.readPool, { roots: [rootId], tenants: [ownerId] });
  const standings = await reader.rows<{ list: AppleList; attempts: number; isKept: boolean; isFresh: boolean }>(
    STANDING,
    [...[rootId, credentialId, lists, maxAgeSeconds]],
  );
  const problems = await Promise.all(
    standings.map(async ({ list, attempts, isKept, isFresh }) => {
      if (isFresh) return null;
      const request = { authorization: change, list, attempts, purpose: "CHANGE" } as const;
      const { problem } = await ctx.platform.snapshots.refresh(request);
      if (problem !== null && !isKept) throw problem;
      return problem;
    }),
  );
  const rowsOf = <Row>(list: AppleList, statement: { readonly name: string; readonly text: string }): Promise<Row[]> =>
    lists.includes(list) ? reader.rows<Row>(statement, [rootId, credentialId]) : Promise.resolve([]);
  const [certificates, devices, bundleIds, profiles] = await Promise.all([
    rowsOf<Team["certificates"][number]>("CERTIFICATES", CERTIFICATES),
    rowsOf<Team["devices"][number]>("DEVICES", DEVICES),
    rowsOf<Team["bundleIds"][number]>("BUNDLE_IDS", BUNDLE_IDS),
    rowsOf<TeamProfile>("PROFILES", PROFILES),
  ]);
  return { certificates, devices, bundleIds, profiles, problem: problems.find((each) => each !== null) ?? null };
}

const KEYS_OF_TEAM = {
  name: "keys_of_team",
  text: `SELECT c.root_id AS "rootId", c.owner_id AS "ownerId", c.id AS "credentialId"
    FROM credentials mine JOIN credentials c ON c.root_id = mine.root_id
      AND (c.id = mine.id OR (c.program = mine.program AND c.issuer_id = mine.issuer_id))
    WHERE mine.root_id = $1 AND mine.id = $2 AND (c.owner_id = mine.owner_id OR mine.owner_id = mine.root_id)
    ORDER BY c.id`,
};

/**
 * The keys that reach the team of a key, itself among them, as far as its owner stands where they are: what is made
 * through one of them, all of them find at Apple. None where the key is gone.
 */
export function keysOfTeam(
  unit: Unit,
  { rootId, credentialId }: { readonly rootId: string; readonly credentialId: string },
): Promise<KeyPlace[]> {
  return unit.rows<KeyPlace>(KEYS_OF_TEAM, [rootId, credentialId]);
}
