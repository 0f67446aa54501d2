import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import { DEFAULT_SETTINGS } from "../../../../src/sandbox/settings.js";
import type { KeyOptions, NewKey } from "../../../../src/sandbox/team/key.js";
import type { Program } from "../../../../src/sandbox/team/team.js";
import { call, entity, send, type Links, type Single } from "../caller.js";
import { ellipticSigningRequest, signingRequest, type SigningRequest } from "./signing-request.js";

const DAY_MS = 86_400_000;

let sandbox: Sandbox;
let request: SigningRequest;
beforeAll(async () => {
  [sandbox, request] = await Promise.all([startSandbox(), signingRequest()]);
});
afterAll(() => sandbox.close());
afterEach(() => {
  sandbox.configure(DEFAULT_SETTINGS);
});

const keyWith = (options: Partial<KeyOptions> = {}) =>
  sandbox.registerKey({ program: "app-store", contents: { certificates: 0 }, ...options });

const create = (
  key: NewKey,
  certificateType: string,
  csrContent = request.pem,
  links?: Links,
  program: Program = "app-store",
) =>
  send(sandbox.url, key, "POST", "/v1/certificates", entity("certificates", { certificateType, csrContent }, links), {
    program,
  });

describe("a certificate", () => {
  test.each([
    ["PEM", () => request.pem],
    ["PEM with other line breaks", () => request.pem.replaceAll("\n", "\r\n")],
    ["bare base64", () => request.base64],
    ["bare base64 with line breaks", () => request.base64.replaceAll(/.{64}/g, "$&\n")],
  ])("is issued to the key of a signing request in %s", async (_form, csr) => {
    const key = await keyWith();
    const { status, headers, body } = await create(key, "DISTRIBUTION", csr());
    const { attributes, id } = body.data;
    const x509 = new X509Certificate(Buffer.from(attributes["certificateContent"] ?? "", "base64"));

    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`${sandbox.url}/v1/certificates/${id}`);
    expect(x509.publicKey.equals(request.publicKey)).toBe(true);
    expect(x509.publicKey.equals(generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey)).toBe(false);
    expect(x509.serialNumber.replace(/^0+/, "")).toBe(attributes["serialNumber"]);
    expect(x509.subject).toContain(`OU=${key.teamId}`);
    expect(x509.subject).not.toContain("Nobody");
    expect(Math.abs(Date.parse(x509.validTo) - Date.parse(attributes["expirationDate"] ?? ""))).toBeLessThan(1_000);
    expect(Math.abs(Date.parse(attributes["expirationDate"] ?? "") - Date.now() - 365 * DAY_MS)).toBeLessThan(60_000);
    expect((await call<Single>(sandbox.url, key, `/v1/certificates/${id}`)).body.data).toEqual(body.data);
  });

  test("is named as Apple names it", async () => {
    const key = await keyWith();
    const { name } = sandbox.team(key.teamId);
    const made = [];
    for (const type of ["DISTRIBUTION", "DEVELOPMENT", "IOS_DISTRIBUTION", "MAC_APP_DISTRIBUTION"]) {
      const { attributes } = (await create(key, type)).body.data;
      made.push([attributes["name"], attributes["displayName"], attributes["platform"]]);
    }
    expect(made).toEqual([
      [`Apple Distribution: ${name}`, name, "IOS"],
      ["Apple Development: Created via API", "Created via API", "IOS"],
      [`iOS Distribution: ${name}`, name, "IOS"],
      [`Mac App Distribution: ${name}`, name, "MAC_OS"],
    ]);
  });

  test("for in-house apps lives three years", async () => {
    const key = await keyWith({ program: "enterprise" });
    const { body } = await create(key, "IOS_DISTRIBUTION", request.pem, undefined, "enterprise");
    const lifetimeMs = Date.parse(body.data.attributes["expirationDate"] ?? "") - Date.now();
    expect(Math.abs(lifetimeMs - 3 * 365 * DAY_MS)).toBeLessThan(60_000);
  });

  test("is refused where the signing request is none", async () => {
    const key = await keyWith();
    const [small, elliptic] = await Promise.all([signingRequest(1_024), ellipticSigningRequest()]);
    const forged = Buffer.from(request.base64, "base64");
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
    const publicKey = createPublicKey(request.publicKey.export({ type: "spki", format: "pem" }));
    const wrong = [
      "nonsense",
      "AAAA",
      publicKey.export({ type: "spki", format: "pem" }).toString(),
      forged.toString("base64"),
      small.pem,
      elliptic.pem,
    ];
    for (const csr of wrong) {
      const { status, body } = await create(key, "DISTRIBUTION", csr);
      expect([status, body.errors[0]?.code]).toEqual([409, "ENTITY_ERROR"]);
    }
    expect((await create(key, "DISTRIBUTION")).status).toBe(201);
  });

  test.each(["DEVELOPER_ID_APPLICATION", "DEVELOPER_ID_KEXT"])("of the type %s no key makes", async (type) => {
    for (const role of ["ADMIN", "ACCOUNT_HOLDER"]) {
      const { status, body } = await create(await keyWith({ role }), type);
      expect([status, body.errors[0]?.detail]).toEqual([
        403,
        "This operation can only be performed by the Account Holder",
      ]);
    }
  });

  test("of a type that the program does not have is refused", async () => {
    const key = await keyWith({ program: "enterprise" });
    const refused = await create(key, "APPLE_PAY", request.pem, undefined, "enterprise");
    const allowed = await create(key, "IOS_DEVELOPMENT", request.pem, undefined, "enterprise");
    expect([refused.body.errors[0]?.code, allowed.status]).toEqual(["ENTITY_ERROR.ATTRIBUTE.TYPE", 201]);
  });

  test("for passes is for a pass type id of the team", async () => {
    const key = await keyWith({ contents: { certificates: 0, passTypeIds: 1 } });
    const [pass] = sandbox.team(key.teamId).passTypeIds;
    const alone = await create(key, "PASS_TYPE_ID");
    const ofNobody = await create(key, "PASS_TYPE_ID", request.pem, { passTypeId: ["passTypeIds", "NOBODY0000"] });
    const made = await create(key, "PASS_TYPE_ID", request.pem, { passTypeId: ["passTypeIds", pass?.id ?? ""] });
    const merchant = await create(key, "APPLE_PAY", request.pem, { merchantId: ["merchantIds", "NOBODY0000"] });

    expect([alone.status, ofNobody.status, made.status, merchant.status]).toEqual([404, 404, 201, 404]);
    expect(sandbox.team(key.teamId).certificates[0]?.relationships.passTypeId).toBe(pass?.id);
  });
});

describe("a limit", () => {
  test("is on each type, and counts what has not expired", async () => {
    const expired = {
      attributes: { certificateType: "DISTRIBUTION", expirationDate: "2020-01-01T00:00:00.000+00:00" },
    };
    const key = await keyWith({ contents: { certificates: [expired] } });
    sandbox.configure({ certificateLimits: { DISTRIBUTION: 1 } });
    const first = await create(key, "DISTRIBUTION");
    const second = await create(key, "DISTRIBUTION");
    const ofAnotherType = await create(key, "DEVELOPMENT");
    await send(sandbox.url, key, "DELETE", `/v1/certificates/${first.body.data.id}`);
    const afterwards = await create(key, "DISTRIBUTION");

    expect([first, second, ofAnotherType, afterwards].map(({ status }) => status)).toEqual([201, 409, 201, 201]);
  });

  test("holds for calls at the same time", async () => {
    const key = await keyWith();
    sandbox.configure({ certificateLimits: { DISTRIBUTION: 2 } });
    const replies = await Promise.all(Array.from({ length: 6 }, () => create(key, "DISTRIBUTION")));

    expect(replies.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409]);
    expect(sandbox.team(key.teamId).certificates).toHaveLength(2);
  });

  test("is none where it is null", async () => {
    const key = await keyWith();
    sandbox.configure({ certificateLimits: { DISTRIBUTION: null } });
    for (let turn = 0; turn < 5; turn += 1) expect((await create(key, "DISTRIBUTION")).status).toBe(201);
  });
});

describe("a developer's key", () => {
  test("makes and revokes certificates for development, and none for distribution", async () => {
    const key = await keyWith({ role: "DEVELOPER" });
    const admin = await sandbox.registerKey({ program: "app-store", team: key.teamId });
    const development = await create(key, "DEVELOPMENT");
    const refused = await create(key, "DISTRIBUTION");
    const distribution = await create(admin, "DISTRIBUTION");
    const remove = (id: string) => send(sandbox.url, key, "DELETE", `/v1/certificates/${id}`);

    expect([development.status, refused.status, distribution.status]).toEqual([201, 403, 201]);
    expect((await remove(distribution.body.data.id)).status).toBe(403);
    expect((await remove(development.body.data.id)).status).toBe(204);
  });
});

describe("a revoked certificate", () => {
  test("is gone, and the profiles that held it are invalid and without content", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const team = sandbox.team(key.teamId);
    const [distribution, development] = team.certificates;
    const { status, body } = await send(sandbox.url, key, "DELETE", `/v1/certificates/${distribution?.id ?? ""}`);
    const profiles = await call(sandbox.url, key, "/v1/profiles?include=certificates");

    expect([status, body]).toEqual([204, ""]);
    expect(team.certificates).not.toContain(distribution);
    for (const { attributes, relationships } of profiles.body.data) {
      const holders = [relationships?.["certificates"]?.data ?? []].flat().map(({ id }) => id);
      const isSafe = holders.includes(development?.id ?? "");
      expect(attributes["profileState"]).toBe(isSafe ? "ACTIVE" : "INVALID");
      expect(attributes["profileContent"]).toEqual(isSafe ? expect.any(String) : null);
    }
    expect(profiles.body.data.some(({ attributes }) => attributes["profileState"] === "ACTIVE")).toBe(true);
  });
});
