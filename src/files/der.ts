/** One value of ASN.1, as BER or DER encodes it. */
export interface DerValue {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  /** The whole of it: tag, length and content. */
  readonly encoding: Buffer;
  readonly content: Buffer;
  /** The values within a constructed one; none in a primitive one. */
  readonly children: readonly DerValue[];
}

/** Certificates, profiles and .p12 files nest 15 values deep at most. */
const DEPTH_MOST = 32;
/** A .p12 with a chain has about 300, a profile 500. */
const VALUES_MOST = 10_000;

const CONSTRUCTED = 0x20;
/** Numbers above 30 take more octets; nothing here has such. */
const LONG_FORM_NUMBER = 0x1f;
const INDEFINITE = 0x80;
const EMPTY = Buffer.alloc(0);

interface Open {
  readonly tag: number;
  /** Where it begins, with its tag, and where its content does. */
  readonly from: number;
  readonly start: number;
  /** Null where the length is indefinite: an end-of-contents value closes it (X.690, 8.1.5). */
  readonly end: number | null;
  readonly children: DerValue[];
}

/**
 * Reads bytes that are one ASN.1 value and nothing else; null where they are not, or nest deeper or hold more values than
 * any file of Apple's. It runs before parsers that recurse, in one pass and without recursion: no file makes it slow.
 */
export function readDer(bytes: Buffer): DerValue | null {
  const root: DerValue[] = [];
  const open: Open[] = [{ tag: 0, from: 0, start: 0, end: bytes.length, children: root }];
  let at = 0;
  let count = 0;
  for (;;) {
    const around = open.at(-1);
    if (around === undefined) return root.length === 1 ? (root[0] ?? null) : null;
    if (at === around.end) {
      close(open, bytes, at, at);
      continue;
    }
    const header = headerAt(bytes, at);
    if (header === null) return null;
    if (around.end === null && header.tag === 0) {
      if (header.length !== 0) return null;
      close(open, bytes, at, header.start);
      at = header.start;
      continue;
    }
    const { tag, start, length } = header;
    const end = length === null ? null : start + length;
    // Within a value of indefinite length the nearest known end bounds what is inside.
    const bound = around.end ?? boundOf(open);
    count += 1;
    if (count > VALUES_MOST || open.length > DEPTH_MOST || (end ?? start) > bound) return null;
    if ((tag & CONSTRUCTED) !== 0) open.push({ tag, from: at, start, end, children: [] });
    else if (end === null) return null;
    else
      around.children.push({
        tag,
        encoding: bytes.subarray(at, end),
        content: bytes.subarray(start, end),
        children: [],
      });
    at = (tag & CONSTRUCTED) !== 0 || end === null ? start : end;
  }
}

function close(open: Open[], bytes: Buffer, contentEnd: number, end: number): void {
  const closed = open.pop();
  if (closed === undefined) return;
  const { tag, from, start, children } = closed;
  const value = { tag, encoding: bytes.subarray(from, end), content: bytes.subarray(start, contentEnd), children };
  open.at(-1)?.children.push(value);
}

function boundOf(open: readonly Open[]): number {
  return open.findLast(({ end }) => end !== null)?.end ?? 0;
}

/** The tag, where the content starts, and its length, null for an indefinite one; null where the bytes end before. */
function headerAt(bytes: Buffer, at: number): { tag: number; start: number; length: number | null } | null {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & LONG_FORM_NUMBER) === LONG_FORM_NUMBER) return null;
  if (first < INDEFINITE) return { tag, start: at + 2, length: first };
  if (first === INDEFINITE) return { tag, start: at + 2, length: null };
  const start = at + 2 + (first & 0x7f);
  // Four octets count 4 GB: more are no length of a file that came this far.
  if (start > at + 6 || start > bytes.length) return null;
  return { tag, start, length: bytes.readUIntBE(at + 2, first & 0x7f) };
}

/** The bytes of an OCTET STRING, in one piece or, as BER and Keychain Access have it, in several. */
export function octetsOf({ tag, content, children }: DerValue): Buffer {
  return (tag & CONSTRUCTED) === 0 ? content : Buffer.concat(children.map((piece) => piece.content));
}

/** A number that fits one of JavaScript's, such as a version or a count; infinite where it does not. */
export function integerOf(value: DerValue | undefined): number {
  const { content } = value ?? { content: EMPTY };
  const isSmall = value?.tag === 0x02 && content.length > 0 && content.length <= 6;
  return isSmall ? content.readIntBE(0, content.length) : Infinity;
}
