import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import { entity, send } from "../caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const DEVICE = { name: "Mine", platform: "IOS", udid: "00008110-000E49383CF8801E" };

async function post(path: string, body: unknown, contentType?: string) {
  const key = await sandbox.registerKey({ program: "app-store" });
  const reply = await send(sandbox.url, key, "POST", path, body, contentType === undefined ? {} : { contentType });
  const entry = sandbox.journal.find(({ keyId }) => keyId === key.keyId);
  return { ...reply, acted: entry?.acted };
}

describe("a body", () => {
  test.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])(
    "is taken as %s",
    async (contentType) => {
      expect((await post("/v1/devices", entity("devices", DEVICE), contentType)).status).toBe(201);
    },
  );

  test.each(["text/plain", "application/vnd.api+json", "application/jsonp", "nonsense"])(
    "is refused as %s, in a text",
    async (contentType) => {
      const { status, headers, body } = await post("/v1/devices", entity("devices", DEVICE), contentType);
      expect([status, headers.get("content-type")]).toEqual([415, "text/plain"]);
      expect(body).toContain("application/json");
    },
  );

  test.each([
    ["no JSON", "{", 400, "ENTITY_INVALID"],
    ["nothing", "", 400, "ENTITY_INVALID"],
    ["a list", [], 422, "ENTITY_UNPROCESSABLE"],
    ["without data", {}, 422, "ENTITY_UNPROCESSABLE"],
    ["with a list of data", { data: [entity("devices", DEVICE).data] }, 422, "ENTITY_UNPROCESSABLE"],
    ["with something beside data", { ...entity("devices", DEVICE), dta: 1 }, 422, "ENTITY_UNPROCESSABLE"],
    ["without a type", { data: { attributes: DEVICE } }, 422, "ENTITY_UNPROCESSABLE"],
    ["without attributes", { data: { type: "devices" } }, 422, "ENTITY_UNPROCESSABLE"],
    ["with misspelled attributes", { data: { type: "devices", atributes: DEVICE } }, 422, "ENTITY_UNPROCESSABLE"],
    ["with a list of attributes", { data: { type: "devices", attributes: [] } }, 422, "ENTITY_UNPROCESSABLE"],
    ["of another type", entity("profiles", DEVICE), 409, "ENTITY_ERROR"],
  ])("that is %s is refused, and changes nothing", async (_what, body, status, code) => {
    const reply = await post("/v1/devices", body);
    expect(reply.status).toBe(status);
    expect(reply.body.errors).toEqual([expect.objectContaining({ code, status: String(status) })]);
    expect(reply.acted).toBe(false);
  });

  test("has a relationship that is none: refused", async () => {
    const attributes = { name: "P", profileType: "IOS_APP_STORE" };
    const relationships = { bundleId: { data: "X" }, certificates: { data: [] } };
    const { status } = await post("/v1/profiles", { data: { type: "profiles", attributes, relationships } });
    expect(status).toBe(422);
  });
});

describe("everything that is wrong with an entity is told at once", () => {
  test("in its attributes", async () => {
    const { status, body } = await post("/v1/devices", entity("devices", { name: 5, platform: "TV_OS", serial: "x" }));
    expect(status).toBe(409);
    expect(body.errors.map(({ code, source }) => [code, source?.pointer])).toEqual([
      ["ENTITY_ERROR.ATTRIBUTE.TYPE", "/data/attributes/name"],
      ["ENTITY_ERROR.ATTRIBUTE.TYPE", "/data/attributes/platform"],
      ["ENTITY_ERROR.ATTRIBUTE.UNKNOWN", "/data/attributes/serial"],
      ["ENTITY_ERROR.ATTRIBUTE.REQUIRED", "/data/attributes/udid"],
    ]);
  });

  test("and in its relationships", async () => {
    const { body } = await post(
      "/v1/profiles",
      entity(
        "profiles",
        { name: "P", profileType: "IOS_APP_STORE" },
        { certificates: ["devices", ["X"]], apps: ["apps", "1"] },
      ),
    );
    expect(body.errors.map(({ code, source }) => [code, source?.pointer])).toEqual([
      ["ENTITY_ERROR.RELATIONSHIP.INVALID", "/data/relationships/certificates"],
      ["ENTITY_ERROR.RELATIONSHIP.UNKNOWN", "/data/relationships/apps"],
      ["ENTITY_ERROR.RELATIONSHIP.REQUIRED", "/data/relationships/bundleId"],
    ]);
  });
});

describe("a write", () => {
  test("takes no parameters", async () => {
    const refused = await post("/v1/devices?fields[devices]=name", entity("devices", DEVICE));
    expect([refused.status, refused.acted]).toEqual([400, false]);
    expect(refused.body.errors[0]?.code).toBe("PARAMETER_ERROR.ILLEGAL");
  });

  test("of something has to name it as its path does", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const [first, second] = sandbox.team(key.teamId).devices.map(({ id }) => id);
    const rename = (id: string | undefined) =>
      send(sandbox.url, key, "PATCH", `/v1/devices/${first ?? ""}`, entity("devices", { name: "New" }, undefined, id));
    expect([(await rename(second)).status, (await rename(undefined)).status, (await rename(first)).status]).toEqual([
      409, 422, 200,
    ]);
  });

  test.each([
    ["POST", "/v1/apps", 405],
    ["PUT", "/v1/devices", 405],
    ["PATCH", "/v1/devices", 405],
    ["PATCH", "/v1/profiles/X", 405],
    ["GET", "/v1/bundleIdCapabilities", 405],
    ["POST", "/v1/users", 404],
  ])("%s %s is answered with %d", async (method, path, status) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const body = method === "GET" ? undefined : entity("devices", DEVICE);
    expect((await send(sandbox.url, key, method, path, body)).status).toBe(status);
  });

  test("needs a key that may provision", async () => {
    const individual = await sandbox.registerKey({ program: "app-store", keyType: "individual" });
    const sales = await sandbox.registerKey({ program: "app-store", role: "SALES" });
    const developer = await sandbox.registerKey({ program: "app-store", role: "DEVELOPER" });
    const statuses: number[] = [];
    for (const key of [individual, sales, developer]) {
      statuses.push((await send(sandbox.url, key, "POST", "/v1/devices", entity("devices", DEVICE))).status);
    }
    expect(statuses).toEqual([403, 403, 201]);
  });
});
