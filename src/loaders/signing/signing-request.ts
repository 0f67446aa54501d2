import type { Viewer } from "../../auth/viewer.js";
import { ownedBy } from "../../database/readable-by.js";
import type { ReadSession } from "../../database/tenancy.js";
import type { SigningRequest } from "../../entities/signing/signing-request.js";
import { oneByKey, pagesByKey } from "../batch.js";

/** A signing request as loaded: never with its private key. */
export type SigningRequestRow = Omit<SigningRequest, "sealedKey">;

const COLUMNS = `r.id, r.root_id AS "rootId", r.owner_id AS "ownerId", r.common_name AS "commonName", r.email, r.country,
  r.csr_pem AS "csrPem", r.public_key_sha256 AS "publicKeySha256", r.certificate_id AS "certificateId",
  r.created_at AS "createdAt"`;

const BY_ID = {
  name: "signing_request_by_id",
  text: `SELECT ${COLUMNS} FROM signing_requests r WHERE ${ownedBy("r")} AND r.id = ANY ($3)`,
};

const BY_TENANT = {
  name: "signing_requests_by_tenant",
  text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM signing_requests r
    WHERE ${ownedBy("r")} AND r.root_id = t.root_id AND r.owner_id = t.id AND r.id > $4
    ORDER BY r.id LIMIT $5) listed
    WHERE t.root_id = ANY ($1) AND t.id = ANY ($3)`,
};

/** Loaders of signing requests, which are their owner's alone. */
export function signingRequestLoaders(reads: ReadSession, { scope }: Viewer) {
  return {
    signingRequest: oneByKey<SigningRequestRow>(
      (ids) => reads.rows(BY_ID, [scope.roots, scope.tenants, ids]),
      (row) => row.id,
    ),
    signingRequestsByTenant: pagesByKey<SigningRequestRow, null>((ids, { after, limit }) =>
      reads.list(BY_TENANT, [scope.roots, scope.tenants, ids, after, limit]),
    ),
  };
}
