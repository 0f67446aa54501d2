import type { AppleClient } from "../apple/client.js";
import type { Signer } from "../apple/signer.js";
import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import { accessTokenLoaders } from "./access-token.js";
import { appStoreConnectLoaders, type UsableKey } from "./app-store-connect.js";
import { credentialLoaders } from "./credential.js";
import { memberLoaders } from "./member.js";
import { shareLoaders } from "./share.js";
import { tenantLoaders } from "./tenant.js";

/** What loaders read from: the request's reads, who asks, and Apple through the keys that the viewer may use now. */
export interface LoaderSources {
  readonly reads: ReadSession;
  readonly viewer: Viewer;
  readonly apple: AppleClient;
  readonly signer: Signer<UsableKey>;
}

/** The loaders of one request: every read of a resolver or a rule goes through them. */
export function createLoaders({ reads, viewer, apple, signer }: LoaderSources) {
  return {
    ...tenantLoaders(reads, viewer),
    ...memberLoaders(reads, viewer),
    ...accessTokenLoaders(reads, viewer),
    ...credentialLoaders(reads, viewer),
    ...shareLoaders(reads, viewer),
    ...appStoreConnectLoaders(apple, signer),
  };
}

export type Loaders = ReturnType<typeof createLoaders>;
