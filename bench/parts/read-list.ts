import { createHash } from "node:crypto";
import type { Rows } from "../harness/rows.js";

/** A read that is measured. */
export interface Read {
  readonly name: string;
  /** What it asks for, in words. */
  readonly about: string;
  readonly query: string;
  readonly variables: (rows: Rows) => Record<string, string>;
  /** What the hand-written statement of this name takes. */
  readonly limitIds: (rows: Rows) => readonly string[];
  /** The same in PostGraphile's graph; left out: the peers have nothing like it. */
  readonly postgraphile?: { readonly query: string; readonly variables: (rows: Rows) => Record<string, string> };
}

/** What a read asks for, as a sentence. */
export const sentence = (about: string): string => `${about.charAt(0).toUpperCase()}${about.slice(1)}.`;

/** The nested read with other sizes. */
export const nestedQuery = (size: number): string =>
  `query ($id: ID!) { organization(id: $id) { id name subOrganizations(first: ${size}) { nodes { id name
    credentials(first: ${size}) { nodes { id name program owner { id name } } } } } } }`;

/** The reads, those that every server has first. */
export const READS: readonly Read[] = [
  {
    name: "nested",
    about: "an organization, 20 sub-organizations, 20 keys each, each with its owner",
    query: nestedQuery(20),
    variables: ({ organizationId }) => ({ id: organizationId }),
    limitIds: ({ organizationId }) => [organizationId, "20"],
    postgraphile: {
      query: `query ($id: String!) { organization: tenant(rootId: $id, rowId: $id) { id: rowId name
        subOrganizations: subTenants(condition: { kind: "SUB_ORGANIZATION" }, first: 20) { nodes { id: rowId name
          credentials(first: 20) { nodes { id: rowId name program owner { id: rowId name } } } } } } }`,
      variables: ({ organizationId }) => ({ id: organizationId }),
    },
  },
  {
    name: "one",
    about: "a key by its id, with its owner",
    query: `query ($id: ID!) { credential(id: $id) { id name program owner { id name } } }`,
    variables: ({ credentialId }) => ({ id: credentialId }),
    limitIds: ({ organizationId, credentialId }) => [organizationId, credentialId],
    postgraphile: {
      query: `query ($root: String!, $id: String!) { credential(rootId: $root, rowId: $id) {
        id: rowId name program owner { id: rowId name } } }`,
      variables: ({ organizationId, credentialId }) => ({ root: organizationId, id: credentialId }),
    },
  },
  {
    name: "list",
    about: "20 keys of a sub-organization",
    query: `query ($id: ID!) { subOrganization(id: $id) { credentials(first: 20) { nodes { id name program keyId } } } }`,
    variables: ({ subOrganizationId }) => ({ id: subOrganizationId }),
    limitIds: ({ organizationId, subOrganizationId }) => [organizationId, subOrganizationId],
    postgraphile: {
      query: `query ($root: String!, $id: String!) { subOrganization: tenant(rootId: $root, rowId: $id) {
        credentials(first: 20) { nodes { id: rowId name program keyId } } } }`,
      variables: ({ organizationId, subOrganizationId }) => ({ root: organizationId, id: subOrganizationId }),
    },
  },
  {
    name: "viewer",
    about: "who asks: nothing is read beyond who that is",
    query: `{ viewer { actor { ... on AccessToken { id name permissions } } } }`,
    variables: () => ({}),
    limitIds: ({ token }) => [createHash("sha256").update(token).digest("hex")],
  },
  {
    name: "certificates",
    about: "50 certificates of a key, as Apple last listed them",
    query: `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 86400) { certificates(first: 50) {
      nodes { appleId name type appleType serialNumber expiresAt state } } } } }`,
    variables: ({ credentialId }) => ({ id: credentialId }),
    limitIds: ({ organizationId, credentialId }) => [organizationId, credentialId],
  },
  {
    name: "expiring",
    about: "50 certificates and profiles that end within a year, with their tenants, soonest first",
    query: `query ($id: ID!) { organization(id: $id) { expiring(withinDays: 366, first: 50) { edges { expiresAt
      tenant { id name } node { ... on Certificate { id name type } ... on ProvisioningProfile { id name uuid } } } } } }`,
    variables: ({ organizationId }) => ({ id: organizationId }),
    limitIds: ({ organizationId }) => [organizationId],
  },
  {
    name: "audit",
    about: "the newest 50 entries of an organization's log, each with its tenant",
    query: `query ($id: ID!) { organization(id: $id) { auditEvents(first: 50) { nodes {
      id at action outcome actorLabel subjectId subjectLabel hash tenant { id name } } } } }`,
    variables: ({ organizationId }) => ({ id: organizationId }),
    limitIds: ({ organizationId }) => [organizationId],
  },
];
