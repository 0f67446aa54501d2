import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { call } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const ILLEGAL = "PARAMETER_ERROR.ILLEGAL";
const INVALID = "PARAMETER_ERROR.INVALID";
const DUPLICATE = "PARAMETER_ERROR.DUPLICATE";

describe("a list refuses", () => {
  test.each([
    ["an unknown parameter", "page=2", "page", ILLEGAL],
    ["an unknown filter", "filter[emaill]=x", "filter[emaill]", INVALID],
    ["a filter without a name", "filter=x", "filter", ILLEGAL],
    ["a value that a filter does not know", "filter[status]=PROCESSING", "filter[status]", INVALID],
    ["an unknown value among known ones", "filter[status]=ENABLED,x", "filter[status]", INVALID],
    ["a field that is none", "fields[devices]=name,serial", "fields[devices]", INVALID],
    ["fields of what it does not show", "fields[profiles]=name", "fields[profiles]", ILLEGAL],
    ["an include where there is none", "include=profiles", "include", ILLEGAL],
    ["a sort that is none", "sort=model", "sort", INVALID],
    ["a limit of nothing", "limit=0", "limit", INVALID],
    ["a limit above 200", "limit=201", "limit", INVALID],
    ["a limit that is no number", "limit=ten", "limit", INVALID],
    ["a limit of an include where there is none", "limit[devices]=5", "limit[devices]", ILLEGAL],
    ["a cursor of its own making", "cursor=2", "cursor", INVALID],
    ["a cursor with another content", "cursor=eyJvZmZzZXQiOi0xfQ==", "cursor", INVALID],
    ["a parameter twice", "sort=name&limit=5&sort=id", "sort", DUPLICATE],
    ["a name that is not one of any object", "filter[constructor]=x", "filter[constructor]", INVALID],
  ])("%s", async (_title, query, parameter, code) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { status, body } = await call(sandbox.url, key, `/v1/devices?${query}`);

    expect(status).toBe(400);
    expect(body.errors).toEqual([expect.objectContaining({ status: "400", code, source: { parameter } })]);
    expect(body.errors[0]?.id).toEqual(expect.any(String));
  });

  test("a relationship that cannot be included, and one of its own is fine", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const wrong = await call(sandbox.url, key, "/v1/profiles?include=bundleId,app");
    const right = await call(sandbox.url, key, "/v1/profiles?include=bundleId");
    expect(wrong.body.errors[0]).toMatchObject({ code: INVALID, detail: "'app' is not a valid relationship name" });
    expect(right.status).toBe(200);
  });
});

describe("one thing", () => {
  test.each(["sort=name", "limit=5", "filter[name]=x", "cursor=eyJvZmZzZXQiOiIyMCJ9"])("takes no %s", async (query) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const id = sandbox.team(key.teamId).profiles[0]?.id ?? "";
    const { body } = await call(sandbox.url, key, `/v1/profiles/${id}?${query}`);
    expect(body.errors[0]?.code).toBe(ILLEGAL);
  });
});

describe("a related list", () => {
  test.each(["sort=name", "include=passTypeId", "filter[displayName]=x", "fields[profiles]=name"])(
    "takes no %s",
    async (query) => {
      const key = await sandbox.registerKey({ program: "app-store" });
      const id = sandbox.team(key.teamId).profiles[0]?.id ?? "";
      const { body } = await call(sandbox.url, key, `/v1/profiles/${id}/certificates?${query}`);
      expect(body.errors[0]?.code).toBe(ILLEGAL);
    },
  );
});

describe("the enterprise program refuses", () => {
  test.each([
    ["a certificate type that it does not have", "/v1/certificates?filter[certificateType]=APPLE_PAY"],
    ["a platform that it does not have", "/v1/devices?filter[platform]=UNIVERSAL"],
    ["the app of a bundle id", "/v1/bundleIds?include=app"],
    ["whether a certificate is activated", "/v1/certificates?fields[certificates]=activated"],
  ])("%s, which the App Store takes", async (_title, path) => {
    const appStore = await sandbox.registerKey({ program: "app-store" });
    const enterprise = await sandbox.registerKey({ program: "enterprise" });
    expect((await call(sandbox.url, appStore, path)).status).toBe(200);
    expect((await call(sandbox.url, enterprise, path, { program: "enterprise" })).status).toBe(400);
  });
});

describe("a path", () => {
  test.each([
    ["/v1/nothing", "The resource 'nothing' does not exist"],
    ["/v1/devices/", "'/v1/devices/' is not a valid URL"],
    ["/v2/devices", "'/v2/devices' is not a valid URL"],
    ["/v1/devices/X/profiles", "The relationship 'profiles' does not exist"],
  ])("%s does not exist", async (path, detail) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { status, body } = await call(sandbox.url, key, path);
    expect(status).toBe(404);
    expect(body.errors[0]).toMatchObject({ code: "PATH_ERROR", title: "The URL path is not valid", detail });
  });

  test.each([
    ["PATCH", "/v1/devices"],
    ["DELETE", "/v1/certificates"],
    ["PUT", "/v1/profiles/X"],
  ])("does not take %s %s", async (method, path) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { status, body } = await call(sandbox.url, key, path, undefined, method);
    expect(status).toBe(405);
    expect(body.errors[0]?.code).toBe("METHOD_NOT_ALLOWED");
  });

  test("is told to those with a token only", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { status } = await call(sandbox.url, key, "/v1/nothing", { claims: { aud: "nobody" } });
    expect(status).toBe(401);
  });
});
