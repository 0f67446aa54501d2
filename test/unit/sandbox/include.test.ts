import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { call, type Shown } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** A team whose second profile, a development one, holds sixty devices. */
async function teamOfManyDevices() {
  const devices = Array.from({ length: 60 }, (_, index) => ({ attributes: { name: `Device ${index}` } }));
  return sandbox.registerKey({ program: "app-store", contents: { devices } });
}

const FILTER = "filter[profileType]=IOS_APP_DEVELOPMENT";

describe("include", () => {
  test("brings each thing once, with links from every profile that has it", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { body } = await call(sandbox.url, key, "/v1/profiles?include=bundleId,certificates,devices");
    const included = body.included ?? [];
    const keys = included.map(({ type, id }) => `${type}/${id}`);
    const linked = body.data.flatMap(({ relationships = {} }) =>
      Object.values(relationships).flatMap(({ data }) => [data ?? []].flat()),
    );

    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(linked.map(({ type, id }) => `${type}/${id}`))).toEqual(new Set(keys));
    expect(new Set(included.map(({ type }) => type))).toEqual(new Set(["bundleIds", "certificates", "devices"]));
  });

  test("brings ten of a relationship unless told otherwise, and says how many there are", async () => {
    const key = await teamOfManyDevices();
    const shown = await call(sandbox.url, key, `/v1/profiles?${FILTER}&include=devices`);
    const devices = shown.body.data[0]?.relationships?.["devices"];

    expect(devices?.data).toHaveLength(10);
    expect(devices?.meta?.paging).toEqual({ total: 60, limit: 10 });
    expect(shown.body.included).toHaveLength(10);
  });

  test("brings fifty at most, and the related list has them all", async () => {
    const key = await teamOfManyDevices();
    const shown = await call(sandbox.url, key, `/v1/profiles?${FILTER}&include=devices&limit[devices]=50`);
    const tooMany = await call(sandbox.url, key, `/v1/profiles?${FILTER}&include=devices&limit[devices]=51`);
    const profile = shown.body.data[0]?.id ?? "";
    const all = await call(sandbox.url, key, `/v1/profiles/${profile}/devices?limit=200&fields[devices]=udid`);

    expect(shown.body.included).toHaveLength(50);
    expect(tooMany.status).toBe(400);
    expect(all.body.data).toHaveLength(60);
    expect(all.body.meta.paging).toEqual({ total: 60, limit: 200 });
  });

  test("is needed for data: a relationship that is not included has links and no count", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { body } = await call(sandbox.url, key, "/v1/profiles?limit=1");
    const shown = body.data[0];
    const address = `${sandbox.url}/v1/profiles/${shown?.id ?? ""}`;

    expect(body).not.toHaveProperty("included");
    expect(shown?.relationships).toEqual({
      bundleId: { links: { self: `${address}/relationships/bundleId`, related: `${address}/bundleId` } },
      ...Object.fromEntries(
        ["devices", "certificates"].map((name) => [
          name,
          {
            meta: { paging: { total: 0, limit: 2_147_483_647 } },
            links: { self: `${address}/relationships/${name}`, related: `${address}/${name}` },
          },
        ]),
      ),
    });
  });

  test("works for one thing, and for what points back", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const id = sandbox.team(key.teamId).bundleIds[0]?.id ?? "";
    const { body } = await call<{ included: Shown[] }>(
      sandbox.url,
      key,
      `/v1/bundleIds/${id}?include=profiles,bundleIdCapabilities,app&limit[profiles]=1`,
    );
    const types = body.included.map(({ type }) => type);

    expect(types.filter((type) => type === "profiles")).toHaveLength(1);
    expect(types).toEqual(expect.arrayContaining(["bundleIdCapabilities", "apps"]));
    expect(body.included.map((shown) => shown.id)).toContain(`${id}_PUSH_NOTIFICATIONS`);
  });
});

describe("sparse fields", () => {
  test("show the listed attributes and relationships only, of included things too", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { body } = await call(
      sandbox.url,
      key,
      "/v1/profiles?include=certificates&fields[profiles]=name,certificates&fields[certificates]=serialNumber",
    );
    const shown = body.data[0];

    expect(Object.keys(shown?.attributes ?? {})).toEqual(["name"]);
    expect(Object.keys(shown?.relationships ?? {})).toEqual(["certificates"]);
    expect(Object.keys(body.included?.[0]?.attributes ?? {})).toEqual(["serialNumber"]);
    expect(body.included?.[0]).not.toHaveProperty("relationships");
  });

  test("hide a relationship that is included and not listed", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { body } = await call(sandbox.url, key, "/v1/profiles?include=bundleId&fields[profiles]=name");
    expect(body.data[0]).not.toHaveProperty("relationships");
    expect(body.included?.[0]?.type).toBe("bundleIds");
  });
});

describe("related routes", () => {
  test.each([
    ["profiles", "certificates", "certificates"],
    ["profiles", "devices", "devices"],
    ["bundleIds", "profiles", "profiles"],
    ["bundleIds", "bundleIdCapabilities", "bundleIdCapabilities"],
  ] as const)("/v1/%s/{id}/%s answers %s, and its linkage their ids", async (from, name, type) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const team = sandbox.team(key.teamId);
    // The development profile has both a certificate and devices.
    const id = (from === "profiles" ? team.profiles[1] : team.bundleIds[0])?.id ?? "";
    const list = await call(sandbox.url, key, `/v1/${from}/${id}/${name}`);
    const links = await call(sandbox.url, key, `/v1/${from}/${id}/relationships/${name}`);

    expect(list.body.data.length).toBeGreaterThan(0);
    expect(new Set(list.body.data.map((shown) => shown.type))).toEqual(new Set([type]));
    expect(links.body.data).toEqual(list.body.data.map((shown) => ({ type, id: shown.id })));
  });

  test("answer one thing where there is one only", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const profile = sandbox.team(key.teamId).profiles[0];
    const { body } = await call<{ data: Shown }>(sandbox.url, key, `/v1/profiles/${profile?.id ?? ""}/bundleId`);
    expect(body.data.id).toBe(profile?.relationships.bundleId);
  });

  test("page as lists do", async () => {
    const key = await teamOfManyDevices();
    const id = sandbox.team(key.teamId).profiles[1]?.id ?? "";
    const first = await call(sandbox.url, key, `/v1/profiles/${id}/devices?limit=40`);
    const second = await call(sandbox.url, key, first.body.links.next ?? "");
    expect([first.body.data.length, second.body.data.length]).toEqual([40, 20]);
  });

  test("of capabilities take no limit, as live Apple does not", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const id = sandbox.team(key.teamId).bundleIds[0]?.id ?? "";
    const path = `/v1/bundleIds/${id}/bundleIdCapabilities`;
    const limited = await call(sandbox.url, key, `${path}?limit=50`);

    expect((await call(sandbox.url, key, path)).status).toBe(200);
    expect(limited.body.errors[0]).toMatchObject({ code: "PARAMETER_ERROR.ILLEGAL", source: { parameter: "limit" } });
  });

  test("have no linkages in the enterprise program", async () => {
    const key = await sandbox.registerKey({ program: "enterprise" });
    const id = sandbox.team(key.teamId).profiles[0]?.id ?? "";
    const enterprise = { program: "enterprise" } as const;
    const list = await call(sandbox.url, key, `/v1/profiles/${id}/certificates`, enterprise);
    const links = await call(sandbox.url, key, `/v1/profiles/${id}/relationships/certificates`, enterprise);
    expect([list.status, links.status]).toEqual([200, 404]);
  });
});
