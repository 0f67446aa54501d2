import { X509Certificate } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { publicKeySha256, readPkcs8Der } from "../../../src/files/signing-key.js";
import { dataKeyStore } from "../../../src/services/vault/data-key.js";
import { placeOfCertificateKey } from "../../../src/services/signing/key-place.js";
import { localKeyProvider, parseKeyEncryptionKey } from "../../../src/vault/key-provider.js";
import { KeyRing } from "../../../src/vault/key-ring.js";
import { Vault } from "../../../src/vault/vault.js";
import { query } from "../database.js";
import type { Victim } from "./victim.js";

const CREATE = `mutation ($input: CreateCertificateInput!) {
  createCertificate(input: $input) { certificate { id } userErrors { code } }
}`;

/** A key of the victim's with a team of its own at the sandbox. */
export interface TeamKey {
  readonly credentialId: string;
  readonly teamId: string;
  /** Certificates that were there before. */
  readonly before: ReadonlySet<string>;
}

/** Adds a key, with a new team behind it. */
export async function addKey(victim: Victim): Promise<TeamKey> {
  const { keyId, issuerId, privateKey, teamId } = await victim.sandbox.registerKey({ program: "app-store" });
  const input = { tenantId: victim.organizationId, name: keyId, keyId, issuerId, privateKey, verify: false };
  const made = await victim.ask<{ createCredential: { credential: { id: string } } }>(
    "mutation ($input: CreateCredentialInput!) { createCredential(input: $input) { credential { id } } }",
    { input },
  );
  if (made === null) throw new Error("The key was not added");
  const before = new Set(victim.sandbox.team(teamId).certificates.map(({ id }) => id));
  return { credentialId: made.createCredential.credential.id, teamId, before };
}

/** Asks for a certificate: its id, the code of the refusal, or null where there was no answer. */
export async function create(
  victim: Victim,
  { credentialId }: TeamKey,
  idempotencyKey: string | null = null,
): Promise<{ readonly id: string | null; readonly code: string | null } | null> {
  const input = { tenantId: victim.organizationId, credentialId, type: "DISTRIBUTION", idempotencyKey };
  const done = await victim.ask<{
    createCertificate: { certificate: { id: string } | null; userErrors: { code: string }[] } | null;
  }>(CREATE, { input });
  if (done === null) return null;
  const { certificate = null, userErrors = [] } = done.createCertificate ?? {};
  return { id: certificate?.id ?? null, code: userErrors[0]?.code ?? null };
}

/** What a crash has cost. */
export interface Toll {
  /** Certificates at Apple whose private key is not here. */
  readonly orphans: number;
  /** Acknowledged certificates that are not here, or not with their key. */
  readonly lost: number;
  /** Intents that are neither done nor given up. */
  readonly open: number;
}

/** Counts what is lost: right now, or within so many milliseconds at the latest, when nothing is open any more. */
export async function toll(
  victim: Victim,
  keys: readonly TeamKey[],
  acknowledged: readonly string[],
  withinMs = 10_000,
): Promise<Toll> {
  const until = Date.now() + withinMs;
  let open = await openIntents(victim);
  while (open > 0 && Date.now() < until) {
    await delay(100);
    open = await openIntents(victim);
  }
  const held = await heldKeys(victim);
  const atApple = keys.flatMap(({ teamId, before }) =>
    victim.sandbox.team(teamId).certificates.filter(({ id }) => !before.has(id)),
  );
  const orphans = atApple.filter(({ attributes }) => {
    const content = Buffer.from(String(attributes.certificateContent), "base64");
    return ![...held.values()].includes(publicKeySha256(new X509Certificate(content).publicKey));
  });
  return { orphans: orphans.length, lost: acknowledged.filter((id) => !held.has(id)).length, open };
}

async function openIntents({ database }: Victim): Promise<number> {
  const rows = await query(database.ownerUrl, "SELECT 1 FROM signing_intents WHERE state IN ('INTENT', 'SENT')");
  return rows.length;
}

/** The public keys, by certificate, whose private keys are here and open: those that are their certificate's. */
async function heldKeys({ database, key }: Victim): Promise<ReadonlyMap<string, string>> {
  const client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  try {
    const unit = {
      rows: async <Row>(statement: { readonly text: string }, values: readonly unknown[]) =>
        (await client.query<Row & pg.QueryResultRow>(statement.text, [...values])).rows,
    };
    const vault = new Vault(new KeyRing(localKeyProvider(parseKeyEncryptionKey(key))), dataKeyStore);
    const rows = await unit.rows<{ id: string; ownerId: string; sealedKey: Buffer; content: Buffer }>(
      { text: `SELECT id, owner_id AS "ownerId", sealed_key AS "sealedKey", content FROM certificates` },
      [],
    );
    const held = new Map<string, string>();
    for (const row of rows) {
      const secret = await vault.open(unit, row.sealedKey, placeOfCertificateKey(row));
      const ours = publicKeySha256(secret.use(readPkcs8Der));
      if (ours === publicKeySha256(new X509Certificate(row.content).publicKey)) held.set(row.id, ours);
    }
    return held;
  } finally {
    await client.end();
  }
}
