import type { Team } from "../../../src/sandbox/team/team.js";
import { mutate } from "../../support/mutation.js";
import type { Story } from "../../support/seed.js";
import type { TestServer } from "../../support/server.js";

let made = 0;
/** Something that nobody else is called. */
export const anew = (prefix: string): string => `${prefix}${(made += 1)}`;

/** A key with a team of its own. */
export interface DeskKey {
  readonly id: string;
  readonly keyId: string;
  readonly team: Team;
}

/** A sub-organization in which things are made for mutations to act on, each through the public API. */
export interface Desk {
  readonly server: TestServer;
  readonly story: Story;
  readonly root: string;
  readonly web: string;
  /** A key of the sub-organization, or of another tenant. */
  key(tenantId?: string): Promise<DeskKey>;
  /** A new key of the sub-organization, as an input names it. */
  withKey(): Promise<{ readonly tenantId: string; readonly credentialId: string }>;
  member(): Promise<string>;
  accessToken(): Promise<string>;
  signingRequest(): Promise<{ readonly id: string; readonly csrPem: string }>;
  /** A certificate that Apple made. */
  certificate(): Promise<{ readonly id: string; readonly appleId: string; readonly credentialId: string }>;
  /** What it takes to make a profile. */
  wishForProfile(): Promise<Readonly<Record<string, unknown>>>;
  /** A profile that Apple made. */
  profile(): Promise<{ readonly id: string; readonly certificateId: string }>;
}

/** Begins to make things in a sub-organization of a story. */
export function deskIn(server: TestServer, story: Story, web: string): Desk {
  const act = async <Thing>(name: string, field: string, selection: string, input: object): Promise<Thing> => {
    const { payload, text } = await mutate<Record<string, Thing | null>>(
      ...[server, story.owner, name, selection === "" ? field : `${field} { ${selection} }`],
      { ...input },
    );
    const thing = payload?.[field] ?? null;
    if (thing === null) throw new Error(`${name} did not do it: ${text}`);
    return thing;
  };
  const keyOfTeam = async (tenantId: string): Promise<DeskKey> => {
    const contents = { certificates: 1, profiles: 4, bundleIds: 2, devices: 2, apps: 0 };
    const { keyId, issuerId, privateKey, teamId } = await server.sandbox.registerKey({
      program: "app-store",
      contents,
    });
    const id = await story.credential(tenantId, { keyId, issuerId, privateKey, verify: false });
    return { id, keyId, team: server.sandbox.team(teamId) };
  };
  const madeCertificate = async () => {
    const { id: credentialId } = await keyOfTeam(web);
    const input = { tenantId: web, credentialId, type: "DISTRIBUTION" };
    const { id, appleId } = await act<{ id: string; appleId: string }>(
      ...(["createCertificate", "certificate", "id appleId", input] as const),
    );
    return { id, appleId, credentialId };
  };
  const wish = async () => {
    const { id: certificateId, appleId, credentialId } = await madeCertificate();
    const at = { tenantId: web, credentialId };
    const identifier = anew("com.acme.c");
    await act("registerBundleId", "bundleId", "appleId", { ...at, identifier, name: "App" });
    const name = anew("Profile ");
    const input = { ...at, name, type: "IOS_APP_STORE", bundleIdentifier: identifier, certificateAppleIds: [appleId] };
    return { certificateId, input };
  };
  return {
    ...{ server, story, web, root: story.organizationId },
    key: (tenantId = web) => keyOfTeam(tenantId),
    withKey: async () => ({ tenantId: web, credentialId: (await keyOfTeam(web)).id }),
    member: async () => {
      const input = { tenantId: web, email: `${anew("d")}@acme.example`, roles: ["VIEWER"] };
      return (await act<{ id: string }>("addMember", "member", "id", input)).id;
    },
    accessToken: async () => {
      const input = { tenantId: web, name: "CI", permissions: ["SIGNING_VIEW"] };
      return (await act<{ id: string }>("createAccessToken", "accessToken", "id", input)).id;
    },
    signingRequest: () => {
      const input = { tenantId: web, commonName: "Acme", email: "ci@acme.example", country: "DE" };
      return act("createSigningRequest", "signingRequest", "id csrPem", input);
    },
    certificate: madeCertificate,
    wishForProfile: async () => (await wish()).input,
    profile: async () => {
      const { certificateId, input } = await wish();
      const created = "createProvisioningProfile";
      const { id } = await act<{ id: string }>(created, "provisioningProfile", "id", input);
      return { id, certificateId };
    },
  };
}
