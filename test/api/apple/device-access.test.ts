import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { devicesOf, newDevice, registerDevices, updateDevice } from "./device.js";
import { heldKey, type HeldKey } from "./held-key.js";

let server: TestServer;
let acme: Story;
let web: string;
/** An operator of the sub-organization Web. */
let inWeb: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
  inWeb = await acme.member(web, "operator@web.example", ["OPERATOR"]);
});
afterAll(() => server.close());

const held = (options: Parameters<typeof heldKey>[2] = {}): Promise<HeldKey> => heldKey(server, acme, options);

/** Both changes of devices with a key: the code of each, null where it was done. */
async function codes({ id, team }: HeldKey, bearer: string, tenantId: string): Promise<(string | null)[]> {
  const key = { tenantId, credentialId: id };
  const device = newDevice();
  const registered = await registerDevices(server, bearer, { ...key, devices: [device] });
  const name = newDevice().udid;
  const updated = await updateDevice(server, bearer, { ...key, appleId: team.devices[0]?.id, name });
  const isThere = (attribute: "udid" | "name", value: string): boolean =>
    team.devices.some(({ attributes }) => attributes[attribute] === value);
  const codeOf = ({ refusals: [refusal], denied }: typeof registered | typeof updated): string | null =>
    denied ?? refusal?.code ?? null;
  // What is said to be done is done, and nothing else.
  expect([isThere("udid", device.udid), isThere("name", name)]).toEqual([
    codeOf(registered) === null,
    codeOf(updated) === null,
  ]);
  return [codeOf(registered), codeOf(updated)];
}

const BOTH = (code: string | null): (string | null)[] => [code, code];

describe("devices are changed", () => {
  test("with SIGNING_MANAGE, and not without it", async () => {
    const key = await held();
    const without = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "CREDENTIALS_MANAGE"]);
    const having = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_MANAGE"]);
    expect(await codes(key, without, acme.organizationId)).toEqual(BOTH("FORBIDDEN"));
    expect(await codes(key, having, acme.organizationId)).toEqual(BOTH(null));
  });

  test("by an operator, and not by a viewer", async () => {
    const key = await held();
    const viewer = await acme.member(acme.organizationId, "viewer@acme.example", ["VIEWER"]);
    const operator = await acme.member(acme.organizationId, "operator@acme.example", ["OPERATOR"]);
    expect(await codes(key, viewer, acme.organizationId)).toEqual(BOTH("FORBIDDEN"));
    expect(await codes(key, operator, acme.organizationId)).toEqual(BOTH(null));
  });

  test("with a team's key, and not with an individual one, with which Apple is not even asked", async () => {
    const individual = await held({ keyType: "individual" });
    server.sandbox.clearJournal();
    expect(await codes(individual, acme.owner, acme.organizationId)).toEqual(BOTH("INDIVIDUAL_KEY_CANNOT_SIGN"));
    expect(server.sandbox.journal).toEqual([]);
    const input = { tenantId: acme.organizationId, credentialId: individual.id, devices: [newDevice()] };
    const { refusals } = await registerDevices(server, acme.owner, input);
    expect(refusals).toMatchObject([{ field: ["credentialId"] }]);
    expect(await codes(await held(), acme.owner, acme.organizationId)).toEqual(BOTH(null));
  });

  test("with a key of the Enterprise Program too", async () => {
    expect(await codes(await held({ program: "enterprise" }), acme.owner, acme.organizationId)).toEqual(BOTH(null));
  });

  test("with a key that one has, and not with one of somebody else, which might not be there", async () => {
    const key = await held();
    const globex = await seed(server, "Globex");
    expect(await codes(key, globex.owner, globex.organizationId)).toEqual(BOTH("NOT_FOUND"));
    expect(await codes(await heldKey(server, globex), globex.owner, globex.organizationId)).toEqual(BOTH(null));
  });
});

describe("a sub-organization changes devices through a key of the root", () => {
  test.each([
    ["SIGN among its uses", ["VIEW", "SIGN"], null],
    ["no SIGN among its uses", ["VIEW", "PUBLISH"], "FORBIDDEN"],
  ] as const)("where the share has %s, or not", async (_, uses, code) => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web], uses: [...uses] });
    expect(await codes(key, inWeb, web)).toEqual(BOTH(code));
  });

  test("until it is unshared", async () => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web] });
    expect(await codes(key, inWeb, web)).toEqual(BOTH(null));
    const unshare = `mutation ($id: ID!) { unshare(input: { subjectId: $id }) { userErrors { code } } }`;
    expect((await server.ask(acme.owner, unshare, { id: key.id })).errors).toBeUndefined();
    expect(await codes(key, inWeb, web)).toEqual(BOTH("NOT_FOUND"));
  });

  test("in its own name, and in no other's", async () => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web] });
    const apps = await acme.subOrganization("Apps");
    expect(await codes(key, inWeb, acme.organizationId)).toEqual(BOTH("FORBIDDEN"));
    expect((await codes(key, inWeb, apps)).every((code) => code === "NOT_FOUND" || code === "FORBIDDEN")).toBe(true);
    // Who may do it in both still does it for a tenant that the key is shared with.
    expect(await codes(key, acme.owner, apps)).toEqual(BOTH("FORBIDDEN"));
    expect(await codes(key, acme.owner, web)).toEqual(BOTH(null));
  });

  test("and the root sees them at once, as it does itself", async () => {
    const key = await held();
    await acme.share(key.id, { subOrganizationIds: [web] });
    await devicesOf(server, acme.owner, key);
    const input = { tenantId: web, credentialId: key.id, devices: [newDevice()] };
    const { devices } = await registerDevices(server, inWeb, input);
    server.sandbox.clearJournal();
    for (const bearer of [acme.owner, inWeb]) {
      expect(await devicesOf(server, bearer, key)).toContainEqual(devices[0]);
    }
    expect(server.sandbox.journal).toEqual([]);
  });
});
