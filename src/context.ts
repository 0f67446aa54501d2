import type { Pool } from "pg";
import type { Logger } from "pino";
import type { DataSource } from "typeorm";
import type { AppleClient } from "./apple/client.js";
import { createSigner, type Signer, type TokenCache } from "./apple/signer.js";
import type { VerifyJwt } from "./auth/bearer.js";
import type { Viewer } from "./auth/viewer.js";
import type { AdvisoryLocks } from "./database/advisory-lock.js";
import type { DatabaseProbe } from "./database/probe.js";
import type { KnownRows } from "./database/known-rows.js";
import { ReadSession } from "./database/tenancy.js";
import { PERMISSION_FOR_USE } from "./auth/explain.js";
import type { ShareUse } from "./entities/share.js";
import type { Refusal } from "./errors.js";
import { Assumptions, type SeenRows } from "./loaders/assumption.js";
import { createLoaders, type Loaders } from "./loaders/index.js";
import { sees } from "./rules/node.js";
import type { Deadline } from "./server/deadline.js";
import { actorOf } from "./services/audit.js";
import type { DataKeyUnit } from "./services/vault/data-key.js";
import type { Snapshots } from "./services/apple/snapshot.js";
import type { SignIns } from "./services/sign-in.js";
import { signingKeySource, type UsableKey } from "./services/signing-key.js";
import type { Vault } from "./vault/vault.js";

/** What one process has, and every request shares. Nothing here that another replica would miss. */
export interface Platform {
  readonly dataSource: DataSource;
  readonly readPool: Pool;
  /** Tells whether the database answers. */
  readonly probe: DatabaseProbe;
  readonly vault: Vault<DataKeyUnit>;
  readonly apple: AppleClient;
  readonly tokens: TokenCache;
  readonly snapshots: Snapshots;
  /** Who signed in here. */
  readonly signIns: SignIns;
  /** What was shown here, by its id. */
  readonly seenRows: SeenRows;
  /** And as lists. */
  readonly knownRows: KnownRows;
  /** What one process of many does at a time. */
  readonly locks: AdvisoryLocks;
  /** Null where no identity provider is configured. */
  readonly verifyJwt: VerifyJwt | null;
  readonly log: Logger;
}

/** What a resolver, a rule and a service know of the request. */
export interface Context {
  readonly platform: Platform;
  readonly viewer: Viewer;
  readonly requestId: string;
  /** Rejects where the viewer is not who it was taken for: nothing is done, noted or answered before it resolves. */
  readonly confirmed: Promise<void>;
  /** What is taken for granted until it is confirmed: nothing is noted or answered before it holds. */
  readonly assumptions: Assumptions;
  /** When the request has to end. */
  readonly deadline: Pick<Deadline, "signal" | "check" | "lift">;
  /** From where it came. */
  readonly ipAddress: string | null;
  /** Why its mutations were refused: a list for each that was answered, in their order. */
  readonly refusals: (readonly Refusal[])[];
  /** What the request has read. */
  loaders: Loaders;
  /** A signer of the keys that may be used in a tenant now, for a use that the viewer is permitted there. */
  signerFor(tenantId: string, use: ShareUse): Signer<UsableKey>;
  /** Whether the viewer may see what an id names: true, or the error that says why not. */
  sees(id: string): Promise<true | Error>;
  /** After a write: what was read before is read anew. */
  refresh(): void;
}

const NO_DEADLINE: Context["deadline"] = {
  signal: new AbortController().signal,
  check: () => undefined,
  lift: () => undefined,
};

/** The context of one request of a viewer. */
export function createContext(
  platform: Platform,
  viewer: Viewer,
  {
    requestId,
    ipAddress,
    deadline = NO_DEADLINE,
    reads = new ReadSession(platform.readPool, viewer.scope, deadline),
    confirmed = Promise.resolve(),
    assumptions = Assumptions.none(),
  }: Pick<Context, "requestId" | "ipAddress"> &
    Partial<Pick<Context, "deadline" | "confirmed" | "assumptions"> & { readonly reads: ReadSession }>,
): Context {
  const actor = actorOf({ viewer, requestId, ipAddress });
  const signerIn = (tenants: readonly string[], use: ShareUse): Signer<UsableKey> => {
    const user = { scope: viewer.scope, tenants, use, actor };
    return createSigner(signingKeySource(reads, user, platform.vault), platform.tokens);
  };
  const load = (): Loaders =>
    createLoaders({
      ...{ reads, viewer, snapshots: platform.snapshots, assumptions, deadline },
      signer: () => signerIn(viewer.tenantsWith(PERMISSION_FOR_USE.VIEW), "VIEW"),
    });
  return {
    platform,
    viewer,
    requestId,
    ipAddress,
    confirmed,
    assumptions,
    deadline,
    refusals: [],
    loaders: load(),
    signerFor: (tenantId, use) => signerIn([tenantId], use),
    // By `this`: Apollo hands a copy of this object to resolvers.
    sees(id) {
      return sees(this, id);
    },
    refresh() {
      this.loaders = load();
    },
  };
}
