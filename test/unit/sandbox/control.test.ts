import { createPrivateKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { registerKeyOverHttp } from "../../../src/sandbox/client.js";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { call } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

async function control(method: string, path: string, body?: unknown): Promise<Response> {
  const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return fetch(`${sandbox.url}/sandbox${path}`, { method, ...(body !== undefined && json) });
}

describe("a key", () => {
  test("is an EC P-256 key in PKCS#8, of which the sandbox keeps the public half", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const privateKey = createPrivateKey(key.privateKey);

    expect(key.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(privateKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(key.keyId).toMatch(/^[A-Z0-9]{10}$/);
    expect(key.issuerId).toMatch(/^[0-9a-f-]{36}$/);
    const scalar = String(privateKey.export({ format: "jwk" }).d);
    expect(await (await control("GET", `/teams/${key.teamId}`)).text()).not.toContain(scalar);
  });

  test("is made over HTTP, with contents, and used at once", async () => {
    const key = await registerKeyOverHttp(sandbox.url, { program: "app-store", contents: { devices: 3 } });
    const { status, body } = await call(sandbox.url, key, "/v1/devices");
    expect(status).toBe(200);
    expect(body.data).toHaveLength(3);
  });

  test("is not made of options that contradict what there is", async () => {
    const { teamId } = await sandbox.registerKey({ program: "app-store" });
    const make = (options: object) => registerKeyOverHttp(sandbox.url, options as { program: "app-store" });

    await expect(make({ program: "play-store" })).rejects.toThrow("The sandbox made no key");
    await expect(make({ program: "app-store", team: "NOBODY0000" })).rejects.toThrow("There is no team NOBODY0000");
    await expect(make({ program: "enterprise", team: teamId })).rejects.toThrow("is in the app-store program");
    await expect(make({ program: "app-store", team: teamId, contents: {} })).rejects.toThrow("keeps its contents");
    await expect(make({ program: "app-store", unknown: true })).rejects.toThrow("additional properties");
    await expect(sandbox.registerKey({ program: "app-store", team: "NOBODY0000" })).rejects.toThrow(RangeError);
  });

  test("is revoked over HTTP", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    expect((await control("DELETE", `/keys/${key.keyId}`)).status).toBe(204);
    expect((await control("DELETE", "/keys/NOBODY0000")).status).toBe(404);
    expect((await call(sandbox.url, key, "/v1/devices")).status).toBe(401);
  });
});

describe("over HTTP", () => {
  test("failures are planned and cleared", async () => {
    const own = await startSandbox();
    try {
      const key = await own.registerKey({ program: "app-store" });
      const send = (method: string, body?: object) =>
        fetch(`${own.url}/sandbox/failures`, {
          method,
          ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
        });
      const planned = await send("POST", { times: "always", failure: { kind: "503" } });
      const during = await call(own.url, key, "/v1/devices");
      const cleared = await send("DELETE");

      expect([planned.status, cleared.status]).toEqual([204, 204]);
      expect(during.status).toBe(503);
      expect((await call(own.url, key, "/v1/devices")).status).toBe(200);
      expect((await send("POST", { failure: { kind: "nonsense" } })).status).toBe(400);
      expect((await send("POST", { failure: { kind: "slow" } })).status).toBe(400);
      expect((await send("POST", { failure: { kind: "slow", delayMs: 1 } })).status).toBe(204);
      expect((await send("POST", { failure: { kind: "trickle" } })).status).toBe(400);
      expect((await send("POST", { failure: { kind: "trickle", delayMs: 1 } })).status).toBe(204);
    } finally {
      await own.close();
    }
  });

  test("the journal is read and cleared", async () => {
    const own = await startSandbox();
    try {
      const key = await own.registerKey({ program: "app-store" });
      await call(own.url, key, "/v1/devices");
      const read = async () => (await (await fetch(`${own.url}/sandbox/journal`)).json()) as { calls: unknown[] };
      const before = await read();
      await fetch(`${own.url}/sandbox/journal`, { method: "DELETE" });

      expect(before.calls).toEqual([expect.objectContaining({ path: "/v1/devices", keyId: key.keyId, status: 200 })]);
      expect((await read()).calls).toEqual([]);
    } finally {
      await own.close();
    }
  });

  test("a team is shown, and nothing else of /sandbox is Apple's", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const team = (await (await control("GET", `/teams/${key.teamId}`)).json()) as { issuerId: string };
    expect(team.issuerId).toBe(key.issuerId);
    expect((await control("GET", "/teams/NOBODY0000")).status).toBe(404);
    expect((await control("GET", "/nothing")).status).toBe(404);
  });
});

describe("every answer", () => {
  test("is application/json with a date", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    for (const path of ["/v1/devices", "/v1/nothing"]) {
      const { headers } = await call(sandbox.url, key, path);
      expect(headers.get("content-type")).toBe("application/json");
      expect(Date.parse(headers.get("date") ?? "")).not.toBeNaN();
    }
  });

  test("takes as long as it is told to", async () => {
    const far = await startSandbox({ pageDelayMs: 30 });
    try {
      const key = await far.registerKey({ program: "app-store" });
      const start = performance.now();
      await call(far.url, key, "/v1/devices");
      expect(performance.now() - start).toBeGreaterThanOrEqual(29);
    } finally {
      await far.close();
    }
  });
});
