import { createHash } from "node:crypto";
import type { Context } from "../context.js";
import { inPreparedTransaction, type Unit } from "../database/tenancy.js";
import { Refusal, type ErrorCode } from "../errors.js";
import { actorOf } from "./audit.js";

/** For so long the same key and the same input give the first outcome again. */
const KEPT = "24 hours";
/** How long one waits for another that does the same. */
const PATIENCE_MS = 90_000;

/** What a mutation came to: ids of what is there now, and why other parts of it are not. Never a secret. */
type Outcome = object;

/** What is asked for, by whom and about what. */
export interface IdempotentCall {
  readonly operation: string;
  readonly tenant: { readonly rootId: string; readonly id: string };
  readonly input: { readonly idempotencyKey?: string | null; readonly clientMutationId?: string | null };
}

interface StoredRefusal {
  readonly refused: { readonly code: ErrorCode; readonly message: string; readonly field: readonly string[] | null };
}

const FORGET = {
  name: "idempotent_forget",
  text: `DELETE FROM idempotent_requests WHERE root_id = $1 AND tenant_id = $2 AND created_at < now() - interval '${KEPT}'`,
};
const CLAIM = {
  name: "idempotent_claim",
  text: `INSERT INTO idempotent_requests (root_id, tenant_id, actor_id, operation, key, input_hash)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
};
const READ = {
  name: "idempotent_read",
  text: `SELECT input_hash AS "inputHash", outcome, (extract(epoch FROM created_at) * 1000000)::bigint::text AS since FROM idempotent_requests
    WHERE root_id = $1 AND tenant_id = $2 AND actor_id = $3 AND operation = $4 AND key = $5`,
};
const END = {
  name: "idempotent_end",
  text: `UPDATE idempotent_requests SET outcome = $6::jsonb
    WHERE root_id = $1 AND tenant_id = $2 AND actor_id = $3 AND operation = $4 AND key = $5`,
};

/**
 * Acts once for an idempotency key: the same key and the same input give the first outcome again, also to those who ask
 * at the same time, in this process or another. Failures that pass by themselves, and outcomes that nobody knows yet, are
 * not kept: then `act` is asked again, and told a text under which it finds what it began. Without a key it just acts.
 */
export async function once<T extends Outcome>(
  ctx: Context,
  call: IdempotentCall,
  act: (begunAs: string | null) => Promise<T>,
): Promise<T> {
  const key = call.input.idempotencyKey ?? null;
  if (key === null) return act(null);
  if (!/^[\x21-\x7e]{1,100}$/.test(key)) {
    throw new Refusal("INVALID_INPUT", "An idempotency key has 1 to 100 visible ASCII characters.", ["idempotencyKey"]);
  }
  const { tenant, operation } = call;
  const place = [tenant.rootId, tenant.id, actorOf(ctx).actorId, operation, key];
  const name = hashOfText(place.join(" "));
  const inputHash = hashOf(call.input);
  const scope = { roots: [tenant.rootId], tenants: [tenant.id] };
  const within = <R>(work: (unit: Unit) => Promise<R>): Promise<R> =>
    inPreparedTransaction(ctx.platform.readPool, scope, work);

  const work = async (): Promise<T> => {
    const kept = await within(async (unit) => {
      await unit.rows(FORGET, [tenant.rootId, tenant.id]);
      await unit.rows(CLAIM, [...place, inputHash]);
      const [row] = await unit.rows<{ inputHash: string; outcome: T | StoredRefusal | null; since: string }>(
        READ,
        place,
      );
      return row;
    });
    if (kept !== undefined && kept.inputHash !== inputHash) {
      throw new Refusal("INVALID_INPUT", "This idempotency key came with another input before.", ["idempotencyKey"]);
    }
    // What was begun under a key that is forgotten by now is not found under it again.
    const begunAs = hashOfText([...place, kept?.since].join(" "));
    const outcome = kept?.outcome ?? (await outcomeOf(() => act(begunAs)));
    if (kept?.outcome === null) await within((unit) => unit.rows(END, [...place, JSON.stringify(outcome)]));
    if (!("refused" in outcome)) return outcome;
    throw new Refusal(outcome.refused.code, outcome.refused.message, outcome.refused.field);
  };
  return ctx.platform.locks.exclusively(`idempotent ${name}`, PATIENCE_MS, work, () => {
    throw new Refusal("OUTCOME_UNKNOWN", "Another request with this idempotency key is still being worked on.");
  });
}

async function outcomeOf<T extends Outcome>(act: () => Promise<T>): Promise<T | StoredRefusal> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Refusal) || error.code === "OUTCOME_UNKNOWN") throw error;
    return { refused: { code: error.code, message: error.message, field: error.field } };
  }
}

/** A hash of what is asked for. A password is no part of it: its hash would help whoever guesses. */
function hashOf(input: IdempotentCall["input"]): string {
  const { idempotencyKey: _key, clientMutationId: _id, ...asked } = { password: null, ...input };
  const canonical = JSON.stringify({ ...asked, password: null }, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return hashOfText(canonical);
}

const hashOfText = (text: string): string => createHash("sha256").update(text).digest("hex");
