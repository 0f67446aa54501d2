import type { CertificateType } from "../../../entities/apple/certificate.js";
import type { ProfileType } from "../../../entities/apple/provisioning-profile.js";
import type { AppleProgram } from "../../../entities/credential.js";
import { Refusal } from "../../../errors.js";

const isDevelopment = (type: ProfileType): boolean => type.endsWith("_DEVELOPMENT");

/** Whether a profile of the type names its devices: development and ad hoc. */
export const takesDevices = (type: ProfileType): boolean => isDevelopment(type) || type.endsWith("_ADHOC");

/** Whether a profile of the type may hold several certificates. */
export const takesSeveralCertificates = isDevelopment;

/** The types of certificates that a profile of a type takes, the one that is made first. */
export function fittingCertificates(type: ProfileType): readonly CertificateType[] {
  const isMac = type.startsWith("MAC_");
  if (isDevelopment(type)) {
    if (!isMac) return ["DEVELOPMENT", "IOS_DEVELOPMENT"];
    const forCatalyst = type.startsWith("MAC_CATALYST_") ? (["IOS_DEVELOPMENT"] as const) : [];
    return ["DEVELOPMENT", "MAC_APP_DEVELOPMENT", ...forCatalyst];
  }
  if (type.endsWith("_DIRECT")) return ["DEVELOPER_ID_APPLICATION"];
  // The Enterprise Program has no Apple Distribution.
  if (type.endsWith("_INHOUSE")) return ["IOS_DISTRIBUTION"];
  return isMac ? ["DISTRIBUTION", "MAC_APP_DISTRIBUTION"] : ["DISTRIBUTION", "IOS_DISTRIBUTION"];
}

/** Whether a device can be in profiles of a type, by Apple's word for its class. */
export function fitsDevice(type: ProfileType, deviceClass: string): boolean {
  if (type.startsWith("TVOS_")) return deviceClass === "APPLE_TV";
  return type.startsWith("MAC_") ? deviceClass.includes("MAC") : deviceClass !== "APPLE_TV";
}

/** Refuses a type that the program of the key does not make. */
export function refuseForeignType(type: ProfileType, program: AppleProgram, field: string): void {
  if (type === "OTHER") {
    throw new Refusal("PROFILE_TYPE_NOT_ALLOWED", "OTHER is no type that can be made.", [field]);
  }
  const isInHouse = type.endsWith("_INHOUSE");
  if (program === "ENTERPRISE" && !isInHouse) {
    const message = "With a key of the Enterprise Program, only in-house profiles are made.";
    throw new Refusal("PROFILE_TYPE_NOT_ALLOWED", message, [field]);
  }
  if (program === "APP_STORE" && isInHouse) {
    throw new Refusal("PROFILE_TYPE_NOT_ALLOWED", "In-house profiles take a key of the Enterprise Program.", [field]);
  }
}

/** Apple's platform that a bundle id is registered for, for profiles of a type. */
export const platformFor = (type: ProfileType): string => (type.startsWith("MAC_APP_") ? "MAC_OS" : "IOS");
