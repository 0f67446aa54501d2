import { randomUUID } from "node:crypto";
import { readCertificate } from "../../../src/files/certificate.js";
import type { KeyOptions } from "../../../src/sandbox/team/key.js";
import { mutate } from "../../support/mutation.js";
import { inDays } from "../../support/kept.js";
import type { Story } from "../../support/seed.js";
import type { TestServer } from "../../support/server.js";
import { newIdentity, PASSWORD, pkcs12Of, type CertificateWords } from "../../support/signing.js";
import { heldKey, type HeldKey } from "../apple/held-key.js";

/** A certificate as a client sees it. */
export interface CertificateNode {
  readonly id: string;
  readonly name: string;
  readonly serialNumber: string;
  readonly sha1: string;
  readonly state: string;
  readonly appleId: string | null;
  readonly owner: { readonly id: string };
}

/** All that is asked of a certificate. */
export const CERTIFICATE = `id name type appleType serialNumber sha1 teamId commonName state expiresAt source
  hasPrivateKey appleId owner { id } credential { id }`;

/** A profile as a client sees it. */
export interface ProfileNode {
  readonly id: string;
  readonly name: string;
  readonly uuid: string;
  readonly state: string;
  readonly appleId: string | null;
  readonly deviceUdids: readonly string[];
  readonly certificateSha1s: readonly string[];
  readonly owner: { readonly id: string };
}

/** All that is asked of a profile. */
export const PROFILE = `id name uuid type state expiresAt platforms teamId bundleIdentifier deviceUdids source appleId
  owner { id } credential { id } certificates { id } certificateSha1s`;

const device = (id: string, deviceClass: string, status = "ENABLED") => ({
  id,
  attributes: { name: id, deviceClass, status, platform: deviceClass === "MAC" ? "MAC_OS" : "IOS" },
});

/** What a team has before anything is made: two bundle ids, and devices of every kind. */
const CONTENTS: NonNullable<KeyOptions["contents"]> = {
  ...{ certificates: 0, profiles: 0, apps: 0 },
  bundleIds: [
    { id: "SHOP", attributes: { identifier: "com.acme.shop", name: "Shop", platform: "UNIVERSAL" } },
    { id: "WIDGET", attributes: { identifier: "com.acme.shop.widget", name: "Widget", platform: "UNIVERSAL" } },
  ],
  devices: [
    ...[device("PHONE", "IPHONE"), device("TABLET", "IPAD"), device("LOST", "IPHONE", "DISABLED")],
    ...[device("MAC", "MAC"), device("TV", "APPLE_TV")],
  ],
};

/** Contents of a team that has a certificate whose private key nobody here has, under Apple's id `CERT`. */
export const withCertificate = (certificateType = "DISTRIBUTION"): NonNullable<KeyOptions["contents"]> => ({
  certificates: [{ id: "CERT", attributes: { certificateType } }],
});
/** That certificate, as one names it. */
export const CERT = { appleId: "CERT" };

/** What is wanted of a profile, where it is not the usual. */
interface ProfileWords {
  readonly tenantId?: string;
  readonly token?: string;
  readonly name?: string;
  readonly type?: string;
  readonly bundleIdentifier?: string;
  readonly deviceAppleIds?: readonly string[];
}

/** What stands at Apple of a profile that was made there. */
interface ProfileAtApple {
  readonly bundleId?: string;
  readonly certificates: readonly string[];
  readonly devices?: readonly string[];
  readonly profileType?: string;
  readonly expiresInDays?: number;
}

let made = 0;
/** A name that nothing else has. */
export const anew = (prefix: string): string => `${prefix} ${(made += 1)}`;

/** Makes what the tests of signing begin with, for an organization of a server. */
export class Maker {
  constructor(
    private readonly server: TestServer,
    private readonly story: Story,
  ) {}

  /** A key of a tenant, the root by default, whose team has made nothing yet. */
  key({ contents = {}, ...options }: Partial<KeyOptions> & { tenantId?: string } = {}): Promise<HeldKey> {
    return heldKey(this.server, this.story, {
      ...options,
      ...(options.team === undefined && { contents: { ...CONTENTS, ...contents } }),
    });
  }

  /** A certificate that is made at Apple, for the root by default. */
  async certificate(
    key: HeldKey,
    { token = this.story.owner, ...words }: { tenantId?: string; type?: string; token?: string; name?: string } = {},
  ): Promise<CertificateNode & { readonly appleId: string }> {
    const input = { tenantId: this.story.organizationId, type: "DISTRIBUTION", credentialId: key.id, ...words };
    const { payload, text } = await mutate<{ certificate: CertificateNode | null }>(
      ...([this.server, token, "createCertificate", `certificate { ${CERTIFICATE} }`, input] as const),
    );
    const appleId = payload?.certificate?.appleId;
    if (payload?.certificate == null || appleId == null) throw new Error(`The certificate was not made: ${text}`);
    return { ...payload.certificate, appleId };
  }

  /** A profile that is made at Apple with certificates, for the root and the App Store by default. */
  async profile(
    key: HeldKey,
    certificates: readonly { readonly appleId: string }[],
    { token = this.story.owner, ...words }: ProfileWords = {},
  ): Promise<ProfileNode> {
    const { payload, text } = await mutate<{ provisioningProfile: ProfileNode | null }>(
      ...([this.server, token, "createProvisioningProfile", `provisioningProfile { ${PROFILE} }`] as const),
      {
        ...{ tenantId: this.story.organizationId, credentialId: key.id, name: anew("Profile") },
        ...{ type: "IOS_APP_STORE", bundleIdentifier: "com.acme.shop" },
        certificateAppleIds: certificates.map(({ appleId }) => appleId),
        ...words,
      },
    );
    if (payload?.provisioningProfile == null) throw new Error(`The profile was not made: ${text}`);
    return payload.provisioningProfile;
  }

  /** An identity whose certificate a team has, as if it had been made elsewhere, uploaded to a tenant. */
  async uploaded(
    key: HeldKey,
    { tenantId = this.story.organizationId, ...words }: CertificateWords & { readonly tenantId?: string } = {},
  ): Promise<{ readonly id: string; readonly appleId: string; readonly sha1: string; readonly serialNumber: string }> {
    const identity = await newIdentity(words);
    const { serialNumber, sha1, notAfter } = readCertificate(identity.certificate);
    const appleId = randomUUID();
    key.team.certificates.push({
      id: appleId,
      attributes: {
        ...{ name: "Apple Distribution: Acme", displayName: "Acme", platform: "IOS", activated: null, serialNumber },
        ...{ certificateType: words.type ?? "DISTRIBUTION", expirationDate: notAfter.toISOString() },
        certificateContent: identity.certificate.toString("base64"),
      },
      relationships: { passTypeId: null },
    });
    const { payload, text } = await mutate<{ certificate: { id: string } | null }>(
      ...([this.server, this.story.owner, "uploadCertificate", "certificate { id }"] as const),
      { tenantId, password: PASSWORD, pkcs12: await pkcs12Of(identity) },
    );
    if (payload?.certificate == null) throw new Error(`The certificate was not taken: ${text}`);
    return { id: payload.certificate.id, appleId, sha1, serialNumber };
  }

  /** A profile that somebody made at Apple; gives Apple's id. */
  profileAtApple(key: HeldKey, words: ProfileAtApple): string {
    const { bundleId = "SHOP", certificates, devices = [], profileType = "IOS_APP_STORE", expiresInDays = 200 } = words;
    const id = randomUUID();
    key.team.profiles.push({
      id,
      attributes: {
        ...{ name: anew("Made at Apple"), platform: "IOS", profileType, profileState: "ACTIVE", uuid: randomUUID() },
        ...{ createdDate: inDays(-1).toISOString(), expirationDate: inDays(expiresInDays).toISOString() },
      },
      relationships: { bundleId, certificates: [...certificates], devices: [...devices] },
    });
    return id;
  }

  /** What a tenant keeps of profiles at Apple. */
  async kept(key: HeldKey, appleIds: readonly string[], tenantId = this.story.organizationId): Promise<ProfileNode[]> {
    const { payload, text } = await mutate<{ provisioningProfiles: ProfileNode[] }>(
      ...([this.server, this.story.owner, "keepProvisioningProfiles", `provisioningProfiles { ${PROFILE} }`] as const),
      { tenantId, credentialId: key.id, appleIds },
    );
    if (payload?.provisioningProfiles.length !== appleIds.length) throw new Error(`They are not kept: ${text}`);
    return payload.provisioningProfiles;
  }

  /** What a certificate is now, as somebody sees it; null where it is not seen. */
  async certificateNow(id: string, token = this.story.owner): Promise<CertificateNode | null> {
    const document = `query ($id: ID!) { certificate(id: $id) { ${CERTIFICATE} } }`;
    const { data } = await this.server.ask<{ certificate: CertificateNode | null }>(token, document, { id });
    return data.certificate;
  }

  /** What a profile is now, as somebody sees it; null where it is not seen. */
  async profileNow(id: string, token = this.story.owner): Promise<ProfileNode | null> {
    const document = `query ($id: ID!) { provisioningProfile(id: $id) { ${PROFILE} } }`;
    const { data } = await this.server.ask<{ provisioningProfile: ProfileNode | null }>(token, document, { id });
    return data.provisioningProfile;
  }

  /** What a key was to change at Apple, in order, such as `POST /v1/profiles`. */
  changes({ keyId }: HeldKey): string[] {
    return this.server.sandbox.journal
      .filter((call) => call.keyId === keyId && call.method !== "GET")
      .map(({ method, path }) => `${method} ${path}`);
  }
}
