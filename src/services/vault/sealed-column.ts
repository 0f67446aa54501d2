import type { SealedPlace } from "../../vault/envelope.js";

/** A column whose values the vault has sealed. Its table has `root_id`, `id` and `owner_id`. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** The column that counts the value's rotations; null: the value is sealed once and never replaced. */
  readonly version: string | null;
}

/** Everything that is sealed. What is not here is not sealed anew when a data key is replaced, and is lost with the old one. */
export const SEALED = {
  /** The `.p8` of an App Store Connect API key. */
  credentialKey: { table: "credentials", column: "sealed_key", version: "key_version" },
  /** The private key of a certificate. */
  certificateKey: { table: "certificates", column: "sealed_key", version: null },
  /** The private key that waits for a certificate from Apple's site. */
  requestKey: { table: "signing_requests", column: "sealed_key", version: null },
  /** The private key of a certificate that is being made at Apple. */
  intentKey: { table: "signing_intents", column: "sealed_key", version: null },
} as const satisfies Readonly<Record<string, SealedColumn>>;

/** What a value that is never replaced counts as its version. */
const ONLY_VERSION = 1;

/** What a value is bound to: moved to another column, row or owner, or put back after a rotation, it does not open. */
export function placeIn(
  { table, column }: SealedColumn,
  row: { readonly id: string; readonly ownerId: string },
  version: number = ONLY_VERSION,
): SealedPlace {
  return { table, column, rowId: row.id, ownerId: row.ownerId, version };
}
