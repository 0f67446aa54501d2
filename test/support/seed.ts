import { found } from "../../src/services/organization.js";
import type { KeyOptions } from "../../src/sandbox/team/key.js";
import {
  AddMemberDocument,
  CreateAccessTokenDocument,
  CreateCredentialDocument,
  CreateSubOrganizationDocument,
  ShareDocument,
  type CreateCredentialInput,
  type Permission,
  type Role,
  type ShareInput,
} from "./operations.js";
import type { TestServer } from "./server.js";

/** A root organization with its owner token, and what can be added to it, each through the public API. */
export interface Story {
  readonly organizationId: string;
  /** The owner token. */
  readonly owner: string;
  subOrganization(name: string): Promise<string>;
  /** A person with roles in a tenant; gives the bearer token with which the person asks. */
  member(tenantId: string, email: string, roles: Role[]): Promise<string>;
  /** An access token of a tenant, made by `maker` (the owner token by default); gives its secret. */
  token(tenantId: string, permissions: Permission[], maker?: string): Promise<string>;
  /** A key that the sandbox knows, added to a tenant; gives its id. */
  credential(tenantId: string, input?: Partial<CreateCredentialInput>, key?: Partial<KeyOptions>): Promise<string>;
  /** Shares a key, by default with all. Gives the id of the share. */
  share(subjectId: string, terms?: Omit<ShareInput, "subjectId">): Promise<string>;
}

/** Begins a story: an organization of its own. */
export async function seed(server: TestServer, name = "Acme"): Promise<Story> {
  const { organizationId, token: owner } = await found(server.platform, name);
  const story: Story = {
    organizationId,
    owner,
    subOrganization: async (subName) => {
      const { data } = await server.ask(owner, CreateSubOrganizationDocument, {
        input: { organizationId, name: subName },
      });
      return there(data.createSubOrganization.subOrganization).id;
    },
    member: async (tenantId, email, roles) => {
      const { data } = await server.ask(owner, AddMemberDocument, { input: { tenantId, email, roles } });
      there(data.addMember.member);
      return server.issuer.token(email);
    },
    token: async (tenantId, permissions, maker = owner) => {
      const { data } = await server.ask(maker, CreateAccessTokenDocument, {
        input: { tenantId, name: "CI", permissions },
      });
      return there(data.createAccessToken.secret);
    },
    credential: async (tenantId, input = {}, key = {}) => {
      const program = input.program === "ENTERPRISE" ? "enterprise" : "app-store";
      const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program, ...key });
      const { data } = await server.ask(owner, CreateCredentialDocument, {
        input: { tenantId, name: "Main", keyId, issuerId, privateKey, ...input },
      });
      return there(data.createCredential.credential).id;
    },
    share: async (subjectId, terms = { withAllSubOrganizations: true }) => {
      const { data } = await server.ask(owner, ShareDocument, { input: { subjectId, ...terms } });
      return there(data.share.share).id;
    },
  };
  return story;
}

/** What a story needs to go on. */
function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("The story cannot go on: the server refused a step");
  return value;
}
