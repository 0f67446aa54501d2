import type { Pool } from "pg";
import type { Logger } from "pino";
import type { DataSource } from "typeorm";
import type { AppleClient } from "./apple/client.js";
import { createSigner, type TokenCache } from "./apple/signer.js";
import type { VerifyJwt } from "./auth/bearer.js";
import type { Viewer } from "./auth/viewer.js";
import { ReadSession } from "./database/tenancy.js";
import { createLoaders, type Loaders } from "./loaders/index.js";
import { sees } from "./rules/node.js";
import type { DataKeyUnit } from "./services/data-key.js";
import { signingKeySource } from "./services/signing-key.js";
import type { Vault } from "./vault/vault.js";

/** What one process has, and every request shares. Nothing here that another replica would miss. */
export interface Platform {
  readonly dataSource: DataSource;
  readonly readPool: Pool;
  readonly vault: Vault<DataKeyUnit>;
  readonly apple: AppleClient;
  readonly tokens: TokenCache;
  /** Null where no identity provider is configured. */
  readonly verifyJwt: VerifyJwt | null;
  readonly log: Logger;
}

/** What a resolver, a rule and a service know of the request. */
export interface Context {
  readonly platform: Platform;
  readonly viewer: Viewer;
  readonly requestId: string;
  /** What the request has read. */
  loaders: Loaders;
  /** Whether the viewer may see what an id names: true, or the error that says why not. */
  sees(id: string): Promise<true | Error>;
  /** After a write: what was read before is read anew. */
  refresh(): void;
}

/** The context of one request of a viewer. */
export function createContext(platform: Platform, viewer: Viewer, requestId: string): Context {
  const reads = new ReadSession(platform.readPool, viewer.scope);
  const source = signingKeySource(reads, viewer, platform.vault, platform.dataSource);
  const signer = createSigner(source("VIEW"), platform.tokens);
  const load = (): Loaders => createLoaders({ reads, viewer, apple: platform.apple, signer });
  return {
    platform,
    viewer,
    requestId,
    loaders: load(),
    // By `this`: Apollo hands a copy of this object to resolvers.
    sees(id) {
      return sees(this, id);
    },
    refresh() {
      this.loaders = load();
    },
  };
}
