import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { DEFAULT_SETTINGS } from "../../../src/sandbox/settings.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { devicesOf, updateDevice } from "./device.js";
import { heldKey, type HeldKey } from "./held-key.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.configure(DEFAULT_SETTINGS);
});

/** A key, and the Apple ids of a device that is ENABLED, one that is DISABLED and one that is PROCESSING. */
async function held(): Promise<{ key: HeldKey } & Record<"enabled" | "disabled" | "processing", string>> {
  const key = await heldKey(server, acme);
  const idOf = (status: string): string =>
    key.team.devices.find(({ attributes }) => attributes.status === status)?.id ?? "";
  return { key, enabled: idOf("ENABLED"), disabled: idOf("DISABLED"), processing: idOf("PROCESSING") };
}

const update = (key: HeldKey, input: object) =>
  updateDevice(server, acme.owner, { tenantId: acme.organizationId, credentialId: key.id, ...input });

const atApple = ({ team }: HeldKey, id: string) => team.devices.find((device) => device.id === id)?.attributes;

describe("updateDevice", () => {
  test("renames, disables and enables a device, at Apple and in the list at once", async () => {
    const { key, enabled: appleId } = await held();
    await devicesOf(server, acme.owner, key);
    server.sandbox.configure({ listLagMs: 3_600_000 });
    let expected = { name: atApple(key, appleId)?.name ?? "", status: "ENABLED" };
    for (const change of [
      { name: " Kiosk " },
      { status: "DISABLED" },
      { status: "ENABLED", name: "Desk" },
      { name: null, status: "DISABLED" },
      { name: "Shelf", status: null },
    ]) {
      const name = change.name?.trim() ?? expected.name;
      expected = { name, status: change.status ?? expected.status };
      const { device, refusals } = await update(key, { appleId, ...change });
      expect(refusals).toEqual([]);
      expect(device).toMatchObject({ appleId, ...expected });
      expect(atApple(key, appleId)).toMatchObject(expected);
      for (const maxAgeSeconds of [300, 0]) {
        expect(await devicesOf(server, acme.owner, key, maxAgeSeconds)).toContainEqual(device);
      }
    }
  });

  test("keeps the device in its place of the list", async () => {
    const { key, enabled: appleId } = await held();
    const order = async (): Promise<string[]> =>
      (await devicesOf(server, acme.owner, key)).map((device) => device.appleId);
    const before = await order();
    await update(key, { appleId, name: "Kiosk" });
    expect(await order()).toEqual(before);
  });

  test("changes a device that nobody has listed yet", async () => {
    const { key, disabled: appleId } = await held();
    const { device, refusals } = await update(key, { appleId, status: "ENABLED" });
    expect(refusals).toEqual([]);
    expect(device).toMatchObject({ appleId, status: "ENABLED" });
    expect(await devicesOf(server, acme.owner, key)).toHaveLength(key.team.devices.length);
  });

  test("enables a device that is PROCESSING", async () => {
    const { key, processing: appleId } = await held();
    expect((await update(key, { appleId, status: "ENABLED" })).device).toMatchObject({ status: "ENABLED" });
    expect(atApple(key, appleId)).toMatchObject({ status: "ENABLED" });
  });

  test.each<[what: string, wrong: object, field: string, mended: object]>([
    ["the status PROCESSING", { status: "PROCESSING" }, "status", { status: "DISABLED" }],
    ["the status OTHER", { status: "OTHER" }, "status", { status: "ENABLED" }],
    ["nothing to change", {}, "status", { name: "Kiosk" }],
    ["nulls alone", { name: null, status: null }, "status", { name: null, status: "ENABLED" }],
    ["an empty name", { name: "" }, "name", { name: "x" }],
    ["an empty name beside a status", { name: "", status: "DISABLED" }, "name", { name: "x", status: "DISABLED" }],
    ["a name that is too long", { name: "x".repeat(101) }, "name", { name: "x".repeat(100) }],
  ])("refuses %s without a word to Apple", async (_, wrong, field, mended) => {
    const { key, enabled: appleId } = await held();
    server.sandbox.clearJournal();
    const { device, refusals } = await update(key, { appleId, ...wrong });
    expect(refusals).toMatchObject([{ code: "INVALID_INPUT", field: [field] }]);
    expect(device).toBeNull();
    expect(server.sandbox.journal).toEqual([]);
    expect((await update(key, { appleId, ...mended })).refusals).toEqual([]);
  });

  test.each(["NOSUCHID00", "", "../certificates", "a b", "x".repeat(101)])(
    "finds no device by the id %j",
    async (appleId) => {
      const { key } = await held();
      server.sandbox.clearJournal();
      const { device, refusals } = await update(key, { appleId, name: "Kiosk" });
      expect(refusals).toMatchObject([{ code: "NOT_FOUND", field: ["appleId"] }]);
      expect(device).toBeNull();
      const { journal } = server.sandbox;
      expect(journal.map(({ method, path }) => `${method} ${path}`)).toEqual(
        appleId === "NOSUCHID00" ? ["PATCH /v1/devices/NOSUCHID00"] : [],
      );
    },
  );

  test("finds the device of another team no more than one that is nowhere", async () => {
    const [{ key }, other] = [await held(), await held()];
    const { refusals } = await update(key, { appleId: other.enabled, name: "Kiosk" });
    expect(refusals).toMatchObject([{ code: "NOT_FOUND", field: ["appleId"] }]);
    expect((await update(other.key, { appleId: other.enabled, name: "Kiosk" })).refusals).toEqual([]);
  });
});
