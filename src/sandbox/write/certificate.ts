import { randomBytes } from "node:crypto";
import type { Catalogue } from "../api/catalogue.js";
import type { Asked } from "../api/route.js";
import { issue, lifetimeYears, requestedKey } from "../team/authority.js";
import { opaqueId } from "../team/seed.js";
import { timestamp, type AnyStored, type Certificate } from "../team/team.js";
import type { Entity, Shape } from "./entity.js";
import { invalidate } from "./profile.js";
import { accountHolderOnly, conflict, mayDistribute, noIdentifier } from "./refusal.js";

const YEAR_MS = 365 * 86_400_000;

/** What `POST /v1/certificates` takes: of the types those that a filter takes too. */
export function creation({ certificates, apps }: Catalogue): Shape {
  const oneOf = certificates.filters["certificateType"] ?? [];
  return {
    type: "certificates",
    attributes: { csrContent: { required: true }, certificateType: { required: true, oneOf } },
    relationships: {
      passTypeId: { to: "passTypeIds" },
      // The Enterprise Program API has neither apps nor merchants.
      ...(apps.collection && { merchantId: { to: "merchantIds" } }),
    },
  };
}

/** How Apple calls a type in its texts. */
const LABELS: Readonly<Record<string, string>> = {
  DEVELOPMENT: "Development",
  DISTRIBUTION: "Distribution",
  IOS_DEVELOPMENT: "iOS Development",
  IOS_DISTRIBUTION: "iOS Distribution",
  MAC_APP_DEVELOPMENT: "Mac App Development",
  MAC_APP_DISTRIBUTION: "Mac App Distribution",
  MAC_INSTALLER_DISTRIBUTION: "Mac Installer Distribution",
  PASS_TYPE_ID: "Pass Type ID",
  PASS_TYPE_ID_WITH_NFC: "Pass Type ID with NFC",
};

const labelOf = (certificateType: string): string => LABELS[certificateType] ?? certificateType;
const isDevelopment = (certificateType: string): boolean => certificateType.endsWith("DEVELOPMENT");

/** Issues a certificate to the key of a signing request. Of the request only the key counts: whose it is Apple knows. */
export async function create(asked: Asked, entity: Entity): Promise<AnyStored> {
  const { team, role, edit, now } = asked;
  const certificateType = entity.text("certificateType");
  if (certificateType.startsWith("DEVELOPER_ID")) throw accountHolderOnly();
  if (!isDevelopment(certificateType)) mayDistribute(role);
  const passTypeId = passTypeOf(asked, certificateType, entity);
  checkLimit(asked, certificateType);
  const publicKey = await requestedKey(entity.text("csrContent"));
  // Apple's text is not known.
  if (publicKey === null) throw conflict("The certificate signing request is not valid.");

  const displayName = isDevelopment(certificateType) ? "Created via API" : team.name;
  const label = labelOf(certificateType);
  const expires = new Date(now.getTime() + lifetimeYears(team, certificateType) * YEAR_MS);
  const certificate: Certificate = {
    id: opaqueId(),
    attributes: {
      name: `${/^D/.test(certificateType) ? "Apple " : ""}${label}: ${displayName}`,
      certificateType,
      displayName,
      serialNumber: serialNumber(),
      platform: platformOf(certificateType),
      expirationDate: timestamp(expires),
      activated: null,
    },
    relationships: { passTypeId },
  };
  const content = Buffer.from(await issue(team, certificate, publicKey)).toString("base64");
  // Again, since other calls came in while this one was signing; from here on nothing waits.
  checkLimit(asked, certificateType);
  return edit.add("certificates", {
    ...certificate,
    attributes: { ...certificate.attributes, certificateContent: content },
  });
}

/** Revokes a certificate. Profiles that hold it become invalid. */
export function revoke(asked: Asked, certificate: AnyStored): void {
  if (!isDevelopment(String(certificate.attributes["certificateType"]))) mayDistribute(asked.role);
  invalidate(asked, ({ relationships }) => relationships.certificates.includes(certificate.id));
  asked.edit.remove("certificates", certificate);
}

function checkLimit({ team, settings, now }: Asked, certificateType: string): void {
  const limit = settings.certificateLimits[certificateType] ?? Infinity;
  const current = team.certificates.filter(
    ({ attributes }) =>
      attributes.certificateType === certificateType && Date.parse(attributes.expirationDate) > now.getTime(),
  );
  if (current.length < limit) return;
  const label = labelOf(certificateType);
  throw conflict(`You already have a current ${label} certificate or a pending certificate request.`);
}

/** The id of what a certificate for Wallet or for Apple Pay is for. The sandbox has no merchants. */
function passTypeOf({ team }: Asked, certificateType: string, entity: Entity): string | null {
  if (/^APPLE_PAY/.test(certificateType)) throw noIdentifier(entity.ids("merchantId")[0]);
  if (!certificateType.startsWith("PASS_TYPE_ID")) return null;
  const [wanted] = entity.ids("passTypeId");
  if (!team.passTypeIds.some(({ id }) => id === wanted)) throw noIdentifier(wanted);
  return wanted ?? null;
}

function platformOf(certificateType: string): string | null {
  if (certificateType.startsWith("MAC_")) return "MAC_OS";
  return /^(IOS_)?(DEVELOPMENT|DISTRIBUTION)$/.test(certificateType) ? "IOS" : null;
}

/** Positive, and without leading zeros. */
function serialNumber(): string {
  const bytes = randomBytes(8);
  bytes.writeUInt8(bytes.readUInt8() & 0x7f);
  return bytes.toString("hex").toUpperCase().replace(/^0+/, "");
}
