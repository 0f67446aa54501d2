import { webcrypto } from "node:crypto";
import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import { build, type PlistValue } from "plist";
import { issue, sandboxAuthority } from "./authority.js";
import type { AnyStored, Certificate, Profile, ResourceType, Team } from "./team.js";

/** Object identifiers of RFC 5652. */
const CMS_DATA = "1.2.840.113549.1.7.1";
const CMS_SIGNED_DATA = "1.2.840.113549.1.7.2";

// Contents are made once each, when a client first asks for them: a team of hundreds of profiles costs nothing to seed.
const made = new WeakMap<object, Promise<string | null>>();

/** The content of a certificate or profile that was stored without one: base64, or null where Apple answers none. */
export function contentOf(team: Team, type: ResourceType, stored: AnyStored): Promise<string | null> {
  const content = made.get(stored) ?? makeContent(team, type, stored);
  made.set(stored, content);
  return content;
}

async function makeContent(team: Team, type: ResourceType, stored: AnyStored): Promise<string | null> {
  if (type === "certificates") {
    const { holder } = await sandboxAuthority();
    return base64(await issue(team, stored as Certificate, holder));
  }
  if (type === "profiles" && stored.attributes["profileState"] !== "INVALID") {
    return base64(await sign(build(await profilePlist(team, stored as Profile))));
  }
  return null;
}

/** What the mobileprovision of a profile says, by the names that Apple uses in it. */
async function profilePlist(team: Team, profile: Profile): Promise<PlistValue> {
  const { attributes, relationships } = profile;
  const bundleId = team.bundleIds.find(({ id }) => id === relationships.bundleId)?.attributes;
  const development = attributes.profileType.endsWith("_DEVELOPMENT");
  const devices = team.devices.filter(({ id }) => relationships.devices.includes(id));
  const certificates = team.certificates.filter(({ id }) => relationships.certificates.includes(id));
  const created = new Date(attributes.createdDate);
  const expires = new Date(attributes.expirationDate);
  const identifier = `${team.id}.${bundleId?.identifier ?? "*"}`;
  return {
    AppIDName: bundleId?.name ?? "Wildcard",
    ApplicationIdentifierPrefix: [team.id],
    CreationDate: created,
    Platform: platformsOf(attributes),
    IsXcodeManaged: false,
    DeveloperCertificates: await Promise.all(certificates.map((certificate) => certificateBytes(team, certificate))),
    Entitlements: {
      "application-identifier": identifier,
      "com.apple.developer.team-identifier": team.id,
      "get-task-allow": development,
      "keychain-access-groups": [`${team.id}.*`],
    },
    ExpirationDate: expires,
    Name: attributes.name,
    ...(devices.length > 0 && { ProvisionedDevices: devices.map((device) => device.attributes.udid) }),
    ...(attributes.profileType.endsWith("_INHOUSE") && { ProvisionsAllDevices: true }),
    TeamIdentifier: [team.id],
    TeamName: team.name,
    TimeToLive: Math.round((expires.getTime() - created.getTime()) / 86_400_000),
    UUID: attributes.uuid,
    Version: 1,
  };
}

function platformsOf({ platform, profileType }: Profile["attributes"]): string[] {
  if (profileType.startsWith("TVOS_")) return ["tvOS"];
  return platform === "MAC_OS" ? ["OSX"] : ["iOS", "xrOS", "visionOS"];
}

async function certificateBytes(team: Team, certificate: Certificate): Promise<Uint8Array> {
  const content = certificate.attributes.certificateContent ?? (await contentOf(team, "certificates", certificate));
  return Buffer.from(content ?? "", "base64");
}

/** Wraps a text as CMS SignedData, signed by the sandbox. DER. */
async function sign(text: string): Promise<Uint8Array> {
  const { root, profileSigner, profileSignerKey } = await sandboxAuthority();
  const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto });
  const signerCertificate = pkijs.Certificate.fromBER(profileSigner.rawData);
  const signed = new pkijs.SignedData({
    version: 1,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({
      eContentType: CMS_DATA,
      eContent: new asn1js.OctetString({ valueHex: new TextEncoder().encode(text).buffer }),
    }),
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: new pkijs.IssuerAndSerialNumber({
          issuer: signerCertificate.issuer,
          serialNumber: signerCertificate.serialNumber,
        }),
      }),
    ],
    certificates: [signerCertificate, pkijs.Certificate.fromBER(root.rawData)],
  });
  await signed.sign(profileSignerKey, 0, "SHA-256", undefined, engine);
  const message = new pkijs.ContentInfo({ contentType: CMS_SIGNED_DATA, content: signed.toSchema(true) });
  return new Uint8Array(message.toSchema().toBER());
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
