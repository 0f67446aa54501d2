/** Apple's two programs: each has its own host, audience and rules. */
export type Program = "app-store" | "enterprise";

/** One thing that a team owns, as it is stored: by its opaque id, with its attributes and the ids of what it points to. */
export interface Stored<Attributes extends object, Relationships extends object = NoRelationships> {
  readonly id: string;
  readonly attributes: Attributes;
  readonly relationships: Relationships;
}

type NoRelationships = Readonly<Record<string, never>>;

/** Any stored thing, for code that reads by the names of the catalogue. */
export type AnyStored = Stored<Readonly<Record<string, unknown>>, Readonly<Record<string, string | null | string[]>>>;

// Types rather than interfaces: only those can be read by name as a record. Timestamps are strings as Apple writes them.

/** A signing certificate. A content that is missing is made when it is asked for; null is answered as null. */
export type Certificate = Stored<
  {
    name: string;
    certificateType: string;
    displayName: string;
    /** Upper hexadecimal, without leading zeros. */
    serialNumber: string;
    platform: string | null;
    expirationDate: string;
    certificateContent?: string | null;
    activated: boolean | null;
  },
  { passTypeId: string | null }
>;

/** A provisioning profile; its content as a certificate's. Points to things by their ids. */
export type Profile = Stored<
  {
    name: string;
    platform: string;
    profileType: string;
    profileState: string;
    profileContent?: string | null;
    uuid: string;
    createdDate: string;
    expirationDate: string;
  },
  { bundleId: string | null; devices: string[]; certificates: string[] }
>;

/** An App ID. */
export type BundleId = Stored<{ name: string; identifier: string; platform: string; seedId: string }>;

/** How a capability is set up: whatever Apple's `CapabilitySetting` may hold, kept as it was given. */
export type CapabilitySetting = Readonly<{ key: string; [name: string]: unknown }>;

/** What an App ID may do. */
export type BundleIdCapability = Stored<
  { capabilityType: string; settings: readonly CapabilitySetting[] | null },
  { bundleId: string }
>;

/** A registered device. */
export type Device = Stored<{
  name: string;
  udid: string;
  platform: string;
  deviceClass: string;
  model: string | null;
  status: string;
  addedDate: string;
}>;

/** An app of App Store Connect. */
export type App = Stored<
  { name: string; bundleId: string; sku: string; primaryLocale: string },
  /** The id of the bundle id, as opposed to the attribute, which is its identifier. */
  { bundleId: string | null }
>;

/** What Wallet passes are signed for. */
export type PassTypeId = Stored<{ name: string; identifier: string }>;

/** All that a team owns, by Apple's resource types. Mutable, so that tests can add, change and remove. */
export interface Belongings {
  certificates: Certificate[];
  profiles: Profile[];
  bundleIds: BundleId[];
  bundleIdCapabilities: BundleIdCapability[];
  devices: Device[];
  apps: App[];
  passTypeIds: PassTypeId[];
}

/** The name of a resource type, as Apple spells it. */
export type ResourceType = keyof Belongings;

/** A developer team in the sandbox. */
export interface Team extends Belongings {
  /** Ten characters; also the prefix of its bundle ids (`seedId`). */
  readonly id: string;
  readonly name: string;
  readonly program: Program;
  /** UUID: `iss` of the tokens of its team keys. */
  readonly issuerId: string;
}

/** A moment as Apple's provisioning resources write it. */
export function timestamp(date: Date): string {
  return date.toISOString().replace("Z", "+00:00");
}
