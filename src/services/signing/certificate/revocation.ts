import * as certificates from "../../../apple/certificate.js";
import type { Context } from "../../../context.js";
import { readableBy } from "../../../database/readable-by.js";
import { inPreparedTransaction, ReadSession, type Unit } from "../../../database/tenancy.js";
import { Denial, Refusal } from "../../../errors.js";
import { charge } from "../../apple/bookkeeping.js";
import { accounted, authorizeChange, refusalOf } from "../../apple/change.js";
import { actorOf, record } from "../../audit.js";

/** What a key is used for here, in words of the log. */
const WHAT = "revoke a certificate";

/** Revokes a certificate at Apple: profiles that hold it become invalid. It stays here, as revoked. */
export async function revoke(ctx: Context, input: { readonly certificateId: string }): Promise<string> {
  const certificate = await ctx.loaders.certificate.load(input.certificateId);
  if (certificate === null) throw new Denial("NOT_FOUND");
  if (certificate.revokedAt !== null) return certificate.id;
  const { rootId, ownerId, serialNumber } = certificate;
  const at = await placeAtApple(ctx, certificate);
  if (at === null) {
    const message =
      "No key here reaches the team that holds it, or Apple no longer lists it: revoke it at Apple's site.";
    throw new Refusal("NOT_FOUND", message, ["certificateId"]);
  }
  const change = await authorizeChange(ctx, { tenantId: ownerId, credentialId: at.credentialId });
  try {
    await accounted(ctx, change, WHAT, () => certificates.revoke(ctx.platform.apple, change, at.appleId));
  } catch (error) {
    throw refusalOf(error, ["certificateId"]);
  }
  const scope = { roots: [rootId], tenants: [...new Set([ownerId, change.key.ownerId])] };
  await inPreparedTransaction(ctx.platform.readPool, scope, async (unit) => {
    await noteRevoked(unit, { rootId, ...at, serialNumber, sha1: certificate.sha1 });
    await charge(unit, [{ ...change, what: WHAT }]);
    record(unit, actorOf(ctx), {
      tenant: { rootId, id: ownerId },
      action: "certificate.revoked",
      subject: { id: certificate.id, label: certificate.name },
      details: { credentialId: at.credentialId, appleId: at.appleId, serialNumber },
    });
  });
  return certificate.id;
}

const AT_APPLE = {
  name: "certificate_at_apple",
  text: `SELECT a.credential_id AS "credentialId", a.apple_id AS "appleId" FROM apple_certificates a
    JOIN credentials c ON c.root_id = a.root_id AND c.id = a.credential_id
    WHERE ${readableBy("c")} AND a.serial_number = $3
    ORDER BY (a.credential_id = $4) DESC NULLS LAST, a.credential_id LIMIT 1`,
};

/** Through which key Apple holds a certificate, and under which id: by how it was made, or by its serial number. */
export async function placeAtApple(
  ctx: Context,
  certificate: {
    readonly rootId: string;
    readonly ownerId: string;
    readonly serialNumber: string;
    readonly credentialId: string | null;
    readonly appleId: string | null;
  },
): Promise<{ readonly credentialId: string; readonly appleId: string } | null> {
  const { rootId, ownerId, serialNumber, credentialId, appleId } = certificate;
  if (credentialId !== null && appleId !== null) return { credentialId, appleId };
  const scope = { roots: [rootId], tenants: [ownerId] };
  const reads = new ReadSession(ctx.platform.readPool, scope);
  const [found] = await reads.rows<{ credentialId: string; appleId: string }>(AT_APPLE, [
    ...[scope.roots, scope.tenants, serialNumber, credentialId],
  ]);
  return found ?? null;
}

const NOTE_REVOKED = {
  name: "certificate_note_revoked",
  text: `UPDATE certificates SET revoked_at = now() WHERE root_id = $1 AND serial_number = $2 AND revoked_at IS NULL`,
};
const NOTE_INVALID = {
  name: "certificate_note_invalid",
  text: `UPDATE provisioning_profiles SET invalid_since = now()
    WHERE root_id = $1 AND certificate_sha1s @> ARRAY[$2] AND invalid_since IS NULL`,
};
const FORGET = {
  name: "certificate_forget_at_apple",
  text: `DELETE FROM apple_certificates WHERE root_id = $1 AND credential_id = $2 AND apple_id = $3`,
};
const INVALID_AT_APPLE = {
  name: "certificate_invalid_at_apple",
  text: `UPDATE apple_provisioning_profiles p SET apple_state = 'INVALID' FROM apple_profile_certificates c
    WHERE c.root_id = $1 AND c.credential_id = $2 AND c.certificate_id = $3 AND p.root_id = c.root_id
      AND p.credential_id = c.credential_id AND p.apple_id = c.profile_id`,
};

/** What is known of a certificate when it was revoked from here. */
async function noteRevoked(
  unit: Unit,
  gone: {
    readonly rootId: string;
    readonly credentialId: string;
    readonly appleId: string;
    readonly serialNumber: string;
    readonly sha1: string;
  },
): Promise<void> {
  await unit.rows(NOTE_REVOKED, [gone.rootId, gone.serialNumber]);
  await unit.rows(NOTE_INVALID, [gone.rootId, gone.sha1]);
  await unit.rows(INVALID_AT_APPLE, [gone.rootId, gone.credentialId, gone.appleId]);
  await unit.rows(FORGET, [gone.rootId, gone.credentialId, gone.appleId]);
}
