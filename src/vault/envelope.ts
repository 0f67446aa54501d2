import { randomBytes } from "node:crypto";
import { decrypt, encodeParts, encrypt, KEY_BYTES } from "./gcm.js";
import { Secret } from "./secret.js";

/** The key that seals one organization's secrets, and the id under which its wrapped form is stored. */
export interface DataKey {
  id: string;
  key: Secret;
}

/** Where a sealed value is stored. It is bound into the seal: moved to any other place, the value does not open. */
export interface SealedPlace {
  table: string;
  column: string;
  rowId: string;
  /** The tenant that owns the row. */
  ownerId: string;
  /** Version of the sealed value, counted up by each rotation: an old value put back does not open. */
  version: number;
}

/** A sealed value is malformed, cut, changed, moved, or sealed with another key: which one, nobody is told. */
export class SealBroken extends Error {
  constructor(place?: Pick<SealedPlace, "table" | "column" | "rowId">) {
    const what = place === undefined ? "A sealed value" : `${place.table}.${place.column} of ${place.rowId}`;
    super(`${what} cannot be opened: it was changed, moved or sealed with another key.`);
    this.name = "SealBroken";
  }
}

/** The layout of a sealed value: version, length of the data key's id, that id, nonce, tag, ciphertext. */
const FORMAT_VERSION = 1;
const HEADER_BYTES = 2;
// Printable ASCII, so that an id has one encoding and its length fits the length byte. TypeIDs have 30 characters.
const ID_PATTERN = /^[!-~]{1,64}$/;

/** A new random data key under an id. */
export function makeDataKey(id: string): DataKey {
  return { id, key: Secret.of(randomBytes(KEY_BYTES)) };
}

/** Seals a secret for one place. */
export function sealWith(dataKey: DataKey, plaintext: Secret, place: SealedPlace): Buffer {
  if (!ID_PATTERN.test(dataKey.id)) throw new RangeError("The id of a data key is 1 to 64 characters of ASCII.");
  const header = Buffer.from([FORMAT_VERSION, dataKey.id.length]);
  return Buffer.concat([
    header,
    Buffer.from(dataKey.id, "latin1"),
    encrypt(dataKey.key, plaintext, boundTo(dataKey.id, place)),
  ]);
}

/** Opens what `sealWith` sealed for this very place. Throws SealBroken. */
export function openWith(dataKey: DataKey, sealed: Buffer, place: SealedPlace): Secret {
  if (dataKeyIdOf(sealed, place) !== dataKey.id) throw new SealBroken(place);
  const encrypted = sealed.subarray(HEADER_BYTES + dataKey.id.length);
  const plaintext = decrypt(dataKey.key, encrypted, boundTo(dataKey.id, place));
  if (plaintext === null) throw new SealBroken(place);
  return plaintext;
}

/** The id of the data key that sealed the value, unverified until it opens. Throws SealBroken, naming the place. */
export function dataKeyIdOf(sealed: Buffer, place?: SealedPlace): string {
  const [version, idLength = 0] = sealed;
  const id = sealed.toString("latin1", HEADER_BYTES, HEADER_BYTES + idLength);
  if (version !== FORMAT_VERSION || id.length !== idLength || !ID_PATTERN.test(id)) throw new SealBroken(place);
  return id;
}

/** The additional data of a seal: everything that tells this value from any other. */
function boundTo(dataKeyId: string, place: SealedPlace): Buffer {
  if (!Number.isSafeInteger(place.version)) throw new RangeError("The version of a sealed value is a whole number.");
  const { table, column, rowId, ownerId, version } = place;
  return encodeParts([Buffer.from([FORMAT_VERSION]), dataKeyId, table, column, rowId, ownerId, String(version)]);
}
