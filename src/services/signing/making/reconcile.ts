import { createSigner } from "../../../apple/signer.js";
import type { Platform } from "../../../context.js";
import { inPreparedTransaction, ReadSession } from "../../../database/tenancy.js";
import type { WantedCertificate, WantedProfile } from "../../../entities/signing/signing-intent.js";
import { Denial } from "../../../errors.js";
import type { Change } from "../../apple/change.js";
import { signingKeySource } from "../../signing-key.js";
import { certificateMaking } from "./certificate-making.js";
import * as intents from "./intent.js";
import type { Intent } from "./intent.js";
import { keep, lockOf, type Making } from "./making.js";
import { profileMaking } from "./profile-making.js";

/** What the reconciler works with. */
export type ReconcileSources = Pick<Platform, "apple" | "readPool" | "locks" | "vault" | "log" | "tokens">;

/** Intents that are looked at together. */
const AT_ONCE = 20;
/** What Apple has not shown so long after it was sent is taken for not made; Apple's lists lag for less. */
const SETTLED_SECONDS = 5;
const LOOK_AGAIN_SECONDS = 1;
/** When Apple cannot be asked, it is asked again after so many seconds at most. */
const AGAIN_MOST_SECONDS = 60;
/** What is lost is looked for now and then, since it may show after all: so many seconds apart, and no longer than so. */
const LOST_LOOKS_SECONDS = [60, 600, 3_600, 21_600];
const GIVEN_UP_SECONDS = 3 * 86_400;

const NEVER_SENT = {
  code: "INTERNAL",
  message: "The server stopped before Apple was asked: nothing was made. Ask again.",
} as const;
const NOT_MADE = {
  code: "APPLE_UNAVAILABLE",
  message: "Apple never answered, and does not show it: nothing was made. Ask again.",
} as const;

/** Goes on with what was begun by a process that died, or by a request that could not wait. A process that is at it keeps it. */
export async function reconcile(sources: ReconcileSources): Promise<void> {
  const found = await intents.due(sources.readPool, AT_ONCE);
  await Promise.all(
    found.map((intent) =>
      sources.locks.exclusively(
        lockOf(intent.id),
        0,
        () => goOnOrLater(sources, intent),
        () => undefined,
      ),
    ),
  );
}

/** One that cannot be gone on with is put off: it holds up no other. */
async function goOnOrLater(sources: ReconcileSources, place: Pick<Intent, "rootId" | "ownerId" | "id">): Promise<void> {
  try {
    await goOn(sources, place);
  } catch (error) {
    const { name, code } = error as { name?: unknown; code?: unknown };
    sources.log.error(
      { intent: place.id, fault: { type: name, code } },
      "what was left unfinished could not be gone on with",
    );
    await intents.putOff(sources.readPool, place, AGAIN_MOST_SECONDS);
  }
}

/** Goes on with one intent, under its lock. */
async function goOn(sources: ReconcileSources, place: Pick<Intent, "rootId" | "ownerId" | "id">): Promise<void> {
  const intent = await inPreparedTransaction(sources.readPool, intents.scopeOf(place), (unit) =>
    intents.locked(unit, place),
  );
  if (intent.state === "DONE" || intent.state === "FAILED") return;
  if (intent.state === "INTENT") return intents.markFailed(sources.readPool, intent, NEVER_SENT);
  const change = await authorizeFor(sources, intent);
  if (change === null) return intents.markFailed(sources.readPool, intent, NOT_MADE);
  await lookFor(sources, change, intent);
}

/** The right to ask with the key's owner's standing: what was made is to be kept, whatever has become of a share since. */
async function authorizeFor(sources: ReconcileSources, intent: Intent): Promise<Change | null> {
  const { rootId, ownerId, credentialId } = intent;
  const scope = { roots: [rootId], tenants: [rootId] };
  const reads = new ReadSession(sources.readPool, scope);
  const user = { scope, tenants: [rootId], use: "SIGN", actor: intent.actor } as const;
  try {
    const authorization = await createSigner(signingKeySource(reads, user, sources.vault), sources.tokens).load(
      credentialId,
    );
    const key = { ...authorization.key, tenantId: ownerId };
    return { ...authorization, key, tenantId: ownerId, meter: { calls: 0 } };
  } catch (error) {
    if (error instanceof Denial) return null;
    throw error;
  }
}

async function lookFor(sources: ReconcileSources, change: Change, intent: Intent): Promise<void> {
  const making = makingOf(sources, intent);
  const { readPool } = sources;
  const state = intent.state === "LOST" ? "LOST" : "SENT";
  let found: unknown;
  try {
    found = await making.find(change);
  } catch (error) {
    if (!(error instanceof Denial)) throw error;
    return intents.lookLater(readPool, intent, state, Math.min(AGAIN_MOST_SECONDS, 2 ** intent.looks));
  }
  if (found !== null) {
    await keep(sources, change, intent, making, found);
    sources.log.info({ intent: intent.id, kind: intent.kind }, "kept what Apple had made without an answer");
    return;
  }
  const ageSeconds = (Date.now() - (intent.sentAt?.getTime() ?? 0)) / 1000;
  if (state === "SENT" && ageSeconds < SETTLED_SECONDS) {
    return intents.lookLater(readPool, intent, "SENT", LOOK_AGAIN_SECONDS);
  }
  if (ageSeconds > GIVEN_UP_SECONDS) return intents.markFailed(readPool, intent, NOT_MADE);
  const next = LOST_LOOKS_SECONDS.find((seconds) => seconds > ageSeconds) ?? LOST_LOOKS_SECONDS.at(-1) ?? 0;
  return intents.lookLater(readPool, intent, "LOST", next);
}

function makingOf(sources: ReconcileSources, intent: Intent): Making<unknown> {
  if (intent.kind === "PROFILE")
    return profileMaking(sources, { wanted: intent.wanted as WantedProfile }) as Making<unknown>;
  const wanted = intent.wanted as WantedCertificate;
  return certificateMaking(sources, { wanted, publicKeySha256: intent.publicKeySha256 ?? "" }) as Making<unknown>;
}
