import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Team } from "../../../src/sandbox/team/team.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { newDevice, registerDevices, updateDevice } from "./device.js";
import { eventsOf, lookAgain } from "./drift.js";
import { heldKey, type HeldKey } from "./held-key.js";

const DAY_MS = 86_400_000;

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

const look = (key: HeldKey): Promise<void> => lookAgain(server, acme.owner, key);
const page = (key: HeldKey) => eventsOf(server, acme.owner, key);

/** What the events of a key tell, without their ids and times. */
const events = async (key: HeldKey): Promise<object[]> =>
  (await page(key)).nodes.map(({ kind, appleId, label }) => ({ kind, appleId, label }));

/** A key that was looked at, before and after its team changed. */
async function afterChange(change: (team: Team) => unknown): Promise<HeldKey> {
  const key = await heldKey(server, acme);
  await look(key);
  change(key.team);
  await look(key);
  return key;
}

/** The first thing of a team that fits. */
function one<Item>(items: readonly Item[], fits: (item: Item) => boolean = () => true): Item {
  const found = items.find(fits);
  if (found === undefined) throw new Error("The team has no such thing");
  return found;
}

/** Puts other attributes in the place of a thing's, as somebody at Apple would. */
function alter<Item extends { id: string; attributes: object }>(
  items: Item[],
  { id }: Item,
  attributes: Partial<Item["attributes"]>,
): void {
  const index = items.findIndex((item) => item.id === id);
  const item = items[index];
  if (item !== undefined) items[index] = { ...item, attributes: { ...item.attributes, ...attributes } };
}

const isCurrent = ({ attributes }: Team["certificates"][number]): boolean =>
  Date.parse(attributes.expirationDate) > Date.now();

describe("events tell of", () => {
  test("a certificate that is gone though its time was not over", async () => {
    const gone: Team["certificates"] = [];
    const key = await afterChange(({ certificates }) => {
      gone.push(...certificates.splice(certificates.findIndex(isCurrent), 1));
    });
    const [certificate] = gone;
    expect(await events(key)).toEqual([
      { kind: "CERTIFICATE_GONE", appleId: certificate?.id, label: certificate?.attributes.name },
    ]);
  });

  test("a new certificate, whose private key nobody here has", async () => {
    const key = await afterChange(({ certificates }) => {
      const certificate = one(certificates);
      certificates.push({ ...certificate, id: "NEWCERT", attributes: { ...certificate.attributes, name: "New" } });
    });
    expect(await events(key)).toEqual([{ kind: "CERTIFICATE_ADDED", appleId: "NEWCERT", label: "New" }]);
  });

  test("a profile that has become invalid", async () => {
    const key = await heldKey(server, acme);
    const { profiles } = key.team;
    const profile = one(profiles, ({ attributes }) => attributes.profileState === "ACTIVE");
    await look(key);
    alter(profiles, profile, { profileState: "INVALID" });
    await look(key);
    const told = [{ kind: "PROFILE_INVALID", appleId: profile.id, label: profile.attributes.name }];
    expect(await events(key)).toEqual(told);
    await look(key);
    expect(await events(key)).toEqual(told);
  });

  test("a profile whose time is over though Apple says that it is active", async () => {
    const key = await heldKey(server, acme);
    const { profiles } = key.team;
    const profile = one(profiles, ({ attributes }) => attributes.profileState === "ACTIVE");
    await look(key);
    alter(profiles, profile, { expirationDate: new Date().toISOString() });
    await look(key);
    const told = [{ kind: "PROFILE_EXPIRED", appleId: profile.id, label: profile.attributes.name }];
    expect(await events(key)).toEqual(told);
    await look(key);
    expect(await events(key)).toEqual(told);
  });

  test("a device that was added, and one that was disabled", async () => {
    const key = await afterChange(({ devices }) => {
      const device = one(devices, ({ attributes }) => attributes.status === "ENABLED");
      alter(devices, device, { status: "DISABLED", name: "Lost" });
      devices.push({
        ...device,
        id: "NEWDEVICE",
        attributes: { ...device.attributes, name: "New", udid: randomUUID() },
      });
    });
    const disabled = one(key.team.devices, ({ attributes }) => attributes.name === "Lost");
    expect(new Set(await events(key))).toEqual(
      new Set([
        { kind: "DEVICE_ADDED", appleId: "NEWDEVICE", label: "New" },
        { kind: "DEVICE_DISABLED", appleId: disabled.id, label: "Lost" },
      ]),
    );
  });

  test("a device that was disabled, also where the list of profiles told it first", async () => {
    const key = await heldKey(server, acme);
    await look(key);
    const { devices, profiles } = key.team;
    const listed = new Set(profiles.flatMap(({ relationships }) => relationships.devices));
    const device = one(devices, ({ id, attributes }) => attributes.status === "ENABLED" && listed.has(id));
    alter(devices, device, { status: "DISABLED" });
    const { data, errors } = await server.ask<{
      credential: {
        appStoreConnect: { provisioningProfiles: { nodes: { devices: { appleId: string; status: string }[] }[] } };
      };
    }>(
      acme.owner,
      `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) {
        provisioningProfiles { nodes { devices { appleId status } } } } } }`,
      { id: key.id },
    );
    expect(errors).toBeUndefined();
    const told = data.credential.appStoreConnect.provisioningProfiles.nodes.flatMap((profile) => profile.devices);
    expect(told.find(({ appleId }) => appleId === device.id)?.status).toBe("DISABLED");
    expect(await events(key)).toEqual([]);
    await look(key);
    const disabled = [{ kind: "DEVICE_DISABLED", appleId: device.id, label: device.attributes.name }];
    expect(await events(key)).toEqual(disabled);
    await look(key);
    expect(await events(key)).toEqual(disabled);
  });

  test("when it was noticed", async () => {
    const key = await afterChange(({ devices }) => {
      const device = one(devices);
      devices.push({ ...device, id: "NEWDEVICE", attributes: { ...device.attributes, udid: randomUUID() } });
    });
    const [event] = (await page(key)).nodes;
    expect(Math.abs(Date.parse(event?.at ?? "") - Date.now())).toBeLessThan(60_000);
  });
});

describe("no event tells of", () => {
  test("anything on the first look, nor of what stays as it is", async () => {
    const key = await heldKey(server, acme);
    await look(key);
    expect(await events(key)).toEqual([]);
    await look(key);
    expect(await events(key)).toEqual([]);
  });

  test.each<[what: string, change: (team: Team) => unknown]>([
    [
      "a certificate whose time is over, whether it is still in the list",
      ({ certificates }) => {
        alter(certificates, one(certificates, isCurrent), {
          expirationDate: new Date(Date.now() - DAY_MS).toISOString(),
        });
      },
    ],
    [
      "or has left it",
      ({ certificates }) =>
        certificates.splice(
          certificates.findIndex((certificate) => !isCurrent(certificate)),
          1,
        ),
    ],
    ["a profile that was deleted", ({ profiles }) => profiles.splice(0, 1)],
    [
      "a device that was renamed",
      ({ devices }) => {
        alter(devices, one(devices), { name: "Renamed" });
      },
    ],
    [
      "a device that was enabled",
      ({ devices }) => {
        alter(
          devices,
          one(devices, ({ attributes }) => attributes.status !== "ENABLED"),
          { status: "ENABLED" },
        );
      },
    ],
  ])("%s", async (_, change) => {
    expect(await events(await afterChange(change))).toEqual([]);
  });

  test("what was done from here, also where Apple's list shows it only later", async () => {
    const key = await heldKey(server, acme);
    await look(key);
    const input = { tenantId: acme.organizationId, credentialId: key.id };
    const { devices } = await registerDevices(server, acme.owner, { ...input, devices: [newDevice()] });
    const [device] = devices;
    await updateDevice(server, acme.owner, { ...input, appleId: device?.appleId, status: "DISABLED" });
    const hidden = key.team.devices.splice(-1);
    await look(key);
    key.team.devices.push(...hidden);
    await look(key);
    expect(await events(key)).toEqual([]);
  });

  test("a look at which Apple failed, which is made good by the next", async () => {
    const key = await heldKey(server, acme);
    await look(key);
    key.team.devices.splice(0, 1);
    key.team.certificates.splice(key.team.certificates.findIndex(isCurrent), 1);
    server.sandbox.failNext({ match: { keyId: key.keyId }, times: "always", failure: { kind: "403-role" } });
    await look(key);
    expect(await events(key)).toEqual([]);
    server.sandbox.clearFailures();
    await look(key);
    expect(await events(key)).toMatchObject([{ kind: "CERTIFICATE_GONE" }]);
  });
});
