import { createPrivateKey, randomBytes, type KeyObject } from "node:crypto";
import { createCsr } from "../../src/files/csr.js";
import { writePkcs12 } from "../../src/files/pkcs12.js";
import { generateSigningKey } from "../../src/files/signing-key.js";
import { issue, requestedKey } from "../../src/sandbox/team/authority.js";
import { contentOf } from "../../src/sandbox/team/content.js";
import type { Team } from "../../src/sandbox/team/team.js";
import { query } from "./database.js";
import { inDays } from "./kept.js";
import { mutate } from "./mutation.js";
import type { TestServer } from "./server.js";

/** What a certificate says, where it is not the usual. */
export interface CertificateWords {
  /** Apple's word; one that Apple has not makes a certificate that is none of Apple's. */
  readonly type?: string;
  readonly name?: string;
  readonly expiresInDays?: number;
}

/** The certificate that the sandbox's authority gives for a signing request. DER. */
export async function issueFor(csrPem: string, words: CertificateWords = {}): Promise<Buffer> {
  const { type = "DISTRIBUTION", name = "Apple Distribution: Acme", expiresInDays = 300 } = words;
  const key = await requestedKey(csrPem);
  if (key === null) throw new Error("The signing request is none");
  const team: Pick<Team, "id" | "name" | "program"> = { id: "ABCDE12345", name: "Acme", program: "app-store" };
  const attributes = {
    ...{ name, displayName: "Acme", certificateType: type, platform: "IOS", activated: null },
    serialNumber: `7${randomBytes(7).toString("hex")}`.toUpperCase(),
    expirationDate: inDays(expiresInDays).toISOString(),
  };
  const certificate = { id: "CERTIFICAT", attributes, relationships: { passTypeId: null } };
  return Buffer.from(await issue(team as Team, certificate, key));
}

/** A private key with its certificate. */
export interface Identity {
  readonly privateKey: KeyObject;
  readonly certificate: Buffer;
}

/** Makes a private key, and a certificate for it. */
export async function newIdentity(words: CertificateWords = {}): Promise<Identity> {
  const privateKey = await generateSigningKey();
  const csrPem = await createCsr(privateKey, { commonName: "Acme", email: "ci@acme.example", country: "DE" });
  return { privateKey, certificate: await issueFor(csrPem, words) };
}

/** The password of the .p12 files of the tests. */
export const PASSWORD = "correct horse";

/** A .p12 of an identity, in base64. */
export async function pkcs12Of({ privateKey, certificate }: Identity, password = PASSWORD): Promise<string> {
  const file = await writePkcs12({ privateKey, certificate, password, friendlyName: "Acme", encoding: "KEYCHAIN" });
  return file.toString("base64");
}

/** Uploads a new identity to a tenant; gives the id of the certificate. */
export async function uploadIdentity(server: TestServer, token: string, tenantId: string): Promise<string> {
  const input = { tenantId, password: PASSWORD, pkcs12: await pkcs12Of(await newIdentity()) };
  const { payload } = await mutate<{ certificate: { id: string } | null }>(
    ...([server, token, "uploadCertificate", "certificate { id }", input] as const),
  );
  if (payload?.certificate == null) throw new Error("The certificate was not taken");
  return payload.certificate.id;
}

/** The private key in a PEM, whatever is around it. */
export function privateKeyIn(text: string): KeyObject {
  const [pem] = /-----BEGIN (?:RSA )?PRIVATE KEY-----[^-]+-----END (?:RSA )?PRIVATE KEY-----/.exec(text) ?? [];
  return createPrivateKey(pem ?? "");
}

/** The files of the profiles that a team of the sandbox has, in base64, by Apple's ids; null where Apple gives none. */
export async function profileFilesOf(team: Team): Promise<ReadonlyMap<string, string | null>> {
  const files = team.profiles.map(async (profile) => [profile.id, await contentOf(team, "profiles", profile)] as const);
  return new Map(await Promise.all(files));
}

/** An entry of the log, as it is stored. */
export interface Entry {
  readonly action: string;
  readonly tenant: string;
  readonly outcome: string;
  readonly actor: string;
  readonly label: string | null;
  readonly details: Record<string, unknown>;
  readonly hasRequestId: boolean;
}

/** What the log says was done with something, oldest first; how it is shared is told elsewhere. */
export function entriesOf(server: TestServer, subjectId: string): Promise<Entry[]> {
  return query<Entry>(server.database.ownerUrl, [
    `SELECT action, tenant_id AS tenant, outcome, actor_label AS actor, subject_label AS label, details,
       request_id IS NOT NULL AS "hasRequestId"
     FROM audit_events WHERE subject_id = $1 AND outcome = 'DONE' AND action NOT LIKE 'share.%' ORDER BY seq`,
    [subjectId],
  ]);
}

/** Runs something while nothing can be written into the log. */
export async function withoutLog<T>(server: TestServer, run: () => Promise<T>): Promise<T> {
  await query(server.database.ownerUrl, "REVOKE EXECUTE ON FUNCTION append_audit(jsonb) FROM countersign_app");
  try {
    return await run();
  } finally {
    await query(server.database.ownerUrl, "GRANT EXECUTE ON FUNCTION append_audit(jsonb) TO countersign_app");
  }
}
