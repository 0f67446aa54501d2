import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { P8_MAX_CHARACTERS, readP8 } from "../../../src/files/p8.js";

const generateEc = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve }).privateKey;
const key = generateEc("P-256");
const pem = key.export({ type: "pkcs8", format: "pem" }).toString();
const der = key.export({ type: "pkcs8", format: "der" });
const sec1 = key.export({ type: "sec1", format: "pem" }).toString();
const body = der.toString("base64");
const spki = createPublicKey(key).export({ type: "spki", format: "der" });
const fingerprint = createHash("sha256").update(spki).digest("hex");
const frame = (bytes: Buffer, label = "PRIVATE KEY") =>
  `-----BEGIN ${label}-----\n${bytes.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
const base64 = (text: string) => Buffer.from(text).toString("base64");
const crlf = pem.replaceAll("\n", "\r\n");
const escaped = pem.replaceAll("\n", "\\n");
const windowsOf = (text: string) =>
  Array.from({ length: Math.max(0, text.length - 11) }, (_, i) => text.slice(i, i + 12));

/** A DER value of less than 256 bytes. */
const tlv = (tag: number, ...parts: Buffer[]) => {
  const content = Buffer.concat(parts);
  return Buffer.concat([
    Buffer.from(content.length < 0x80 ? [tag, content.length] : [tag, 0x81, content.length]),
    content,
  ]);
};
const scalar = der.subarray(36, 68);
const publicPoint = der.subarray(68);
// Compressed (SEC 1, 2.3.3): whether y is odd, then x.
const compressed = Buffer.concat([Buffer.from([2 + (der.readUInt8(137) & 1)]), der.subarray(74, 106)]);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, "hex"));
const curve = tlv(0xa0, oid("2a8648ce3d030107"));
const pkcs8Of = (d: Buffer, ...more: Buffer[]) =>
  tlv(
    0x30,
    tlv(0x02, Buffer.from([0])),
    tlv(0x30, oid("2a8648ce3d0201"), oid("2a8648ce3d030107")),
    tlv(0x04, tlv(0x30, tlv(0x02, Buffer.from([1])), tlv(0x04, d), ...more)),
  );

describe("a .p8 key is read", () => {
  test.each<[string, string]>([
    ["as the file is", pem],
    ["without its last line break", pem.trimEnd()],
    ["with blanks and line breaks around", `\n\n \t${pem}  \r\n\n`],
    ["with a BOM", `\uFEFF${pem}`],
    ["with CRLF", crlf],
    ["with CR alone", pem.replaceAll("\n", "\r")],
    ["with indented lines, as in YAML", pem.replaceAll(/^/gm, "    ")],
    ["with blank lines between", pem.replaceAll("\n", "\n\n")],
    ["with escaped line breaks", escaped],
    ["with escaped CRLF", pem.replaceAll("\n", "\\r\\n")],
    ["with doubly escaped line breaks", pem.replaceAll("\n", "\\\\n")],
    ["with doubly escaped CRLF", pem.replaceAll("\n", "\\\\r\\\\n")],
    ["with escaped and real line breaks", pem.replaceAll("\n", "\\n\n")],
    ["with shell line continuations", pem.replaceAll("\n", "\\\n")],
    ["in double quotes", `"${pem}"`],
    ["in single quotes", `'${pem}'`],
    ["in backticks", `\`${pem}\``],
    ["in double quotes with escaped line breaks", `"${escaped}"`],
    ["in single quotes with escaped line breaks", ` '${escaped}' `],
    ["as a JSON string", JSON.stringify(pem)],
    ["as a JSON string in a JSON string", JSON.stringify(JSON.stringify(pem))],
    [
      "as a JSON string with escaped slashes and signs",
      JSON.stringify(pem).replaceAll("/", "\\/").replaceAll("+", "\\u002B"),
    ],
    ["within a JSON file, as fastlane keeps it", JSON.stringify({ key_id: "D383SF739", key: pem, in_house: false })],
    ["with lines joined by blanks", pem.replaceAll("\n", " ")],
    ["on one line, with its frame", pem.replaceAll("\n", "")],
    ["with every blank lost, even in its frame", pem.replaceAll(/\s/g, "")],
    ["with blanks turned into line breaks", pem.replaceAll(" ", "\n")],
    ["without its frame", body.replace(/.{64}/g, "$&\n")],
    ["without its frame, on one line", body],
    ["without its frame, with CRLF", body.replace(/.{64}/g, "$&\r\n")],
    ["without its frame, with escaped line breaks", body.replace(/.{64}/g, "$&\\n")],
    ["without its frame, in quotes", `"${body}"`],
    ["without its frame, with a BOM", `\uFEFF${body}\n`],
    ["as base64url, without its frame", der.toString("base64url")],
    ["as base64url in its frame", pem.replaceAll("+", "-").replaceAll("/", "_")],
    ["as base64 of the file", base64(pem)],
    ["as base64 of the file, in lines of 76", base64(pem).replace(/.{76}/g, "$&\n")],
    ["as base64 of the file with CRLF and a BOM", base64(`\uFEFF${crlf}`)],
    ["as base64 of the file, without padding", base64(pem).replace(/=+$/, "")],
    ["as base64url of the file", Buffer.from(pem).toString("base64url")],
    ["as base64 of the file, in quotes", `"${base64(pem)}"\n`],
    ["as base64 of the file with escaped line breaks", base64(escaped)],
    [
      "with bag attributes before it",
      `Bag Attributes\n    localKeyID: 01 02 03\nKey Attributes: <No Attributes>\n${pem}`,
    ],
    ["with comments around it", `# AuthKey "prod"\n${pem}\n# end\n`],
    ["as EC PRIVATE KEY (SEC1)", sec1],
    [
      "as EC PRIVATE KEY after EC PARAMETERS",
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`,
    ],
    ["as EC PRIVATE KEY without its frame", key.export({ type: "sec1", format: "der" }).toString("base64")],
    ["as EC PRIVATE KEY with escaped line breaks", sec1.replaceAll("\n", "\\n")],
    ["in PKCS#8 under the label of SEC1", frame(der, "EC PRIVATE KEY")],
  ])("%s", (_form, text) => {
    const p8 = readP8(text);
    expect(p8.fingerprint).toBe(fingerprint);
    expect(p8.pkcs8Der).toEqual(der);
    expect(p8.privateKey.equals(key)).toBe(true);
  });

  test("to a key that signs", () => {
    const signature = sign("sha256", Buffer.from("token"), readP8(escaped).privateKey);
    expect(verify("sha256", Buffer.from("token"), createPublicKey(key), signature)).toBe(true);
  });

  test("with base64url whose last character is a dash, on one line with its frame", () => {
    for (let round = 0; round < 400; round++) {
      const other = generateEc("P-256");
      const url = other.export({ type: "pkcs8", format: "der" }).toString("base64url");
      const text = `-----BEGIN PRIVATE KEY-----${url}-----END PRIVATE KEY-----`;
      expect(readP8(text).privateKey.equals(other)).toBe(true);
      if (url.endsWith("-")) break;
    }
  });

  test.each<[string, Buffer]>([
    ["with the curve named within as well, as Apple writes it", pkcs8Of(scalar, curve, publicPoint)],
    ["without its public key, which is derived", pkcs8Of(scalar)],
    ["with its public key compressed", pkcs8Of(scalar, tlv(0xa1, tlv(0x03, Buffer.from([0]), compressed)))],
  ])("%s", (_form, bytes) => {
    expect(readP8(frame(bytes))).toMatchObject({ fingerprint, pkcs8Der: der });
  });

  test("whose scalar lost its leading zeros", () => {
    const short = readP8(frame(pkcs8Of(Buffer.from([5]))));
    const whole = readP8(frame(pkcs8Of(Buffer.concat([Buffer.alloc(31), Buffer.from([5])]))));
    expect(short.pkcs8Der).toEqual(whole.pkcs8Der);
    expect(short.pkcs8Der).toHaveLength(138);
  });

  test("and shows no key when it is printed, logged or serialized", () => {
    const p8 = readP8(pem);
    const hex = der.toString("hex");
    const shown = [
      inspect(p8, { depth: 9, showHidden: true }),
      JSON.stringify(p8),
      JSON.stringify(Object.assign({}, p8)),
    ].join();
    expect(shown).toContain(fingerprint);
    expect(windowsOf(hex + body).filter((window) => shown.includes(window))).toEqual([]);
  });
});

test("the limit is one character more than what is still read", () => {
  expect(readP8(pem + " ".repeat(P8_MAX_CHARACTERS - pem.length)).fingerprint).toBe(fingerprint);
});
