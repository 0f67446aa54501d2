import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { CONCURRENCY } from "../../../src/apple/client.js";
import { DEFAULT_SETTINGS } from "../../../src/sandbox/settings.js";
import { DEVICES_MOST } from "../../../src/services/apple/device.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { devicesOf, newDevice, newUdid, registerDevices } from "./device.js";
import { heldKey, postsOf, type HeldKey } from "./held-key.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.configure(DEFAULT_SETTINGS);
  server.sandbox.clearFailures();
});

const held = (options: Parameters<typeof heldKey>[2] = {}): Promise<HeldKey> => heldKey(server, acme, options);

/** Registers devices with a key, as the owner of the root. */
const register = (key: HeldKey, devices: readonly object[]) =>
  registerDevices(server, acme.owner, { tenantId: acme.organizationId, credentialId: key.id, devices });

/** The devices of a key as the graph has them; what it has kept is enough, unless it is too old. */
const listed = (key: HeldKey, maxAgeSeconds = 300) => devicesOf(server, acme.owner, key, maxAgeSeconds);

describe("registerDevices", () => {
  test("registers what Apple lacks, in the order asked for, and Apple has it", async () => {
    const key = await held();
    const wanted = [newDevice("One"), newDevice("Two")];
    const { devices, refusals } = await register(key, wanted);
    expect(refusals).toEqual([]);
    expect(devices).toMatchObject(wanted.map((device) => ({ ...device, status: "ENABLED", deviceClass: "IPHONE" })));
    const made = new Set(key.team.devices.slice(-2).map(({ id }) => id));
    expect(made).toEqual(new Set(devices.map(({ appleId }) => appleId)));
  });

  test("gives devices that Apple knows as they are, whatever their case and dashes, and sends nothing", async () => {
    const key = await held();
    const known = key.team.devices.map(({ id, attributes: { name, udid } }) => ({ appleId: id, name, udid }));
    const forms = [
      (udid: string) => udid,
      (udid: string) => udid.toLowerCase(),
      (udid: string) => udid.replaceAll("-", ""),
      (udid: string) => ` ${udid.toLowerCase().replaceAll("-", "")} `,
    ];
    for (const form of forms) {
      const { devices, refusals } = await register(
        key,
        known.map(({ udid }) => ({ name: "Mine", udid: form(udid) })),
      );
      expect(refusals).toEqual([]);
      expect(devices).toMatchObject(known);
    }
    expect(postsOf(server, key)).toEqual([]);
  });

  test("gives a device that somebody registered at Apple meanwhile, and registers no second one", async () => {
    const key = await held();
    await listed(key);
    const { udid } = newDevice();
    const [device] = key.team.devices;
    if (device === undefined) throw new Error("The team has no device");
    key.team.devices.push({ ...device, id: "ELSEWHERE", attributes: { ...device.attributes, name: "Theirs", udid } });
    const { devices, refusals } = await register(key, [{ name: "Mine", udid: udid.toLowerCase() }]);
    expect(refusals).toEqual([]);
    expect(devices).toMatchObject([{ appleId: "ELSEWHERE", name: "Theirs", udid }]);
    expect(postsOf(server, key)).toMatchObject([{ status: 409, acted: false }]);
  });

  test("registers a device once that is named twice", async () => {
    const key = await held();
    const device = newDevice();
    const again = { name: "Other name", udid: device.udid.toLowerCase().replaceAll("-", "") };
    const { devices, refusals } = await register(key, [device, again]);
    expect(refusals).toEqual([]);
    expect(devices).toMatchObject([device, device]);
    expect(postsOf(server, key)).toHaveLength(1);
  });

  test(`takes ${DEVICES_MOST} at once, and no more, and not none`, async () => {
    const key = await held({ contents: { devices: 0, certificates: 0, profiles: 0, bundleIds: 0, apps: 0 } });
    const wanted = Array.from({ length: DEVICES_MOST }, (_, index) => newDevice(`Phone ${index}`));
    for (const refused of [[...wanted, newDevice()], []]) {
      const { refusals, devices } = await register(key, refused);
      expect(refusals).toMatchObject([{ code: "INVALID_INPUT", field: ["devices"] }]);
      expect(devices).toEqual([]);
    }
    expect(key.team.devices).toEqual([]);
    const { devices, refusals } = await register(key, wanted);
    expect(refusals).toEqual([]);
    expect(devices).toMatchObject(wanted);
    expect(key.team.devices).toHaveLength(DEVICES_MOST);
    expect(postsOf(server, key)).toHaveLength(DEVICES_MOST);
  });

  test("says that a device is PROCESSING", async () => {
    const key = await held();
    server.sandbox.configure({ processingAfter: 0 });
    const { devices, refusals } = await register(key, [newDevice()]);
    expect(refusals).toEqual([]);
    expect(devices).toMatchObject([{ status: "PROCESSING" }]);
    expect(await listed(key)).toContainEqual(devices[0]);
  });

  test("says of each device that Apple refuses why, and registers the others", async () => {
    const contents = { devices: 0, certificates: 0, profiles: 0, bundleIds: 0, apps: 0 };
    const key = await held({ contents });
    server.sandbox.configure({ deviceLimit: 1 });
    const mac = { ...newDevice("Mac"), platform: "MAC_OS" };
    const wanted = [newDevice("First"), newDevice("Second"), mac, newDevice("Third")];
    const { devices, refusals } = await register(key, wanted);
    // They are sent at once: which of the phones is the one that still fits is Apple's to say.
    const fits = wanted.findIndex(({ name }) => name !== "Mac" && devices.some((device) => device.name === name));
    expect(devices.map(({ name }) => name).sort()).toEqual([wanted[fits]?.name, "Mac"].sort());
    const refused = [0, 1, 3].filter((index) => index !== fits);
    expect(refusals).toEqual(
      refused.map((index) => ({
        code: "APPLE_REFUSED",
        field: ["devices", String(index)],
        message: expect.stringContaining("maximum number of registered IPHONE devices"),
      })),
    );
    expect(key.team.devices).toHaveLength(2);
  });

  test.each<[what: string, device: object, field: string, mended: object]>([
    ["no UDID", { udid: "12345" }, "udid", { udid: newUdid() }],
    ["a UDID of other letters", { udid: `00008110-${"Z".repeat(16)}` }, "udid", { udid: "a".repeat(40) }],
    ["an empty name", { name: " " }, "name", { name: "x" }],
    ["a name that is too long", { name: "x".repeat(101) }, "name", { name: "x".repeat(100) }],
    ["a name that cannot be seen", { name: "a\u0000b" }, "name", { name: "ä b" }],
    ["a platform that Apple does not have", { platform: "ANDROID" }, "platform", { platform: "UNIVERSAL" }],
  ])("refuses %s before Apple is asked for anything", async (_, wrong, field, mended) => {
    const key = await held();
    const { refusals, devices } = await register(key, [newDevice(), { ...newDevice(), ...wrong }]);
    expect(refusals).toMatchObject([{ code: "INVALID_INPUT", field: ["devices", "1", field] }]);
    expect(devices).toEqual([]);
    expect(postsOf(server, key)).toEqual([]);
    expect((await register(key, [newDevice(), { ...newDevice(), ...mended }])).refusals).toEqual([]);
  });

  test("asks no more for the devices that are left where Apple refuses the key", async () => {
    const key = await held();
    await listed(key);
    server.sandbox.failNext({ match: { keyId: key.keyId }, times: "always", failure: { kind: "403-role" } });
    const { denied } = await register(
      key,
      Array.from({ length: 20 }, () => newDevice()),
    );
    expect(denied).toBe("APPLE_FORBIDDEN");
    expect(postsOf(server, key).length).toBeLessThanOrEqual(CONCURRENCY);
    server.sandbox.clearFailures();
    const other = await held();
    expect((await register(other, [newDevice()])).refusals).toEqual([]);
  });
});

describe("the snapshot shows a new device at once,", () => {
  test("without another call, and still when Apple's own list lags behind", async () => {
    const key = await held();
    const before = await listed(key);
    server.sandbox.configure({ listLagMs: 3_600_000 });
    const { devices } = await register(key, [newDevice()]);
    server.sandbox.clearJournal();
    expect(await listed(key)).toEqual([...before, ...devices]);
    expect(server.sandbox.journal).toEqual([]);
    expect(await listed(key, 0)).toEqual([...before, ...devices]);
    expect(server.sandbox.journal).toHaveLength(1);
  });
});
