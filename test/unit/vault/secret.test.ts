import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { Secret } from "../../../src/vault/secret.js";

const TEXT = "correct horse battery staple";
const secret = Secret.of(TEXT);

describe("a secret", () => {
  test.each<[string, () => unknown]>([
    ["String()", () => String(secret)],
    ["toString", () => secret.toString()],
    ["JSON", () => JSON.stringify({ secret, list: [secret] })],
    ["util.inspect", () => inspect({ secret }, { depth: 9, showHidden: true, getters: true })],
    ["util.inspect of the bare secret", () => inspect(secret)],
    ["util.inspect with colours, as console.log has it", () => inspect([new Map([["key", secret]])], { colors: true })],
    ["concatenation", () => ["", secret].join("")],
    ["an error's message", () => new Error(String(secret)).message],
    ["Symbol.toPrimitive", () => secret[Symbol.toPrimitive]()],
  ])("prints as [secret] through %s", (_through, print) => {
    expect(print()).toContain("[secret]");
    expect(print()).not.toContain("horse");
  });

  test("prints as [secret] in a template string", () => {
    const loose: { toString(): string } = secret;
    expect(`key: ${loose as string}`).toBe("key: [secret]");
  });

  test("shows nothing to inspection that is told to leave its custom printing out", () => {
    expect(inspect(secret, { customInspect: false, showHidden: true, depth: 9 })).not.toContain("horse");
  });

  test("has no property to enumerate, copy or clone", () => {
    expect(Object.keys(secret)).toEqual([]);
    expect(Reflect.ownKeys(secret)).toEqual([]);
    expect(Object.assign({}, secret)).toEqual({});
    expect(structuredClone(secret)).toEqual({});
  });

  test("is opened by use, which returns what the function returns", () => {
    expect(secret.use((bytes) => bytes.toString())).toBe(TEXT);
    expect(Secret.of(Buffer.from([0, 255])).use((bytes) => [...bytes])).toEqual([0, 255]);
    expect(Secret.of("schlüssel").use((bytes) => bytes.toString())).toBe("schlüssel");
  });

  test("opens asynchronously as well", async () => {
    await expect(secret.use((bytes) => Promise.resolve(bytes.length))).resolves.toBe(TEXT.length);
  });

  test("keeps its own copy of the bytes that it was made of", () => {
    const bytes = Buffer.from(TEXT);
    const copied = Secret.of(bytes);
    bytes.fill(0);
    expect(copied.use((kept) => kept.toString())).toBe(TEXT);
  });

  test("shares no memory pool with other buffers", () => {
    expect(secret.use((bytes) => bytes.buffer.byteLength)).toBe(TEXT.length);
  });
});
