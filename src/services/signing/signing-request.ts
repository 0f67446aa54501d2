import type { EntityManager } from "typeorm";
import type { Context } from "../../context.js";
import { ownedBy } from "../../database/readable-by.js";
import { SigningRequest } from "../../entities/signing/signing-request.js";
import { Denial, Refusal } from "../../errors.js";
import { readCertificate, type CertificateFile } from "../../files/certificate.js";
import { createCsr } from "../../files/csr.js";
import { generateSigningKey, pkcs8Der, publicKeySha256 } from "../../files/signing-key.js";
import { newId } from "../../ids.js";
import { Secret } from "../../vault/secret.js";
import { actorOf, record } from "../audit.js";
import { readyToSeal } from "../vault/data-key.js";
import { bytesOf, emailOf, nameOf } from "../input.js";
import { orAlreadyExists, ownedWhere, unitOf, updateOwned, write } from "../write.js";
import { appleTypeOf, IDENTITY, insert, KEPT_ALREADY, nameFor } from "./certificate/certificate-keeping.js";
import { placeOfRequestKey } from "./key-place.js";

interface CreateInput {
  readonly tenantId: string;
  readonly commonName: string;
  readonly email: string;
  readonly country: string;
}

/** Makes a signing request. Its private key is made here too, and waits here for the certificate. */
export async function create(ctx: Context, input: CreateInput): Promise<string> {
  const tenant = await ctx.loaders.tenant.load(input.tenantId);
  if (tenant === null) throw new Denial("NOT_FOUND");
  const subject = {
    commonName: nameOf(input.commonName, "commonName"),
    email: emailOf(input.email),
    country: input.country.trim().toUpperCase(),
  };
  const privateKey = await generateSigningKey();
  const csrPem = await createCsr(privateKey, subject);
  const row = { id: newId("signingRequest"), rootId: tenant.rootId, ownerId: tenant.id };
  await readyToSeal(ctx.platform, row.rootId);
  await write(ctx, async (manager) => {
    const unit = unitOf(manager);
    const secret = Secret.of(pkcs8Der(privateKey));
    const sealedKey = await ctx.platform.vault.seal(unit, row.rootId, secret, placeOfRequestKey(row));
    const fingerprint = publicKeySha256(privateKey);
    await manager.insert(SigningRequest, { ...row, ...subject, csrPem, publicKeySha256: fingerprint, sealedKey });
    record(unit, actorOf(ctx), {
      tenant,
      action: "signing_request.created",
      subject: { id: row.id, label: subject.commonName },
      details: { publicKeySha256: fingerprint },
    });
  });
  return row.id;
}

type OpenRequest = Pick<
  SigningRequest,
  "id" | "rootId" | "ownerId" | "commonName" | "publicKeySha256" | "sealedKey" | "certificateId"
>;

// Locked, so that of two that complete it at once the second finds it completed.
const OWN = {
  name: "signing_request_own",
  text: `SELECT r.id, r.root_id AS "rootId", r.owner_id AS "ownerId", r.common_name AS "commonName",
      r.public_key_sha256 AS "publicKeySha256", r.sealed_key AS "sealedKey", r.certificate_id AS "certificateId"
    FROM signing_requests r WHERE ${ownedBy("r")} AND r.id = $3 FOR UPDATE`,
};

/** Keeps the certificate that Apple gave for a signing request, with the private key that waited for it. Gives its id. */
export async function complete(
  ctx: Context,
  input: { signingRequestId: string; certificate: string },
): Promise<string> {
  const file = fileOf(input.certificate);
  const appleType = appleTypeOf(file, "certificate");
  const id = newId("certificate");
  const { scope } = ctx.viewer;
  const seen = await ctx.loaders.signingRequest.load(input.signingRequestId);
  if (seen !== null) await readyToSeal(ctx.platform, seen.rootId);
  const stored = write(ctx, async (manager) => {
    const [request] = await unitOf(manager).rows<OpenRequest>(OWN, [
      ...[scope.roots, scope.tenants, input.signingRequestId],
    ]);
    if (request === undefined) throw new Denial("NOT_FOUND");
    refuseUnfit(request, file);
    const row = { id, ...{ rootId: request.rootId, ownerId: request.ownerId }, appleType };
    const privateKey = await ctx.platform.vault.open(unitOf(manager), request.sealedKey, placeOfRequestKey(request));
    await insert(ctx, manager, { ...row, name: nameFor(file), source: "SIGNING_REQUEST" }, file, privateKey);
    const where = ownedWhere("owner_id", request.id, scope);
    await updateOwned(manager, SigningRequest, where, { certificateId: id });
    noteCompletion(ctx, manager, request, { id, file });
  });
  await orAlreadyExists(stored, IDENTITY, KEPT_ALREADY, "certificate");
  return id;
}

/** Base64 of the file, or the text of a PEM as it is. */
function fileOf(text: string): CertificateFile {
  const isPem = text.includes("-----BEGIN");
  return readCertificate(isPem ? Buffer.from(text) : bytesOf(text, ["certificate"]), ["certificate"]);
}

function refuseUnfit(request: OpenRequest, file: CertificateFile): void {
  if (request.certificateId !== null) {
    throw new Refusal("ALREADY_EXISTS", "This signing request has its certificate already.", ["signingRequestId"]);
  }
  if (request.publicKeySha256 !== file.publicKeySha256) {
    const message = "This certificate is for another key than that of the signing request.";
    throw new Refusal("KEY_MISMATCH", message, ["certificate"]);
  }
}

function noteCompletion(
  ctx: Context,
  manager: EntityManager,
  request: OpenRequest,
  { id, file }: { readonly id: string; readonly file: CertificateFile },
): void {
  record(unitOf(manager), actorOf(ctx), {
    tenant: { rootId: request.rootId, id: request.ownerId },
    action: "signing_request.completed",
    subject: { id: request.id, label: request.commonName },
    details: { certificateId: id, serialNumber: file.serialNumber, sha1: file.sha1 },
  });
}
