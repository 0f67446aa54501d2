import type { Signer } from "../apple/signer.js";
import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { Snapshots } from "../services/apple/snapshot.js";
import type { UsableKey } from "../services/signing-key.js";
import type { Assumptions } from "./assumption.js";
import { accessTokenLoaders } from "./access-token.js";
import { appleBundleIdLoaders } from "./apple/bundle-id.js";
import { appleCertificateLoaders } from "./apple/certificate.js";
import type { AppleReader } from "./apple/list.js";
import { appleDeviceLoaders } from "./apple/device.js";
import { driftEventLoaders } from "./apple/drift-event.js";
import { appleProfileLoaders } from "./apple/provisioning-profile.js";
import { appleSnapshotLoaders } from "./apple/snapshot.js";
import { auditEventLoaders } from "./audit-event.js";
import { credentialLoaders } from "./credential.js";
import { memberLoaders } from "./member.js";
import { shareLoaders, type ShareSubjects } from "./share.js";
import { certificateLoaders } from "./signing/certificate.js";
import { expiringLoaders } from "./signing/expiring.js";
import { provisioningProfileLoaders } from "./signing/provisioning-profile.js";
import { signingRequestLoaders } from "./signing/signing-request.js";
import type { TenantLoader } from "./shareable.js";
import { lazily } from "./lazy.js";
import { tenantLoaders } from "./tenant.js";

/** What loaders read from: the request's reads, who asks, and Apple through the keys that the viewer may use now. */
export interface LoaderSources {
  readonly reads: ReadSession;
  readonly viewer: Viewer;
  readonly signer: () => Signer<UsableKey>;
  readonly snapshots: Snapshots;
  readonly assumptions: Assumptions;
  /** Its signal is aborted when the request has to end. */
  readonly deadline: { readonly signal: AbortSignal };
}

/** Loaders by what they load: each group is made from the sources of a request, and may ask the others. */
const GROUPS = {
  tenants: ({ reads, viewer, assumptions }: LoaderSources) => tenantLoaders(reads, viewer, assumptions),
  members: ({ reads, viewer }: LoaderSources) => memberLoaders(reads, viewer),
  accessTokens: ({ reads, viewer }: LoaderSources) => accessTokenLoaders(reads, viewer),
  auditEvents: ({ reads, viewer }: LoaderSources) => auditEventLoaders(reads, viewer),
  credentials: ({ reads, viewer, assumptions }: LoaderSources, others: TenantLoader) =>
    credentialLoaders(reads, viewer, assumptions, others),
  certificates: ({ reads, viewer, assumptions }: LoaderSources, others: TenantLoader) =>
    certificateLoaders(reads, viewer, assumptions, others),
  provisioningProfiles: ({ reads, viewer, assumptions }: LoaderSources, others: TenantLoader) =>
    provisioningProfileLoaders(reads, viewer, assumptions, others),
  shares: ({ reads, viewer }: LoaderSources, others: ShareSubjects) => shareLoaders(reads, viewer, others),
  expiring: ({ reads, viewer }: LoaderSources) => expiringLoaders(reads, viewer),
  signingRequests: ({ reads, viewer }: LoaderSources) => signingRequestLoaders(reads, viewer),
  appleSnapshots: (sources: LoaderSources) =>
    appleSnapshotLoaders(readerOf(sources), { ...sources, signer: sources.signer() }),
  appleCertificates: (sources: LoaderSources) => appleCertificateLoaders(readerOf(sources)),
  appleProfiles: (sources: LoaderSources) => appleProfileLoaders(readerOf(sources)),
  appleBundleIds: (sources: LoaderSources) => appleBundleIdLoaders(readerOf(sources)),
  appleDevices: (sources: LoaderSources) => appleDeviceLoaders(readerOf(sources)),
  driftEvents: (sources: LoaderSources) => driftEventLoaders(readerOf(sources)),
};

const readerOf = ({ reads, viewer }: LoaderSources): AppleReader => ({
  reads,
  roots: viewer.scope.roots,
  tenants: viewer.tenantsWith("SIGNING_VIEW"),
});

type Groups = { readonly [Name in keyof typeof GROUPS]: ReturnType<(typeof GROUPS)[Name]> };
type Joined<Union> = (Union extends object ? (group: Union) => void : never) extends (group: infer All) => void
  ? All
  : never;

/** All loaders by their names, whatever group they are of. */
export type Loaders = Joined<Groups[keyof Groups]>;

/** The loaders of one request: every read of a resolver or a rule goes through them. */
export const createLoaders = lazily<LoaderSources, Loaders>(GROUPS);
