import type { AppleClient } from "./client.js";
import { date, text, type AppleResource } from "./document.js";
import { PAGE_ROWS } from "./listing.js";
import type { Authorization } from "./signer.js";

/** The attributes that are asked for: all but the certificate itself, which is most of the bytes. */
export const CERTIFICATE_FIELDS = ["name", "displayName", "certificateType", "serialNumber", "expirationDate"];

/** A certificate that Apple holds. Revoked ones are in no list. */
export interface CertificateAtApple {
  readonly appleId: string;
  readonly name: string;
  /** Apple's own word for the type. */
  readonly appleType: string;
  readonly serialNumber: string;
  readonly expiresAt: Date | null;
}

/** Reads a certificate out of a document. */
export function certificateOf(resource: AppleResource): CertificateAtApple {
  return {
    appleId: resource.id,
    name: text(resource, "name") ?? text(resource, "displayName") ?? "",
    appleType: text(resource, "certificateType") ?? "",
    serialNumber: text(resource, "serialNumber") ?? "",
    expiresAt: date(resource, "expirationDate"),
  };
}

/** All certificates of a key's team. Throws AppleError. */
export async function list(client: AppleClient, authorization: Authorization): Promise<CertificateAtApple[]> {
  const query = { limit: PAGE_ROWS, "fields[certificates]": CERTIFICATE_FIELDS };
  const { data } = await client.all(authorization, "/v1/certificates", query);
  return data.map(certificateOf);
}
