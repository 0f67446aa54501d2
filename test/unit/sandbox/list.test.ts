import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { Device } from "../../../src/sandbox/team/team.js";
import { call, names, type Document } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const device = (name: string, status = "ENABLED"): { attributes: Partial<Device["attributes"]> } => ({
  attributes: { name, status },
});

describe("paging", () => {
  test("shows twenty unless told otherwise, and leads through all of them once", async () => {
    const key = await sandbox.registerKey({ program: "app-store", contents: { devices: 45 } });
    const pages: Document[] = [];
    for (let next: string | undefined = "/v1/devices"; next !== undefined; next = pages.at(-1)?.links.next) {
      pages.push((await call(sandbox.url, key, next)).body);
    }

    expect(pages.map(({ data }) => data.length)).toEqual([20, 20, 5]);
    expect(pages.map(({ meta }) => meta.paging)).toEqual(Array(3).fill({ total: 45, limit: 20 }));
    expect(new Set(pages.flatMap(({ data }) => data.map(({ id }) => id))).size).toBe(45);
  });

  test("repeats every parameter in an absolute next address", async () => {
    const key = await sandbox.registerKey({ program: "app-store", contents: { devices: 45 } });
    const { body } = await call(
      sandbox.url,
      key,
      "/v1/devices?filter[platform]=IOS,MAC_OS&sort=-name&limit=30&fields[devices]=name",
    );
    const next = new URL(body.links.next ?? "");

    expect(next.origin).toBe(sandbox.url);
    expect(Object.fromEntries(next.searchParams)).toEqual({
      "filter[platform]": "IOS,MAC_OS",
      sort: "-name",
      "fields[devices]": "name",
      cursor: Buffer.from('{"offset":"30"}').toString("base64"),
      limit: "30",
    });
    expect(next.searchParams.size).toBe(5);
  });

  test("ends without a next address, also when the last page is full", async () => {
    const key = await sandbox.registerKey({ program: "app-store", contents: { devices: 200 } });
    const { body } = await call(sandbox.url, key, "/v1/devices?limit=200");
    expect(body.data).toHaveLength(200);
    expect(body.links).not.toHaveProperty("next");
  });
});

describe("filters", () => {
  test("take several values, and all must hold", async () => {
    const devices = [device("a"), device("b"), device("c", "DISABLED")];
    const key = await sandbox.registerKey({ program: "app-store", contents: { devices } });

    expect(names(await call(sandbox.url, key, "/v1/devices?filter[name]=a,c"))).toEqual(["a", "c"]);
    expect(names(await call(sandbox.url, key, "/v1/devices?filter[name]=a,c&filter[status]=ENABLED"))).toEqual(["a"]);
    expect(names(await call(sandbox.url, key, "/v1/devices?filter[name]=d"))).toEqual([]);
  });

  test("find an identifier by a part of it, and anything else only whole", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const identifier = sandbox.team(key.teamId).bundleIds[0]?.attributes.identifier ?? "";
    const found = await call(sandbox.url, key, `/v1/bundleIds?filter[identifier]=${identifier}`);
    const part = await call(sandbox.url, key, "/v1/bundleIds?filter[name]=Pock");

    expect(names(found)).toEqual(["Pocket", "Pocket Widget"]);
    expect(part.body.data).toEqual([]);
  });

  test("find by id", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const [first, second] = sandbox.team(key.teamId).certificates.map(({ id }) => id);
    const { body } = await call(sandbox.url, key, `/v1/certificates?filter[id]=${second ?? ""},${first ?? ""}`);
    expect(body.data.map(({ id }) => id)).toEqual([first, second]);
  });
});

describe("sorting", () => {
  test("goes up, down, and by several fields in turn", async () => {
    const devices = [device("b"), device("a"), device("c", "DISABLED")];
    const key = await sandbox.registerKey({ program: "app-store", contents: { devices } });
    const sorted = async (sort: string) => names(await call(sandbox.url, key, `/v1/devices?sort=${sort}`));

    expect(await sorted("name")).toEqual(["a", "b", "c"]);
    expect(await sorted("-name")).toEqual(["c", "b", "a"]);
    expect(await sorted("status,-name")).toEqual(["c", "b", "a"]);
    expect(await sorted("-status,name")).toEqual(["a", "b", "c"]);
  });
});

describe("one thing", () => {
  test.each(["certificates", "profiles", "bundleIds", "devices", "apps"] as const)(
    "of %s is what its list shows",
    async (type) => {
      const key = await sandbox.registerKey({ program: "app-store" });
      const list = await call(sandbox.url, key, `/v1/${type}`);
      const shown = list.body.data[0];
      const one = await call<{ data: unknown }>(sandbox.url, key, `/v1/${type}/${shown?.id ?? ""}`);

      expect(one.status).toBe(200);
      expect(one.body.data).toEqual(shown);
    },
  );

  test("of another team is not found", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const stranger = await sandbox.registerKey({ program: "app-store" });
    const id = sandbox.team(stranger.teamId).devices[0]?.id ?? "";
    const { status, body } = await call(sandbox.url, key, `/v1/devices/${id}`);

    expect(status).toBe(404);
    expect(body.errors[0]).toMatchObject({ code: "NOT_FOUND", source: { pointer: "data/id" } });
  });
});

describe("a team", () => {
  test("is seen alike by each of its keys", async () => {
    const first = await sandbox.registerKey({ program: "app-store" });
    const second = await sandbox.registerKey({ program: "app-store", team: first.teamId });
    const [one, other] = [
      await call(sandbox.url, first, "/v1/profiles"),
      await call(sandbox.url, second, "/v1/profiles"),
    ];
    expect(one.body).toEqual(other.body);
  });

  test("shows what a test adds to it", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { devices } = sandbox.team(key.teamId);
    const [template] = devices;
    if (template)
      devices.push({ ...template, id: "ADDED00001", attributes: { ...template.attributes, name: "Added" } });
    expect(names(await call(sandbox.url, key, "/v1/devices?filter[name]=Added"))).toEqual(["Added"]);
  });

  test("is believable: something expired, something invalid, something beyond the specification", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { certificates, profiles, devices, bundleIds } = sandbox.team(key.teamId);
    const isOver = ({ attributes }: { attributes: { expirationDate: string } }) =>
      Date.parse(attributes.expirationDate) < Date.now();

    expect([certificates.length, profiles.length, bundleIds.length, devices.length]).toEqual([4, 5, 3, 6]);
    expect(certificates.filter(isOver)).toHaveLength(1);
    expect(certificates.map(({ attributes }) => attributes.certificateType)).toContain("DEVELOPER_ID_APPLICATION_G2");
    expect(profiles.filter(isOver).map(({ attributes }) => attributes.profileState)).toEqual(["ACTIVE"]);
    expect(profiles.filter(({ attributes }) => attributes.profileState === "INVALID")).toHaveLength(1);
    expect(devices.map(({ attributes }) => attributes.status)).toEqual(
      expect.arrayContaining(["DISABLED", "PROCESSING"]),
    );
  });

  test("of the enterprise program has in-house profiles and iOS Distribution, and no apps", async () => {
    const key = await sandbox.registerKey({ program: "enterprise" });
    const twist = { program: "enterprise" } as const;
    const certificates = await call(sandbox.url, key, "/v1/certificates?fields[certificates]=certificateType", twist);
    const profiles = await call(sandbox.url, key, "/v1/profiles?fields[profiles]=profileType", twist);
    const apps = await call(sandbox.url, key, "/v1/apps", twist);
    const types = (list: typeof profiles, name: string) =>
      new Set(list.body.data.map((shown) => shown.attributes[name]));

    expect(types(certificates, "certificateType")).toEqual(new Set(["IOS_DISTRIBUTION", "IOS_DEVELOPMENT"]));
    expect(types(profiles, "profileType")).toEqual(new Set(["IOS_APP_INHOUSE", "IOS_APP_DEVELOPMENT"]));
    expect(apps.status).toBe(404);
  });
});
