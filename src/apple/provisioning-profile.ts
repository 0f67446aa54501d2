import { BUNDLE_ID_FIELDS, bundleIdOf, INCLUDED_ROWS, type BundleIdAtApple } from "./bundle-id.js";
import { CERTIFICATE_FIELDS, certificateOf, type CertificateAtApple } from "./certificate.js";
import type { AppleClient } from "./client.js";
import { DEVICE_FIELDS, deviceOf, type DeviceAtApple } from "./device.js";
import { date, only, related, required, text, type AppleDocument, type AppleResource } from "./document.js";
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

/** A profile with the file itself: base64; null where Apple gives none, as it does for one that is invalid. */
export interface ProfileWithContent extends ProfileAtApple {
  readonly content: string | null;
  readonly createdAt: Date | null;
}

/** What is to be made. */
export interface NewProfile {
  readonly name: string;
  readonly appleType: string;
  readonly bundleIdAppleId: string;
  readonly certificateAppleIds: readonly string[];
  readonly deviceAppleIds: readonly string[];
}

const WITH_CONTENT = [...PROFILE_FIELDS, "createdDate", "profileContent"];
const CONTENT_QUERY = {
  limit: PAGE_ROWS,
  "fields[profiles]": [...WITH_CONTENT, "bundleId", "certificates"],
  include: ["bundleId", "certificates"],
  "fields[bundleIds]": BUNDLE_ID_FIELDS,
  "fields[certificates]": CERTIFICATE_FIELDS,
  "limit[certificates]": INCLUDED_ROWS,
};
/** Profiles that are asked for by their ids in one request: a file has some 10 KB, and more with many devices. */
export const FETCHED_AT_ONCE = 20;

const withContent = (resource: AppleResource): ProfileWithContent => {
  const [bundleId = null] = related(resource, "bundleId").ids;
  return {
    ...attributesOf(resource),
    bundleId,
    certificates: related(resource, "certificates").ids,
    devices: related(resource, "devices").ids,
    content: text(resource, "profileContent"),
    createdAt: date(resource, "createdDate"),
  };
};

/** Profiles by their ids, with their content and without their devices; those that Apple does not have are left out. Throws AppleError. */
export async function fetch(
  client: AppleClient,
  authorization: Authorization,
  appleIds: readonly string[],
): Promise<ProfileWithContent[]> {
  const { data } = await client.all(authorization, "/v1/profiles", {
    ...CONTENT_QUERY,
    "filter[id]": appleIds,
  });
  return data.map(withContent);
}

/** The profiles whose name is exactly this, with their content: at Apple names are unique in a team. Throws AppleError. */
export async function findByName(
  client: AppleClient,
  authorization: Authorization,
  name: string,
): Promise<ProfileWithContent[]> {
  const { data } = await client.all(authorization, "/v1/profiles", {
    ...CONTENT_QUERY,
    // Apple takes a comma for the end of a name.
    ...(!name.includes(",") && { "filter[name]": name }),
  });
  return data.map(withContent).filter((profile) => profile.name === name);
}

/** Makes a profile. Throws AppleError. */
export async function create(
  client: AppleClient,
  authorization: Authorization,
  profile: NewProfile,
): Promise<ProfileWithContent> {
  const many = (type: string, ids: readonly string[]) => ({ data: ids.map((id) => ({ type, id })) });
  const document: AppleDocument = await client.change(authorization, "POST", "/v1/profiles", {
    data: {
      type: "profiles",
      attributes: { name: profile.name, profileType: profile.appleType },
      relationships: {
        bundleId: { data: { type: "bundleIds", id: profile.bundleIdAppleId } },
        certificates: many("certificates", profile.certificateAppleIds),
        ...(profile.deviceAppleIds.length > 0 && { devices: many("devices", profile.deviceAppleIds) }),
      },
    },
  });
  const made = only(document, (resource) => ({ ...withContent(resource), uuid: required(resource, "uuid") }));
  // Apple's answer to a POST names no relations: they are what was asked for.
  return {
    ...made,
    bundleId: profile.bundleIdAppleId,
    certificates: profile.certificateAppleIds,
    devices: profile.deviceAppleIds,
  };
}

/** Deletes a profile. One that is not there is deleted already. Throws AppleError. */
export async function remove(client: AppleClient, authorization: Authorization, appleId: string): Promise<void> {
  await client.remove(authorization, `/v1/profiles/${encodeURIComponent(appleId)}`);
}
