import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { dataKeyIdOf, SealBroken } from "../../../src/vault/envelope.js";
import type { SealedPlace } from "../../../src/vault/envelope.js";
import { KeyMissing, localKeyProvider, UnwrapFailed } from "../../../src/vault/key-provider.js";
import type { KeyProvider } from "../../../src/vault/key-provider.js";
import { Secret } from "../../../src/vault/secret.js";
import { DATA_KEY_LIFETIME_MS, DATA_KEYS_KEPT, Vault } from "../../../src/vault/vault.js";
import { KeyRing, type WrappedDataKey } from "../../../src/vault/key-ring.js";
import type { DataKeyStore } from "../../../src/vault/vault.js";

/** A unit of work of the tests: it may read the data keys of its roots, as row-level security has it. */
interface Unit {
  roots: string[];
}

class MemoryStore implements DataKeyStore<Unit> {
  readonly keys = new Map<string, WrappedDataKey>();
  readonly currents = new Map<string, WrappedDataKey>();
  finds = 0;
  made = 0;

  /** `keyLabel`: of the key-encryption key in force. */
  constructor(public keyLabel: string) {}

  find(unit: Unit, dataKeyId: string): Promise<WrappedDataKey | null> {
    this.finds++;
    const found = this.keys.get(dataKeyId);
    return Promise.resolve(found !== undefined && unit.roots.includes(found.rootId) ? found : null);
  }

  current(_unit: Unit, rootId: string): Promise<WrappedDataKey | null> {
    return Promise.resolve(this.currents.get(rootId) ?? null);
  }

  next(): Promise<{ id: string; keyLabel: string }> {
    return Promise.resolve({ id: `key_${(this.made += 1)}`, keyLabel: this.keyLabel });
  }

  add(_unit: Unit, made: WrappedDataKey): Promise<WrappedDataKey | null> {
    if (made.keyLabel !== this.keyLabel) return Promise.resolve(null);
    // Of two that make one at once, the first counts.
    const first = this.currents.get(made.rootId) ?? made;
    this.makeCurrent(first);
    return Promise.resolve(first);
  }

  makeCurrent(key: WrappedDataKey): void {
    this.keys.set(key.id, key);
    this.currents.set(key.rootId, key);
  }
}

const at = (ownerId: string, rowId = "cred_1"): SealedPlace => ({
  table: "credentials",
  column: "sealed_key",
  rowId,
  ownerId,
  version: 1,
});
const textOf = (secret: Secret) => secret.use((bytes) => bytes.toString());
const a: Unit = { roots: ["org_a"] };
const b: Unit = { roots: ["org_b"] };
const local = localKeyProvider(Secret.of(randomBytes(32)));

let store: MemoryStore;
let unwraps: string[];
let provider: KeyProvider;
let vault: Vault<Unit>;

beforeEach(() => {
  store = new MemoryStore(local.label);
  unwraps = [];
  provider = {
    ...local,
    unwrap(wrapped, context) {
      unwraps.push(context.dataKeyId);
      return local.unwrap(wrapped, context);
    },
  };
  vault = new Vault(new KeyRing(provider), store);
});

describe("the vault", () => {
  test("opens what it sealed, in this process and in the next", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    expect(textOf(await vault.open(a, sealed, at("org_a")))).toBe("p8");
    expect(textOf(await new Vault(new KeyRing(provider), store).open(a, sealed, at("org_a")))).toBe("p8");
  });

  test("has one data key an organization, which many that seal first at once share", async () => {
    const sealed = await Promise.all(
      [1, 2, 3, 4].map((row) => vault.seal(a, "org_a", Secret.of(`p8 ${row}`), at("org_a", `cred_${row}`))),
    );
    await vault.seal(b, "org_b", Secret.of("p8"), at("org_b"));
    expect([...store.currents.keys()]).toEqual(["org_a", "org_b"]);
    for (const [index, blob] of sealed.entries()) {
      const opened = await new Vault(new KeyRing(provider), store).open(a, blob, at("org_a", `cred_${index + 1}`));
      expect(textOf(opened)).toBe(`p8 ${index + 1}`);
    }
  });

  test("refuses a value moved to another organization's row", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    await vault.seal(b, "org_b", Secret.of("p8"), at("org_b"));
    await expect(vault.open(b, sealed, at("org_b"))).rejects.toThrow(SealBroken);
    await expect(new Vault(new KeyRing(provider), store).open(b, sealed, at("org_b"))).rejects.toThrow(SealBroken);
  });

  test("refuses what is no sealed value, naming the place", async () => {
    await expect(vault.open(a, Buffer.from("junk"), at("org_a"))).rejects.toThrow("credentials.sealed_key of cred_1");
  });

  test("refuses a value whose data key is gone, or not for the unit to read", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    const fresh = new Vault(new KeyRing(provider), store);
    await expect(fresh.open(b, sealed, at("org_a"))).rejects.toThrow(SealBroken);
    store.keys.clear();
    await expect(fresh.open(a, sealed, at("org_a"))).rejects.toThrow(SealBroken);
  });

  test("seals with no other organization's data key, should the store give one", async () => {
    const key = await vault.make((work) => work(a), "org_a");
    store.makeCurrent(key);
    await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    store.currents.set("org_b", key);
    await expect(vault.seal(b, "org_b", Secret.of("p8"), at("org_b"))).rejects.toThrow("not of org_b");
    // The row claims it for the other organization: what is cached for the first does not help.
    store.currents.set("org_b", { ...key, rootId: "org_b" });
    await expect(vault.seal(b, "org_b", Secret.of("p8"), at("org_b"))).rejects.toThrow(UnwrapFailed);
  });
});

describe("unwrapped data keys", () => {
  test("are kept, so that many values cost one unwrapping and one look-up", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    const fresh = new Vault(new KeyRing(provider), store);
    unwraps.length = 0;
    for (let round = 0; round < 5; round++) await fresh.open(a, sealed, at("org_a"));
    expect(unwraps).toEqual([dataKeyIdOf(sealed)]);
    expect(store.finds).toBe(1);
  });

  test("are unwrapped once for callers at the same time", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    const fresh = new Vault(new KeyRing(provider), store);
    unwraps.length = 0;
    await Promise.all(Array.from({ length: 50 }, () => fresh.open(a, sealed, at("org_a"))));
    expect(unwraps).toEqual([dataKeyIdOf(sealed)]);
  });

  test("are looked up by each unit for itself: one that may not read the key spoils nothing for one that may", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    const fresh = new Vault(new KeyRing(provider), store);
    const [denied, opened] = await Promise.allSettled([
      fresh.open(b, sealed, at("org_a")),
      fresh.open(a, sealed, at("org_a")),
    ]);
    expect(denied).toMatchObject({ status: "rejected" });
    expect(opened).toMatchObject({ status: "fulfilled" });
  });

  test("are unwrapped again after a failure, which is not kept", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    let down = true;
    const flaky: KeyProvider = {
      ...local,
      unwrap: (wrapped, context) => (down ? Promise.reject(new Error("down")) : local.unwrap(wrapped, context)),
    };
    const fresh = new Vault(new KeyRing(flaky), store);
    const attempts = await Promise.allSettled([1, 2].map(() => fresh.open(a, sealed, at("org_a"))));
    expect(attempts.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    down = false;
    expect(textOf(await fresh.open(a, sealed, at("org_a")))).toBe("p8");
  });

  test("are unwrapped again once forgotten", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    vault.forget(dataKeyIdOf(sealed));
    vault.forget("key_unknown");
    unwraps.length = 0;
    await vault.open(a, sealed, at("org_a"));
    expect(unwraps).toEqual([dataKeyIdOf(sealed)]);
  });

  test(`are kept for ${DATA_KEYS_KEPT} organizations, and the longest unused goes first`, async () => {
    const all: Unit = { roots: [] };
    const sealed: Buffer[] = [];
    for (let index = 0; index <= DATA_KEYS_KEPT; index++) {
      const rootId = `org_${index}`;
      all.roots.push(rootId);
      sealed.push(await vault.seal(all, rootId, Secret.of("p8"), at(rootId)));
      // The first is used before the last comes in: so the second is the longest unused.
      if (index === DATA_KEYS_KEPT - 1) await vault.open(all, sealed[0] ?? Buffer.alloc(0), at("org_0"));
    }
    unwraps.length = 0;
    for (const index of [0, DATA_KEYS_KEPT, 2, 1]) {
      await vault.open(all, sealed[index] ?? Buffer.alloc(0), at(`org_${index}`));
    }
    expect(unwraps).toEqual([dataKeyIdOf(sealed[1] ?? Buffer.alloc(0))]);
  });

  test("are dropped from memory when their time is over, and what is gone from the store opens no more", async () => {
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    jest.useFakeTimers();
    try {
      const fresh = new Vault(new KeyRing(provider), store);
      await fresh.open(a, sealed, at("org_a"));
      store.keys.clear();
      jest.advanceTimersByTime(DATA_KEY_LIFETIME_MS - 1);
      expect(textOf(await fresh.open(a, sealed, at("org_a")))).toBe("p8");
      // However much it is used: the time runs from when it was unwrapped.
      jest.advanceTimersByTime(1);
      await expect(fresh.open(a, sealed, at("org_a"))).rejects.toThrow(SealBroken);
    } finally {
      jest.useRealTimers();
    }
  });

  test("are at hand before a transaction that seals, which then asks for none", async () => {
    await vault.ready((work) => work(a), "org_a");
    expect(unwraps).toHaveLength(1);
    await vault.ready((work) => work(a), "org_a");
    const sealed = await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    expect(textOf(await vault.open(a, sealed, at("org_a")))).toBe("p8");
    expect(unwraps).toHaveLength(1);
  });

  test("are made anew where another key-encryption key has come into force meanwhile", async () => {
    const next = localKeyProvider(Secret.of(randomBytes(32)));
    const both = new Vault(new KeyRing(next, [local]), store);
    const made = await both.make((work) => work(a), "org_a");
    store.keyLabel = next.label;
    expect(await store.add(a, made)).toBeNull();
    const sealed = await both.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    expect(store.currents.get("org_a")?.keyLabel).toBe(next.label);
    await expect(new Vault(new KeyRing(local), store).open(a, sealed, at("org_a"))).rejects.toThrow(KeyMissing);
    expect(textOf(await both.open(a, sealed, at("org_a")))).toBe("p8");
  });

  test("print nothing of themselves with the vault", async () => {
    await vault.seal(a, "org_a", Secret.of("p8"), at("org_a"));
    expect(JSON.stringify(vault)).not.toContain("unwrapped");
  });
});
