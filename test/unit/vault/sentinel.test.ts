import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { KeyServiceFailed, localKeyProvider, type KeyProvider } from "../../../src/vault/key-provider.js";
import { KeyRing } from "../../../src/vault/key-ring.js";
import { Secret } from "../../../src/vault/secret.js";
import { checkSentinel, makeSentinel, WrongKey, type Sentinel } from "../../../src/vault/sentinel.js";

const [old, next, other] = Array.from({ length: 3 }, () => localKeyProvider(Secret.of(randomBytes(32)))) as [
  KeyProvider,
  KeyProvider,
  KeyProvider,
];
const sealedBy = async (key: KeyProvider, nextLabel: string | null = null): Promise<Sentinel> => ({
  label: key.label,
  nextLabel,
  sealed: await makeSentinel(key),
});

describe("the sentinel", () => {
  test("opens at a start with the same key", async () => {
    await expect(checkSentinel(new KeyRing(old), await sealedBy(old))).resolves.toBeUndefined();
  });

  test("opens at a start with another key where the one that made it is given as a former one", async () => {
    await expect(checkSentinel(new KeyRing(next, [other, old]), await sealedBy(old))).resolves.toBeUndefined();
  });

  test("refuses a start with another key, and names both labels", async () => {
    const refusal = checkSentinel(new KeyRing(other), await sealedBy(old));
    await expect(refusal).rejects.toThrow(WrongKey);
    await expect(refusal).rejects.toThrow(`start with ${old.label}`);
    await expect(refusal).rejects.toThrow(other.label);
  });

  test("refuses, while a rotation is under way, a start without the key that it leads to, and names it", async () => {
    const sentinel = await sealedBy(old, next.label);
    const refusal = checkSentinel(new KeyRing(old), sentinel);
    await expect(refusal).rejects.toThrow(WrongKey);
    await expect(refusal).rejects.toThrow(`to ${next.label}`);
    await expect(checkSentinel(new KeyRing(old, [next]), sentinel)).resolves.toBeUndefined();
  });

  test("is called damaged when it does not open with the key that made it", async () => {
    const { sealed, ...sentinel } = await sealedBy(old);
    const damaged = { ...sentinel, sealed: sealed.subarray(1) };
    await expect(checkSentinel(new KeyRing(old), damaged)).rejects.toThrow("damaged");
  });

  test("refuses a provider that opens it to something else", async () => {
    const liar: KeyProvider = { ...old, unwrap: () => Promise.resolve(Secret.of("something else")) };
    await expect(checkSentinel(new KeyRing(liar), await sealedBy(old))).rejects.toThrow(WrongKey);
  });

  test("calls no key wrong when the key service only failed to answer", async () => {
    const down: KeyProvider = { ...old, unwrap: () => Promise.reject(new KeyServiceFailed(old.label, "no route")) };
    await expect(checkSentinel(new KeyRing(down), await sealedBy(old))).rejects.toThrow(KeyServiceFailed);
  });
});
