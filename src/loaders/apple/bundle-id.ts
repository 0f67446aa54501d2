import type { AppleBundleId } from "../../entities/apple/bundle-id.js";
import { heldBy, heldStatement, listsOf, listStatement, type AppleReader } from "./list.js";

/** A bundle id as loaded, with the key that it is seen through. */
export type AppleBundleIdRow = Omit<AppleBundleId, "rootId" | "ownerId" | "writtenAt">;

const COLUMNS = `a.apple_id AS "appleId", a.position, a.identifier, a.name, a.platform, a.capabilities`;

const LIST = listStatement(
  "apple_bundle_ids_by_key",
  `SELECT ${COLUMNS} FROM apple_bundle_ids a WHERE ($6::text IS NULL OR a.identifier = $6) AND is_within(a.identifier, u.patterns)`,
);

const BY_ID = heldStatement(
  "apple_bundle_id_by_id",
  COLUMNS,
  `JOIN apple_bundle_ids a ON a.root_id = u.root_id AND a.credential_id = u.id AND a.apple_id = asked.apple_id
     AND is_within(a.identifier, u.patterns)`,
);

/** Loaders of bundle ids at Apple: those that the terms of the use name. */
export function appleBundleIdLoaders(reader: AppleReader) {
  return {
    appleBundleIds: listsOf<AppleBundleIdRow, { readonly identifier: string | null }>(
      reader,
      LIST,
      ({ identifier }) => [identifier],
    ),
    appleBundleId: heldBy<AppleBundleIdRow>(reader, BY_ID),
  };
}
