import { AppleError } from "../../apple/error.js";
import type { Authorization } from "../../apple/signer.js";
import type { Context, Platform } from "../../context.js";
import { inPreparedTransaction } from "../../database/tenancy.js";
import { CodedError, Denial, Refusal } from "../../errors.js";
import type { UsableKey } from "../signing-key.js";
import { charge } from "./bookkeeping.js";

/** The right to change something at Apple for a tenant, and how often it was used. */
export type Change = Authorization<UsableKey> & { readonly meter: { calls: number } };

const OUTCOME_UNKNOWN =
  "Apple did not say whether this was done, and does not show it: it is not sent twice. Ask again in a minute, when Apple's list shows what there is.";

const FOREIGN_KEY_BROKEN = "23503";

/** A key that the tenant may use to sign, now. Throws FORBIDDEN where it may not, INDIVIDUAL_KEY_CANNOT_SIGN for one person's key. */
export async function authorizeChange(
  ctx: Context,
  { tenantId, credentialId }: { readonly tenantId: string; readonly credentialId: string },
): Promise<Change> {
  return changeFor(tenantId, await ctx.signerFor(tenantId, "SIGN").load(credentialId));
}

/** Of several keys, in their order, those that the tenant may use to sign, now: one statement asks for all of them. */
export async function authorizeAny(
  ctx: Context,
  tenantId: string,
  credentialIds: readonly string[],
): Promise<Change[]> {
  const authorizations = await ctx.signerFor(tenantId, "SIGN").loadMany(credentialIds);
  return authorizations.flatMap((authorization) => {
    if (!(authorization instanceof Error)) return changeFor(tenantId, authorization);
    if (authorization instanceof CodedError) return [];
    throw authorization;
  });
}

function changeFor(tenantId: string, authorization: Authorization<UsableKey>): Change {
  if (authorization.key.keyType === "INDIVIDUAL") {
    throw new Refusal("INDIVIDUAL_KEY_CANNOT_SIGN", undefined, ["credentialId"]);
  }
  const key = { ...authorization.key, tenantId };
  return { ...authorization, key, tenantId, meter: { calls: 0 } };
}

/** Counts the calls of a change that came to nothing, and notes in the log that the key was used in vain. */
export async function spend(
  readPool: Platform["readPool"],
  change: Pick<Change, "key" | "meter">,
  what: string,
  problem: CodedError,
): Promise<void> {
  const { rootId, ownerId, tenantId } = change.key;
  const scope = { roots: [rootId], tenants: [...new Set([ownerId, tenantId])] };
  const noted = inPreparedTransaction(readPool, scope, (unit) => charge(unit, [{ ...change, what, problem }]));
  await noted.catch((error: unknown) => {
    // Of a key that is deleted nothing is counted any more.
    if ((error as { code?: unknown }).code !== FOREIGN_KEY_BROKEN) throw error;
  });
}

/** Does what asks Apple; where that fails, the calls that it took are not forgotten. */
export async function accounted<T>(ctx: Context, change: Change, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CodedError) await spend(ctx.platform.readPool, change, what, error);
    throw error;
  }
}

/**
 * Makes a thing at Apple, once. A POST whose answer was lost is not sent again: what was to be made is looked for, and
 * so is what Apple says that there is already. After a 401, which says that nothing was done, it is sent once more with
 * a fresh token, when it is surely not there. Throws AppleError, or OUTCOME_UNKNOWN where nobody knows.
 */
export async function makeOnce<T>(
  change: Change,
  make: (change: Change) => Promise<T>,
  find: (change: Change) => Promise<T | null>,
): Promise<T> {
  try {
    return await make(change);
  } catch (error) {
    if (!(error instanceof AppleError)) throw error;
    if (!error.outcomeUnknown && error.status !== 401 && error.status !== 409) throw error;
    // The token that was refused: the next call is made with another.
    if (error.status === 401) await change.token(await change.token());
    const found = await find(change).catch((failure: unknown) => {
      // Also where the right to look is over by now.
      if (!(failure instanceof Denial)) throw failure;
      throw error.outcomeUnknown ? unknownOutcome() : error;
    });
    if (found !== null) return found;
    if (error.status === 401) return make(change);
    throw error.outcomeUnknown ? unknownOutcome() : error;
  }
}

const unknownOutcome = (): Refusal => new Refusal("OUTCOME_UNKNOWN", OUTCOME_UNKNOWN);

/** What the user can mend of an error of Apple's, with the field at fault; any other error goes through. */
export function refusalOf(error: unknown, field: readonly string[]): Refusal {
  if (error instanceof Refusal) return new Refusal(error.code, error.message, error.field ?? field);
  if (error instanceof AppleError && error.outcomeUnknown)
    return new Refusal("OUTCOME_UNKNOWN", OUTCOME_UNKNOWN, field);
  if (error instanceof AppleError && error.code === "APPLE_REFUSED")
    return new Refusal(error.code, error.message, field);
  throw error;
}

/** The same of any error whose code and message clients may see: for one item of several. */
export function refusalOfItem(error: unknown, field: readonly string[]): Refusal {
  if (error instanceof Denial && !(error instanceof AppleError && error.outcomeUnknown)) {
    return new Refusal(error.code, error.message, field);
  }
  return refusalOf(error, field);
}
