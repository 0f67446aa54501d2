import { setImmediate as letOthersRun } from "node:timers/promises";
import type { PlistValue } from "plist";
import { Refusal } from "../errors.js";
import { parseCertificate, type CertificateFile } from "./certificate.js";
import { openSignedData } from "./cms.js";
import { isDictionary, readPlist, type PlistDictionary } from "./plist.js";
import { appleProfileType } from "./profile-type.js";

/** The largest profile that is looked at: one for a hundred devices and certificates has about 300 KB. */
export const PROFILE_MAX_BYTES = 1_048_576;

/** What a provisioning profile says. */
export interface ProfileFile {
  readonly uuid: string;
  readonly name: string;
  readonly appIdName: string | null;
  readonly teamId: string;
  readonly teamName: string | null;
  /** Apple's words: iOS, xrOS, visionOS, tvOS, OSX. */
  readonly platforms: readonly string[];
  /** The application identifier without its prefix; it may end in `*`. */
  readonly bundleIdentifier: string;
  /** JSON; dates in ISO 8601, data in base64. */
  readonly entitlements: string;
  readonly deviceUdids: readonly string[];
  readonly provisionsAllDevices: boolean;
  /** Those that can be read: one of a kind that nobody knows does not make the others useless. */
  readonly certificates: readonly CertificateFile[];
  /** Apple's word for its kind, as far as the file says it: see `appleProfileType`. */
  readonly appleType: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** `.provisionprofile` for macOS, `.mobileprovision` for all else: Xcode takes each by its own ending alone. */
export const fileExtension = ({
  platforms,
}: Pick<ProfileFile, "platforms">): ".mobileprovision" | ".provisionprofile" =>
  platforms.includes("OSX") ? ".provisionprofile" : ".mobileprovision";

const REFUSALS = {
  empty: "The profile is empty: take the file as Apple lets you download it.",
  tooLarge: "The file is too large for a provisioning profile, which has less than a megabyte.",
  unsigned:
    "This is no provisioning profile, or it was changed: its signature does not fit. Take the file as Apple lets you download it.",
  noPlist: "The content of the profile is no property list as Apple writes it.",
} as const;

/**
 * Reads a .mobileprovision or .provisionprofile. Throws a Refusal. Its signature has to fit the certificate that it carries, so
 * that a damaged file is refused; the chain to Apple's root is not asked for: Apple's own tools ask before they install or upload,
 * and profiles of the sandbox have another root.
 */
export async function readProvisioningProfile(
  bytes: Buffer,
  field: readonly string[] = ["profile"],
): Promise<ProfileFile> {
  const refuse = (message: string): never => {
    throw new Refusal("INVALID_PROVISIONING_PROFILE", message, field);
  };
  if (bytes.length === 0) refuse(REFUSALS.empty);
  if (bytes.length > PROFILE_MAX_BYTES) refuse(REFUSALS.tooLarge);
  const content = (await openSignedData(bytes)) ?? refuse(REFUSALS.unsigned);
  const plist = readPlist(content) ?? refuse(REFUSALS.noPlist);
  try {
    return await profileOf(plist);
  } catch (error) {
    if (error instanceof WrongEntry) return refuse(error.message);
    throw error;
  }
}

/** An entry of the property list that is missing or of another type. */
class WrongEntry extends Error {
  constructor(name: string, type: string) {
    super(`The profile's ${name} is missing or no ${type}.`);
  }
}

async function profileOf(plist: PlistDictionary): Promise<ProfileFile> {
  const entitlements = plist["Entitlements"];
  if (!isDictionary(entitlements)) throw new WrongEntry("Entitlements", "dictionary");
  const teamIds = texts(plist, "TeamIdentifier");
  const [teamId] = teamIds;
  if (teamId === undefined) throw new WrongEntry("TeamIdentifier", "list of texts");
  const platforms = texts(plist, "Platform");
  const deviceUdids = "ProvisionedDevices" in plist ? texts(plist, "ProvisionedDevices") : [];
  const provisionsAllDevices = flag(plist, "ProvisionsAllDevices");
  const certificates = await certificatesOf(list(plist, "DeveloperCertificates", isData));
  const bundleIdentifier = bundleIdentifierOf(entitlements, texts(plist, "ApplicationIdentifierPrefix"));
  return {
    uuid: text(plist, "UUID"),
    name: text(plist, "Name"),
    appIdName: optionalText(plist, "AppIDName"),
    teamId,
    teamName: optionalText(plist, "TeamName"),
    platforms,
    bundleIdentifier,
    entitlements: JSON.stringify(jsonOf(entitlements)),
    deviceUdids,
    provisionsAllDevices,
    certificates,
    appleType: appleProfileType({
      platforms,
      bundleIdentifier,
      isDebuggable: flag(entitlements, "get-task-allow") || flag(entitlements, "com.apple.security.get-task-allow"),
      hasDevices: deviceUdids.length > 0,
      provisionsAllDevices,
      certificateTypes: certificates.map(({ appleType }) => appleType),
    }),
    createdAt: date(plist, "CreationDate"),
    expiresAt: date(plist, "ExpirationDate"),
  };
}

/** Each takes up to a millisecond, and a file has room for a thousand: others are served between them. */
async function certificatesOf(ders: readonly Uint8Array[]): Promise<readonly CertificateFile[]> {
  const certificates: CertificateFile[] = [];
  for (const [index, der] of ders.entries()) {
    if (index % CERTIFICATES_AT_A_TIME === CERTIFICATES_AT_A_TIME - 1) await letOthersRun();
    const certificate = parseCertificate(Buffer.from(der));
    if (certificate !== null) certificates.push(certificate);
  }
  return certificates;
}

const CERTIFICATES_AT_A_TIME = 20;

/** iOS and macOS have two names for it, Apple and older teams two prefixes: the team's id or one of its own. */
function bundleIdentifierOf(entitlements: PlistDictionary, prefixes: readonly string[]): string {
  const name = ["application-identifier", "com.apple.application-identifier"].find((each) => each in entitlements);
  const identifier = text(entitlements, name ?? "application-identifier");
  const prefix = prefixes.find((each) => identifier.startsWith(`${each}.`)) ?? identifier.split(".")[0] ?? "";
  const bundleIdentifier = identifier.slice(prefix.length + 1);
  if (bundleIdentifier === "") throw new WrongEntry("application-identifier", "prefix with a bundle id");
  return bundleIdentifier;
}

function text(entries: PlistDictionary, name: string): string {
  const value = entries[name];
  if (typeof value !== "string" || value === "") throw new WrongEntry(name, "text");
  return value;
}

function optionalText(entries: PlistDictionary, name: string): string | null {
  return name in entries ? text(entries, name) : null;
}

function date(entries: PlistDictionary, name: string): Date {
  const value = entries[name];
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw new WrongEntry(name, "date");
  return value;
}

function flag(entries: PlistDictionary, name: string): boolean {
  const value = entries[name] ?? false;
  if (typeof value !== "boolean") throw new WrongEntry(name, "boolean");
  return value;
}

function list<T extends PlistValue>(
  entries: PlistDictionary,
  name: string,
  isItem: (value: PlistValue) => value is T,
): readonly T[] {
  const value = entries[name];
  if (!Array.isArray(value) || !value.every(isItem)) throw new WrongEntry(name, "list of what belongs there");
  return value;
}

const isText = (value: PlistValue): value is string => typeof value === "string";
const isData = (value: PlistValue): value is Uint8Array => value instanceof Uint8Array;
const texts = (entries: PlistDictionary, name: string): readonly string[] => list(entries, name, isText);

function jsonOf(value: PlistValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(jsonOf);
  // An invalid date has no ISO form, and JSON has null for it.
  if (value instanceof Date || !isDictionary(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonOf(inner)]));
}
