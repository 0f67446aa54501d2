import { BUNDLE_ID_FIELDS, bundleIdOf, INCLUDED_ROWS, type AppleBundleId } from "./bundle-id.js";
import { CERTIFICATE_FIELDS, certificateOf, PAGE_ROWS, type AppleCertificate } from "./certificate.js";
import type { AppleClient, Query } from "./client.js";
import { DEVICE_FIELDS, deviceOf, type AppleDevice } from "./device.js";
import { date, related, text, type AppleDocument, type AppleResource } from "./document.js";
import type { Authorization } from "./signer.js";

/** All attributes but the profile itself, which is most of the bytes. */
const PROFILE_FIELDS = ["name", "uuid", "profileType", "profileState", "expirationDate"];

/** What may come with a profile in the same request. */
export type ProfileRelation = "bundleId" | "certificates" | "devices";

/** A provisioning profile that Apple holds. Relations that were not asked for are null or empty. */
export interface AppleProfile {
  readonly appleId: string;
  readonly name: string;
  readonly uuid: string;
  /** Apple's own words for type and state. */
  readonly appleType: string;
  readonly appleState: string;
  readonly expiresAt: Date | null;
  readonly bundleId: AppleBundleId | null;
  readonly certificates: readonly AppleCertificate[];
  readonly devices: readonly AppleDevice[];
}

/** All profiles of a key's team, with the relations asked for, in one request a page. Throws AppleError. */
export async function list(
  client: AppleClient,
  authorization: Authorization,
  include: ReadonlySet<ProfileRelation>,
): Promise<AppleProfile[]> {
  const profiles: AppleProfile[] = [];
  for await (const { data, included } of client.pages(authorization, "/v1/profiles", queryFor(include))) {
    profiles.push(...(await Promise.all(data.map((profile) => profileOf(client, authorization, profile, included)))));
  }
  return profiles;
}

function queryFor(include: ReadonlySet<ProfileRelation>): Query {
  const relations = [...include].sort();
  return {
    limit: PAGE_ROWS,
    "fields[profiles]": [...PROFILE_FIELDS, ...relations],
    ...(relations.length > 0 && { include: relations }),
    ...(include.has("bundleId") && { "fields[bundleIds]": BUNDLE_ID_FIELDS }),
    ...(include.has("certificates") && {
      "fields[certificates]": CERTIFICATE_FIELDS,
      "limit[certificates]": INCLUDED_ROWS,
    }),
    ...(include.has("devices") && { "fields[devices]": DEVICE_FIELDS, "limit[devices]": INCLUDED_ROWS }),
  };
}

async function profileOf(
  client: AppleClient,
  authorization: Authorization,
  profile: AppleResource,
  included: AppleDocument["included"],
): Promise<AppleProfile> {
  /** Apple includes 50 at most: a profile that holds more is asked for its own list. */
  const whole = async (relation: "certificates" | "devices", fields: readonly string[]): Promise<AppleResource[]> => {
    const { found, total } = related(profile, relation, included);
    if (found.length >= total) return found;
    const path = `/v1/profiles/${encodeURIComponent(profile.id)}/${relation}`;
    const all: AppleResource[] = [];
    for await (const { data } of client.pages(authorization, path, {
      limit: PAGE_ROWS,
      [`fields[${relation}]`]: fields,
    })) {
      all.push(...data);
    }
    return all;
  };
  const [bundleId] = related(profile, "bundleId", included).found;
  return {
    appleId: profile.id,
    name: text(profile, "name") ?? "",
    uuid: text(profile, "uuid") ?? "",
    appleType: text(profile, "profileType") ?? "",
    appleState: text(profile, "profileState") ?? "",
    expiresAt: date(profile, "expirationDate"),
    bundleId: bundleId === undefined ? null : bundleIdOf(bundleId),
    certificates: (await whole("certificates", CERTIFICATE_FIELDS)).map(certificateOf),
    devices: (await whole("devices", DEVICE_FIELDS)).map(deviceOf),
  };
}
