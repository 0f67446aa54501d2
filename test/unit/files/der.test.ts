import { describe, expect, test } from "@jest/globals";
import { integerOf, octetsOf, readDer } from "../../../src/files/der.js";
import { NO_TIME_MS } from "../../support/no-time.js";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const read = (text: string) => readDer(hex(text));
const nested = (depth: number) => "3080".repeat(depth) + "0000".repeat(depth);
/** A sequence of as many NULLs. */
const nulls = (count: number) =>
  Buffer.concat([hex("3083"), lengthOf(2 * count), Buffer.alloc(2 * count, hex("0500"))]);
const lengthOf = (length: number) => hex(length.toString(16).padStart(6, "0"));

describe("a value of ASN.1", () => {
  test("is read with what is in it", () => {
    const value = read("30 08 02 01 05 30 03 04 01 ff");
    expect(value).toMatchObject({
      tag: 0x30,
      content: hex("02 01 05 30 03 04 01 ff"),
      children: [
        { tag: 0x02, encoding: hex("02 01 05"), content: hex("05"), children: [] },
        { tag: 0x30, encoding: hex("30 03 04 01 ff"), children: [{ tag: 0x04, content: hex("ff") }] },
      ],
    });
  });

  test.each([
    ["one octet", "30 81 03 02 01 05"],
    ["two", "30 82 00 03 02 01 05"],
    ["four", "30 84 00 00 00 03 02 01 05"],
    ["none, and an end", "30 80 02 01 05 00 00"],
  ])("may have its length in %s", (_form, text) => {
    const value = read(text);
    expect(value?.encoding).toEqual(hex(text));
    expect(value?.content).toEqual(hex("02 01 05"));
    expect(value?.children).toMatchObject([{ tag: 0x02, content: hex("05") }]);
  });

  test.each([
    ["in the middle", "30 80 30 80 02 01 05 00 00 02 01 06 00 00"],
    ["within a length that is known", "30 0d 30 80 30 80 02 01 05 00 00 00 00 05 00"],
  ])("may lack its length %s", (_where, text) => {
    const children = read(text)?.children;
    expect(children?.map(({ tag }) => tag)).toEqual([0x30, expect.any(Number)]);
  });

  test("may be empty", () => {
    expect([read("30 00")?.children, read("04 00")?.content, read("30 80 00 00")?.children]).toEqual([
      [],
      Buffer.alloc(0),
      [],
    ]);
  });

  test("of octets is one piece or several", () => {
    const octets = ["04 03 01 02 03", "24 07 04 01 01 04 02 02 03", "24 80 04 02 01 02 04 01 03 00 00"];
    for (const text of octets) {
      const value = read(text);
      expect(value && octetsOf(value)).toEqual(hex("01 02 03"));
    }
  });

  test.each<[text: string, number: number]>([
    ["02 01 05", 5],
    ["02 02 08 00", 2_048],
    ["02 03 0f 42 40", 1_000_000],
    ["02 01 ff", -1],
    ["02 06 7f ff ff ff ff ff", 2 ** 47 - 1],
    ["02 07 01 00 00 00 00 00 00", Infinity],
    ["02 00", Infinity],
    ["04 01 05", Infinity],
  ])("%s is the number %p", (text, number) => {
    expect(integerOf(read(text) ?? undefined)).toBe(number);
  });

  test("that is missing is no number", () => {
    expect(integerOf(undefined)).toBe(Infinity);
  });
});

describe("nothing is read", () => {
  test.each([
    ["of nothing", ""],
    ["of a tag alone", "30"],
    ["of a value that is cut off", "04 03 01 02"],
    ["of a length that is cut off", "30 82 01"],
    ["of two values", "05 00 05 00"],
    ["with something behind it", "30 00 00"],
    ["that is longer than what it is in", "30 03 04 02 01"],
    ["that is longer than what it is in, two above", "30 05 30 80 04 05 01"],
    ["primitive and of no known length", "04 80 01 00 00"],
    ["without its end", "30 80 02 01 05"],
    ["with half an end", "30 80 02 01 05 00"],
    ["with an end that has a length", "30 80 02 01 05 00 01"],
    ["of a tag of several octets", "bf 1f 00"],
    ["of a length of five octets", "30 85 00 00 00 00 01 05"],
    ["of a length of 127 octets", "30 ff 00"],
    ["of the greatest length of four octets", "30 84 ff ff ff ff 05 00"],
  ])("%s", (_what, text) => {
    expect(read(text)).toBeNull();
  });

  test("that nests deeper than files of Apple's do", () => {
    expect(read(nested(32))).not.toBeNull();
    expect(read(nested(33))).toBeNull();
    expect(read("3080".repeat(500_000))).toBeNull();
  });

  test("that has more values than files of Apple's do", () => {
    expect(readDer(nulls(9_999))?.children).toHaveLength(9_999);
    expect(readDer(nulls(10_000))).toBeNull();
    expect(readDer(nulls(500_000))).toBeNull();
  });

  test("slowly", () => {
    const started = performance.now();
    for (let round = 0; round < 20; round += 1) {
      readDer(nulls(500_000));
      read("3080".repeat(100_000));
      readDer(Buffer.alloc(1_000_000, 0x30));
    }
    expect(performance.now() - started).toBeLessThan(NO_TIME_MS);
  });
});
