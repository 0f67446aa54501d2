import * as certificates from "../../../apple/certificate.js";
import { AppleError } from "../../../apple/error.js";
import type { Platform } from "../../../context.js";
import { ReadSession } from "../../../database/tenancy.js";
import { Refusal } from "../../../errors.js";
import { fileOf } from "../making/certificate-making.js";
import type { Change } from "../../apple/change.js";

type LimitSources = Pick<Platform, "apple" | "readPool">;

/** Certificates that a message names at most. */
const NAMED_MOST = 10;

const KNOWN = {
  name: "limit_known",
  text: `SELECT given.serial AS "serialNumber",
      EXISTS (SELECT 1 FROM certificates c WHERE c.root_id = $1 AND c.serial_number = given.serial AND c.sealed_key IS NOT NULL)
        OR EXISTS (SELECT 1 FROM signing_intents i WHERE i.root_id = $1 AND i.public_key_sha256 = given.key) AS "isKept",
      EXISTS (SELECT 1 FROM apple_profile_certificates h WHERE h.root_id = $1 AND h.credential_id = $2 AND h.certificate_id = given.apple_id) AS "isInProfile"
    FROM unnest($3::text[], $4::text[], $5::text[]) AS given (serial, apple_id, key)`,
};

/** What is being put together, by key and type: of a hundred that meet the limit at once, Apple is asked once. */
const underWay = new Map<string, Promise<Refusal>>();

/** Why Apple makes no more certificates of a type: which stand there, and which of them nobody here would miss. */
export async function explainLimit(sources: LimitSources, change: Change, appleType: string): Promise<Refusal> {
  const name = `${change.key.credentialId} ${appleType}`;
  const begun = underWay.get(name);
  if (begun !== undefined) return begun;
  const explained = explain(sources, change, appleType).finally(() => underWay.delete(name));
  underWay.set(name, explained);
  return explained;
}

async function explain({ apple, readPool }: LimitSources, change: Change, appleType: string): Promise<Refusal> {
  const refusal = (more: string): Refusal =>
    new Refusal("CERTIFICATE_LIMIT_REACHED", `Apple allows no more certificates of the type ${appleType}.${more}`, [
      "type",
    ]);
  try {
    const standing = await certificates.listWithContent(apple, change, appleType);
    if (standing.length === 0) return refusal("");
    const { rootId, credentialId } = change.key;
    // Where the root stands: what a sibling keeps is no candidate, though its name is not told.
    const reads = new ReadSession(readPool, { roots: [rootId], tenants: [rootId] });
    const known = await reads.rows<{ serialNumber: string; isKept: boolean; isInProfile: boolean }>(KNOWN, [
      ...[rootId, credentialId],
      ...[standing.map((each) => each.serialNumber), standing.map((each) => each.appleId)],
      // One that was made this moment is known by its key alone.
      standing.map((each) => fileOf(each)?.publicKeySha256 ?? ""),
    ]);
    const bySerial = new Map(known.map((row) => [row.serialNumber, row]));
    const lines = standing.slice(0, NAMED_MOST).map(({ name, serialNumber, expiresAt, appleId }) => {
      const row = bySerial.get(serialNumber);
      const facts = [
        ...(expiresAt === null ? [] : [`ends ${expiresAt.toISOString().slice(0, 10)}`]),
        row?.isKept === true ? "its private key is kept here" : "no private key here",
        row?.isInProfile === true ? "in a profile" : "in no profile",
      ];
      const isCandidate = row?.isKept !== true && row?.isInProfile !== true;
      return `"${name}" (serial ${serialNumber}, Apple's id ${appleId}: ${facts.join(", ")}${isCandidate ? "; a candidate to revoke" : ""})`;
    });
    const more = standing.length > NAMED_MOST ? ", and more" : "";
    return refusal(` There stand: ${lines.join("; ")}${more}.`);
  } catch (error) {
    if (error instanceof AppleError) return refusal(" Which there are Apple does not say at the moment.");
    throw error;
  }
}
