import { createECDH, createHash, createPrivateKey, createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { Refusal } from "../errors.js";

/** The longest text that is looked at. Apple's file has 257 characters; base64 of a padded or commented one, a few thousand. */
export const P8_MAX_CHARACTERS = 16_384;

/** An App Store Connect private key: EC, P-256. Printed or turned into JSON, it shows no key. */
export class P8 {
  constructor(
    readonly privateKey: KeyObject,
    /** SHA-256 of the public key (SPKI, DER), in lower hex: the same for one key, whatever its text looked like. */
    readonly fingerprint: string,
  ) {}

  /** PKCS#8 in DER, with the public key: the same bytes for one key, whatever its text looked like. */
  get pkcs8Der(): Buffer {
    return this.privateKey.export({ type: "pkcs8", format: "der" });
  }
}

/** Every refusal says what the text is and what to do, and nothing of what it holds. */
const REFUSALS = {
  empty: "The private key is empty: paste the whole content of the .p8 file.",
  tooLarge: "The text is too long for a .p8 file, which has about 260 characters: paste that file and nothing else.",
  rsa: "This is an RSA key: App Store Connect keys are elliptic (EC P-256). Take the AuthKey_*.p8 file.",
  otherCurve: "This is a private key on another curve than P-256, and no App Store Connect key.",
  otherKey: "This is a private key of another kind (such as OpenSSH, PGP or DSA): take the AuthKey_*.p8 file.",
  publicKey: "This is a public key: the private one is in the .p8 file, which Apple lets you download once.",
  certificate: "This is a certificate or a request for one, not a private key: take the AuthKey_*.p8 file.",
  encrypted: "The private key is encrypted with a password: paste the .p8 file as Apple gave it, which has none.",
  several: "There is more than one key or certificate in the text: paste one key alone.",
  binary: "This is a .p12 or another binary file: App Store Connect keys are text files that end in .p8.",
  cutOff: "The private key is cut off: paste the whole .p8 file, from its BEGIN line to its END line.",
  trailing: "Something follows the end of the private key: paste the .p8 file and nothing else.",
  corrupt: "The private key is damaged, and its content cannot be read: paste the .p8 file once more.",
  noKey: "This is no private key: paste the content of the .p8 file, which starts with BEGIN PRIVATE KEY.",
} as const;

function refuse(reason: keyof typeof REFUSALS): never {
  throw new Refusal("INVALID_PRIVATE_KEY", REFUSALS[reason], ["privateKey"]);
}

/** Reads a .p8 key as people have it: the file, or what editors, shells and secret stores make of it. Throws a Refusal. */
export function readP8(text: string): P8 {
  // First, since everything below reads the whole text.
  if (text.length > P8_MAX_CHARACTERS) refuse("tooLarge");
  const plain = undoEscapes(text);
  const frames = [...plain.matchAll(BEGIN)].filter((begin) => labelOf(begin) !== "ECPARAMETERS");
  if (frames.length > 1) refuse("several");
  const [frame] = frames;
  return frame === undefined
    ? readUnframed(compact(plain))
    : readFramed(frame, plain.slice(frame.index + frame[0].length));
}

// Every pattern below is linear: what repeats is bounded, anchored, or (backslashes) begun at the first of a run only.
/** Labels may have lost their spaces, or have line breaks for them. */
const BEGIN = /-----BEGIN([A-Z0-9\s]{0,40})-----/g;
const ESCAPES = /(?<!\\)\\+(?:u00([0-9a-fA-F]{2})|[rnt])?/g;
const NO_CONTENT = /[\s"'`\u200B]/g;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const NO_TEXT = /[\p{Cc}\uFFFD]/u;

/** Undoes escapes of JSON, shells and .env files, once or doubled: line breaks, \/ and \u002b; other backslashes go. */
function undoEscapes(text: string): string {
  return text.replace(ESCAPES, (escape, hex: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    return escape.endsWith("\\") ? "" : "\n";
  });
}

/** Leaves out blanks, line breaks (and the BOM, which \s counts) and quotes, wherever they are: base64 has none. */
function compact(text: string): string {
  return text.replace(NO_CONTENT, "");
}

function labelOf(begin: RegExpExecArray): string {
  return compact(begin[1] ?? "");
}

/** What to say of a frame by its label alone; keys are judged by what is in them, since tools mislabel. */
const REFUSAL_BY_LABEL: Record<string, keyof typeof REFUSALS> = {
  ENCRYPTEDPRIVATEKEY: "encrypted",
  RSAPRIVATEKEY: "rsa",
  OPENSSHPRIVATEKEY: "otherKey",
  DSAPRIVATEKEY: "otherKey",
  PGPPRIVATEKEYBLOCK: "otherKey",
  PUBLICKEY: "publicKey",
  RSAPUBLICKEY: "publicKey",
  CERTIFICATE: "certificate",
  TRUSTEDCERTIFICATE: "certificate",
  X509CERTIFICATE: "certificate",
  CERTIFICATEREQUEST: "certificate",
  NEWCERTIFICATEREQUEST: "certificate",
};

function readFramed(frame: RegExpExecArray, rest: string): P8 {
  const label = labelOf(frame);
  const end = rest.indexOf("-----END");
  const body = compact(end < 0 ? rest : rest.slice(0, end));
  // RFC 1421: an old-style encrypted key says so within its frame, whatever the label.
  if (body.startsWith("Proc-Type:")) refuse("encrypted");
  const byLabel = REFUSAL_BY_LABEL[label];
  if (byLabel !== undefined) refuse(byLabel);
  if (label !== "PRIVATEKEY" && label !== "ECPRIVATEKEY") refuse("noKey");
  if (end < 0 || body === "") refuse("cutOff");
  if (!BASE64.test(body)) refuse("corrupt");
  return readDer(Buffer.from(body, "base64"));
}

function readUnframed(text: string): P8 {
  if (text === "") refuse("empty");
  if (NO_TEXT.test(text)) refuse("binary");
  // Half a frame, the other half left behind.
  if (text.includes("-----BEGIN") || text.includes("-----END")) refuse("cutOff");
  if (!BASE64.test(text)) refuse("noKey");
  const bytes = Buffer.from(text, "base64");
  // Base64 of the whole file, frame and all. It nests no deeper: a frame within is read as one.
  if (bytes.includes("-----BEGIN")) return readP8(bytes.toString("utf8"));
  // Key ids and issuer ids are base64 by their letters; no key has less than one line of its file.
  if (bytes[0] !== DER_SEQUENCE || text.length < PEM_LINE_CHARACTERS) refuse("noKey");
  return readDer(bytes);
}

const PEM_LINE_CHARACTERS = 64;
const DER_SEQUENCE = 0x30;
/** PKCS#12 begins with INTEGER 3, SEQUENCE (RFC 7292, 4), and no key does. */
const PKCS12_START = Buffer.from([0x02, 0x01, 0x03, DER_SEQUENCE]);

/**
 * Reads the structure here and gives OpenSSL nothing but checked numbers: node:crypto takes keys whose public half
 * is another key's or whose scalar is zero, and a P-384 key with one byte changed aborts the process (Node 20.20).
 */
function readDer(der: Buffer): P8 {
  if (der[0] !== DER_SEQUENCE) refuse("corrupt");
  const { start, end } = extentOf(der);
  if (der.subarray(start, start + PKCS12_START.length).equals(PKCS12_START)) refuse("binary");
  if (end > der.length) refuse("cutOff");
  if (end < der.length) refuse("trailing");
  const values = valuesIn(der.subarray(start));
  const tags = values.map(({ tag }) => tag.toString(16).padStart(2, "0")).join(" ");
  if (PKCS8.test(tags)) return readPkcs8(values);
  if (SEC1.test(tags)) return readSec1(values);
  return refuse(REFUSAL_BY_TAGS.find(([pattern]) => pattern.test(tags))?.[1] ?? "corrupt");
}

/** What a DER structure is, told by the tags in it: 02 INTEGER, 03 BIT STRING, 04 OCTET STRING, 30 SEQUENCE. */
const PKCS8 = /^02 30 04( a0)?( 81)?$/;
const SEC1 = /^02 04( a0)?( a1)?$/;
const REFUSAL_BY_TAGS: [RegExp, keyof typeof REFUSALS][] = [
  [/^02( 02){8}/, "rsa"],
  [/^02( 02){5}$/, "otherKey"],
  [/^30 04$/, "encrypted"],
  [/^(30 03|02 02)$/, "publicKey"],
  [/^30 30 03$/, "certificate"],
];

interface Value {
  tag: number;
  content: Buffer;
}

/** The values that follow each other in the content of a DER value. */
function valuesIn(content: Buffer): Value[] {
  const values: Value[] = [];
  for (let rest = content; rest.length > 0;) {
    const { start, end } = extentOf(rest);
    if (end > rest.length) refuse("corrupt");
    values.push({ tag: rest.readUInt8(), content: rest.subarray(start, end) });
    rest = rest.subarray(end);
  }
  return values;
}

/** Where the content of the first value starts and ends: after the tag, one byte of length, or 1 + n (X.690, 8.1.3). */
function extentOf(bytes: Buffer): { start: number; end: number } {
  const first = bytes[1] ?? 0;
  if (first < 0x80) return { start: 2, end: 2 + first };
  const start = 2 + (first & 0x7f);
  return { start, end: bytes.subarray(2, start).reduce((length, byte) => length * 256 + byte, 0) + start };
}

const EC_ALGORITHM = "2a8648ce3d0201";
const P256_CURVE = "2a8648ce3d030107";
/** Algorithms of other keys in PKCS#8, by the start of their object identifier: RSA and RSA-PSS; X25519 to Ed448. */
const RSA_ALGORITHMS = "2a864886f70d0101";
const OTHER_CURVES = /^2b65(6e|6f|70|71)$/;

/** PrivateKeyInfo (RFC 5208): version, { algorithm, curve }, the key in SEC1's form. */
function readPkcs8([, algorithm, key]: Value[]): P8 {
  const [kind = "", curve = ""] = valuesIn(contentOf(algorithm)).map(({ content }) => content.toString("hex"));
  if (kind.startsWith(RSA_ALGORITHMS)) refuse("rsa");
  if (OTHER_CURVES.test(kind)) refuse("otherCurve");
  if (kind !== EC_ALGORITHM) refuse("otherKey");
  const [sec1, ...more] = valuesIn(contentOf(key));
  if (curve !== P256_CURVE) refuse("otherCurve");
  if (sec1?.tag !== DER_SEQUENCE || more.length > 0) refuse("corrupt");
  return readSec1(valuesIn(sec1.content), curve);
}

/** ECPrivateKey (RFC 5915): version, scalar, [0] the curve, unless PKCS#8 names it, [1] the public key, if at all. */
function readSec1(values: Value[], curveOutside?: string): P8 {
  const tagged = (tag: number) => values.find((value) => value.tag === tag)?.content;
  const inside = tagged(0xa0);
  const curve = inside === undefined ? curveOutside : valuesIn(inside)[0]?.content.toString("hex");
  if (curve === undefined) refuse("corrupt");
  if (curve !== P256_CURVE) refuse("otherCurve");
  const shown = tagged(0xa1);
  // A BIT STRING begins with the count of its unused bits, here none.
  return keyOf(tagged(0x04) ?? refuse("corrupt"), shown && contentOf(valuesIn(shown)[0]).subarray(1));
}

function contentOf(value: Value | undefined): Buffer {
  return value?.content ?? refuse("corrupt");
}

/** The key of a scalar, built anew: the public key is derived, and must be the one that the text shows. */
function keyOf(scalar: Buffer, shown: Buffer | undefined): P8 {
  const ecdh = createECDH("prime256v1");
  try {
    // Throws where the scalar is zero, or not below the order of the curve.
    ecdh.setPrivateKey(scalar);
  } catch {
    refuse("corrupt");
  }
  const point = ecdh.getPublicKey();
  const compressed = ecdh.getPublicKey(null, "compressed");
  if (shown !== undefined && !point.equals(shown) && !compressed.equals(shown)) refuse("corrupt");
  const [x, y] = [point.toString("base64url", 1, 33), point.toString("base64url", 33)];
  const jwk = { kty: "EC", crv: "P-256", d: ecdh.getPrivateKey("base64url"), x, y };
  const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return new P8(privateKey, createHash("sha256").update(spki).digest("hex"));
}
