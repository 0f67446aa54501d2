import { BUNDLE_ID_FIELDS, bundleIdOf, INCLUDED_ROWS, type BundleIdAtApple } from "./bundle-id.js";
import { CERTIFICATE_FIELDS, certificateOf, type CertificateAtApple } from "./certificate.js";
import type { AppleClient } from "./client.js";
import { DEVICE_FIELDS, deviceOf, type DeviceAtApple } from "./device.js";
import { date, related, text, type AppleResource } from "./document.js";
import { PAGE_ROWS } from "./listing.js";
import type { Authorization } from "./signer.js";

/** All attributes but the profile itself, which is most of the bytes. */
const PROFILE_FIELDS = ["name", "uuid", "profileType", "profileState", "expirationDate"];
const RELATIONS = ["bundleId", "certificates", "devices"];

/** A relation that may hold more than Apple includes. */
type Many = "certificates" | "devices";
const FIELDS: Readonly<Record<Many, readonly string[]>> = {
  certificates: CERTIFICATE_FIELDS,
  devices: DEVICE_FIELDS,
};

/** A provisioning profile that Apple holds, with Apple's ids of what it holds. */
export interface ProfileAtApple {
  readonly appleId: string;
  readonly name: string;
  readonly uuid: string;
  /** Apple's own words for type and state. */
  readonly appleType: string;
  readonly appleState: string;
  readonly expiresAt: Date | null;
  readonly bundleId: string | null;
  readonly certificates: readonly string[];
  readonly devices: readonly string[];
}

/** All profiles of a team, and all that they hold, each once. */
export interface ProfilesAtApple {
  readonly profiles: readonly ProfileAtApple[];
  readonly bundleIds: readonly BundleIdAtApple[];
  readonly certificates: readonly CertificateAtApple[];
  readonly devices: readonly DeviceAtApple[];
}

/** What an earlier answer said that a profile holds; null where there was none. A profile is never changed at Apple: it is replaced. */
export type KnownRelations = (uuid: string, relation: Many) => readonly string[] | null;

/**
 * All profiles of a key's team with their relations, in one request a page. Apple includes 50 of a relation at most: a
 * profile that holds more is asked for its own list, unless `known` has as many. Throws AppleError.
 */
export async function list(
  client: AppleClient,
  authorization: Authorization,
  known: KnownRelations = () => null,
): Promise<ProfilesAtApple> {
  const { data, included } = await client.all(authorization, "/v1/profiles", {
    limit: PAGE_ROWS,
    "fields[profiles]": [...PROFILE_FIELDS, ...RELATIONS],
    include: RELATIONS,
    "fields[bundleIds]": BUNDLE_ID_FIELDS,
    "fields[certificates]": CERTIFICATE_FIELDS,
    "limit[certificates]": INCLUDED_ROWS,
    "fields[devices]": DEVICE_FIELDS,
    "limit[devices]": INCLUDED_ROWS,
  });
  const found = new Map(included);

  async function whole(profile: AppleResource, relation: Many): Promise<readonly string[]> {
    const { ids, total } = related(profile, relation);
    if (ids.length >= total) return ids;
    const kept = known(text(profile, "uuid") ?? "", relation);
    if (kept?.length === total) return kept;
    const path = `/v1/profiles/${encodeURIComponent(profile.id)}/${relation}`;
    const query = { limit: PAGE_ROWS, [`fields[${relation}]`]: FIELDS[relation] };
    const all = (await client.all(authorization, path, query)).data;
    for (const resource of all) found.set(`${relation}:${resource.id}`, resource);
    return all.map(({ id }) => id);
  }

  const profiles = await Promise.all(
    data.map(async (profile): Promise<ProfileAtApple> => {
      const [certificates, devices] = await Promise.all([whole(profile, "certificates"), whole(profile, "devices")]);
      const [bundleId = null] = related(profile, "bundleId").ids;
      return { ...attributesOf(profile), bundleId, certificates, devices };
    }),
  );
  const ofType = (type: string): AppleResource[] => [...found.values()].filter((resource) => resource.type === type);
  return {
    profiles,
    bundleIds: ofType("bundleIds").map((resource) => bundleIdOf(resource)),
    certificates: ofType("certificates").map(certificateOf),
    devices: ofType("devices").map(deviceOf),
  };
}

function attributesOf(profile: AppleResource) {
  return {
    appleId: profile.id,
    name: text(profile, "name") ?? "",
    uuid: text(profile, "uuid") ?? "",
    appleType: text(profile, "profileType") ?? "",
    appleState: text(profile, "profileState") ?? "",
    expiresAt: date(profile, "expirationDate"),
  };
}
