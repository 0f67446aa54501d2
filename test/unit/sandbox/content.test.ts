import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as pkijs from "pkijs";
import { parse } from "plist";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { NewKey } from "../../../src/sandbox/team/key.js";
import { call } from "./caller.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

async function contentOf(key: NewKey, path: string, name: string): Promise<Buffer> {
  const program = sandbox.team(key.teamId).program;
  const { body } = await call<{ data: { attributes: Record<string, string> } }>(sandbox.url, key, path, { program });
  return Buffer.from(body.data.attributes[name] ?? "", "base64");
}

/** What a mobileprovision says. The signature is checked on the way. */
async function open(content: Buffer): Promise<Record<string, unknown>> {
  const signed = new pkijs.SignedData({ schema: pkijs.ContentInfo.fromBER(content).content });
  const plist = signed.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0);
  expect(await signed.verify({ signer: 0, checkChain: false })).toBe(true);
  return parse(Buffer.from(plist).toString()) as Record<string, unknown>;
}

describe("the content of a certificate", () => {
  test("is an X.509 certificate that says what the attributes say", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    for (const { id, attributes } of sandbox.team(key.teamId).certificates) {
      const x509 = new X509Certificate(await contentOf(key, `/v1/certificates/${id}`, "certificateContent"));

      expect(x509.serialNumber.replace(/^0+/, "")).toBe(attributes.serialNumber);
      expect(Math.abs(Date.parse(x509.validTo) - Date.parse(attributes.expirationDate))).toBeLessThan(1_000);
      expect(Date.parse(x509.validFrom)).toBeLessThan(Date.now());
      expect(x509.subject).toContain(`CN=${attributes.name} (${key.teamId})`);
      expect(x509.subject).toContain(`OU=${key.teamId}`);
      expect(x509.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
    }
  });

  test("is the same each time", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const [first, second] = await Promise.all([
      call(sandbox.url, key, "/v1/certificates"),
      call(sandbox.url, key, "/v1/certificates"),
    ]);
    expect(first.body.data).toEqual(second.body.data);
  });

  test("is what a seed says it is, null too", async () => {
    const certificates = [{ attributes: { certificateContent: null } }, { attributes: { certificateContent: "AAAA" } }];
    const key = await sandbox.registerKey({ program: "app-store", contents: { certificates } });
    const { body } = await call(sandbox.url, key, "/v1/certificates");
    expect(body.data.map(({ attributes }) => attributes["certificateContent"])).toEqual([null, "AAAA"]);
  });
});

describe("the content of a profile", () => {
  test("is a signed property list that says what the attributes and relationships say", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { name, profiles, devices, certificates, bundleIds } = sandbox.team(key.teamId);
    const profile = profiles.find(({ attributes }) => attributes.profileType === "IOS_APP_DEVELOPMENT");
    const said = await open(await contentOf(key, `/v1/profiles/${profile?.id ?? ""}`, "profileContent"));
    const [certificate] = said["DeveloperCertificates"] as Uint8Array[];
    const serial = certificate && new X509Certificate(certificate).serialNumber;

    expect(said).toMatchObject({
      Name: profile?.attributes.name,
      UUID: profile?.attributes.uuid,
      TeamIdentifier: [key.teamId],
      TeamName: name,
      TimeToLive: 365,
      ProvisionedDevices: devices
        .filter(({ id }) => profile?.relationships.devices.includes(id))
        .map(({ attributes }) => attributes.udid),
      Entitlements: {
        "application-identifier": `${key.teamId}.${bundleIds[0]?.attributes.identifier ?? ""}`,
        "get-task-allow": true,
      },
    });
    expect(certificates.find(({ id }) => id === profile?.relationships.certificates[0])?.attributes.serialNumber).toBe(
      serial,
    );
  });

  test("is for all devices where it is in-house", async () => {
    const key = await sandbox.registerKey({ program: "enterprise" });
    const profile = sandbox.team(key.teamId).profiles[0];
    const said = await open(await contentOf(key, `/v1/profiles/${profile?.id ?? ""}`, "profileContent"));
    expect(said).toMatchObject({ ProvisionsAllDevices: true });
    expect(said).not.toHaveProperty("ProvisionedDevices");
  });

  test("is null where the profile is invalid", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { body } = await call(sandbox.url, key, "/v1/profiles?filter[profileState]=INVALID");
    expect(body.data.map(({ attributes }) => attributes["profileContent"])).toEqual([null]);
  });
});
