import DataLoader from "dataloader";
import * as bundleIds from "../apple/bundle-id.js";
import * as certificates from "../apple/certificate.js";
import type { AppleClient } from "../apple/client.js";
import * as devices from "../apple/device.js";
import * as profiles from "../apple/profile.js";
import type { RateLimit } from "../apple/rate-limit.js";
import type { Authorization, Signer } from "../apple/signer.js";
import type { SigningKey } from "../apple/token.js";
import { isWithin } from "../entities/share.js";
import { Denial } from "../errors.js";

/** A key that the viewer may use now, with the bundle identifiers that the use is bound to; empty: any. */
export interface UsableKey extends SigningKey {
  readonly bundleIdentifiers: readonly string[];
}

/** A list asked of Apple, with the relations that the query selects. */
interface ListKey<Relation extends string> {
  readonly credentialId: string;
  readonly relations: readonly Relation[];
}

/** What Apple answered, and when it was asked. */
export interface Fetched<Row> {
  readonly rows: readonly Row[];
  readonly asOf: Date;
}

/**
 * Loaders of Apple's lists: one list call a key and list, whatever the query's shape. What the aliases and fragments
 * of a tick select of one list is joined, and the signer takes all keys of the tick in one query.
 */
export function appStoreConnectLoaders(client: AppleClient, signer: Signer<UsableKey>) {
  const inFlight = new Map<string, Set<Promise<unknown>>>();

  async function authorized(credentialId: string): Promise<Authorization<UsableKey>> {
    const authorization = await signer.load(credentialId);
    if (authorization.key.keyType === "INDIVIDUAL") throw new Denial("INDIVIDUAL_KEY_CANNOT_SIGN");
    return authorization;
  }

  function lists<Row, Relation extends string>(
    fetch: (authorization: Authorization<UsableKey>, relations: ReadonlySet<Relation>) => Promise<readonly Row[]>,
  ): DataLoader<ListKey<Relation>, Fetched<Row>, string> {
    const ask = async (credentialId: string, relations: ReadonlySet<Relation>): Promise<Fetched<Row>> => {
      const rows = await fetch(await authorized(credentialId), relations);
      return { rows, asOf: new Date() };
    };
    return new DataLoader(
      (keys) => {
        const selected = new Map<string, Set<Relation>>();
        for (const { credentialId, relations } of keys) {
          selected.set(credentialId, new Set([...(selected.get(credentialId) ?? []), ...relations]));
        }
        const answers = new Map<string, Promise<Fetched<Row> | Error>>();
        for (const [credentialId, relations] of selected) {
          const answer = ask(credentialId, relations).catch((error: unknown) => error as Error);
          answers.set(credentialId, answer);
          track(credentialId, answer);
        }
        const answered = async (id: string) => (await answers.get(id)) ?? new Error("A list was asked of no key");
        return Promise.all(keys.map(({ credentialId }) => answered(credentialId)));
      },
      { cacheKeyFn: ({ credentialId, relations }) => `${credentialId} ${[...relations].sort().join()}` },
    );
  }

  function track(credentialId: string, answer: Promise<unknown>): void {
    const calls = inFlight.get(credentialId) ?? new Set();
    inFlight.set(credentialId, calls.add(answer));
  }

  return {
    appleCertificates: lists<certificates.AppleCertificate, never>((authorization) =>
      certificates.list(client, authorization),
    ),
    appleDevices: lists<devices.AppleDevice, never>((authorization) => devices.list(client, authorization)),
    appleBundleIds: lists<bundleIds.AppleBundleId, "capabilities">(async (authorization, relations) => {
      const rows = await bundleIds.list(client, authorization, relations.has("capabilities"));
      return rows.filter((row) => isWithin(row.identifier, authorization.key.bundleIdentifiers));
    }),
    appleProfiles: lists<profiles.AppleProfile, profiles.ProfileRelation>(async (authorization, relations) => {
      const { bundleIdentifiers } = authorization.key;
      // Terms that name bundle identifiers need each profile's, selected or not.
      if (bundleIdentifiers.length === 0) return profiles.list(client, authorization, relations);
      const rows = await profiles.list(client, authorization, new Set([...relations, "bundleId"]));
      return rows.filter((row) => row.bundleId !== null && isWithin(row.bundleId.identifier, bundleIdentifiers));
    }),
    /** The budget of a key as Apple last said it: after the lists that this request asks of the key. */
    appleRateLimit: async (credentialId: string): Promise<RateLimit | null> => {
      // The lists of the same selection are asked for in this turn of the event loop.
      await new Promise(setImmediate);
      await Promise.allSettled([...(inFlight.get(credentialId) ?? [])]);
      return client.rateLimit(credentialId);
    },
  };
}
