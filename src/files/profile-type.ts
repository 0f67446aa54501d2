/** What of a profile says its kind. */
export interface ProfileTraits {
  readonly platforms: readonly string[];
  readonly bundleIdentifier: string;
  readonly isDebuggable: boolean;
  readonly hasDevices: boolean;
  readonly provisionsAllDevices: boolean;
  readonly certificateTypes: readonly (string | null)[];
}

/** Apple's word for macOS in the list of a profile's platforms. */
const MACOS = "OSX";

/** How the bundle id of a Catalyst app starts where it has one of its own. */
const CATALYST_PREFIX = "maccatalyst.";

/**
 * Apple's word for the kind of a profile. A file does not name it: it follows from the platform, the devices and whether a
 * debugger may attach. One for Catalyst is told by a bundle id that starts with `maccatalyst.`; where the app goes by the id of
 * its iOS twin, nothing in the file says so, and it reads as one for macOS.
 */
export function appleProfileType(traits: ProfileTraits): string {
  if (traits.platforms.includes(MACOS)) {
    const isCatalyst = traits.bundleIdentifier.startsWith(CATALYST_PREFIX);
    return `${isCatalyst ? "MAC_CATALYST" : "MAC"}_APP_${macPurpose(traits)}`;
  }
  return `${traits.platforms[0] === "tvOS" ? "TVOS" : "IOS"}_APP_${purpose(traits)}`;
}

function purpose({ isDebuggable, hasDevices, provisionsAllDevices }: ProfileTraits): string {
  if (provisionsAllDevices) return "INHOUSE";
  if (isDebuggable) return "DEVELOPMENT";
  return hasDevices ? "ADHOC" : "STORE";
}

/** On macOS devices are for development alone, and Developer ID runs everywhere. */
function macPurpose({ isDebuggable, hasDevices, provisionsAllDevices, certificateTypes }: ProfileTraits): string {
  const isDeveloperId = certificateTypes.some((type) => type?.startsWith("DEVELOPER_ID_") ?? false);
  if (provisionsAllDevices || isDeveloperId) return "DIRECT";
  return hasDevices || isDebuggable ? "DEVELOPMENT" : "STORE";
}
