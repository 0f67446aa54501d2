import type { EntityManager } from "typeorm";
import type { Context } from "../../../context.js";
import { ownedBy } from "../../../database/readable-by.js";
import type { Unit } from "../../../database/tenancy.js";
import { certificateTypeOf } from "../../../entities/apple/certificate.js";
import { Certificate, type CertificateSource } from "../../../entities/signing/certificate.js";
import { Denial, Refusal } from "../../../errors.js";
import type { CertificateFile } from "../../../files/certificate.js";
import { readPkcs12 } from "../../../files/pkcs12.js";
import { pkcs8Der } from "../../../files/signing-key.js";
import { newId } from "../../../ids.js";
import { Secret } from "../../../vault/secret.js";
import { actorOf, record } from "../../audit.js";
import { bytesOf, NAME_CHARACTERS, nameOf } from "../../input.js";
import { usersOf } from "../../share.js";
import { deleteOwned, orAlreadyExists, ownedWhere, unitOf, write } from "../../write.js";
import { readyToSeal } from "../../vault/data-key.js";
import { placeOfCertificateKey } from "../key-place.js";

interface UploadInput {
  readonly tenantId: string;
  readonly pkcs12: string;
  readonly password: string;
  readonly name?: string | null;
}

/** Keeps the certificate of a .p12 file with its private key; the name is its common name, where none is given. */
export async function upload(ctx: Context, input: UploadInput): Promise<string> {
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const given = input.name === undefined || input.name === null ? null : nameOf(input.name);
  const { privateKey, certificate } = await readFile(bytesOf(input.pkcs12, ["pkcs12"]), input.password);
  const appleType = appleTypeOf(certificate, "pkcs12");
  const row: NewCertificate = {
    ...{ id: newId("certificate"), rootId: tenant.rootId, ownerId: tenant.id, source: "UPLOADED" },
    ...{ name: given ?? nameFor(certificate), appleType },
  };
  await readyToSeal(ctx.platform, row.rootId);
  const stored = write(ctx, async (manager) => {
    await insert(ctx, manager, row, certificate, Secret.of(pkcs8Der(privateKey)));
    record(unitOf(manager), actorOf(ctx), {
      tenant,
      action: "certificate.uploaded",
      subject: { id: row.id, label: row.name },
      details: { type: appleType, serialNumber: certificate.serialNumber, sha1: certificate.sha1 },
    });
  });
  await orAlreadyExists(stored, IDENTITY, KEPT_ALREADY, "pkcs12");
  return row.id;
}

/** The index by which a tenant keeps a certificate once. */
export const IDENTITY = "certificate_identity";
/** What a second copy is refused with. */
export const KEPT_ALREADY = "This certificate is kept here already.";

async function readFile(bytes: Buffer, password: string) {
  try {
    return await readPkcs12(bytes, password);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(error.code, error.message, error.field ?? ["pkcs12"]);
  }
}

/** Apple's word for the type of a certificate that can be kept. Throws INVALID_CERTIFICATE where it is not Apple's, or over. */
export function appleTypeOf({ appleType, notAfter }: CertificateFile, field: string): string {
  if (appleType === null) {
    const message = "This certificate is not one that Apple issues to developers: it signs nothing for Apple.";
    throw new Refusal("INVALID_CERTIFICATE", message, [field]);
  }
  if (notAfter <= new Date()) {
    const day = notAfter.toISOString().slice(0, "YYYY-MM-DD".length);
    throw new Refusal("INVALID_CERTIFICATE", `The time of this certificate was over on ${day}.`, [field]);
  }
  return appleType;
}

/** The name of a certificate that was given none: its common name, as far as a name may hold it. */
export function nameFor({ commonName, serialNumber }: CertificateFile): string {
  const name = commonName.normalize("NFC").replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
  return name.trim().slice(0, NAME_CHARACTERS).trim() || serialNumber;
}

/** A certificate that is to be kept. */
interface NewCertificate extends Pick<Certificate, "id" | "rootId" | "ownerId" | "name" | "appleType"> {
  readonly source: CertificateSource;
}

/** Keeps a certificate with its private key, sealed for its place. */
export async function insert(
  ctx: Context,
  manager: EntityManager,
  row: NewCertificate,
  file: CertificateFile,
  privateKey: Secret,
): Promise<void> {
  const sealedKey = await ctx.platform.vault.seal(unitOf(manager), row.rootId, privateKey, placeOfCertificateKey(row));
  await manager.insert(Certificate, {
    ...row,
    ...{ type: certificateTypeOf(row.appleType), serialNumber: file.serialNumber, sha1: file.sha1 },
    ...{ publicKeySha256: file.publicKeySha256, teamId: file.teamId, commonName: file.commonName },
    ...{ expiresAt: file.notAfter, content: file.der, sealedKey },
  });
}

/** Profiles that a message names. */
const NAMED = 10;

const OWN = {
  name: "certificate_own",
  text: `SELECT k.root_id AS "rootId", k.owner_id AS "ownerId", k.name, k.sha1 FROM certificates k
    WHERE ${ownedBy("k")} AND k.id = $3 FOR UPDATE`,
};
const HELD_BY = {
  name: "certificate_held_by",
  text: `SELECT p.name FROM provisioning_profiles p WHERE p.root_id = $1 AND p.certificate_sha1s @> ARRAY[$2::text]
      AND p.expires_at > now() ORDER BY p.name, p.id LIMIT ${NAMED + 1}`,
};

/** Deletes a certificate here, with its private key; Apple keeps its side. Refused without force while others depend on it. */
export async function remove(ctx: Context, input: { certificateId: string; force: boolean }): Promise<string> {
  const { certificateId, force } = input;
  const { scope } = ctx.viewer;
  const users = force ? null : await usersOf(ctx, certificateId);
  await write(ctx, async (manager) => {
    const unit = unitOf(manager);
    const [row] = await unit.rows<Pick<Certificate, "rootId" | "ownerId" | "name" | "sha1">>(OWN, [
      ...[scope.roots, scope.tenants, certificateId],
    ]);
    if (row === undefined) throw new Denial("NOT_FOUND");
    if (!force) refuseInUse(users, await profilesWith(unit, row));
    await deleteOwned(manager, Certificate, ownedWhere("owner_id", certificateId, scope));
    record(unit, actorOf(ctx), {
      tenant: { rootId: row.rootId, id: row.ownerId },
      action: "certificate.deleted",
      subject: { id: certificateId, label: row.name },
      details: { sha1: row.sha1, force },
    });
  });
  return certificateId;
}

async function profilesWith(unit: Unit, { rootId, sha1 }: Pick<Certificate, "rootId" | "sha1">): Promise<string[]> {
  const rows = await unit.rows<{ name: string }>(HELD_BY, [rootId, sha1]);
  return rows.map(({ name }) => name);
}

function refuseInUse(users: string | null, profiles: readonly string[]): void {
  const names = profiles.slice(0, NAMED).join(", ") + (profiles.length > NAMED ? " and more" : "");
  const reasons = [
    ...(users === null ? [] : [`it is shared with ${users}`]),
    ...(profiles.length === 0 ? [] : [`it is in the profiles ${names}, which would sign with it no more`]),
  ];
  if (reasons.length === 0) return;
  throw new Refusal("IN_USE", `This certificate is in use: ${reasons.join("; ")}. Delete it with force.`, [
    "certificateId",
  ]);
}
