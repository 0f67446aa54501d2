import { describe, expect, test } from "@jest/globals";
import { dataKeyIdOf, makeDataKey, openWith, SealBroken, sealWith } from "../../../src/vault/envelope.js";
import type { DataKey, SealedPlace } from "../../../src/vault/envelope.js";
import { encodeParts } from "../../../src/vault/gcm.js";
import { Secret } from "../../../src/vault/secret.js";

const PLAINTEXT = "a private key of App Store Connect";
const KEY_ID = "key_01h455vb4pex5vsknk084sn02q";
const dataKey = makeDataKey(KEY_ID);
const place: SealedPlace = {
  table: "credentials",
  column: "sealed_key",
  rowId: "cred_1",
  ownerId: "org_1",
  version: 1,
};
const sealed = sealWith(dataKey, Secret.of(PLAINTEXT), place);

const textOf = (secret: Secret) => secret.use((bytes) => bytes.toString());
const breaks = (blob: Buffer, at: SealedPlace = place, key: DataKey = dataKey) => {
  expect(() => openWith(key, blob, at)).toThrow(SealBroken);
};

describe("a sealed value", () => {
  test("opens where it was sealed", () => {
    expect(textOf(openWith(dataKey, sealed, place))).toBe(PLAINTEXT);
  });

  test("opens to the same bytes, whatever they are and however many", () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([0]), Buffer.alloc(100_000, 0xa5)]) {
      const opened = openWith(dataKey, sealWith(dataKey, Secret.of(bytes), place), place);
      expect(opened.use((plain) => plain.equals(bytes))).toBe(true);
    }
  });

  test("is version, data key id, nonce, tag and ciphertext", () => {
    expect(sealed[0]).toBe(1);
    expect(sealed[1]).toBe(30);
    expect(sealed.toString("latin1", 2, 32)).toBe(KEY_ID);
    expect(sealed).toHaveLength(2 + 30 + 12 + 16 + PLAINTEXT.length);
    expect(dataKeyIdOf(sealed)).toBe(KEY_ID);
  });

  test("is another one each time, in nonce and in ciphertext", () => {
    const again = sealWith(dataKey, Secret.of(PLAINTEXT), place);
    expect(again.subarray(32, 44)).not.toEqual(sealed.subarray(32, 44));
    expect(again.subarray(60)).not.toEqual(sealed.subarray(60));
  });

  test("holds nothing of the plaintext or the key in the clear", () => {
    expect(sealed.includes(PLAINTEXT.slice(0, 6))).toBe(false);
    expect(dataKey.key.use((bytes) => sealed.includes(bytes))).toBe(false);
  });
});

describe("a changed value is refused", () => {
  test("with any single bit flipped", () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      breaks(flipped);
    }
  });

  test("cut at any length, or lengthened", () => {
    for (let length = 0; length < sealed.length; length++) breaks(sealed.subarray(0, length));
    for (let start = 1; start < sealed.length; start++) breaks(sealed.subarray(start));
    breaks(Buffer.concat([sealed, Buffer.alloc(1)]));
  });

  test("made of junk", () => {
    for (const junk of [Buffer.alloc(0), Buffer.alloc(200), Buffer.alloc(200, 0xff), Buffer.from(PLAINTEXT)]) {
      breaks(junk);
      expect(() => dataKeyIdOf(junk)).toThrow(SealBroken);
    }
  });

  test("sealed with another key, under the same id or its own", () => {
    breaks(sealed, place, makeDataKey(KEY_ID));
    breaks(sealed, place, { id: "key_other", key: dataKey.key });
    breaks(sealWith({ id: "key_other", key: dataKey.key }, Secret.of(PLAINTEXT), place));
  });
});

describe("a moved value is refused", () => {
  const rows = ["org_a", "org_b"].flatMap((ownerId) =>
    [1, 2, 3, 4, 5].map((row) => {
      const at: SealedPlace = { ...place, rowId: `cred_${ownerId}_${row}`, ownerId };
      return { at, blob: sealWith(dataKey, Secret.of(`${PLAINTEXT} ${row}`), at) };
    }),
  );

  test("between any two of ten rows of two organizations, even under one data key", () => {
    for (const from of rows) {
      for (const to of rows) {
        if (from === to) expect(textOf(openWith(dataKey, from.blob, to.at))).toContain(PLAINTEXT);
        else breaks(from.blob, to.at);
      }
    }
  });

  test.each<[string, Partial<SealedPlace>]>([
    ["to another table", { table: "certificates" }],
    ["to another column", { column: "sealed_password" }],
    ["to another row", { rowId: "cred_2" }],
    ["to another owner", { ownerId: "org_2" }],
    ["to a later version", { version: 2 }],
    ["to no version", { version: 0 }],
    ["to a row and owner that join to the same text", { rowId: "cred_1o", ownerId: "rg_1" }],
    ["to a table and column that join to the same text", { table: "credentialss", column: "ealed_key" }],
    ["to swapped names", { table: place.column, column: place.table }],
  ])("%s", (_where, other) => {
    breaks(sealed, { ...place, ...other });
  });

  test("with a message that names column and row, and nothing secret", () => {
    const message = new SealBroken(place).message;
    expect(message).toContain("credentials.sealed_key of cred_1");
    expect(message).not.toContain("org_1");
    expect(new SealBroken()).toMatchObject({ name: "SealBroken" });
  });
});

describe("sealing refuses", () => {
  test.each([NaN, 1.5, Infinity, 2 ** 53])("version %d, which is not exact", (version) => {
    expect(() => sealWith(dataKey, Secret.of(""), { ...place, version })).toThrow(RangeError);
  });

  test.each(["", "key with spaces", "schlüssel", "k".repeat(65)])("the data key id %j", (id) => {
    expect(() => sealWith({ ...dataKey, id }, Secret.of(""), place)).toThrow(RangeError);
  });
});

test("parts are encoded so that no two lists of parts are the same bytes", () => {
  const lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], ["a", "b", "c"], []];
  expect(new Set(lists.map((parts) => encodeParts(parts).toString("hex"))).size).toBe(lists.length);
});

test("every data key is a new one of 256 bits, and prints as [secret]", () => {
  const keys = Array.from({ length: 100 }, () => makeDataKey(KEY_ID).key.use((bytes) => bytes.toString("hex")));
  expect(new Set(keys).size).toBe(100);
  expect(keys.every((key) => key.length === 64)).toBe(true);
  expect(JSON.stringify(dataKey)).toBe(`{"id":"${KEY_ID}","key":"[secret]"}`);
});
