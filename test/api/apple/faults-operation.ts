import type { Program, Team } from "../../../src/sandbox/team/team.js";
import { mutate } from "../../support/mutation.js";
import type { Story } from "../../support/seed.js";
import type { TestServer } from "../../support/server.js";

/** All that asks Apple, by the field of the graph: four lists, a check and three changes. */
export const OPERATIONS = [
  ...(["certificates", "provisioningProfiles", "bundleIds", "devices"] as const),
  ...(["verifyCredential", "registerBundleId", "registerDevices", "updateDevice"] as const),
] as const;
export type Operation = (typeof OPERATIONS)[number];

const CONTENTS = { certificates: 2, profiles: 2, bundleIds: 2, devices: 2, apps: 0 };
const NEW_UDID = "00008110-00AA11BB22CC33DD";
const NEW_IDENTIFIER = "com.acme.new";
const NEW_NAME = "Renamed";

/** A key that nobody else uses, and what its team has at Apple. */
export interface Subject {
  readonly server: TestServer;
  readonly story: Story;
  readonly credentialId: string;
  readonly keyId: string;
  readonly team: Team;
}

/** Adds a fresh key of a fresh team. */
export async function subjectOf(server: TestServer, story: Story, program: Program): Promise<Subject> {
  const { keyId, issuerId, privateKey, teamId } = await server.sandbox.registerKey({ program, contents: CONTENTS });
  const ofProgram = program === "enterprise" ? "ENTERPRISE" : "APP_STORE";
  const input = { keyId, issuerId, privateKey, program: ofProgram, verify: false } as const;
  const credentialId = await story.credential(story.organizationId, input);
  return { server, story, credentialId, keyId, team: server.sandbox.team(teamId) };
}

/** How an operation ended: `ok`, the health that a check found, or a code and where it stood. */
export interface Ending {
  readonly code: string;
  readonly where: "data" | "errors" | "userErrors";
}

/** An operation: how Apple is asked to do it, how often Apple is only looked at before, and how the graph is asked for it. */
interface Act {
  readonly method: string;
  readonly path: string;
  readonly looks: number;
  readonly run: (subject: Subject) => Promise<Ending>;
}

const done = (isRight: boolean): Ending => ({ code: isRight ? "ok" : "WRONG", where: "data" });

type List = "certificates" | "provisioningProfiles" | "bundleIds" | "devices";

/** Reads a list of the graph that Apple is asked for anew. */
async function nodesOf({ server, story, credentialId }: Subject, list: List, fields: string) {
  const { data, errors } = await server.ask<{
    credential: { appStoreConnect: Record<string, { nodes: Record<string, string>[] } | null> } | null;
  }>(
    story.owner,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { ${list} { nodes { ${fields} } } } } }`,
    { id: credentialId },
  );
  return { nodes: data.credential?.appStoreConnect[list]?.nodes ?? [], code: errors?.[0]?.extensions.code ?? null };
}

function read(list: List, type: "certificates" | "profiles" | "bundleIds" | "devices"): Act {
  return {
    ...{ method: "GET", path: `/v1/${type}`, looks: 0 },
    run: async (subject) => {
      const { nodes, code } = await nodesOf(subject, list, "appleId");
      if (code !== null) return { code, where: "errors" };
      const ids = (rows: readonly string[]): string => [...rows].sort().join();
      return done(ids(nodes.map(({ appleId = "" }) => appleId)) === ids(subject.team[type].map(({ id }) => id)));
    },
  };
}

/** Runs a mutation, and judges what it gives where it says that it was done. */
async function change<Payload>(
  { server, story, credentialId }: Subject,
  [name, selection, input]: readonly [name: string, selection: string, input: Record<string, unknown>],
  isRight: (payload: Payload) => boolean,
): Promise<Ending> {
  const ofTenant = name === "verifyCredential" ? {} : { tenantId: story.organizationId };
  const all = { ...ofTenant, credentialId, ...input };
  const { payload, refused, denied } = await mutate<Payload>(server, story.owner, name, selection, all);
  if (denied !== null) return { code: denied, where: "errors" };
  if (refused !== null) return { code: refused.code, where: "userErrors" };
  return done(payload !== null && isRight(payload));
}

interface Device {
  readonly name: string;
  readonly udid: string;
}

/** How each operation is done. */
export const ACTS: Readonly<Record<Operation, Act>> = {
  certificates: read("certificates", "certificates"),
  provisioningProfiles: read("provisioningProfiles", "profiles"),
  bundleIds: read("bundleIds", "bundleIds"),
  devices: read("devices", "devices"),
  verifyCredential: {
    ...{ method: "GET", path: "/v1/certificates", looks: 0 },
    run: async (subject) => {
      let status = "";
      const selection = "credential { health { status } }";
      const ending = await change<{ credential: { health: { status: string } } }>(
        subject,
        ["verifyCredential", selection, {}],
        ({ credential }) => (status = credential.health.status) !== "",
      );
      return ending.code === "ok" ? { code: status, where: "data" } : ending;
    },
  },
  registerBundleId: {
    ...{ method: "POST", path: "/v1/bundleIds", looks: 1 },
    run: (subject) =>
      change<{ bundleId: { identifier: string; name: string } }>(
        subject,
        ["registerBundleId", "bundleId { identifier name }", { identifier: NEW_IDENTIFIER, name: "New" }],
        ({ bundleId: { identifier, name } }) => identifier === NEW_IDENTIFIER && name === "New",
      ),
  },
  registerDevices: {
    ...{ method: "POST", path: "/v1/devices", looks: 1 },
    run: (subject) =>
      change<{ devices: Device[] }>(
        subject,
        ["registerDevices", "devices { udid name }", { devices: [{ name: "New", udid: NEW_UDID }] }],
        ({ devices: [device, ...more] }) => device?.udid === NEW_UDID && device.name === "New" && more.length === 0,
      ),
  },
  updateDevice: {
    ...{ method: "PATCH", path: "/v1/devices", looks: 0 },
    run: (subject) => {
      const [device] = subject.team.devices;
      return change<{ device: Device }>(
        subject,
        ["updateDevice", "device { udid name }", { appleId: device?.id, name: NEW_NAME, status: "DISABLED" }],
        ({ device: { udid, name } }) => udid === device?.attributes.udid && name === NEW_NAME,
      );
    },
  },
};

/** What of the things that changes are about is at Apple, and what of them the graph shows. */
export async function shown(subject: Subject, operation: Operation): Promise<{ apple: string[]; graph: string[] }> {
  const { team } = subject;
  const lines = (rows: readonly Record<string, unknown>[], names: readonly string[]): string[] =>
    rows.map((row) => names.map((name) => String(row[name])).join(" ")).sort();
  const [list, names] =
    operation === "registerBundleId"
      ? (["bundleIds", ["identifier", "name"]] as const)
      : (["devices", ["udid", "name"]] as const);
  const { nodes } = await nodesOf(subject, list, names.join(" "));
  return {
    apple: lines(
      team[list].map(({ attributes }) => attributes),
      names,
    ),
    graph: lines(nodes, names),
  };
}
