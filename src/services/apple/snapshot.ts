import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import DataLoader from "dataloader";
import type { Pool } from "pg";
import type { Logger } from "pino";
import * as bundleIds from "../../apple/bundle-id.js";
import * as certificates from "../../apple/certificate.js";
import type { AppleClient } from "../../apple/client.js";
import * as devices from "../../apple/device.js";
import { AppleError } from "../../apple/error.js";
import * as profiles from "../../apple/provisioning-profile.js";
import type { Authorization } from "../../apple/signer.js";
import type { AdvisoryLocks } from "../../database/advisory-lock.js";
import { ReadSession } from "../../database/tenancy.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import { CodedError, Denial } from "../../errors.js";
import type { UsableKey } from "../signing-key.js";
import { refusal, type Purpose } from "./budget.js";
import { spend } from "./change.js";
import { explained } from "./health.js";
import { Outcomes } from "./outcome.js";
import { LARGE_PROFILES, standingOf, type Standing } from "./standing.js";
import type { Fetched } from "./store.js";

/** How often a process looks whether another one has finished. */
const LOOK_AGAIN_MS = 100;

/** A list that is to be asked of Apple, with a key that may be used now. */
export interface RefreshRequest {
  readonly authorization: Authorization<UsableKey>;
  readonly list: AppleList;
  /** How many attempts there were when the asker looked: where there is another since, its outcome is taken. */
  readonly attempts: number;
  readonly purpose: Purpose;
}

/** How a refresh ended: when Apple was asked for what is kept now, or why it is not newer. */
export type Refreshed = { readonly asOf: Date; readonly problem: null } | { readonly problem: CodedError };

/** What the keeper of snapshots works with. */
export interface SnapshotSources {
  readonly apple: AppleClient;
  readonly readPool: Pool;
  readonly locks: AdvisoryLocks;
  readonly log: Logger;
  /** Told of the lists that somebody wants, a few times an hour each. */
  readonly onWanted: (lists: readonly WantedList[]) => Promise<void>;
}

/** A list of a key that is in use. */
export interface WantedList {
  readonly rootId: string;
  readonly ownerId: string;
  readonly credentialId: string;
  readonly list: AppleList;
}

/**
 * Renews what is kept of Apple's lists. However many ask for one list at a time, in this process and in others, Apple is
 * asked once: here they share a promise, and across processes a lock, whose winner asks while the others wait.
 */
export class Snapshots {
  readonly #inFlight = new Map<string, { readonly by: string; readonly refreshed: Promise<Refreshed> }>();
  readonly #background = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #acquire: DataLoader<string, Date | null>;
  readonly #outcomes: Outcomes;
  readonly #standings: DataLoader<RefreshRequest, Standing | null>;

  constructor(private readonly sources: SnapshotSources) {
    setMaxListeners(0, this.#closing.signal); // Whoever waits listens, and any number may.
    this.#outcomes = new Outcomes(sources.readPool);
    this.#acquire = new DataLoader(
      async (names) => {
        const taken = await sources.locks.acquire(names);
        return names.map((name) => taken.get(name) ?? null);
      },
      { cache: false },
    );
    this.#standings = new DataLoader((requests) => standingOf(sources.readPool, requests), { cache: false });
  }

  /** Asks Apple for a list, or joins whoever does already. Rejects only for faults of our own. */
  async refresh(request: RefreshRequest): Promise<Refreshed> {
    const { credentialId, version, tenantId } = request.authorization.key;
    const name = `${credentialId}:${version}:${request.list}`;
    const by = `${tenantId}:${request.purpose}`;
    let running = this.#inFlight.get(name);
    while (running !== undefined) {
      const joined = await running.refreshed;
      // That the budget is closed to whoever asks, or the key by now, says nothing of others.
      if (isClosed(joined.problem)) {
        const own = await refusalOf(request.authorization);
        if (own !== null) return { problem: own };
      } else if (running.by === by || !(joined.problem instanceof NotAsked)) return joined;
      running = this.#inFlight.get(name);
    }
    const refreshed = this.#refresh(request).finally(() => this.#inFlight.delete(name));
    this.#inFlight.set(name, { by, refreshed });
    this.background(refreshed, request.authorization.key.actor.requestId);
    return refreshed;
  }

  /** Notes that lists are in use. Nobody waits for that. */
  want(lists: readonly WantedList[]): void {
    this.background(this.sources.onWanted(lists));
  }

  /** Work that nobody may be waiting for any more; `close` does. */
  background(work: Promise<unknown>, requestId: string | null = null): void {
    const watched = work
      .catch((error: unknown) => {
        const { name, code } = error as { name?: unknown; code?: unknown };
        this.sources.log.error({ fault: { type: name, code }, requestId }, "work on snapshots failed");
      })
      .finally(() => this.#background.delete(watched));
    this.#background.add(watched);
  }

  /** From now on nobody waits for others, and what fails is not kept: it fails because this process ends. */
  stop(): void {
    this.#closing.abort();
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  async #refresh(request: RefreshRequest): Promise<Refreshed> {
    const name = `${request.authorization.key.credentialId}:${request.list}`;
    const until = Date.now() + this.sources.apple.deadlineMs;
    for (;;) {
      const at = await this.#acquire.load(name);
      try {
        const standing = await this.#standings.load(request);
        const known = standing === null ? { problem: new Denial("NOT_FOUND") } : answerWithout(request, standing);
        if (known !== null) return known;
        if (at !== null && standing !== null) return await this.#ask(request, standing, at);
      } finally {
        if (at !== null) await this.sources.locks.release([name]);
      }
      if (Date.now() > until || this.#closing.signal.aborted) {
        const message = "Another process is asking Apple, and Apple has not answered.";
        return { problem: new AppleError("APPLE_UNAVAILABLE", message) };
      }
      await delay(LOOK_AGAIN_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  async #ask(request: RefreshRequest, standing: Standing, at: Date): Promise<Refreshed> {
    const { apple } = this.sources;
    const { authorization, list, purpose } = request;
    const { key } = authorization;
    const allowance = apple.allowance(key.credentialId);
    if (standing.spending.budget?.blockedUntil) allowance.block(standing.spending.budget.blockedUntil);
    const attempt = { key, list, purpose, meter: { calls: 0 }, allowance, health: standing.health };
    try {
      const fetched = await this.#fetch({ ...authorization, tenantId: key.tenantId, meter: attempt.meter }, list);
      await this.#outcomes.keep({ attempt, fetched, before: standing.asOf, at });
      return { asOf: at, problem: null };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const problem =
        error instanceof AppleError
          ? await explained(apple, authorization, error, standing.health).catch(ifCoded)
          : error;
      if (isClosed(problem)) await spend(this.sources.readPool, attempt, `read ${list}`, problem);
      // What was not even asked says nothing new, nor does what ends with this process. A key that is gone has no snapshots.
      const isNews = attempt.meter.calls > 0 && error instanceof AppleError && !this.#closing.signal.aborted;
      if (isNews) await this.#outcomes.keep({ attempt, problem }).catch(unlessGone);
      return { problem };
    }
  }

  async #fetch<List extends AppleList>(authorization: Authorization<UsableKey>, list: List): Promise<Fetched[List]> {
    const fetch: { [L in AppleList]: () => Promise<Fetched[L]> } = {
      CERTIFICATES: () => certificates.list(this.sources.apple, authorization),
      DEVICES: () => devices.list(this.sources.apple, authorization),
      BUNDLE_IDS: () => bundleIds.list(this.sources.apple, authorization),
      PROFILES: async () => profiles.list(this.sources.apple, authorization, await this.#knownOf(authorization.key)),
    };
    return fetch[list]();
  }

  /** What is kept of the profiles that hold more than Apple includes. */
  async #knownOf({ rootId, ownerId, credentialId }: UsableKey): Promise<profiles.KnownRelations> {
    const reads = new ReadSession(this.sources.readPool, { roots: [rootId], tenants: [ownerId] });
    const rows = await reads.rows<{ uuid: string; relation: string; ids: string[] }>(LARGE_PROFILES, [
      rootId,
      credentialId,
      bundleIds.INCLUDED_ROWS,
    ]);
    const known = new Map(rows.map(({ uuid, relation, ids }) => [`${uuid} ${relation}`, ids]));
    return (uuid, relation) => known.get(`${uuid} ${relation}`) ?? null;
  }
}

/** What there is to answer without asking Apple: how another attempt ended, or why Apple is not asked. Null: it is to be asked. */
function answerWithout({ attempts, purpose }: RefreshRequest, standing: Standing): Refreshed | null {
  if (standing.attempts !== attempts) return standing.outcome;
  const { asOf, now } = standing;
  const why = refusal(standing.spending, purpose, asOf && (now.getTime() - asOf.getTime()) / 1000, now);
  return why === null ? null : { problem: new NotAsked("APPLE_RATE_LIMITED", why) };
}

/** Whether the right to ask was over before all was asked: that is the asker's own, and nothing that Apple said. */
function isClosed(problem: CodedError | null): boolean {
  return problem?.code === "FORBIDDEN";
}

/** Why a right does not hold any more, asked now; null: it holds. */
async function refusalOf({ lease }: Authorization): Promise<CodedError | null> {
  try {
    await lease?.renew();
    return null;
  } catch (error) {
    return ifCoded(error);
  }
}

function ifCoded(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  throw error;
}

/** Apple was not asked, since the budget is not for the asker now. */
class NotAsked extends Denial {}

function unlessGone(error: unknown): void {
  if (!(error instanceof Denial)) throw error;
}
