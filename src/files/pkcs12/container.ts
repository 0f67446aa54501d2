import { integerOf, octetsOf, readDer, type DerValue } from "../der.js";
import { refuse } from "./refusal.js";
import { algorithmOf, iterationsOf, schemeOf, type Scheme } from "./scheme.js";

/** Object identifiers in hex: of RFC 7292, Appendix D, and RFC 5652. */
const DATA = "2a864886f70d010701";
const ENCRYPTED_DATA = "2a864886f70d010706";
const ENVELOPED_DATA = "2a864886f70d010703";
const SIGNED_DATA = "2a864886f70d010702";
const BAG = "2a864886f70d010c0a01";
const X509_CERTIFICATE = "2a864886f70d01091601";

/** What is encrypted, and how. */
export interface Encrypted {
  readonly scheme: Scheme;
  readonly bytes: Buffer;
}

/** What is in a safe. */
export interface Bags {
  /** PKCS#8, in the clear or encrypted. */
  readonly keys: readonly (Buffer | Encrypted)[];
  /** X.509. */
  readonly certificates: readonly Buffer[];
}

/** What the password proves itself on: HMAC over all safes, with a key derived from it. */
export interface Mac {
  readonly digestOid: string;
  readonly digest: Buffer;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly message: Buffer;
}

/** A .p12 file (RFC 7292, 4), before any password. */
export interface Container {
  /** Null where the file has none: then only decrypting tells whether the password is right. */
  readonly mac: Mac | null;
  /** Some are in the clear, others have to be decrypted. */
  readonly safes: readonly (Bags | Encrypted)[];
}

/** Reads the structure, and every number of rounds that is not itself encrypted. Derives nothing. Throws a Refusal. */
export function readContainer(bytes: Buffer): Container {
  const [version, authenticated, mac, ...more] = readDer(bytes)?.children ?? [];
  if (authenticated === undefined || integerOf(version) !== 3 || more.length > 0) return refuse("none");
  const [type, content] = contentInfo(authenticated);
  if (type === SIGNED_DATA) return refuse("publicKeyMode");
  if (type !== DATA) return refuse("none");
  const message = octetsOf(content);
  const safes = (readDer(message) ?? refuse("none")).children.map(readSafe);
  return { mac: mac === undefined ? null : readMac(mac, message), safes };
}

function readMac({ children: [digestInfo, salt, iterations] }: DerValue, message: Buffer): Mac {
  const [algorithm, digest] = digestInfo?.children ?? [];
  if (digest === undefined || salt === undefined) return refuse("none");
  return {
    digestOid: algorithmOf(algorithm).oid,
    digest: octetsOf(digest),
    salt: octetsOf(salt),
    iterations: iterations === undefined ? 1 : iterationsOf(iterations),
    message,
  };
}

function readSafe(info: DerValue): Bags | Encrypted {
  const [type, content] = contentInfo(info);
  if (type === DATA) return readBags(octetsOf(content)) ?? refuse("none");
  if (type === ENVELOPED_DATA) return refuse("publicKeyMode");
  const [, encrypted] = content.children;
  const [, algorithm, bytes] = encrypted?.children ?? [];
  if (type !== ENCRYPTED_DATA || bytes === undefined) return refuse("none");
  return { scheme: schemeOf(algorithm), bytes: octetsOf(bytes) };
}

function contentInfo({ children: [type, wrapped] }: DerValue): [type: string, content: DerValue] {
  const content = wrapped?.children[0];
  return type === undefined || content === undefined ? refuse("none") : [type.content.toString("hex"), content];
}

/** Reads the contents of a safe; revocation lists and secrets are passed over. Null where they are none. */
export function readBags(contents: Buffer): Bags | null {
  const value = readDer(contents);
  if (value === null) return null;
  const keys: (Buffer | Encrypted)[] = [];
  const certificates: Buffer[] = [];
  // Safes may lie in safes: as deep as the ASN.1 may, which readDer has bounded.
  const unread = [...value.children];
  for (let bag = unread.pop(); bag !== undefined; bag = unread.pop()) {
    const [id, wrapped] = bag.children;
    const inner = wrapped?.children[0];
    if (id === undefined || inner === undefined) return null;
    const type = id.content.toString("hex");
    if (type === `${BAG}01`) keys.push(inner.encoding);
    else if (type === `${BAG}02`) {
      const [algorithm, bytes] = inner.children;
      if (bytes === undefined) return null;
      keys.push({ scheme: schemeOf(algorithm), bytes: octetsOf(bytes) });
    } else if (type === `${BAG}03`) {
      const [certificateType, certificate] = inner.children;
      const der = certificate?.children[0];
      if (certificateType?.content.toString("hex") === X509_CERTIFICATE && der !== undefined)
        certificates.push(octetsOf(der));
    } else if (type === `${BAG}06`) unread.push(...inner.children);
  }
  return { keys, certificates };
}
