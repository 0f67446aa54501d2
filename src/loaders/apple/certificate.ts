import type { AppleCertificate, CertificateType } from "../../entities/apple/certificate.js";
import { heldBy, heldStatement, listsOf, listStatement, type AppleReader } from "./list.js";

/** A certificate as loaded, with the key that it is seen through. */
export type AppleCertificateRow = Omit<AppleCertificate, "rootId" | "ownerId">;

const COLUMNS = `a.apple_id AS "appleId", a.position, a.name, a.type, a.apple_type AS "appleType",
  a.serial_number AS "serialNumber", a.expires_at AS "expiresAt"`;

const LIST = listStatement(
  "apple_certificates_by_key",
  `SELECT ${COLUMNS} FROM apple_certificates a WHERE ($6::text IS NULL OR a.type = $6)`,
);

const OF_PROFILE = heldStatement(
  "apple_certificates_of_profile",
  COLUMNS,
  `JOIN apple_profile_certificates held ON held.root_id = u.root_id AND held.credential_id = u.id AND held.profile_id = asked.apple_id
   JOIN apple_certificates a ON a.root_id = u.root_id AND a.credential_id = u.id AND a.apple_id = held.certificate_id
   ORDER BY held.place`,
);

/** Loaders of certificates at Apple. */
export function appleCertificateLoaders(reader: AppleReader) {
  return {
    appleCertificates: listsOf<AppleCertificateRow, { readonly type: CertificateType | null }>(
      reader,
      LIST,
      ({ type }) => [type],
    ),
    appleCertificatesOfProfile: heldBy<AppleCertificateRow>(reader, OF_PROFILE),
  };
}
