import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PAGE_MOST } from "../../../src/resolvers/connection.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { eventsOf, lookAgain } from "./drift.js";
import { heldKey, type HeldKey } from "./held-key.js";

let server: TestServer;
let acme: Story;
let web: string;
/** A viewer of the sub-organization Web. */
let inWeb: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  inWeb = await acme.member(web, "viewer@web.example", ["VIEWER"]);
});
afterAll(() => server.close());

/** A key of the root whose team got so many new devices, one between two looks; their ids, the newest first. */
async function withEvents(count: number): Promise<{ key: HeldKey; ids: string[] }> {
  const key = await heldKey(server, acme);
  const { devices } = key.team;
  const [device] = devices;
  if (device === undefined) throw new Error("The team has no device");
  await lookAgain(server, acme.owner, key);
  const ids = Array.from({ length: count }, (_, index) => `NEW${index}`);
  for (const id of ids) {
    devices.push({ ...device, id, attributes: { ...device.attributes, udid: randomUUID() } });
    await lookAgain(server, acme.owner, key);
  }
  return { key, ids: ids.reverse() };
}

const idsOf = ({ nodes }: Awaited<ReturnType<typeof eventsOf>>): string[] => nodes.map(({ appleId }) => appleId);

describe("the events of a key", () => {
  test("come newest first, a page at a time", async () => {
    const { key, ids } = await withEvents(5);
    expect(idsOf(await eventsOf(server, acme.owner, key))).toEqual(ids);
    const first = await eventsOf(server, acme.owner, key, { first: 2 });
    expect([idsOf(first), first.info?.hasNextPage]).toEqual([ids.slice(0, 2), true]);
    const second = await eventsOf(server, acme.owner, key, { first: 2, after: first.info?.endCursor ?? "" });
    expect([idsOf(second), second.info?.hasNextPage]).toEqual([ids.slice(2, 4), true]);
    const third = await eventsOf(server, acme.owner, key, { first: 2, after: second.info?.endCursor ?? "" });
    expect([idsOf(third), third.info?.hasNextPage]).toEqual([ids.slice(4), false]);
    const behind = await eventsOf(server, acme.owner, key, { after: third.info?.endCursor ?? "" });
    expect([idsOf(behind), behind.info?.hasNextPage]).toEqual([[], false]);
  });

  test("come in pages of a size that is allowed, behind a cursor that was given out", async () => {
    const { key, ids } = await withEvents(1);
    for (const page of [{ first: 0 }, { first: PAGE_MOST + 1 }, { after: "nonsense" }]) {
      expect((await eventsOf(server, acme.owner, key, page)).code).toBe("INVALID_INPUT");
    }
    for (const page of [{ first: 1 }, { first: PAGE_MOST }]) {
      expect(idsOf(await eventsOf(server, acme.owner, key, page))).toEqual(ids);
    }
  });

  test("are those of the key, and not of another one", async () => {
    const [one, other] = [await withEvents(2), await withEvents(1)];
    expect(idsOf(await eventsOf(server, acme.owner, one.key))).toEqual(one.ids);
    expect(idsOf(await eventsOf(server, acme.owner, other.key))).toEqual(other.ids);
  });

  test("come to who has SIGNING_VIEW, and to nobody without it", async () => {
    const { key, ids } = await withEvents(1);
    const without = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "CREDENTIALS_MANAGE"]);
    const having = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
    expect(await eventsOf(server, without, key)).toMatchObject({ code: "FORBIDDEN", nodes: [] });
    expect(idsOf(await eventsOf(server, having, key))).toEqual(ids);
  });

  test("are asked of nobody else: Apple is not called for them", async () => {
    const { key, ids } = await withEvents(1);
    server.sandbox.clearJournal();
    expect(idsOf(await eventsOf(server, acme.owner, key))).toEqual(ids);
    expect(server.sandbox.journal).toEqual([]);
  });
});

describe("a sub-organization sees the events of a key of the root", () => {
  test("through a share, and not without one", async () => {
    const { key, ids } = await withEvents(2);
    expect(await eventsOf(server, inWeb, key)).toMatchObject({ code: "NOT_FOUND", nodes: [] });
    await acme.share(key.id, { subOrganizationIds: [web] });
    expect(idsOf(await eventsOf(server, inWeb, key))).toEqual(ids);
  });

  test("where the share has VIEW among its uses, and none where it has not", async () => {
    const { key, ids } = await withEvents(2);
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["SIGN"] });
    expect(idsOf(await eventsOf(server, inWeb, key))).toEqual([]);
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["VIEW"] });
    expect(idsOf(await eventsOf(server, inWeb, key))).toEqual(ids);
  });

  test("without those of profiles for other bundle identifiers than the terms of the share name", async () => {
    const key = await heldKey(server, acme);
    const { profiles, bundleIds, certificates } = key.team;
    await lookAgain(server, acme.owner, key);
    for (const [index, profile] of profiles.entries()) {
      profiles[index] = { ...profile, attributes: { ...profile.attributes, profileState: "INVALID" } };
    }
    const [certificate] = certificates.splice(0, 1);
    await lookAgain(server, acme.owner, key);
    const identifierOf = (appleId: string): string => {
      const bundleId = profiles.find(({ id }) => id === appleId)?.relationships.bundleId;
      return bundleIds.find(({ id }) => id === bundleId)?.attributes.identifier ?? "";
    };
    const ofRoot = (await eventsOf(server, acme.owner, key)).nodes;
    const ofProfiles = ofRoot.filter(({ kind }) => kind === "PROFILE_INVALID");
    const identifiers = new Set(ofProfiles.map(({ appleId }) => identifierOf(appleId)));
    expect(identifiers.size).toBeGreaterThan(1);

    for (const identifier of identifiers) {
      await acme.share(key.id, { subOrganizationIds: [web], bundleIdentifiers: [identifier] });
      const seen = (await eventsOf(server, inWeb, key)).nodes;
      const allowed = ofRoot.filter(
        (event) => event.kind === "CERTIFICATE_GONE" || identifierOf(event.appleId) === identifier,
      );
      expect(seen).toEqual(allowed);
      expect(seen.map(({ appleId }) => appleId)).toContain(certificate?.id);
    }
    await acme.share(key.id, { subOrganizationIds: [web] });
    expect((await eventsOf(server, inWeb, key)).nodes).toEqual(ofRoot);
  });
});
