import type { AppleClient } from "./client.js";
import { date, only, required, text, type AppleResource } from "./document.js";
import { PAGE_ROWS } from "./listing.js";
import type { Authorization } from "./signer.js";

/** The attributes that are asked for: all but the certificate itself, which is most of the bytes. */
export const CERTIFICATE_FIELDS = ["name", "displayName", "certificateType", "serialNumber", "expirationDate"];
const WITH_CONTENT = [...CERTIFICATE_FIELDS, "certificateContent"];

/** A certificate that Apple holds. Revoked ones are in no list. */
export interface CertificateAtApple {
  readonly appleId: string;
  readonly name: string;
  /** Apple's own word for the type. */
  readonly appleType: string;
  readonly serialNumber: string;
  readonly expiresAt: Date | null;
}

/** The same with the certificate itself: base64 of X.509 DER; null where Apple does not give it. */
export interface CertificateWithContent extends CertificateAtApple {
  readonly content: string | null;
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

const withContent = (resource: AppleResource): CertificateWithContent => ({
  ...certificateOf(resource),
  content: text(resource, "certificateContent"),
});

/** All certificates of a key's team. Throws AppleError. */
export async function list(client: AppleClient, authorization: Authorization): Promise<CertificateAtApple[]> {
  const query = { limit: PAGE_ROWS, "fields[certificates]": CERTIFICATE_FIELDS };
  const { data } = await client.all(authorization, "/v1/certificates", query);
  return data.map(certificateOf);
}

/** All certificates of one of Apple's types, with their content. Throws AppleError. */
export async function listWithContent(
  client: AppleClient,
  authorization: Authorization,
  appleType: string,
): Promise<CertificateWithContent[]> {
  const query = { limit: PAGE_ROWS, "filter[certificateType]": appleType, "fields[certificates]": WITH_CONTENT };
  const { data } = await client.all(authorization, "/v1/certificates", query);
  return data.map(withContent);
}

/** Makes a certificate for the public key of a signing request (PKCS#10, PEM). Throws AppleError. */
export async function create(
  client: AppleClient,
  authorization: Authorization,
  { appleType, csrPem }: { readonly appleType: string; readonly csrPem: string },
): Promise<CertificateWithContent> {
  const attributes = { certificateType: appleType, csrContent: csrPem };
  const body = { data: { type: "certificates", attributes } };
  return only(await client.change(authorization, "POST", "/v1/certificates", body), (resource) => {
    const content = required(resource, "certificateContent");
    return { ...certificateOf(resource), content };
  });
}

/** Revokes a certificate. One that is not there was revoked already. Throws AppleError. */
export async function revoke(client: AppleClient, authorization: Authorization, appleId: string): Promise<void> {
  await client.remove(authorization, `/v1/certificates/${encodeURIComponent(appleId)}`);
}
