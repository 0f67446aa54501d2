import { dataKeyIdOf, makeDataKey, openWith, SealBroken, sealWith } from "./envelope.js";
import type { SealedPlace } from "./envelope.js";
import type { KeyRing, WrappedDataKey } from "./key-ring.js";
import type { Secret } from "./secret.js";

/** Where wrapped data keys are kept. `unit` is the unit of work (a transaction with its tenants) to read and write in. */
export interface DataKeyStore<Unit> {
  /** Null where there is none, or none that the unit may read. */
  find(unit: Unit, dataKeyId: string): Promise<WrappedDataKey | null>;
  /**
   * The key that now seals the root organization's secrets; null where none was made yet. It stays current until the
   * unit ends: what the unit seals with it is stored before the key can be retired.
   */
  current(unit: Unit, rootId: string): Promise<WrappedDataKey | null>;
  /** An id for a new key, and the label of the key-encryption key that is in force. */
  next(unit: Unit): Promise<{ readonly id: string; readonly keyLabel: string }>;
  /**
   * Keeps the first key of an organization, and returns what is kept: of two that make one at once, both get the same.
   * Null where another key-encryption key has come into force since it was wrapped.
   */
  add(unit: Unit, made: WrappedDataKey): Promise<WrappedDataKey | null>;
}

/** Runs something in a unit of work of its own. */
export type InUnit<Unit> = <T>(work: (unit: Unit) => Promise<T>) => Promise<T>;

/** How many unwrapped data keys a process keeps: one an organization, 32 bytes each. The longest unused goes first. */
export const DATA_KEYS_KEPT = 1_000;

/** How long a process keeps an unwrapped data key: for so long it outlives its organization in memory, and an outage of the key service is not felt. */
export const DATA_KEY_LIFETIME_MS = 5 * 60 * 1_000;

/** A key-encryption key that changes more often than this while a data key is made is a fault. */
const ATTEMPTS = 5;

interface Unwrapped {
  rootId: string;
  key: Promise<Secret>;
  /** Whether the key was its organization's current one when it was last seen. */
  isCurrent: boolean;
  end: NodeJS.Timeout;
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
    private readonly ring: KeyRing,
    private readonly store: DataKeyStore<Unit>,
    private readonly lifetimeMs = DATA_KEY_LIFETIME_MS,
  ) {}

  /** Seals a secret for one place, with the current data key of the root organization. Throws KeyMissing, KeyServiceFailed. */
  async seal(unit: Unit, rootId: string, plaintext: Secret, place: SealedPlace): Promise<Buffer> {
    const stored = (await this.store.current(unit, rootId)) ?? (await this.#addFirst((work) => work(unit), rootId));
    // A store that mixes organizations up must not seal one's secret with another's key.
    if (stored.rootId !== rootId) throw new Error(`Data key ${stored.id} is not of ${rootId}.`);
    const key = await this.hold(stored, true);
    return sealWith({ id: stored.id, key }, plaintext, place);
  }

  /** Opens what was sealed for this very place. Throws SealBroken; UnwrapFailed where the data key is damaged; KeyMissing, KeyServiceFailed. */
  async open(unit: Unit, sealed: Buffer, place: SealedPlace): Promise<Secret> {
    const id = dataKeyIdOf(sealed, place);
    const key = await (this.#kept(id)?.key ?? this.#find(unit, id, place));
    return openWith({ id, key }, sealed, place);
  }

  /**
   * Has the current data key of the root organization at hand, made where there is none yet: a transaction that begins
   * now seals without asking a key service. Throws KeyMissing, UnwrapFailed, KeyServiceFailed.
   */
  async ready(inUnit: InUnit<Unit>, rootId: string): Promise<void> {
    const kept = [...this.#unwrapped.values()].find((each) => each.rootId === rootId && each.isCurrent);
    if (kept !== undefined) {
      await kept.key;
      return;
    }
    const stored = (await inUnit((unit) => this.store.current(unit, rootId))) ?? (await this.#addFirst(inUnit, rootId));
    await this.hold(stored, true);
  }

  /** A new data key for the root organization, wrapped and not yet kept. Throws KeyMissing, KeyServiceFailed. */
  async make(inUnit: InUnit<Unit>, rootId: string): Promise<WrappedDataKey> {
    const { id, keyLabel } = await inUnit((unit) => this.store.next(unit));
    return this.ring.wrap(keyLabel, makeDataKey(id).key, { dataKeyId: id, rootId });
  }

  /** Unwraps a data key, and keeps it for a while. */
  hold(stored: WrappedDataKey, isCurrent = false): Promise<Secret> {
    const { id, rootId } = stored;
    const kept = this.#kept(id);
    // A row that gives the id to another organization gets no cached key: it must unwrap, and will fail to.
    if (kept?.rootId === rootId) {
      kept.isCurrent ||= isCurrent;
      return kept.key;
    }
    this.forget(id);
    if (isCurrent) for (const other of this.#unwrapped.values()) if (other.rootId === rootId) other.isCurrent = false;
    const key = this.ring.unwrap(stored);
    const end = setTimeout(() => {
      if (this.#unwrapped.get(id)?.key === key) this.forget(id);
    }, this.lifetimeMs).unref();
    this.#unwrapped.set(id, { rootId, key, isCurrent, end });
    // A failure is not kept, or a key service's bad minute would last as long as the process.
    key.catch(() => {
      if (this.#unwrapped.get(id)?.key === key) this.forget(id);
    });
    const [oldest] = this.#unwrapped.keys();
    if (this.#unwrapped.size > DATA_KEYS_KEPT && oldest !== undefined) this.forget(oldest);
    return key;
  }

  /** Drops an unwrapped data key from memory: it was retired, or its organization is gone. */
  forget(dataKeyId: string): void {
    clearTimeout(this.#unwrapped.get(dataKeyId)?.end);
    this.#unwrapped.delete(dataKeyId);
  }

  async #addFirst(inUnit: InUnit<Unit>, rootId: string): Promise<WrappedDataKey> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const made = await this.make(inUnit, rootId);
      const kept = await inUnit((unit) => this.store.add(unit, made));
      if (kept !== null) return kept;
    }
    throw new Error("The key-encryption key changes again and again while a data key is made.");
  }

  /** Each unit looks for itself, and only unwrapping is shared: "not found" for one unit says nothing to another. */
  async #find(unit: Unit, id: string, place: SealedPlace): Promise<Secret> {
    const stored = await this.store.find(unit, id);
    if (stored?.id !== id) throw new SealBroken(place);
    return this.hold(stored);
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
