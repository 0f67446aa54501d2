import type { Program, ResourceType } from "../team/team.js";

/** How one type points to another. Without `inverse` the ids are stored; with it they are those that point back. */
export interface Relationship {
  to: ResourceType;
  many: boolean;
  /** Name of the relationship of the other type that points here. */
  inverse?: string;
}

/** One of Apple's resource types: what it shows, and what may be asked of it. */
export interface Resource {
  type: ResourceType;
  attributes: readonly string[];
  /** Attributes whose values are of a list that Apple extends as it likes. */
  enums: readonly string[];
  relationships: Readonly<Record<string, Relationship>>;
  /** `fields[type]` takes these too, and nothing comes of them. */
  otherFields: readonly string[];
  /** `filter[name]` → the values that it takes; null takes any. */
  filters: Readonly<Record<string, readonly string[] | null>>;
  sorts: readonly string[];
  includes: readonly string[];
  /** Relationships with a route of their own, `/v1/type/{id}/relationship`. */
  routes: readonly string[];
  /** Has `/v1/type` and `/v1/type/{id}`. */
  collection: boolean;
  /** Closed to individual keys and to roles without access to certificates, identifiers and profiles. */
  provisioning: boolean;
}

/** The tables of one program, by type. */
export type Catalogue = Readonly<Record<ResourceType, Resource>>;

const words = (text: string): string[] => text.trim().split(/\s+/);

// The types that Apple's live API takes. Its specification 4.4.1 also has DEVELOPER_ID_KEXT_G2 and
// DEVELOPER_ID_APPLICATION_G2, which the API refuses though it answers them (codemagic-ci-cd/cli-tools#467).
const CERTIFICATE_TYPES = words(`
  APPLE_PAY APPLE_PAY_MERCHANT_IDENTITY APPLE_PAY_PSP_IDENTITY APPLE_PAY_RSA DEVELOPER_ID_KEXT DEVELOPER_ID_APPLICATION
  DEVELOPMENT DISTRIBUTION IDENTITY_ACCESS IOS_DEVELOPMENT IOS_DISTRIBUTION MAC_APP_DISTRIBUTION
  MAC_INSTALLER_DISTRIBUTION MAC_APP_DEVELOPMENT PASS_TYPE_ID PASS_TYPE_ID_WITH_NFC`);

const PROFILE_TYPES = words(`
  IOS_APP_DEVELOPMENT IOS_APP_STORE IOS_APP_ADHOC IOS_APP_INHOUSE MAC_APP_DEVELOPMENT MAC_APP_STORE MAC_APP_DIRECT
  TVOS_APP_DEVELOPMENT TVOS_APP_STORE TVOS_APP_ADHOC TVOS_APP_INHOUSE MAC_CATALYST_APP_DEVELOPMENT
  MAC_CATALYST_APP_STORE MAC_CATALYST_APP_DIRECT`);

const APP_FIELDS = words(`
  accessibilityUrl isOrEverWasMadeForKids subscriptionStatusUrl subscriptionStatusUrlVersion
  subscriptionStatusUrlForSandbox subscriptionStatusUrlVersionForSandbox contentRightsDeclaration
  streamlinedPurchasingEnabled accessibilityDeclarations appEncryptionDeclarations appStoreIcon ciProduct betaTesters
  betaGroups appStoreVersions appTags preReleaseVersions betaAppLocalizations builds betaLicenseAgreement
  betaAppReviewDetail appInfos appClips appPricePoints endUserLicenseAgreement appPriceSchedule appAvailabilityV2
  inAppPurchases subscriptionGroups gameCenterEnabledVersions perfPowerMetrics appCustomProductPages inAppPurchasesV2
  promotedPurchases appEvents reviewSubmissions subscriptionGracePeriod customerReviews customerReviewSummarizations
  gameCenterDetail appStoreVersionExperimentsV2 alternativeDistributionKey analyticsReportRequests
  marketplaceSearchDetail buildUploads backgroundAssets betaFeedbackScreenshotSubmissions betaFeedbackCrashSubmissions
  searchKeywords webhooks androidToIosAppMappingDetails`);

const PLATFORMS = ["IOS", "MAC_OS", "UNIVERSAL"];

const NOTHING = { enums: [], relationships: {}, otherFields: [], filters: {}, sorts: [], includes: [], routes: [] };
const PROVISIONING = { ...NOTHING, collection: true, provisioning: true };

const APP_STORE: Catalogue = {
  certificates: {
    ...PROVISIONING,
    type: "certificates",
    attributes: words(
      "name certificateType displayName serialNumber platform expirationDate certificateContent activated",
    ),
    enums: ["certificateType", "platform"],
    relationships: { passTypeId: { to: "passTypeIds", many: false } },
    filters: { displayName: null, certificateType: CERTIFICATE_TYPES, serialNumber: null, id: null },
    sorts: ["displayName", "certificateType", "serialNumber", "id"],
    includes: ["passTypeId"],
  },
  profiles: {
    ...PROVISIONING,
    type: "profiles",
    attributes: words("name platform profileType profileState profileContent uuid createdDate expirationDate"),
    enums: ["platform", "profileType", "profileState"],
    relationships: {
      bundleId: { to: "bundleIds", many: false },
      devices: { to: "devices", many: true },
      certificates: { to: "certificates", many: true },
    },
    filters: { name: null, profileType: PROFILE_TYPES, profileState: ["ACTIVE", "INVALID"], id: null },
    sorts: ["name", "profileType", "profileState", "id"],
    includes: ["bundleId", "devices", "certificates"],
    routes: ["bundleId", "devices", "certificates"],
  },
  bundleIds: {
    ...PROVISIONING,
    type: "bundleIds",
    attributes: ["name", "platform", "identifier", "seedId"],
    enums: ["platform"],
    relationships: {
      profiles: { to: "profiles", many: true, inverse: "bundleId" },
      bundleIdCapabilities: { to: "bundleIdCapabilities", many: true, inverse: "bundleId" },
      app: { to: "apps", many: false, inverse: "bundleId" },
    },
    filters: { name: null, platform: PLATFORMS, identifier: null, seedId: null, id: null },
    sorts: ["name", "platform", "identifier", "seedId", "id"],
    includes: ["profiles", "bundleIdCapabilities", "app"],
    routes: ["profiles", "bundleIdCapabilities", "app"],
  },
  bundleIdCapabilities: {
    ...PROVISIONING,
    type: "bundleIdCapabilities",
    attributes: ["capabilityType", "settings"],
    enums: ["capabilityType"],
    collection: false,
  },
  devices: {
    ...PROVISIONING,
    type: "devices",
    attributes: ["name", "platform", "udid", "deviceClass", "status", "model", "addedDate"],
    enums: ["platform", "deviceClass", "status"],
    filters: { name: null, platform: PLATFORMS, udid: null, status: ["ENABLED", "DISABLED"], id: null },
    sorts: ["name", "platform", "udid", "status", "id"],
  },
  passTypeIds: {
    ...PROVISIONING,
    type: "passTypeIds",
    attributes: ["name", "identifier"],
    relationships: { certificates: { to: "certificates", many: true, inverse: "passTypeId" } },
    collection: false,
  },
  // Less than Apple's: enough to find an app, and to see whether a key works at all.
  apps: {
    ...NOTHING,
    type: "apps",
    attributes: ["name", "bundleId", "sku", "primaryLocale"],
    otherFields: APP_FIELDS,
    filters: { name: null, bundleId: null, sku: null, id: null },
    sorts: ["name", "bundleId", "sku"],
    collection: true,
    provisioning: false,
  },
};

const ENTERPRISE_CERTIFICATE_TYPES = CERTIFICATE_TYPES.filter((type) => !/^APPLE_PAY|^IDENTITY_ACCESS$/.test(type));
const ENTERPRISE_PLATFORMS = ["IOS", "MAC_OS"];

// The Enterprise Program API 1.0, where it differs.
const ENTERPRISE: Catalogue = {
  ...APP_STORE,
  certificates: {
    ...APP_STORE.certificates,
    attributes: APP_STORE.certificates.attributes.filter((name) => name !== "activated"),
    otherFields: ["csrContent"],
    filters: { ...APP_STORE.certificates.filters, certificateType: ENTERPRISE_CERTIFICATE_TYPES },
  },
  bundleIds: {
    ...APP_STORE.bundleIds,
    relationships: Object.fromEntries(
      Object.entries(APP_STORE.bundleIds.relationships).filter(([name]) => name !== "app"),
    ),
    filters: { ...APP_STORE.bundleIds.filters, platform: ENTERPRISE_PLATFORMS },
    includes: ["profiles", "bundleIdCapabilities"],
    routes: ["profiles", "bundleIdCapabilities"],
  },
  bundleIdCapabilities: { ...APP_STORE.bundleIdCapabilities, otherFields: ["bundleId"] },
  devices: { ...APP_STORE.devices, filters: { ...APP_STORE.devices.filters, platform: ENTERPRISE_PLATFORMS } },
  apps: { ...APP_STORE.apps, collection: false },
};

/** The tables of a program. */
export function catalogueOf(program: Program): Catalogue {
  return program === "enterprise" ? ENTERPRISE : APP_STORE;
}
