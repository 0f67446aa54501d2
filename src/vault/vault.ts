import { dataKeyIdOf, makeDataKey, openWith, SealBroken, sealWith } from "./envelope.js";
import type { SealedPlace } from "./envelope.js";
import type { KeyProvider } from "./key-provider.js";
import type { Secret } from "./secret.js";

/** A data key as it is stored: wrapped, for one root organization. */
export interface WrappedDataKey {
  id: string;
  rootId: string;
  wrapped: Buffer;
}

/** Where wrapped data keys are kept. `unit` is the unit of work (a transaction with its tenants) to read and write in. */
export interface DataKeyStore<Unit> {
  /** Null where there is none, or none that the unit may read. */
  find(unit: Unit, dataKeyId: string): Promise<WrappedDataKey | null>;
  /**
   * The key that now seals the root organization's secrets. Where there is none, the store chooses an id, has it
   * made by `make`, keeps it, and returns what is kept: of two that make one at once, both return the same.
   */
  current(unit: Unit, rootId: string, make: (dataKeyId: string) => Promise<WrappedDataKey>): Promise<WrappedDataKey>;
}

/** How many unwrapped data keys a process keeps: one an organization, 32 bytes each. The longest unused goes first. */
export const DATA_KEYS_KEPT = 1_000;

interface Unwrapped {
  rootId: string;
  key: Promise<Secret>;
}

/** Seals and opens secrets, each organization's with its own data key. */
export class Vault<Unit> {
  /**
   * Unwrapped data keys by id, as promises, so that concurrent callers unwrap once. It saves unwrapping and grants
   * nothing: a unit gets at a secret only by a ciphertext, which comes from a row that the unit could read, and the
   * place bound into the seal is that row's. So a key that one unit brought in serves every unit.
   */
  readonly #unwrapped = new Map<string, Unwrapped>();

  constructor(
    private readonly provider: KeyProvider,
    private readonly store: DataKeyStore<Unit>,
  ) {}

  /** Seals a secret for one place, with the current data key of the root organization. */
  async seal(unit: Unit, rootId: string, plaintext: Secret, place: SealedPlace): Promise<Buffer> {
    const stored = await this.store.current(unit, rootId, (id) => this.#make(id, rootId));
    // A store that mixes organizations up must not seal one's secret with another's key.
    if (stored.rootId !== rootId) throw new Error(`Data key ${stored.id} is not of ${rootId}.`);
    const key = await this.#unwrap(stored);
    return sealWith({ id: stored.id, key }, plaintext, place);
  }

  /** Opens what was sealed for this very place. Throws SealBroken; UnwrapFailed where the data key is damaged. */
  async open(unit: Unit, sealed: Buffer, place: SealedPlace): Promise<Secret> {
    const id = dataKeyIdOf(sealed, place);
    const key = await (this.#kept(id)?.key ?? this.#find(unit, id, place));
    return openWith({ id, key }, sealed, place);
  }

  /** Drops an unwrapped data key from memory: it was retired, or its organization is gone. */
  forget(dataKeyId: string): void {
    this.#unwrapped.delete(dataKeyId);
  }

  async #make(id: string, rootId: string): Promise<WrappedDataKey> {
    const wrapped = await this.provider.wrap(makeDataKey(id).key, { dataKeyId: id, rootId });
    return { id, rootId, wrapped };
  }

  /** Each unit looks for itself, and only unwrapping is shared: "not found" for one unit says nothing to another. */
  async #find(unit: Unit, id: string, place: SealedPlace): Promise<Secret> {
    const stored = await this.store.find(unit, id);
    if (stored?.id !== id) throw new SealBroken(place);
    return this.#unwrap(stored);
  }

  #unwrap({ id, rootId, wrapped }: WrappedDataKey): Promise<Secret> {
    const kept = this.#kept(id);
    // A row that gives the id to another organization gets no cached key: it must unwrap, and will fail to.
    if (kept?.rootId === rootId) return kept.key;
    const key = this.provider.unwrap(wrapped, { dataKeyId: id, rootId });
    this.#unwrapped.set(id, { rootId, key });
    // A failure is not kept, or a key service's bad minute would last as long as the process.
    key.catch(() => {
      if (this.#unwrapped.get(id)?.key === key) this.#unwrapped.delete(id);
    });
    const [oldest] = this.#unwrapped.keys();
    if (this.#unwrapped.size > DATA_KEYS_KEPT && oldest !== undefined) this.#unwrapped.delete(oldest);
    return key;
  }

  /** A key at hand, marked as just used: a Map keeps the order of insertion. */
  #kept(id: string): Unwrapped | undefined {
    const kept = this.#unwrapped.get(id);
    if (kept === undefined) return undefined;
    this.#unwrapped.delete(id);
    this.#unwrapped.set(id, kept);
    return kept;
  }
}
