import { UnwrapFailed, type KeyProvider, type WrapContext } from "./key-provider.js";
import type { KeyRing } from "./key-ring.js";
import { Secret } from "./secret.js";

/** The database's secrets are sealed under another key-encryption key than this start was given. */
export class WrongKey extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongKey";
  }
}

/** A known text, sealed with the key-encryption key that is in force: by it a wrong key is seen at the start. */
export interface Sentinel {
  /** Of the key that is in force: with it data keys are wrapped that are made now. */
  readonly label: string;
  /** Of the key that data keys are being wrapped with anew; null: no rotation is under way. */
  readonly nextLabel: string | null;
  readonly sealed: Buffer;
}

const SENTINEL_TEXT = "countersign sentinel";
const SENTINEL_CONTEXT: WrapContext = { dataKeyId: "sentinel", rootId: "sentinel" };

/** Seals the known text, for the database to keep beside the provider's label. */
export function makeSentinel(provider: KeyProvider): Promise<Buffer> {
  return provider.wrap(Secret.of(SENTINEL_TEXT), SENTINEL_CONTEXT);
}

/** Throws WrongKey where the key that made the database's sentinel was not given, or one that a rotation is under way to. */
export async function checkSentinel(ring: KeyRing, { label, nextLabel, sealed }: Sentinel): Promise<void> {
  const given = ring.labels.join(" and ");
  const provider = ring.find(label);
  if (provider === null) {
    throw new WrongKey(
      `The database is sealed with the key-encryption key ${label}, but ${given} was given: start with ${label}.`,
    );
  }
  if (nextLabel !== null && ring.find(nextLabel) === null) {
    throw new WrongKey(
      `The database is being moved from the key-encryption key ${label} to ${nextLabel}, but ${given} was given: start with both.`,
    );
  }
  const opened = await provider.unwrap(sealed, SENTINEL_CONTEXT).catch((error: unknown) => {
    // A key service that does not answer is no proof of a wrong key.
    if (error instanceof UnwrapFailed) return null;
    throw error;
  });
  if (opened?.use((bytes) => bytes.toString()) !== SENTINEL_TEXT) {
    throw new WrongKey(
      `The database's sentinel does not open with the key-encryption key ${label} that made it: it is damaged.`,
    );
  }
}
