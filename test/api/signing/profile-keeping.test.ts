import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import type { Team } from "../../../src/sandbox/team/team.js";
import { query } from "../../support/database.js";
import { keepIn, type Keep } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf, profileFilesOf, withoutLog } from "../../support/signing.js";

let server: TestServer;
let acme: Story;
let web: string;
let keep: Keep;
/** A key of the root with a team of its own, and what the team has. */
let credentialId: string;
let team: Team;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  keep = keepIn(server, acme.organizationId);
});
afterAll(() => server.close());
beforeEach(async () => {
  server.sandbox.clearFailures();
  const { teamId } = await server.sandbox.registerKey({ program: "app-store" });
  credentialId = await acme.credential(acme.organizationId, {}, { team: teamId });
  team = server.sandbox.team(teamId);
  server.sandbox.clearJournal();
});

interface Profile {
  readonly id: string;
  readonly name: string;
  readonly uuid: string;
  readonly appleId: string | null;
}
interface Errors {
  readonly userErrors: readonly { readonly code: string; readonly field: string[]; readonly message: string }[];
}
type Kept = Errors & { readonly provisioningProfiles: readonly Profile[] };

const SELECTION = `provisioningProfiles { id name uuid type state teamId bundleIdentifier platforms deviceUdids appleId
  certificateSha1s entitlements source owner { id } credential { id } } userErrors { message }`;

const pick = (appleIds: readonly string[], input: object = {}, token = acme.owner) =>
  mutate<Kept>(server, token, "keepProvisioningProfiles", SELECTION, {
    ...{ tenantId: acme.organizationId, credentialId, appleIds },
    ...input,
  });
const upload = (profiles: readonly string[], input: object = {}, token = acme.owner) =>
  mutate<Kept>(server, token, "uploadProvisioningProfiles", SELECTION, {
    ...{ tenantId: acme.organizationId, profiles },
    ...input,
  });
const remove = (provisioningProfileIds: readonly string[], input: object = {}, token = acme.owner) =>
  mutate<Errors & { readonly deletedIds: readonly string[] }>(
    ...[server, token, "deleteProvisioningProfiles", "deletedIds userErrors { message }"],
    { provisioningProfileIds, ...input },
  );

const codesOf = ({ payload }: { readonly payload: Errors | null }) =>
  payload?.userErrors.map(({ code, field }) => [code, ...field]);
const idsOf = ({ payload }: { readonly payload: Kept | null }) =>
  payload?.provisioningProfiles.map(({ id }) => id) ?? [];

const appleIdOf = (state: string, at = 0): string =>
  team.profiles.filter(({ attributes }) => attributes.profileState === state)[at]?.id ?? "";
const isThere = async (id: string): Promise<boolean> => {
  const rows = await query(server.database.ownerUrl, ["SELECT id FROM provisioning_profiles WHERE id = $1", [id]]);
  return rows.length === 1;
};
const callsCounted = async (): Promise<number> => {
  const [row] = await query<{ n: number }>(server.database.ownerUrl, [
    "SELECT coalesce(sum(calls), 0)::int AS n FROM apple_calls WHERE credential_id = $1",
    [credentialId],
  ]);
  return row?.n ?? -1;
};

describe("profiles that Apple holds", () => {
  test("are kept with what their files say, and noted in the log; the call is counted", async () => {
    await acme.share(credentialId);
    const [first, second] = [appleIdOf("ACTIVE"), appleIdOf("ACTIVE", 1)];
    const { payload } = await pick([first, second], { tenantId: web });
    const stored = team.profiles.find(({ id }) => id === first)?.attributes;
    expect(payload?.userErrors).toEqual([]);
    expect(payload?.provisioningProfiles.map(({ appleId }) => appleId)).toEqual([first, second]);
    expect(payload?.provisioningProfiles[0]).toMatchObject({
      ...{ name: stored?.name, uuid: stored?.uuid, type: stored?.profileType, state: "ACTIVE", teamId: team.id },
      ...{ source: "FETCHED", owner: { id: web }, credential: { id: credentialId } },
    });
    const id = payload?.provisioningProfiles[0]?.id ?? "";
    expect(await entriesOf(server, id)).toMatchObject([
      {
        ...{ action: "provisioning_profile.kept", tenant: web, outcome: "DONE", actor: "Owner", label: stored?.name },
        details: { uuid: stored?.uuid, credentialId },
      },
    ]);
    expect(server.sandbox.journal).toHaveLength(1);
    expect(await callsCounted()).toBe(1);
  });

  test("that are kept already come back as they are, and are not noted again", async () => {
    await acme.share(credentialId);
    const appleId = appleIdOf("ACTIVE");
    const [id = ""] = idsOf(await pick([appleId]));
    const again = await pick([appleId, appleId]);
    expect(idsOf(again)).toEqual([id]);
    expect(codesOf(again)).toEqual([]);
    expect(await entriesOf(server, id)).toHaveLength(1);
    const [inWeb] = idsOf(await pick([appleId], { tenantId: web }));
    expect(inWeb).toMatch(/^prof_/);
    expect(inWeb).not.toBe(id);
    expect(idsOf(await pick([appleId], { tenantId: web }))).toEqual([inWeb]);
    expect(idsOf(await pick([appleId]))).toEqual([id]);
  });

  test("each get their own verdict: absent, malformed and invalid ones leave the others", async () => {
    const fine = appleIdOf("ACTIVE");
    const outcome = await pick(["ABSENT1234", appleIdOf("INVALID"), fine, "a,b", ""]);
    expect(outcome.payload?.provisioningProfiles.map(({ appleId }) => appleId)).toEqual([fine]);
    expect(codesOf(outcome)).toEqual([
      ["NOT_FOUND", "appleIds", "0"],
      ["INVALID_PROVISIONING_PROFILE", "appleIds", "1"],
      ["NOT_FOUND", "appleIds", "3"],
      ["NOT_FOUND", "appleIds", "4"],
    ]);
  });

  test("whose file cannot be read are refused", async () => {
    const profile = team.profiles.find(({ id }) => id === appleIdOf("ACTIVE"));
    if (profile === undefined) throw new Error("The team has no profile");
    profile.attributes.profileContent = Buffer.from("no profile").toString("base64");
    expect(codesOf(await pick([profile.id]))).toEqual([["INVALID_PROVISIONING_PROFILE", "appleIds", "0"]]);
  });

  test("are asked for in groups of 20, and 50 are kept at once", async () => {
    const { teamId } = await server.sandbox.registerKey({
      program: "app-store",
      contents: { profiles: 60, devices: 2 },
    });
    credentialId = await acme.credential(acme.organizationId, {}, { team: teamId });
    const active = server.sandbox
      .team(teamId)
      .profiles.filter(({ attributes }) => attributes.profileState === "ACTIVE");
    const appleIds = active.map(({ id }) => id);
    expect(appleIds.length).toBeGreaterThan(40);
    server.sandbox.clearJournal();
    expect(idsOf(await pick(appleIds.slice(0, 41)))).toHaveLength(41);
    expect(server.sandbox.journal).toHaveLength(3);
    expect(await callsCounted()).toBe(3);
    const many = Array.from({ length: 50 }, (_, i) => `ABSENT${i}`);
    expect(codesOf(await pick(many))).toHaveLength(50);
    expect((await pick([...many, "ONE"])).refused).toMatchObject({ code: "INVALID_INPUT", field: ["appleIds"] });
    expect((await pick([])).refused).toMatchObject({ code: "INVALID_INPUT", field: ["appleIds"] });
  });

  test("are not kept where Apple fails, and the calls are counted all the same", async () => {
    server.sandbox.failNext({ match: { path: "/v1/profiles" }, times: "always", failure: { kind: "403-role" } });
    expect((await pick([appleIdOf("ACTIVE")])).denied).toBe("APPLE_FORBIDDEN");
    expect(await callsCounted()).toBe(1);
    server.sandbox.clearFailures();
    expect(idsOf(await pick([appleIdOf("ACTIVE")]))).toHaveLength(1);
  });

  test("are not kept where the log cannot be written", async () => {
    const appleId = appleIdOf("ACTIVE");
    expect((await withoutLog(server, () => pick([appleId]))).denied).toBe("INTERNAL");
    const uuid = team.profiles.find(({ id }) => id === appleId)?.attributes.uuid;
    expect(
      await query(server.database.ownerUrl, ["SELECT id FROM provisioning_profiles WHERE uuid = $1", [uuid]]),
    ).toEqual([]);
    expect(idsOf(await pick([appleId]))).toHaveLength(1);
  });

  test("are kept below through a shared key, for its bundle identifiers alone", async () => {
    const [inside, outside] = team.profiles.filter(({ attributes }) => attributes.profileState === "ACTIVE");
    const bundleOf = (bundleId: string | null | undefined) =>
      team.bundleIds.find(({ id }) => id === bundleId)?.attributes.identifier ?? "";
    const other = team.profiles.find(
      (each) =>
        each.attributes.profileState === "ACTIVE" && each.relationships.bundleId !== inside?.relationships.bundleId,
    );
    expect(outside).toBeDefined();
    const webOps = await acme.token(web, ["SIGNING_MANAGE", "CREDENTIALS_VIEW", "SIGNING_VIEW"]);
    const ask = () => pick([inside?.id ?? "", other?.id ?? ""], { tenantId: web }, webOps);
    expect((await ask()).denied).toBe("NOT_FOUND");
    await acme.share(credentialId, { subOrganizationIds: [web], uses: ["VIEW"] });
    expect((await ask()).denied).toBe("FORBIDDEN");
    const bundleIdentifiers = [bundleOf(inside?.relationships.bundleId)];
    await acme.share(credentialId, { subOrganizationIds: [web], uses: ["SIGN"], bundleIdentifiers });
    const outcome = await ask();
    expect(outcome.payload?.provisioningProfiles.map(({ appleId }) => appleId)).toEqual([inside?.id]);
    expect(codesOf(outcome)).toEqual([["FORBIDDEN", "appleIds", "1"]]);
    expect((await pick([inside?.id ?? ""], {}, webOps)).denied).toBe("FORBIDDEN");
  });

  test("are not kept through an individual key", async () => {
    const { keyId, privateKey } = await server.sandbox.registerKey({
      ...{ program: "app-store", keyType: "individual" },
    });
    const { data } = await server.ask<{ createCredential: { credential: { id: string } | null } }>(
      acme.owner,
      `mutation ($input: CreateCredentialInput!) { createCredential(input: $input) { credential { id } } }`,
      {
        input: { tenantId: acme.organizationId, name: "Mine", keyType: "INDIVIDUAL", keyId, privateKey, verify: false },
      },
    );
    const individual = data.createCredential.credential?.id;
    expect((await pick(["ANY"], { credentialId: individual })).refused).toMatchObject({
      ...{ code: "INDIVIDUAL_KEY_CANNOT_SIGN", field: ["credentialId"] },
    });
  });
});

describe("profiles out of files", () => {
  const fileOf = async (state = "ACTIVE", at = 0): Promise<string> =>
    (await profileFilesOf(team)).get(appleIdOf(state, at)) ?? "";

  test("are kept with what they say, and noted in the log", async () => {
    const stored = team.profiles.find(({ id }) => id === appleIdOf("ACTIVE", 1))?.attributes;
    const { payload } = await upload([await fileOf("ACTIVE", 1)], { tenantId: web });
    expect(payload?.provisioningProfiles).toMatchObject([
      {
        ...{ name: stored?.name, uuid: stored?.uuid, type: stored?.profileType, source: "UPLOADED", appleId: null },
        ...{ owner: { id: web }, credential: null, teamId: team.id },
      },
    ]);
    expect(await entriesOf(server, payload?.provisioningProfiles[0]?.id ?? "")).toMatchObject([
      { action: "provisioning_profile.uploaded", tenant: web, outcome: "DONE", details: { uuid: stored?.uuid } },
    ]);
    expect(server.sandbox.journal).toEqual([]);
  });

  test("each get their own verdict", async () => {
    const fine = await fileOf();
    const damaged = Buffer.from(fine, "base64");
    damaged.fill(0, damaged.length - 64);
    const files = [fine, "not base64!", damaged.toString("base64"), Buffer.from("no file").toString("base64"), fine];
    const outcome = await upload(files);
    expect(idsOf(outcome)).toHaveLength(1);
    expect(codesOf(outcome)).toEqual([
      ["INVALID_INPUT", "profiles", "1"],
      ["INVALID_PROVISIONING_PROFILE", "profiles", "2"],
      ["INVALID_PROVISIONING_PROFILE", "profiles", "3"],
      ["ALREADY_EXISTS", "profiles", "4"],
    ]);
    expect(codesOf(await upload([fine]))).toEqual([["ALREADY_EXISTS", "profiles", "0"]]);
    expect(codesOf(await upload([fine], { tenantId: web }))).toEqual([]);
  });

  test("are 20 at most, a megabyte each at most, and a megabyte fits into a request", async () => {
    const small = Buffer.from("no file").toString("base64");
    expect(codesOf(await upload(Array.from({ length: 20 }, () => small)))).toHaveLength(20);
    expect((await upload(Array.from({ length: 21 }, () => small))).refused).toMatchObject({ code: "INVALID_INPUT" });
    expect((await upload([])).refused).toMatchObject({ code: "INVALID_INPUT", field: ["profiles"] });
    const tooLarge = await upload([Buffer.alloc(1_048_577, 0x30).toString("base64")]);
    expect(codesOf(tooLarge)).toEqual([["INVALID_PROVISIONING_PROFILE", "profiles", "0"]]);
    expect(tooLarge.payload?.userErrors[0]?.message).toContain("too large");
  });

  test("are not kept where the log cannot be written", async () => {
    const file = await fileOf();
    expect((await withoutLog(server, () => upload([file]))).denied).toBe("INTERNAL");
    expect(codesOf(await upload([file]))).toEqual([]);
  });

  test("are brought by whoever holds SIGNING_MANAGE there, and by nobody else", async () => {
    const file = await fileOf();
    const may = await acme.token(web, ["SIGNING_MANAGE"]);
    const mayNot = await acme.token(web, ["SIGNING_VIEW", "SIGNING_DOWNLOAD"]);
    expect((await upload([file], { tenantId: web }, mayNot)).denied).toBe("FORBIDDEN");
    expect((await upload([file], {}, may)).denied).toBe("FORBIDDEN");
    expect(idsOf(await upload([file], { tenantId: web }, may))).toHaveLength(1);
  });
});

describe("profiles are deleted", () => {
  test("here alone, each noted in the log", async () => {
    const appleId = appleIdOf("ACTIVE");
    const [kept = ""] = idsOf(await pick([appleId]));
    const other = await keep.profile(web, { name: "Old" });
    server.sandbox.clearJournal();
    const { payload } = await remove([kept, other, kept]);
    expect(payload).toMatchObject({ deletedIds: [kept, other], userErrors: [] });
    expect([await isThere(kept), await isThere(other)]).toEqual([false, false]);
    expect((await entriesOf(server, other)).at(-1)).toMatchObject({
      ...{ action: "provisioning_profile.deleted", tenant: web, outcome: "DONE", label: "Old" },
      details: { alsoAtApple: false, force: false },
    });
    expect(server.sandbox.journal).toEqual([]);
    expect(team.profiles.some(({ id }) => id === appleId)).toBe(true);
  });

  test("at Apple too, where that is wanted: the list that is kept shows it no more, and tells of no change", async () => {
    const look = async () => {
      const document = `query ($id: ID!) { credential(id: $id) {
        appStoreConnect(maxAgeSeconds: 3600) { provisioningProfiles { nodes { appleId } } } driftEvents { nodes { id } } } }`;
      const { data } = await server.ask<{
        credential: {
          appStoreConnect: { provisioningProfiles: { nodes: { appleId: string }[] } };
          driftEvents: { nodes: unknown[] };
        };
      }>(acme.owner, document, { id: credentialId });
      return data.credential;
    };
    const appleId = appleIdOf("ACTIVE");
    const [id = ""] = idsOf(await pick([appleId]));
    expect((await look()).appStoreConnect.provisioningProfiles.nodes).toContainEqual({ appleId });
    const counted = await callsCounted();
    expect((await remove([id], { alsoAtApple: true })).payload).toMatchObject({ deletedIds: [id], userErrors: [] });
    expect(team.profiles.some((profile) => profile.id === appleId)).toBe(false);
    expect(await isThere(id)).toBe(false);
    const after = await look();
    expect(after.appStoreConnect.provisioningProfiles.nodes).not.toContainEqual({ appleId });
    expect(after.driftEvents.nodes).toEqual([]);
    expect(await callsCounted()).toBe(counted + 1);
  });

  test("at Apple too, where Apple has it no more", async () => {
    const appleId = appleIdOf("ACTIVE");
    const [id = ""] = idsOf(await pick([appleId]));
    team.profiles = team.profiles.filter((profile) => profile.id !== appleId);
    expect((await remove([id], { alsoAtApple: true })).payload).toMatchObject({ deletedIds: [id], userErrors: [] });
  });

  test("neither there nor here where Apple refuses; the others are", async () => {
    const [one = "", other = ""] = idsOf(await pick([appleIdOf("ACTIVE"), appleIdOf("ACTIVE", 1)]));
    const appleId = appleIdOf("ACTIVE");
    server.sandbox.failNext({
      ...{ match: { method: "DELETE", path: `/v1/profiles/${appleId}` }, times: "always" },
      failure: { kind: "403-role" },
    });
    const outcome = await remove([other, one], { alsoAtApple: true });
    expect(outcome.payload?.deletedIds).toEqual([other]);
    expect(codesOf(outcome)).toEqual([["APPLE_FORBIDDEN", "provisioningProfileIds", "1"]]);
    expect([await isThere(one), await isThere(other)]).toEqual([true, false]);
    server.sandbox.clearFailures();
    expect((await remove([one], { alsoAtApple: true })).payload?.deletedIds).toEqual([one]);
  });

  test("not at Apple where no key here leads to them", async () => {
    const id = await keep.profile(web);
    const outcome = await remove([id], { alsoAtApple: true });
    expect(codesOf(outcome)).toEqual([["INVALID_INPUT", "provisioningProfileIds", "0"]]);
    expect(await isThere(id)).toBe(true);
    expect((await remove([id])).payload?.deletedIds).toEqual([id]);
  });

  test("at Apple through a key that is shared to SIGN, for its bundle identifiers, and not otherwise", async () => {
    await acme.share(credentialId, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
    const webOps = await acme.token(web, ["SIGNING_MANAGE"]);
    const [id = ""] = idsOf(await pick([appleIdOf("ACTIVE")], { tenantId: web }, webOps));
    const ask = () => remove([id], { alsoAtApple: true }, webOps);
    await acme.share(credentialId, { subOrganizationIds: [web], uses: ["VIEW"] });
    expect(codesOf(await ask())).toEqual([["FORBIDDEN", "provisioningProfileIds", "0"]]);
    const bundleIdentifiers = ["com.elsewhere.*"];
    await acme.share(credentialId, { subOrganizationIds: [web], uses: ["SIGN"], bundleIdentifiers });
    expect(codesOf(await ask())).toEqual([["FORBIDDEN", "provisioningProfileIds", "0"]]);
    expect(await isThere(id)).toBe(true);
    await acme.share(credentialId, { subOrganizationIds: [web], uses: ["SIGN"] });
    expect((await ask()).payload?.deletedIds).toEqual([id]);
  });

  test("with force alone while they are shared; the message says with whom, and the others go", async () => {
    const id = await keep.profile(acme.organizationId);
    const other = await keep.profile(acme.organizationId);
    await acme.share(id, { subOrganizationIds: [web] });
    const outcome = await remove([id, other]);
    expect(outcome.payload?.deletedIds).toEqual([other]);
    expect(codesOf(outcome)).toEqual([["IN_USE", "provisioningProfileIds", "0"]]);
    expect(outcome.payload?.userErrors[0]?.message).toContain("Web");
    expect((await remove([id], { force: true })).payload).toMatchObject({ deletedIds: [id], userErrors: [] });
  });

  test("by their owner alone: one that is not keeps all of them from being deleted", async () => {
    const [own, foreign] = [await keep.profile(web), await keep.profile(acme.organizationId)];
    await acme.share(foreign, { subOrganizationIds: [web] });
    const below = await acme.member(web, "owner@web.example", ["OWNER"]);
    const globex = await seed(server, `Globex ${randomUUID()}`);
    expect((await remove([own, foreign], { force: true }, below)).denied).toBe("SHARED_FROM_ROOT");
    expect((await remove([own], {}, globex.owner)).denied).toBe("NOT_FOUND");
    expect((await remove([own, newId("provisioningProfile")])).denied).toBe("NOT_FOUND");
    const viewer = await acme.member(web, "viewer@web.example", ["VIEWER"]);
    expect((await remove([own], {}, viewer)).denied).toBe("FORBIDDEN");
    expect([await isThere(own), await isThere(foreign)]).toEqual([true, true]);
    expect((await remove([own], {}, below)).payload?.deletedIds).toEqual([own]);
  });

  test("50 at most", async () => {
    const ids = await Promise.all(Array.from({ length: 51 }, () => keep.profile(web)));
    expect((await remove(ids)).refused).toMatchObject({ code: "INVALID_INPUT", field: ["provisioningProfileIds"] });
    expect((await remove([])).refused).toMatchObject({ code: "INVALID_INPUT" });
    expect((await remove(ids.slice(0, 50))).payload?.deletedIds).toHaveLength(50);
  });

  test("not where the log cannot be written", async () => {
    const id = await keep.profile(web);
    expect((await withoutLog(server, () => remove([id]))).denied).toBe("INTERNAL");
    expect(await isThere(id)).toBe(true);
    expect((await remove([id])).payload?.deletedIds).toEqual([id]);
  });
});
