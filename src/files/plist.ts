import { parse, type PlistValue } from "plist";

/** A dictionary of a property list. */
export type PlistDictionary = Readonly<Record<string, PlistValue>>;

/** Profiles nest four deep. */
const DEPTH_MOST = 16;
/** A profile for a thousand devices has a thousand elements more than the fifty of one for the store. */
const ELEMENTS_MOST = 20_000;

/** What may stand before the list: the declaration, and the document type that Apple writes, without a subset of its own. */
const PROLOGUE =
  /^\uFEFF?\s{0,100}(?:<\?xml[^<>?]{1,100}\?>)?\s{0,100}(?:<!DOCTYPE plist PUBLIC "[^"<>]{1,100}" "[^"<>]{1,200}">)?\s{0,100}(?=<plist[ >])/;
/** An element's tag, or what stands between tags. Comments, CDATA and instructions are neither, and Apple writes none. */
const TOKEN =
  /<(?<close>\/?)(?<name>plist|dict|array|key|string|integer|real|data|date|true|false)(?: version="[0-9.]{1,5}")?[ \t\r\n]{0,10}(?<empty>\/?)>|[^<]+/y;
/** A reference to another entity than XML's own five, or to no character. */
const FOREIGN_ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#[1-9][0-9]{1,5}|#x[1-9a-fA-F][0-9a-fA-F]{1,4});)/;
// eslint-disable-next-line no-control-regex -- what XML has no way to write, and U+FFFD, which tells of a wrong encoding
const NO_CHARACTER = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFD-\uFFFF]/;

/**
 * Reads an XML property list whose root is a dictionary; null where it is none. Entities, depth and number of elements are
 * looked at first, in one pass: the parser sees nothing but plain elements.
 */
export function readPlist(bytes: Buffer): PlistDictionary | null {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
  const element = plainElement(text);
  if (element === null) return null;
  try {
    const value = parse(element);
    return isDictionary(value) ? value : null;
  } catch {
    return null;
  }
}

/** Whether a value is a dictionary, and no list, date, data or nothing. */
export function isDictionary(value: PlistValue | undefined): value is Record<string, PlistValue> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

/** The text from its root on, where it is plain; the parser writes of what it finds wrong with a declaration to the log. */
function plainElement(text: string): string | null {
  const prologue = PROLOGUE.exec(text);
  if (prologue === null || FOREIGN_ENTITY.test(text) || NO_CHARACTER.test(text)) return null;
  const open: string[] = [];
  let elements = 0;
  TOKEN.lastIndex = prologue[0].length;
  while (TOKEN.lastIndex < text.length) {
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) return null;
    const { close, name, empty } = groups;
    if (name === undefined || empty === "/") {
      if (close === "/") return null;
    } else if (close === "/") {
      if (open.pop() !== name) return null;
    } else open.push(name);
    if (name !== undefined) elements += 1;
    if (open.length > DEPTH_MOST || elements > 2 * ELEMENTS_MOST) return null;
    // One root: after it, blanks alone.
    if (open.length === 0)
      return text.slice(TOKEN.lastIndex).trim() === "" ? text.slice(prologue[0].length, TOKEN.lastIndex) : null;
  }
  return null;
}
