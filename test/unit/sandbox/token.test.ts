import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { call, callWith, tokenFor, type Twist } from "./caller.js";

const NOW = new Date("2026-11-22T12:00:00Z");
const seconds = NOW.getTime() / 1_000;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ clock: () => NOW });
});
afterAll(() => sandbox.close());

const pem = (namedCurve: string) =>
  generateKeyPairSync("ec", { namedCurve }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();

describe("a team key", () => {
  const faults: [string, Twist][] = [
    ["a key id that nobody has", { header: { kid: "AAAAAAAAAA" } }],
    ["no key id", { header: { kid: undefined } }],
    ["no type", { header: { typ: undefined } }],
    ["another type", { header: { typ: "at+jwt" } }],
    ["another algorithm", { header: { alg: "ES384" }, privateKey: pem("P-384") }],
    ["a signature of another key", { privateKey: pem("P-256") }],
    ["another issuer", { claims: { iss: "57246542-96fe-1a63-e053-0824d011072a" } }],
    ["no issuer", { claims: { iss: undefined } }],
    ["the subject of an individual key", { claims: { iss: undefined, sub: "user" } }],
    ["no audience", { claims: { aud: undefined } }],
    ["another audience", { claims: { aud: "appstoreconnect-v2" } }],
    ["the audience of the other program", { program: "enterprise" }],
    ["a list of audiences", { claims: { aud: ["appstoreconnect-v1"] } }],
    ["no time of issue", { claims: { iat: undefined } }],
    ["no end", { claims: { exp: undefined } }],
    ["an end that has passed", { claims: { iat: seconds - 900, exp: seconds - 1 } }],
    ["a life of more than 20 minutes", { claims: { iat: seconds - 1, exp: seconds + 1_200 } }],
    ["a time of issue in the future", { claims: { iat: seconds + 30 } }],
    ["a scope of another path", { claims: { scope: ["GET /v1/apps"] } }],
    ["a scope of other parameters", { claims: { scope: ["GET /v1/devices?filter[status]=ENABLED"] } }],
    ["a long life, although it has a scope", { claims: { exp: seconds + 86_400, scope: ["GET /v1/devices"] } }],
  ];

  test.each(faults)("is refused with %s", async (_fault, twist) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const allowed = await call(sandbox.url, key, "/v1/devices", { now: NOW });
    const refused = await call(sandbox.url, key, "/v1/devices", { now: NOW, ...twist });

    expect(allowed.status).toBe(200);
    expect(refused.status).toBe(401);
    expect(refused.body.errors).toEqual([expect.objectContaining({ status: "401", code: "NOT_AUTHORIZED" })]);
    expect(refused.body.errors[0]).not.toHaveProperty("id");
    expect(refused.headers.has("x-rate-limit")).toBe(false);
  });

  const fine: [string, Twist][] = [
    ["a life of exactly 20 minutes", { claims: { iat: seconds, exp: seconds + 1_200 } }],
    ["a time of issue within the tolerance", { claims: { iat: seconds + 3 } }],
    ["a scope that names the request", { claims: { scope: ["GET /v1/apps", "GET /v1/devices?limit=5"] } }],
  ];

  test.each(fine)("is accepted with %s", async (_title, twist) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    expect((await call(sandbox.url, key, "/v1/devices?sort=name", { now: NOW, ...twist })).status).toBe(200);
  });

  test("is refused once it is revoked, while another key of the team goes on", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const other = await sandbox.registerKey({ program: "app-store", team: key.teamId });
    sandbox.revokeKey(key.keyId);

    expect((await call(sandbox.url, key, "/v1/devices", { now: NOW })).status).toBe(401);
    expect((await call(sandbox.url, other, "/v1/devices", { now: NOW })).status).toBe(200);
  });

  test.each([
    ["no Authorization header", undefined],
    ["another scheme", "Basic dXNlcjpwYXNz"],
    ["a text that is no token", "Bearer nonsense"],
    ["an unsigned token", `Bearer ${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`],
  ])("is asked for where there is %s", async (_title, authorization) => {
    expect((await callWith(sandbox.url, authorization, "/v1/devices")).status).toBe(401);
  });
});

describe("an individual key", () => {
  test("has no issuer, finds apps and may not provision", async () => {
    const key = await sandbox.registerKey({ program: "app-store", keyType: "individual" });
    const apps = await call(sandbox.url, key, "/v1/apps", { now: NOW });
    const devices = await call(sandbox.url, key, "/v1/devices", { now: NOW });

    expect(key.issuerId).toBeNull();
    expect(apps.status).toBe(200);
    expect(devices.status).toBe(403);
    expect(devices.body.errors[0]).toMatchObject({
      code: "FORBIDDEN_ERROR",
      detail: "The API key in use does not allow this request",
    });
  });

  test("is refused with an issuer, and without its subject", async () => {
    const key = await sandbox.registerKey({ program: "app-store", keyType: "individual" });
    const issuer = await call(sandbox.url, key, "/v1/apps", { now: NOW, claims: { iss: "someone" } });
    const subject = await call(sandbox.url, key, "/v1/apps", { now: NOW, claims: { sub: "team" } });

    expect([issuer.status, subject.status]).toEqual([401, 401]);
  });
});

describe("a role", () => {
  test.each([
    ["ADMIN", 200],
    ["APP_MANAGER", 200],
    ["DEVELOPER", 200],
    ["SALES", 403],
    ["CUSTOMER_SUPPORT", 403],
  ])("of %s is answered %d on provisioning, and 200 on apps", async (role, status) => {
    const key = await sandbox.registerKey({ program: "app-store", role });
    expect((await call(sandbox.url, key, "/v1/certificates", { now: NOW })).status).toBe(status);
    expect((await call(sandbox.url, key, "/v1/apps", { now: NOW })).status).toBe(200);
  });
});

describe("two hosts", () => {
  test("take the tokens of their own program only", async () => {
    const twice = await startSandbox({ enterprisePort: 0 });
    try {
      const appStore = await twice.registerKey({ program: "app-store" });
      const enterprise = await twice.registerKey({ program: "enterprise" });
      const inHouse = { program: "enterprise" } as const;

      expect(twice.enterpriseUrl).not.toBe(twice.url);
      expect((await call(twice.url, appStore, "/v1/devices")).status).toBe(200);
      expect((await call(twice.enterpriseUrl, appStore, "/v1/devices")).status).toBe(401);
      expect((await call(twice.enterpriseUrl, enterprise, "/v1/devices", inHouse)).status).toBe(200);
      expect((await call(twice.url, enterprise, "/v1/devices", inHouse)).status).toBe(401);
    } finally {
      await twice.close();
    }
  });

  test("are one where no second port is asked for", async () => {
    const key = await sandbox.registerKey({ program: "enterprise" });
    const header = await tokenFor(key, { program: "enterprise", now: NOW });

    expect(sandbox.enterpriseUrl).toBe(sandbox.url);
    expect((await callWith(sandbox.url, `Bearer ${header}`, "/v1/devices")).status).toBe(200);
  });
});
