import { describe, expect, jest, test } from "@jest/globals";
import { build } from "plist";
import { isDictionary, readPlist } from "../../../src/files/plist.js";
import { NO_TIME_MS } from "../../support/no-time.js";

const APPLE =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n';
const read = (text: string) => readPlist(Buffer.from(text));
const list = (content: string) => `<plist version="1.0"><dict>${content}</dict></plist>`;
const entry = (value: string) => list(`<key>a</key>${value}`);

describe("a property list is read", () => {
  test.each([
    ["as Apple writes it", `${APPLE}${entry("<string>b</string>")}\n`],
    ["without what stands before it", entry("<string>b</string>")],
    [
      "with the document type of older tools",
      APPLE.replace("Apple//DTD", "Apple Computer//DTD") + entry("<string>b</string>"),
    ],
    ["with a BOM", `\uFEFF${APPLE}${entry("<string>b</string>")}`],
    ["with CRLF", `${APPLE}${entry("\n<string>b</string>\n")}`.replaceAll("\n", "\r\n")],
    ["without its version", entry("<string>b</string>").replace(' version="1.0"', "")],
    ["with blanks in its tags", entry("<string >b</string\n>")],
  ])("%s", (_form, text) => {
    expect(read(text)).toEqual({ a: "b" });
  });

  test("with every type there is", () => {
    const values = {
      string: "a & b <c> \"d\" 'e' ü 日 😀",
      empty: "",
      integer: -5,
      real: 1.5,
      yes: true,
      no: false,
      date: new Date("2026-01-01T00:00:00Z"),
      list: ["a", ["b", {}]],
      dictionary: { a: { b: [1] } },
    };
    expect(read(build(values))).toEqual(values);
    expect(read(entry("<data>\n  AQID\n  BA==\n</data>"))).toEqual({ a: new Uint8Array([1, 2, 3, 4]) });
  });

  test("with XML's own entities and numbers of characters", () => {
    expect(read(entry("<string>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</string>"))).toEqual({ a: "<&>\"'A😀" });
  });
});

describe("a property list is refused", () => {
  const million = `<!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`;
  const file = '<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/passwd">]>';

  test.each([
    ["with entities of its own", `${million}${entry("<string>&b;</string>")}`],
    ["with an entity that is a file", `${file}${entry("<string>&a;</string>")}`],
    [
      "with Apple's document type and more in it",
      APPLE.trimEnd().replace(/>$/, ' [<!ENTITY a "a">]>') + entry("<true/>"),
    ],
    ["with an empty subset of its own", APPLE.replace(`dtd">`, `dtd" []>`) + entry("<true/>")],
    ["with a document type that is a file", `<!DOCTYPE plist SYSTEM "file:///etc/passwd">${entry("<true/>")}`],
    ["with two document types", `${APPLE}${APPLE}${entry("<true/>")}`],
    ["with an entity that nobody has defined", entry("<string>&a;</string>")],
    ["with an ampersand", entry("<string>a & b</string>")],
    ["with the number of no character", entry("<string>&#0;</string>")],
    ["with a number beyond all characters", entry("<string>&#x1234567;</string>")],
    ["with CDATA", entry("<string><![CDATA[b]]></string>")],
    ["with a comment", entry("<!-- b --><true/>")],
    ["with an instruction", entry("<?b c?><true/>")],
    ["with another element", entry("<script>b</script>")],
    ["with a namespace", entry("<x:string>b</x:string>")],
    ["with an attribute", entry('<string id="b">c</string>')],
    ["with an attribute of a namespace", entry("<true/>").replace("<plist", '<plist xmlns="a"')],
    ["with an element that is not closed", "<plist><dict><key>a</key><true/></plist>"],
    ["with an element that closes another", "<plist><dict></plist></dict>"],
    ["with a tag that closes nothing", "</plist>"],
    ["with a tag that closes and is empty", "<plist><dict></dict/></plist>"],
    ["with two roots", `${list("")}${list("")}`],
    ["with text behind it", `${list("")}a`],
    ["with text before it", `a${list("")}`],
    ["with half a tag", "<plist><dict><"],
    ["with a key that is none", list("<string>a</string><true/>")],
    ["with a key of the prototype", list("<key>__proto__</key><dict/>")],
    ["with data that is no base64", entry("<data>!</data>")],
    ["with a zero character", entry("<string>\0</string>")],
    ["of nothing", ""],
    ["of an empty list", "<plist/>"],
    ["whose root is a list", "<plist><array><true/></array></plist>"],
    ["whose root is a text", "<plist><string>a</string></plist>"],
    ["in JSON", '{"a": "b"}'],
    ["in the old form", '{ a = "b"; }'],
    ["in the binary form", "bplist00"],
  ])("%s", (_what, text) => {
    expect(read(text)).toBeNull();
  });

  test("in another encoding than UTF-8", () => {
    expect(readPlist(Buffer.from(entry("<string>ü</string>"), "latin1"))).toBeNull();
    expect(readPlist(Buffer.from(entry("<true/>"), "utf16le"))).toBeNull();
  });

  test("deeper than a profile ever is", () => {
    const deep = (depth: number) => entry("<array>".repeat(depth) + "</array>".repeat(depth));
    expect([read(deep(14)) === null, read(deep(15))]).toEqual([false, null]);
    expect(read(deep(40_000))).toBeNull();
  });

  test("with more elements than a profile ever has", () => {
    expect(read(entry(`<array>${"<true/>".repeat(10_000)}</array>`))).not.toBeNull();
    expect(read(entry(`<array>${"<true/>".repeat(50_000)}</array>`))).toBeNull();
  });

  test("in no time, whatever it is", () => {
    const texts = [
      "<",
      "<plist ",
      "&",
      "&amp;",
      "<plist>",
      "</plist>",
      " ",
      '"',
      "<!DOCTYPE plist ",
      "<dict><key>",
      "a",
    ];
    const started = performance.now();
    for (const text of texts) read(`<plist><dict><key>a</key><string>${text.repeat(1_000_000 / text.length)}`);
    for (const text of texts) read(text.repeat(1_000_000 / text.length));
    expect(performance.now() - started).toBeLessThan(NO_TIME_MS);
  });

  test("without a word to the log", () => {
    const said = [jest.spyOn(console, "error"), jest.spyOn(console, "warn")];
    for (const text of ["<plist>", "<plist><dict>", entry("<string>&a;</string>"), entry("<data>!</data>")]) read(text);
    for (const spy of said) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

test("a dictionary is no list, date, data, text or nothing", () => {
  expect([[], new Date(), new Uint8Array(), "a", null, undefined].map(isDictionary)).toEqual(Array(6).fill(false));
  expect(isDictionary({})).toBe(true);
});
