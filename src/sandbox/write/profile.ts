import { randomUUID } from "node:crypto";
import type { Catalogue } from "../api/catalogue.js";
import type { Asked } from "../api/route.js";
import { opaqueId } from "../team/seed.js";
import { timestamp, type AnyStored, type Device, type Profile } from "../team/team.js";
import type { Entity, Shape } from "./entity.js";
import { conflict, devicesNotAllowed, devicesRequired, invalidRelationship, mayDistribute } from "./refusal.js";

const YEAR_MS = 365 * 86_400_000;

/** What `POST /v1/profiles` takes. */
export function creation({ profiles }: Catalogue): Shape {
  const oneOf = profiles.filters["profileType"] ?? [];
  return {
    type: "profiles",
    attributes: { name: { required: true }, profileType: { required: true, oneOf } },
    relationships: {
      bundleId: { to: "bundleIds", required: true },
      certificates: { to: "certificates", many: true, required: true },
      devices: { to: "devices", many: true },
    },
  };
}

const isDevelopment = (profileType: string): boolean => profileType.endsWith("_DEVELOPMENT");
const isForDevices = (profileType: string): boolean => /_(DEVELOPMENT|ADHOC)$/.test(profileType);

/** The platform of a profile as Apple's texts name it. */
const platformOf = (profileType: string): string =>
  profileType.startsWith("MAC_") ? "macOS" : profileType.startsWith("TVOS_") ? "tvOS" : "iOS";

/** Makes a profile. Devices that are not ready, and disabled ones, are left out without a word. */
export function create(asked: Asked, entity: Entity): AnyStored {
  const { team, role, edit, now } = asked;
  const [name, profileType] = [entity.text("name"), entity.text("profileType")];
  if (!isDevelopment(profileType)) mayDistribute(role);
  const bundleId = bundleIdOf(asked, profileType, entity);
  if (team.profiles.some(({ attributes }) => attributes.name === name)) {
    throw conflict(
      `Multiple profiles found with the name '${name}'.  Please remove the duplicate profiles and try again.`,
    );
  }
  const certificates = certificatesOf(asked, profileType, entity);
  const devices = devicesOf(asked, profileType, entity);
  const ends = certificates.map(({ attributes }) => Date.parse(attributes.expirationDate));
  return edit.add("profiles", {
    id: opaqueId(),
    attributes: {
      name,
      platform: profileType.startsWith("MAC_") ? "MAC_OS" : "IOS",
      profileType,
      profileState: "ACTIVE",
      uuid: randomUUID(),
      createdDate: timestamp(now),
      // A year, or as long as its certificates live.
      expirationDate: timestamp(new Date(Math.min(now.getTime() + YEAR_MS, ...ends))),
    },
    relationships: {
      bundleId,
      devices: devices.filter(({ attributes }) => attributes.status === "ENABLED").map(({ id }) => id),
      certificates: certificates.map(({ id }) => id),
    },
  });
}

/** Deletes a profile. */
export function remove({ role, edit }: Asked, profile: AnyStored): void {
  if (!isDevelopment(String(profile.attributes["profileType"]))) mayDistribute(role);
  edit.remove("profiles", profile);
}

/** Makes the profiles that hold something which is no longer so worthless: INVALID, and without content. */
export function invalidate({ team, edit }: Asked, isAffected: (profile: Profile) => boolean): void {
  for (const profile of team.profiles.filter(isAffected)) {
    edit.change("profiles", profile, { profileState: "INVALID", profileContent: null });
  }
}

function bundleIdOf({ team }: Asked, profileType: string, entity: Entity): string {
  const [wanted = "null"] = entity.ids("bundleId");
  const bundleId = team.bundleIds.find(({ id }) => id === wanted);
  if (bundleId === undefined) throw conflict(`There is no App ID with ID '${wanted}' on this team.`);
  const { platform } = bundleId.attributes;
  const inHouse = profileType.endsWith("_INHOUSE");
  const isOfProgram = team.program === "enterprise" ? !profileType.endsWith("_STORE") : !inHouse;
  const isOfPlatform = /^MAC_APP_/.test(profileType)
    ? platform !== "IOS"
    : platform !== "MAC_OS" || /^MAC_/.test(profileType);
  if (!isOfProgram || !isOfPlatform) {
    throw conflict(`You are not allowed to create '${platformOf(profileType)}' profile with App ID '${wanted}'.`);
  }
  return wanted;
}

function fittingTypes(profileType: string): readonly string[] {
  const mac = /^MAC_APP_/.test(profileType);
  const catalyst = /^MAC_CATALYST_/.test(profileType);
  if (isDevelopment(profileType)) {
    return ["DEVELOPMENT", ...(mac ? [] : ["IOS_DEVELOPMENT"]), ...(mac || catalyst ? ["MAC_APP_DEVELOPMENT"] : [])];
  }
  if (profileType.endsWith("_DIRECT")) return ["DEVELOPER_ID_APPLICATION", "DEVELOPER_ID_APPLICATION_G2"];
  if (profileType.endsWith("_INHOUSE")) return ["IOS_DISTRIBUTION"];
  return ["DISTRIBUTION", mac || catalyst ? "MAC_APP_DISTRIBUTION" : "IOS_DISTRIBUTION"];
}

function certificatesOf({ team, now }: Asked, profileType: string, entity: Entity) {
  const wanted = [...new Set(entity.ids("certificates"))];
  const types = fittingTypes(profileType);
  const found = team.certificates.filter(
    ({ id, attributes }) =>
      wanted.includes(id) &&
      types.includes(attributes.certificateType) &&
      Date.parse(attributes.expirationDate) > now.getTime(),
  );
  if (wanted.length === 0 || found.length < wanted.length) {
    throw conflict(
      "There are no current certificates on this team matching the provided certificate IDs compatible with " +
        `${profileType} profiles.`,
    );
  }
  // Apple's text is not known.
  if (found.length > 1 && !isDevelopment(profileType)) {
    throw invalidRelationship("certificates", `A profile of the type ${profileType} has one certificate only.`);
  }
  return found;
}

function devicesOf({ team }: Asked, profileType: string, entity: Entity): Device[] {
  const wanted = [...new Set(entity.ids("devices"))];
  if (!isForDevices(profileType)) {
    if (wanted.length > 0) throw devicesNotAllowed();
    return [];
  }
  if (wanted.length === 0) throw devicesRequired();
  return wanted.map((id) => {
    const device = team.devices.find((candidate) => candidate.id === id);
    // Apple's text is not known.
    if (device === undefined) throw conflict(`There is no device with ID '${id}' on this team.`);
    if (!isOfClass(profileType, device.attributes.deviceClass)) throw conflict("Invalid deviceClass for profile type.");
    return device;
  });
}

/** Macs with Apple's chips run apps of the iPhone, so that only a TV cannot be in their profiles. */
function isOfClass(profileType: string, deviceClass: string): boolean {
  if (profileType.startsWith("TVOS_")) return deviceClass === "APPLE_TV";
  return profileType.startsWith("MAC_") ? /MAC/.test(deviceClass) : deviceClass !== "APPLE_TV";
}
