import type { Signer } from "../apple/signer.js";
import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { Snapshots } from "../services/apple/snapshot.js";
import type { UsableKey } from "../services/signing-key.js";
import { accessTokenLoaders } from "./access-token.js";
import { appleBundleIdLoaders } from "./apple/bundle-id.js";
import { appleCertificateLoaders } from "./apple/certificate.js";
import { appleDeviceLoaders } from "./apple/device.js";
import { driftEventLoaders } from "./apple/drift-event.js";
import { appleProfileLoaders } from "./apple/provisioning-profile.js";
import { appleSnapshotLoaders } from "./apple/snapshot.js";
import { auditEventLoaders } from "./audit-event.js";
import { credentialLoaders } from "./credential.js";
import { memberLoaders } from "./member.js";
import { shareLoaders } from "./share.js";
import { certificateLoaders } from "./signing/certificate.js";
import { expiringLoaders } from "./signing/expiring.js";
import { provisioningProfileLoaders } from "./signing/provisioning-profile.js";
import { signingRequestLoaders } from "./signing/signing-request.js";
import { tenantLoaders } from "./tenant.js";

/** What loaders read from: the request's reads, who asks, and Apple through the keys that the viewer may use now. */
export interface LoaderSources {
  readonly reads: ReadSession;
  readonly viewer: Viewer;
  readonly signer: Signer<UsableKey>;
  readonly snapshots: Snapshots;
  /** Aborted when the request has to end. */
  readonly signal: AbortSignal;
}

/** The loaders of one request: every read of a resolver or a rule goes through them. */
export function createLoaders({ reads, viewer, signer, snapshots, signal }: LoaderSources) {
  const reader = { reads, roots: viewer.scope.roots, tenants: viewer.tenantsWith("SIGNING_VIEW") };
  const subjects = {
    ...auditEventLoaders(reads, viewer),
    ...credentialLoaders(reads, viewer),
    ...certificateLoaders(reads, viewer),
    ...provisioningProfileLoaders(reads, viewer),
  };
  return {
    ...tenantLoaders(reads, viewer),
    ...memberLoaders(reads, viewer),
    ...accessTokenLoaders(reads, viewer),
    ...subjects,
    ...shareLoaders(reads, viewer, subjects),
    ...expiringLoaders(reads, viewer),
    ...signingRequestLoaders(reads, viewer),
    ...appleSnapshotLoaders(reader, { signer, snapshots, signal }),
    ...appleCertificateLoaders(reader),
    ...appleProfileLoaders(reader),
    ...appleBundleIdLoaders(reader),
    ...appleDeviceLoaders(reader),
    ...driftEventLoaders(reader),
  };
}

export type Loaders = ReturnType<typeof createLoaders>;
