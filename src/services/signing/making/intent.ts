import type { Pool } from "pg";
import { inPreparedTransaction, type Scope, type Unit } from "../../../database/tenancy.js";
import type { IntentState, SigningIntent } from "../../../entities/signing/signing-intent.js";
import { Denial, Refusal, type CodedError } from "../../../errors.js";
import type { Secret } from "../../../vault/secret.js";
import type { Vault } from "../../../vault/vault.js";
import { readyToSeal, type DataKeyUnit } from "../../vault/data-key.js";
import { placeOfIntentKey } from "../key-place.js";

/** An intent with what its making needs to know. */
export type Intent = Readonly<SigningIntent>;

/** What is stored of an intent before anything goes out. */
export type NewIntent = Pick<
  SigningIntent,
  "id" | "rootId" | "ownerId" | "credentialId" | "kind" | "wanted" | "actor" | "publicKeySha256"
> & {
  /** Null where a signing request holds it, and of a profile. */
  readonly privateKey: Secret | null;
  readonly idempotencyKey: string | null;
};

/** Intents whose process may have died are looked for this long after they were sent, at the earliest. */
const FIRST_LOOK = "1 second";

const STILL_LOOKED_FOR = "What this request began is still being looked for at Apple: ask again in a few seconds.";

const OPEN = {
  name: "intent_open",
  text: `INSERT INTO signing_intents
      (root_id, id, owner_id, credential_id, kind, state, wanted, actor, public_key_sha256, sealed_key, idempotency_key)
    VALUES ($1, $2, $3, $4, $5, 'INTENT', $6::jsonb, $7::jsonb, $8, $9, $10)`,
};
const SEND = {
  name: "intent_send",
  text: `UPDATE signing_intents SET state = 'SENT', sent_at = clock_timestamp(), next_look_at = clock_timestamp() + interval '${FIRST_LOOK}'
    WHERE root_id = $1 AND id = $2 AND state = 'INTENT' RETURNING id`,
};
const END = {
  name: "intent_end",
  text: `UPDATE signing_intents SET state = $3, subject_id = $4, problem_code = $5, problem_message = $6
    WHERE root_id = $1 AND id = $2 AND state <> 'DONE'`,
};
const LOOK_LATER = {
  name: "intent_look_later",
  text: `UPDATE signing_intents SET state = $3, looks = looks + 1, next_look_at = clock_timestamp() + make_interval(secs => $4)
    WHERE root_id = $1 AND id = $2 AND state IN ('SENT', 'LOST')`,
};
const PUT_OFF = {
  name: "intent_put_off",
  text: `UPDATE signing_intents SET next_look_at = clock_timestamp() + make_interval(secs => $3) WHERE root_id = $1 AND id = $2`,
};
const OPEN_FOR_KEY = {
  name: "intent_open_for_key",
  text: `SELECT 1 FROM signing_intents WHERE root_id = $1 AND owner_id = $2 AND public_key_sha256 = $3 AND state = 'SENT' LIMIT 1`,
};
const COLUMNS = `root_id AS "rootId", id, owner_id AS "ownerId", credential_id AS "credentialId", kind, state, wanted, actor,
  public_key_sha256 AS "publicKeySha256", sealed_key AS "sealedKey", idempotency_key AS "idempotencyKey",
  subject_id AS "subjectId", problem_code AS "problemCode", problem_message AS "problemMessage",
  created_at AS "createdAt", sent_at AS "sentAt", next_look_at AS "nextLookAt", looks`;
const LOCK = {
  name: "intent_lock",
  text: `SELECT ${COLUMNS} FROM signing_intents WHERE root_id = $1 AND id = $2 FOR UPDATE`,
};
const BY_IDEMPOTENCY_KEY = {
  name: "intent_by_idempotency_key",
  text: `SELECT ${COLUMNS} FROM signing_intents WHERE root_id = $1 AND owner_id = $2 AND idempotency_key = $3 ORDER BY id DESC LIMIT 1`,
};
const DUE = {
  name: "intents_due",
  text: `SELECT root_id AS "rootId", owner_id AS "ownerId", id FROM signing_intents
    WHERE state IN ('INTENT', 'SENT', 'LOST') AND next_look_at <= now() ORDER BY next_look_at LIMIT $1`,
};

/** Where an intent stands: with the tenant that will own what is made. */
export const scopeOf = ({ rootId, ownerId }: Pick<Intent, "rootId" | "ownerId">): Scope => ({
  roots: [rootId],
  tenants: [ownerId],
});

/** Writes down what is about to be made, and seals its private key. */
export async function open(readPool: Pool, vault: Vault<DataKeyUnit>, intent: NewIntent): Promise<void> {
  const { rootId, id, ownerId, credentialId, kind, wanted, actor, privateKey } = intent;
  if (privateKey !== null) await readyToSeal({ readPool, vault }, rootId);
  await inPreparedTransaction(readPool, scopeOf(intent), async (unit) => {
    const sealedKey = privateKey === null ? null : await vault.seal(unit, rootId, privateKey, placeOfIntentKey(intent));
    await unit.rows(OPEN, [
      ...[rootId, id, ownerId, credentialId, kind, JSON.stringify(wanted), JSON.stringify(actor)],
      ...[intent.publicKeySha256, sealedKey, intent.idempotencyKey],
    ]);
  });
}

/** Writes down that Apple may be told from now on. Throws where another process has given it up. */
export async function markSent(pool: Pool, intent: Pick<Intent, "rootId" | "ownerId" | "id">): Promise<void> {
  const marked = await inPreparedTransaction(pool, scopeOf(intent), (unit) =>
    unit.rows(SEND, [intent.rootId, intent.id]),
  );
  if (marked.length === 0) throw new Error("The intent was given up before it was sent");
}

/** Ends an intent with what was made, in the transaction that keeps it. */
export async function markDone(
  unit: Unit,
  { rootId, id }: Pick<Intent, "rootId" | "id">,
  subjectId: string,
): Promise<void> {
  await unit.rows(END, [rootId, id, "DONE", subjectId, null, null]);
}

/** Ends an intent of which nothing came. */
export async function markFailed(
  pool: Pool,
  intent: Pick<Intent, "rootId" | "ownerId" | "id">,
  { code, message }: Pick<CodedError, "code" | "message">,
): Promise<void> {
  await inPreparedTransaction(pool, scopeOf(intent), (unit) =>
    unit.rows(END, [intent.rootId, intent.id, "FAILED", null, code, message]),
  );
}

/** Leaves an intent to be looked for later. */
export async function lookLater(
  pool: Pool,
  intent: Pick<Intent, "rootId" | "ownerId" | "id">,
  state: Extract<IntentState, "SENT" | "LOST">,
  seconds: number,
): Promise<void> {
  await inPreparedTransaction(pool, scopeOf(intent), (unit) =>
    unit.rows(LOOK_LATER, [intent.rootId, intent.id, state, seconds]),
  );
}

/** Leaves an intent as it is, to be looked at again later. */
export async function putOff(
  pool: Pool,
  intent: Pick<Intent, "rootId" | "ownerId" | "id">,
  seconds: number,
): Promise<void> {
  await inPreparedTransaction(pool, scopeOf(intent), (unit) => unit.rows(PUT_OFF, [intent.rootId, intent.id, seconds]));
}

/** Throws OUTCOME_UNKNOWN while a certificate for a public key is being made, or looked for, by another request. */
export async function refuseWhileOpen(
  pool: Pool,
  place: Pick<Intent, "rootId" | "ownerId">,
  publicKeySha256: string,
): Promise<void> {
  const open = await inPreparedTransaction(pool, scopeOf(place), (unit) =>
    unit.rows(OPEN_FOR_KEY, [place.rootId, place.ownerId, publicKeySha256]),
  );
  if (open.length > 0) throw new Refusal("OUTCOME_UNKNOWN", STILL_LOOKED_FOR);
}

/** The intent as it is now; nobody else changes it until the transaction ends. Throws NOT_FOUND. */
export async function locked(unit: Unit, { rootId, id }: Pick<Intent, "rootId" | "id">): Promise<Intent> {
  const [row] = await unit.rows<Intent>(LOCK, [rootId, id]);
  if (row === undefined) throw new Denial("NOT_FOUND");
  return row;
}

/** What an earlier run of a request made, by its idempotency key; null: nothing. Throws OUTCOME_UNKNOWN while it is looked for. */
export async function begunBy(
  pool: Pool,
  place: Pick<Intent, "rootId" | "ownerId">,
  begunAs: string | null,
): Promise<string | null> {
  if (begunAs === null) return null;
  const [begun] = await inPreparedTransaction(pool, scopeOf(place), (unit) =>
    unit.rows<Intent>(BY_IDEMPOTENCY_KEY, [place.rootId, place.ownerId, begunAs]),
  );
  if (begun?.state === "SENT") throw new Refusal("OUTCOME_UNKNOWN", STILL_LOOKED_FOR);
  return begun?.subjectId ?? null;
}

/** Open intents of any organization that are to be looked at now. */
export function due(pool: Pool, most: number): Promise<Pick<Intent, "rootId" | "ownerId" | "id">[]> {
  return inPreparedTransaction(pool, { roots: [], tenants: [], operator: true }, (unit) => unit.rows(DUE, [most]));
}
