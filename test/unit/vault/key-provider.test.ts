import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { KeyRefused, localKeyProvider, parseKeyEncryptionKey, UnwrapFailed } from "../../../src/vault/key-provider.js";
import { Secret } from "../../../src/vault/secret.js";

const hexOf = (secret: Secret) => secret.use((bytes) => bytes.toString("hex"));
const key = Secret.of(randomBytes(32));
const dataKey = Secret.of(randomBytes(32));
const context = { dataKeyId: "key_1", rootId: "org_1" };
const provider = localKeyProvider(key);
const other = localKeyProvider(Secret.of(randomBytes(32)));

describe("the local key provider", () => {
  test("unwraps what it wrapped", async () => {
    const wrapped = await provider.wrap(dataKey, context);
    expect(dataKey.use((bytes) => wrapped.includes(bytes))).toBe(false);
    expect(hexOf(await provider.unwrap(wrapped, context))).toBe(hexOf(dataKey));
  });

  test("unwraps for no other data key and no other organization", async () => {
    const wrapped = await provider.wrap(dataKey, context);
    const joined = { dataKeyId: "key_1o", rootId: "rg_1" };
    for (const moved of [{ ...context, dataKeyId: "key_2" }, { ...context, rootId: "org_2" }, joined]) {
      await expect(provider.unwrap(wrapped, moved)).rejects.toThrow(UnwrapFailed);
    }
  });

  test("unwraps nothing that was changed or cut, or that another key wrapped", async () => {
    const wrapped = await provider.wrap(dataKey, context);
    for (let index = 0; index < wrapped.length; index++) {
      const flipped = Buffer.from(wrapped);
      flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
      await expect(provider.unwrap(flipped, context)).rejects.toThrow(UnwrapFailed);
      await expect(provider.unwrap(wrapped.subarray(0, index), context)).rejects.toThrow(UnwrapFailed);
    }
    await expect(other.unwrap(wrapped, context)).rejects.toThrow(`key_1 does not unwrap`);
  });

  test("has a label that is the key's own, the same at every start, and tells nothing of it", () => {
    expect(provider.label).toMatch(/^local:[0-9a-f]{12}$/);
    expect(localKeyProvider(Secret.of(key.use((bytes) => bytes))).label).toBe(provider.label);
    expect(other.label).not.toBe(provider.label);
    expect(hexOf(key)).not.toContain(provider.label.slice(6));
  });

  test("takes no key of another length", () => {
    for (const length of [0, 16, 31, 33]) {
      expect(() => localKeyProvider(Secret.of(randomBytes(length)))).toThrow(KeyRefused);
    }
  });
});

describe("a key-encryption key is read", () => {
  const bytes = Buffer.concat([Buffer.from([0xfb, 0xff, 0xfe]), randomBytes(29)]);

  test.each([
    ["base64", bytes.toString("base64")],
    ["base64 without padding", bytes.toString("base64").replace("=", "")],
    ["base64url", bytes.toString("base64url")],
    ["base64url with padding", `${bytes.toString("base64url")}=`],
    ["base64 with a line break", `${bytes.toString("base64")}\n`],
  ])("from %s", (_form, text) => {
    expect(hexOf(parseKeyEncryptionKey(text))).toBe(bytes.toString("hex"));
  });
});

describe("a key-encryption key is refused, without showing it,", () => {
  const good = randomBytes(32).toString("base64");
  test.each([
    ["empty", ""],
    ["of 31 bytes", randomBytes(31).toString("base64")],
    ["of 33 bytes", randomBytes(33).toString("base64")],
    ["in hex", randomBytes(32).toString("hex")],
    ["with a foreign character", `!${good.slice(1)}`],
    ["with a blank within", `${good.slice(0, 20)} ${good.slice(20)}`],
    ["with an impossible last character", `${"A".repeat(42)}B=`],
    ["of zeros", Buffer.alloc(32).toString("base64")],
  ])("when it is %s", (_what, text) => {
    const attempt = () => parseKeyEncryptionKey(text);
    expect(attempt).toThrow(KeyRefused);
    expect(attempt).not.toThrow(text.slice(0, 12) || "never");
  });
});
