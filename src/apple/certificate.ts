import type { AppleClient } from "./client.js";
import { date, text, type AppleResource } from "./document.js";
import type { Authorization } from "./signer.js";

/** The attributes that are asked for: all but the certificate itself, which is most of the bytes. */
export const CERTIFICATE_FIELDS = ["name", "displayName", "certificateType", "serialNumber", "expirationDate"];
/** Rows of a page: Apple's most. */
export const PAGE_ROWS = 200;

/** A certificate that Apple holds. Revoked ones are in no list. */
export interface AppleCertificate {
  readonly appleId: string;
  readonly name: string;
  /** Apple's own word for the type. */
  readonly appleType: string;
  readonly serialNumber: string;
  readonly expiresAt: Date | null;
}

/** Reads a certificate out of a document. */
export function certificateOf(resource: AppleResource): AppleCertificate {
  return {
    appleId: resource.id,
    name: text(resource, "name") ?? text(resource, "displayName") ?? "",
    appleType: text(resource, "certificateType") ?? "",
    serialNumber: text(resource, "serialNumber") ?? "",
    expiresAt: date(resource, "expirationDate"),
  };
}

/** All certificates of a key's team. Throws AppleError. */
export async function list(client: AppleClient, authorization: Authorization): Promise<AppleCertificate[]> {
  const certificates: AppleCertificate[] = [];
  const query = { limit: PAGE_ROWS, "fields[certificates]": CERTIFICATE_FIELDS };
  for await (const { data } of client.pages(authorization, "/v1/certificates", query)) {
    certificates.push(...data.map(certificateOf));
  }
  return certificates;
}
