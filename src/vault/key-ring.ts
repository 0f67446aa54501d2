import { KeyMissing, type KeyProvider, type WrapContext } from "./key-provider.js";
import type { Secret } from "./secret.js";

/** A data key as it is stored: wrapped, for one root organization. */
export interface WrappedDataKey {
  id: string;
  rootId: string;
  /** Of the key-encryption key that wraps it. */
  keyLabel: string;
  wrapped: Buffer;
}

/** The key-encryption keys that a process was given: the current one, and others that data keys may be wrapped with. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, KeyProvider>;

  constructor(
    readonly current: KeyProvider,
    former: readonly KeyProvider[] = [],
  ) {
    this.#keys = new Map([...former, current].map((key) => [key.label, key]));
  }

  /** The labels of all its keys, the current one first. */
  get labels(): readonly string[] {
    return [...new Set([this.current.label, ...this.#keys.keys()])];
  }

  /** Null where no key of this label was given. */
  find(label: string): KeyProvider | null {
    return this.#keys.get(label) ?? null;
  }

  /** Wraps a data key with the key of a label. Throws KeyMissing, KeyServiceFailed. */
  async wrap(label: string, dataKey: Secret, context: WrapContext): Promise<WrappedDataKey> {
    const { dataKeyId: id, rootId } = context;
    return { id, rootId, keyLabel: label, wrapped: await this.#given(label, id).wrap(dataKey, context) };
  }

  /** Unwraps a data key with the key that wraps it. Throws KeyMissing, UnwrapFailed, KeyServiceFailed. */
  async unwrap({ id, rootId, keyLabel, wrapped }: WrappedDataKey): Promise<Secret> {
    return this.#given(keyLabel, id).unwrap(wrapped, { dataKeyId: id, rootId });
  }

  #given(label: string, dataKeyId: string): KeyProvider {
    const key = this.find(label);
    if (key === null) throw new KeyMissing(label, dataKeyId);
    return key;
  }
}
