import { describe, expect, test } from "@jest/globals";
import forge from "node-forge";
import { deriveSecret, DIGESTS } from "../../../src/files/pkcs12/key-derivation.js";

type Case = readonly [
  purpose: "key" | "iv" | "mac",
  password: string | null,
  saltBytes: number,
  iterations: number,
  length: number,
];

const CASES: readonly Case[] = [
  ["key", "smeg", 8, 1, 24],
  ["iv", "smeg", 8, 1, 8],
  ["key", "queeg", 8, 1_000, 24],
  ["mac", "queeg", 8, 1_000, 20],
  ["key", "", 8, 3, 24],
  ["key", null, 8, 3, 24],
  ["key", "pässwörd 日 😀", 20, 7, 64],
  ["mac", "x".repeat(200), 200, 5, 130],
  ["key", "no salt", 0, 2, 48],
  ["key", null, 0, 2, 48],
];

describe.each(Object.entries(DIGESTS))("secrets derived with %s", (name, digest) => {
  test.each(CASES)(
    "are those of node-forge: %s of %p, salt %i, rounds %i, length %i",
    (purpose, password, saltBytes, iterations, length) => {
      // Bytes of every kind, so that adding carries over.
      const salt = Buffer.from(Array.from({ length: saltBytes }, (_, i) => (i * 37 + 255) & 0xff));
      const id = { key: 1, iv: 2, mac: 3 }[purpose];
      const md = forge.md[name as keyof typeof DIGESTS].create();
      const saltBuffer = forge.util.createBuffer(salt.toString("latin1"));
      const expected = forge.pkcs12.generateKey(password, saltBuffer, id, iterations, length, md).toHex();
      expect(deriveSecret({ digest, password, salt, iterations }, purpose, length).toString("hex")).toBe(expected);
    },
  );
});

test("a key is the one that the test vectors of PKCS#12 have", () => {
  const salt = Buffer.from("0a58cf64530d823f", "hex");
  const key = deriveSecret({ digest: DIGESTS.sha1, password: "smeg", salt, iterations: 1 }, "key", 24);
  expect(key.toString("hex")).toBe("8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3");
});
