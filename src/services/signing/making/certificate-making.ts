import * as certificates from "../../../apple/certificate.js";
import { unexpected } from "../../../apple/error.js";
import type { CertificateWithContent } from "../../../apple/certificate.js";
import type { Unit } from "../../../database/tenancy.js";
import { AppleCertificate, certificateTypeOf } from "../../../entities/apple/certificate.js";
import type { WantedCertificate } from "../../../entities/signing/signing-intent.js";
import { Denial } from "../../../errors.js";
import { readCertificate, type CertificateFile } from "../../../files/certificate.js";
import { newId } from "../../../ids.js";
import { certificateRow } from "../../apple/store.js";
import { nextPosition, put } from "../../apple/row.js";
import { record } from "../../audit.js";
import { keysOfTeam } from "../team.js";
import { placeOfCertificateKey, placeOfIntentKey, placeOfRequestKey } from "../key-place.js";
import type { Intent } from "./intent.js";
import type { Making, MakingSources } from "./making.js";

// Locked: what it is sealed with is not replaced before it is opened.
const REQUEST_KEY = {
  name: "certificate_request_key",
  text: `SELECT id, owner_id AS "ownerId", sealed_key AS "sealedKey" FROM signing_requests WHERE root_id = $1 AND owner_id = $2 AND id = $3 FOR SHARE`,
};
const KEEP = {
  name: "certificate_keep",
  text: `INSERT INTO certificates (root_id, id, owner_id, name, type, apple_type, serial_number, sha1, public_key_sha256,
      team_id, common_name, expires_at, source, credential_id, apple_id, content, sealed_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT (root_id, owner_id, sha1) DO NOTHING RETURNING id`,
};
const KEPT_ALREADY = {
  name: "certificate_kept_already",
  text: `SELECT id FROM certificates WHERE root_id = $1 AND owner_id = $2 AND sha1 = $3`,
};
const COMPLETE = {
  name: "certificate_complete_request",
  text: `UPDATE signing_requests SET certificate_id = $4 WHERE root_id = $1 AND owner_id = $2 AND id = $3 AND certificate_id IS NULL`,
};

/** The certificate itself; null where Apple gives none that can be read. */
export function fileOf({ content }: CertificateWithContent): CertificateFile | null {
  if (content === null) return null;
  try {
    return readCertificate(Buffer.from(content, "base64"));
  } catch {
    return null; // One of others that nobody asked for.
  }
}

/** How a certificate is made, found by its public key, and kept with its private key. */
export function certificateMaking(
  { apple, vault }: MakingSources,
  intent: { readonly wanted: WantedCertificate; readonly publicKeySha256: string },
): Making<CertificateWithContent> {
  const { wanted, publicKeySha256 } = intent;
  return {
    find: async (change) => {
      const all = await certificates.listWithContent(apple, change, wanted.appleType);
      return all.find((each) => fileOf(each)?.publicKeySha256 === publicKeySha256) ?? null;
    },
    make: async (change) => {
      const made = await certificates.create(apple, change, wanted);
      if (fileOf(made)?.publicKeySha256 === publicKeySha256) return made;
      const error = unexpected("Apple's answer holds another certificate than the one asked for.");
      error.outcomeUnknown = true;
      throw error;
    },
    keep: async (unit, current, found) => {
      const file = fileOf(found);
      if (file?.publicKeySha256 !== publicKeySha256) throw new Error("Apple's certificate is for another key");
      return keepCertificate(unit, vault, current, found, file);
    },
  };
}

async function keepCertificate(
  unit: Unit,
  vault: MakingSources["vault"],
  intent: Intent,
  found: CertificateWithContent,
  file: CertificateFile,
): Promise<string> {
  const { rootId, ownerId, credentialId } = intent;
  const { name, signingRequestId, appleType } = intent.wanted as WantedCertificate;
  const id = newId("certificate");
  const privateKey = await privateKeyOf(unit, vault, intent, signingRequestId);
  const sealedKey = await vault.seal(unit, rootId, privateKey, placeOfCertificateKey({ id, ownerId }));
  const [kept] = await unit.rows<{ id: string }>(KEEP, [
    ...[rootId, id, ownerId, name, certificateTypeOf(appleType), appleType, file.serialNumber, file.sha1],
    ...[file.publicKeySha256, file.teamId, file.commonName, file.notAfter],
    ...[signingRequestId === null ? "CREATED" : "SIGNING_REQUEST", credentialId, found.appleId, file.der, sealedKey],
  ]);
  if (kept === undefined) {
    const [there] = await unit.rows<{ id: string }>(KEPT_ALREADY, [rootId, ownerId, file.sha1]);
    if (there === undefined) throw new Denial("NOT_FOUND");
    return there.id;
  }
  if (signingRequestId !== null) await unit.rows(COMPLETE, [rootId, ownerId, signingRequestId, id]);
  await noteAtApple(unit, intent, found);
  record(unit, intent.actor, {
    tenant: { rootId, id: ownerId },
    action: "certificate.created",
    subject: { id, label: name },
    details: { credentialId, appleId: found.appleId, type: appleType, serialNumber: file.serialNumber },
  });
  return id;
}

async function privateKeyOf(
  unit: Unit,
  vault: MakingSources["vault"],
  intent: Intent,
  signingRequestId: string | null,
) {
  if (intent.sealedKey !== null) return vault.open(unit, intent.sealedKey, placeOfIntentKey(intent));
  const [request] = await unit.rows<{ id: string; ownerId: string; sealedKey: Buffer }>(REQUEST_KEY, [
    ...[intent.rootId, intent.ownerId, signingRequestId],
  ]);
  if (request === undefined) throw new Denial("NOT_FOUND");
  return vault.open(unit, request.sealedKey, placeOfRequestKey(request));
}

/** Puts the new certificate into the snapshots of the team's keys: Apple's list may not show it yet. */
async function noteAtApple(unit: Unit, intent: Intent, found: CertificateWithContent): Promise<void> {
  for (const place of await keysOfTeam(unit, intent)) {
    const position = await nextPosition(unit, AppleCertificate, place);
    await put(unit, AppleCertificate, [certificateRow({ ...place, position }, found, new Date())], {
      keep: ["position"],
    });
  }
}
