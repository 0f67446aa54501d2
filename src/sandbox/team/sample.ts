// What a believable team owns: the rows that seed.ts makes things of. Ids, dates and names of the team are put in there.

/** Names of teams, in their order. */
export const COMPANIES = ["Aurora Labs", "Brightwater", "Cobalt Works", "Drift Studio", "Elm and Ash"] as const;

/** What every bundle id may do. */
export const CAPABILITIES = ["IN_APP_PURCHASE", "PUSH_NOTIFICATIONS", "ASSOCIATED_DOMAINS"] as const;

/** Apps, each of the bundle id at the same place. */
export const APPS = [{ name: "Pocket" }, { name: "Desk" }] as const;

/** A bundle id: the suffixes nest, so that a search for one identifier finds another one too, as it does at Apple. */
export interface BundleIdSample {
  name: string;
  suffix: string;
  platform: string;
}

/** The bundle ids of a team. */
export const BUNDLE_IDS: readonly BundleIdSample[] = [
  { name: "Pocket", suffix: "pocket", platform: "IOS" },
  { name: "Pocket Widget", suffix: "pocket.widget", platform: "IOS" },
  { name: "Desk", suffix: "desk", platform: "UNIVERSAL" },
];

/** A device. `chip` is the part of the identifier before the dash. */
export interface DeviceSample {
  name: string;
  chip: string;
  deviceClass: string;
  model: string;
  status: string;
}

/** The devices of a team: one disabled, one not ready. */
export const DEVICES: readonly DeviceSample[] = [
  { name: "Ada's iPhone", chip: "110", deviceClass: "IPHONE", model: "iPhone 15 Pro", status: "ENABLED" },
  { name: "Test iPhone", chip: "101", deviceClass: "IPHONE", model: "iPhone 12", status: "ENABLED" },
  { name: "Studio iPad", chip: "103", deviceClass: "IPAD", model: "iPad Air (5th generation)", status: "ENABLED" },
  { name: "Build Mac", chip: "112", deviceClass: "MAC", model: "Mac mini (2023)", status: "ENABLED" },
  { name: "Lost iPhone", chip: "030", deviceClass: "IPHONE", model: "iPhone XR", status: "DISABLED" },
  // Seen in answers, though the specification knows ENABLED and DISABLED only.
  { name: "New iPad", chip: "132", deviceClass: "IPAD", model: "iPad Pro (M4)", status: "PROCESSING" },
];

/** A certificate. Without a displayName it carries the team's name. */
export interface CertificateSample {
  certificateType: string;
  label: string;
  displayName?: string;
  platform: string;
  expiresInDays: number;
}

const EXPIRED: CertificateSample = {
  certificateType: "IOS_DISTRIBUTION",
  label: "iOS Distribution",
  platform: "IOS",
  expiresInDays: -40,
};

/** The certificates of a team. Enterprise has no Apple Distribution: in-house apps are signed with iOS Distribution. */
export function certificates(enterprise: boolean): readonly CertificateSample[] {
  const development = { displayName: "Created via API", platform: "IOS", expiresInDays: 300 };
  if (enterprise) {
    return [
      { certificateType: "IOS_DISTRIBUTION", label: "iPhone Distribution", platform: "IOS", expiresInDays: 700 },
      { certificateType: "IOS_DEVELOPMENT", label: "iOS Development", ...development },
      { certificateType: "IOS_DISTRIBUTION", label: "iPhone Distribution", platform: "IOS", expiresInDays: 20 },
      EXPIRED,
    ];
  }
  return [
    { certificateType: "DISTRIBUTION", label: "Apple Distribution", platform: "IOS", expiresInDays: 200 },
    { certificateType: "DEVELOPMENT", label: "Apple Development", ...development },
    EXPIRED,
    // Answered by Apple, and refused as a filter and as an attribute.
    {
      certificateType: "DEVELOPER_ID_APPLICATION_G2",
      label: "Developer ID Application",
      platform: "MAC_OS",
      expiresInDays: 1_500,
    },
  ];
}

/** A profile: which bundle id, by its place, and which types of certificates it takes. */
export interface ProfileSample {
  label: string;
  profileType: string;
  profileState: string;
  expiresInDays: number;
  bundleId: number;
  certificateTypes: readonly string[];
}

/** The profiles of a team: among them one that is invalid, and one that expired and is ACTIVE all the same. */
export function profiles(enterprise: boolean): readonly ProfileSample[] {
  const release = enterprise ? "IOS_APP_INHOUSE" : "IOS_APP_STORE";
  const label = enterprise ? "In House" : "App Store";
  const toDevices = enterprise ? "IOS_APP_INHOUSE" : "IOS_APP_ADHOC";
  const active = { profileState: "ACTIVE", certificateTypes: ["DISTRIBUTION", "IOS_DISTRIBUTION"] };
  const development = { profileState: "ACTIVE", certificateTypes: ["DEVELOPMENT", "IOS_DEVELOPMENT"] };
  return [
    { label, profileType: release, expiresInDays: 200, bundleId: 0, ...active },
    { label: "Development", profileType: "IOS_APP_DEVELOPMENT", expiresInDays: 150, bundleId: 0, ...development },
    { label: "Testers", profileType: toDevices, expiresInDays: 25, bundleId: 1, ...active },
    { label, profileType: release, expiresInDays: 90, bundleId: 1, ...active, profileState: "INVALID" },
    { label: "Old", profileType: toDevices, expiresInDays: -10, bundleId: 2, ...active },
  ];
}
