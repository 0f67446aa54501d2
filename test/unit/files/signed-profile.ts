import { webcrypto, type KeyObject } from "node:crypto";
import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import { build, type PlistValue } from "plist";
import { pkcs8Der } from "../../../src/files/signing-key.js";
import { TEAM_ID } from "./issuer.js";

const CMS_DATA = "1.2.840.113549.1.7.1";
const CMS_SIGNED_DATA = "1.2.840.113549.1.7.2";

/** What a profile for ad hoc distribution says, with entries changed; undefined leaves one out. */
export function entriesOf(changes: Readonly<Record<string, PlistValue | undefined>> = {}): PlistValue {
  const entries: Record<string, PlistValue | undefined> = {
    AppIDName: "Pocket",
    ApplicationIdentifierPrefix: [TEAM_ID],
    CreationDate: new Date("2026-02-01T10:00:00Z"),
    Platform: ["iOS", "xrOS", "visionOS"],
    IsXcodeManaged: false,
    DeveloperCertificates: [],
    Entitlements: entitlementsOf(),
    ExpirationDate: new Date("2027-01-01T00:00:00Z"),
    Name: "Ad hoc Pocket",
    ProvisionedDevices: ["00008110-001A2B3C4D5E6F70", "0123456789abcdef0123456789abcdef01234567"],
    TeamIdentifier: [TEAM_ID],
    TeamName: "Aurora & Söhne",
    TimeToLive: 334,
    UUID: "540a0b0f-0c06-40c9-a9aa-c2a7d54fbc7b",
    Version: 1,
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Entitlements with entries changed. */
export function entitlementsOf(changes: Readonly<Record<string, PlistValue>> = {}): Record<string, PlistValue> {
  return {
    "application-identifier": `${TEAM_ID}.com.aurora.pocket`,
    "com.apple.developer.team-identifier": TEAM_ID,
    "get-task-allow": false,
    "keychain-access-groups": [`${TEAM_ID}.*`],
    ...changes,
  };
}

/** Signs profiles with a key, under the certificate of it. */
export async function profileSigner(key: KeyObject, certificateDer: Buffer<ArrayBuffer>) {
  const engine = new pkijs.CryptoEngine({ name: "node", crypto: webcrypto });
  const certificate = pkijs.Certificate.fromBER(certificateDer);
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8Der(key), algorithm, true, ["sign"]);

  const signText = async (text: string, certificates: pkijs.Certificate[] = [certificate]): Promise<Buffer> => {
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
            issuer: certificate.issuer,
            serialNumber: certificate.serialNumber,
          }),
        }),
      ],
      certificates,
    });
    await signed.sign(signingKey, 0, "SHA-256", undefined, engine);
    const message = new pkijs.ContentInfo({ contentType: CMS_SIGNED_DATA, content: signed.toSchema(true) });
    return Buffer.from(message.toSchema().toBER());
  };
  return {
    signText,
    sign: (entries: PlistValue) => signText(build(entries)),
  };
}
