import { sharedFor, termsOfUse } from "../../database/readable-by.js";
import type { Scope, Statement, Unit } from "../../database/tenancy.js";
import { Denial, Refusal } from "../../errors.js";
import { fileExtension } from "../../files/mobileprovision.js";
import { randomPassword, writePkcs12, type Pkcs12Encoding } from "../../files/pkcs12.js";
import { readPkcs8Der } from "../../files/signing-key.js";
import type { Vault } from "../../vault/vault.js";
import type { DataKeyUnit } from "../vault/data-key.js";
import { placeOfCertificateKey } from "./key-place.js";

/** Who wants files: where they stand, and the tenants in which they may download. */
export interface Downloader {
  readonly scope: Scope;
  readonly tenants: readonly string[];
}

/** Something whose file may be had now: for which tenant, and for which bundle identifiers; empty: any. */
interface Usable {
  readonly id: string;
  readonly rootId: string;
  readonly ownerId: string;
  readonly tenantId: string;
  readonly bundleIdentifiers: readonly string[];
  readonly name: string;
  readonly content: Buffer;
}

/** A certificate that may be had now; null: its private key is not here. */
export interface UsableCertificate extends Usable {
  readonly sha1: string;
  readonly sealedKey: Buffer | null;
}

/** A profile that may be had now. */
export interface UsableProfile extends Usable {
  readonly platforms: readonly string[];
  readonly bundleIdentifier: string;
}

/** The terms of the share bind here, in the statement that loads what is handed out. */
const usable = (table: string, subject: Parameters<typeof sharedFor>[1], columns: string): Statement => ({
  name: `${table}_usable`,
  text: `SELECT usable.* FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL (
    SELECT k.id, k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.content, ${columns}, ${termsOfUse("k", "$3")}
    FROM ${table} k ${sharedFor("k", subject, "$3", "'SIGN'")} AND k.id = asked.id LIMIT 1) usable`,
});
const CERTIFICATES = usable("certificates", "certificate_id", `k.sha1, k.sealed_key AS "sealedKey"`);
const PROFILES = usable(
  "provisioning_profiles",
  "provisioning_profile_id",
  `k.platforms, k.bundle_identifier AS "bundleIdentifier"`,
);

async function usableBy<Row extends Usable>(
  unit: Unit,
  statement: Statement,
  { scope, tenants }: Downloader,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Row>> {
  const rows = await unit.rows<Row>(statement, [scope.roots, ids, tenants]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** The certificates that may be had now, with their sealed keys: own ones, and those shared to sign. */
export const usableCertificates = (unit: Unit, user: Downloader, ids: readonly string[]) =>
  usableBy<UsableCertificate>(unit, CERTIFICATES, user, ids);

/** The profiles that may be had now: own ones, and those shared to sign. */
export const usableProfiles = (unit: Unit, user: Downloader, ids: readonly string[]) =>
  usableBy<UsableProfile>(unit, PROFILES, user, ids);

/** What may be had of those that may; the others are denied. */
export function allowed<Row extends Usable>(found: ReadonlyMap<string, Row>, id: string): Row {
  const row = found.get(id);
  if (row !== undefined) return row;
  throw new Denial("FORBIDDEN", "This takes SIGNING_DOWNLOAD where it is kept, or where it is shared to SIGN.");
}

/** Characters of a password that is given. */
export const PKCS12_PASSWORD_CHARACTERS = 128;

/** How a .p12 is wanted. */
export interface Pkcs12Options {
  /** Null makes a random one. */
  readonly password: string | null;
  readonly encoding: Pkcs12Encoding;
}

/** The password of a .p12: the one that is given, or a random one. Throws INVALID_INPUT. */
export function passwordOf({ password, encoding }: Pkcs12Options): string {
  if (password === null) return randomPassword();
  // macOS and OpenSSL differ in how they encode anything but ASCII.
  const isFine = encoding === "KEYCHAIN" ? /^[\x20-\x7e]+$/.test(password) : /^\P{Cc}+$/u.test(password);
  if (isFine && password.length <= PKCS12_PASSWORD_CHARACTERS) return password;
  const characters = encoding === "KEYCHAIN" ? "printable ASCII characters" : "characters";
  throw new Refusal("INVALID_INPUT", `The password has 1 to ${PKCS12_PASSWORD_CHARACTERS} ${characters}.`, [
    "password",
  ]);
}

/** A .p12 that is handed out, in base64. */
export interface CertificateDownload {
  readonly fileName: string;
  readonly pkcs12: string;
  readonly password: string;
}

/** Writes the .p12 of a certificate: only once the log says that it is handed out. Throws NO_PRIVATE_KEY. */
export async function pkcs12Of(
  vault: Vault<DataKeyUnit>,
  unit: DataKeyUnit,
  row: UsableCertificate,
  options: Pkcs12Options,
): Promise<CertificateDownload> {
  if (row.sealedKey === null) throw noPrivateKey();
  const password = passwordOf(options);
  const key = await vault.open(unit, row.sealedKey, placeOfCertificateKey(row));
  const pkcs12 = await writePkcs12({
    privateKey: key.use(readPkcs8Der),
    certificate: row.content,
    password,
    friendlyName: row.name,
    encoding: options.encoding,
  });
  return { fileName: `${fileStem(row.name, "certificate")}.p12`, pkcs12: pkcs12.toString("base64"), password };
}

/** What a certificate without its private key is refused with. */
export const noPrivateKey = (): Refusal =>
  new Refusal("NO_PRIVATE_KEY", "The private key of this certificate is not here.", ["certificateId"]);

/** A profile's file that is handed out, in base64. */
export interface ProfileDownload {
  readonly fileName: string;
  readonly content: string;
}

/** The file of a profile. */
export function profileDownloadOf({ name, platforms, content }: UsableProfile): ProfileDownload {
  return {
    fileName: `${fileStem(name, "profile")}${fileExtension({ platforms })}`,
    content: content.toString("base64"),
  };
}

const STEM_CHARACTERS = 100;

/** A name as every file system and shell takes it. */
function fileStem(name: string, otherwise: string): string {
  const plain = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-");
  const stem = plain
    .replace(/^[.-]+/, "")
    .slice(0, STEM_CHARACTERS)
    .replace(/[.-]+$/, "");
  return stem === "" ? otherwise : stem;
}
