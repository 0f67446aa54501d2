import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build, type PlistValue } from "plist";
import { fileExtension, PROFILE_MAX_BYTES, readProvisioningProfile } from "../../../src/files/mobileprovision.js";
import { sandboxAuthority } from "../../../src/sandbox/team/authority.js";
import { contentOf } from "../../../src/sandbox/team/content.js";
import { startSandbox } from "../../../src/sandbox/server.js";
import { issueFor, pem, TEAM_ID } from "./issuer.js";
import { describeWithOpenssl, makeFolder } from "./openssl.js";
import { refusalOf } from "./refusal.js";
import { entitlementsOf, entriesOf, profileSigner } from "./signed-profile.js";

const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
let signer: Awaited<ReturnType<typeof profileSigner>>;
let certificate: Buffer<ArrayBuffer>;
beforeAll(async () => {
  certificate = await issueFor(key, key);
  signer = await profileSigner(key, await issueFor(key, key, { commonName: "Profile Signing", markers: [] }));
});

type Changes = Readonly<Record<string, PlistValue | undefined>>;
const readWith = async (changes: Changes) => readProvisioningProfile(await signer.sign(entriesOf(changes)));
const readText = async (text: string) => readProvisioningProfile(await signer.signText(text));

describe("a profile", () => {
  test("is read with all that it says", async () => {
    expect(await readWith({ DeveloperCertificates: [certificate] })).toEqual({
      uuid: "540a0b0f-0c06-40c9-a9aa-c2a7d54fbc7b",
      name: "Ad hoc Pocket",
      appIdName: "Pocket",
      teamId: TEAM_ID,
      teamName: "Aurora & Söhne",
      platforms: ["iOS", "xrOS", "visionOS"],
      bundleIdentifier: "com.aurora.pocket",
      entitlements: JSON.stringify(entitlementsOf()),
      deviceUdids: ["00008110-001A2B3C4D5E6F70", "0123456789abcdef0123456789abcdef01234567"],
      provisionsAllDevices: false,
      certificates: [expect.objectContaining({ der: certificate, appleType: "DISTRIBUTION" })],
      appleType: "IOS_APP_ADHOC",
      createdAt: new Date("2026-02-01T10:00:00Z"),
      expiresAt: new Date("2027-01-01T00:00:00Z"),
    });
  });

  test("may leave out what Apple does not always write", async () => {
    const changes = { AppIDName: undefined, TeamName: undefined, ProvisionedDevices: undefined };
    expect(await readWith(changes)).toMatchObject({
      appIdName: null,
      teamName: null,
      deviceUdids: [],
      provisionsAllDevices: false,
    });
  });

  test.each([
    ["its team", { "application-identifier": `${TEAM_ID}.com.aurora.pocket` }, [TEAM_ID], "com.aurora.pocket"],
    ["a prefix of older teams", { "application-identifier": "SEED123456.com.a" }, ["SEED123456"], "com.a"],
    ["a prefix that is not listed", { "application-identifier": "SEED123456.com.a" }, [TEAM_ID], "com.a"],
    ["any app", { "application-identifier": `${TEAM_ID}.*` }, [TEAM_ID], "*"],
    ["any app of a name", { "application-identifier": `${TEAM_ID}.com.aurora.*` }, [TEAM_ID], "com.aurora.*"],
  ])("has the bundle id without its prefix, that of %s", async (_whose, changes, prefixes, bundleIdentifier) => {
    const entries = { Entitlements: entitlementsOf(changes), ApplicationIdentifierPrefix: prefixes };
    expect(await readWith(entries)).toMatchObject({ bundleIdentifier });
  });

  test("for macOS has its bundle id under another name", async () => {
    const Entitlements = { "com.apple.application-identifier": `${TEAM_ID}.com.aurora.desk` };
    expect(await readWith({ Entitlements, Platform: ["OSX"] })).toMatchObject({ bundleIdentifier: "com.aurora.desk" });
  });

  test("has its entitlements in JSON, whatever they hold", async () => {
    const { entitlements } = await readWith({
      Entitlements: entitlementsOf({ date: new Date(0), data: Buffer.from([1, 2]), list: [1, { a: true }] }),
    });
    expect(JSON.parse(entitlements)).toMatchObject({
      date: "1970-01-01T00:00:00.000Z",
      data: "AQI=",
      list: [1, { a: true }],
    });
  });

  test("leaves out certificates that cannot be read", async () => {
    const { certificates } = await readWith({ DeveloperCertificates: [Buffer.from("none"), certificate] });
    expect(certificates.map(({ der }) => der)).toEqual([certificate]);
  });

  test("of very many certificates lets others be served", async () => {
    const bytes = await signer.sign(entriesOf({ DeveloperCertificates: Array<Buffer>(200).fill(certificate) }));
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    const { certificates } = await readProvisioningProfile(bytes);
    clearInterval(timer);
    expect(certificates).toHaveLength(200);
    expect(ticks).toBeGreaterThan(2);
  });

  test("is the file that Apple's API answers as base64, from the sandbox", async () => {
    const sandbox = await startSandbox();
    const { teamId } = await sandbox.registerKey({ program: "app-store" });
    const team = sandbox.team(teamId);
    await sandbox.close();
    for (const profile of team.profiles) {
      const content = await contentOf(team, "profiles", profile);
      if (content === null) continue;
      expect(await readProvisioningProfile(Buffer.from(content, "base64"))).toMatchObject({
        uuid: profile.attributes.uuid,
        name: profile.attributes.name,
        appleType: profile.attributes.profileType,
        teamId,
        teamName: team.name,
      });
    }
  });
});

describe("the kind of a profile", () => {
  const debuggable = { Entitlements: entitlementsOf({ "get-task-allow": true }) };
  const macDebuggable = { Entitlements: entitlementsOf({ "com.apple.security.get-task-allow": true }) };
  const catalyst = { Entitlements: entitlementsOf({ "application-identifier": `${TEAM_ID}.maccatalyst.com.a` }) };
  const noDevices = { ProvisionedDevices: undefined };
  const everywhere = { ...noDevices, ProvisionsAllDevices: true };
  const mac = { Platform: ["OSX"] };
  const tv = { Platform: ["tvOS"] };

  test.each<[type: string, changes: Changes]>([
    ["IOS_APP_STORE", noDevices],
    ["IOS_APP_ADHOC", {}],
    ["IOS_APP_DEVELOPMENT", debuggable],
    ["IOS_APP_INHOUSE", everywhere],
    ["TVOS_APP_STORE", { ...tv, ...noDevices }],
    ["TVOS_APP_ADHOC", tv],
    ["TVOS_APP_DEVELOPMENT", { ...tv, ...debuggable }],
    ["TVOS_APP_INHOUSE", { ...tv, ...everywhere }],
    ["MAC_APP_STORE", { ...mac, ...noDevices }],
    ["MAC_APP_DEVELOPMENT", mac],
    ["MAC_APP_DEVELOPMENT", { ...mac, ...noDevices, ...macDebuggable }],
    ["MAC_APP_DIRECT", { ...mac, ...everywhere }],
    ["MAC_CATALYST_APP_STORE", { ...mac, ...noDevices, ...catalyst }],
    ["MAC_CATALYST_APP_DEVELOPMENT", { ...mac, ...catalyst }],
    ["MAC_CATALYST_APP_DIRECT", { ...mac, ...everywhere, ...catalyst }],
  ])("is %s", async (appleType, changes) => {
    expect(await readWith(changes)).toMatchObject({ appleType });
  });

  test("is direct distribution where the certificate is a Developer ID", async () => {
    const developerId = await issueFor(key, key, { commonName: "Developer ID Application: A", markers: [13] });
    const changes = { ...mac, ...noDevices, DeveloperCertificates: [developerId] };
    expect(await readWith(changes)).toMatchObject({ appleType: "MAC_APP_DIRECT" });
  });

  test("decides how its file ends", () => {
    expect(fileExtension({ platforms: ["OSX"] })).toBe(".provisionprofile");
    expect(fileExtension({ platforms: ["iOS", "xrOS", "visionOS"] })).toBe(".mobileprovision");
    expect(fileExtension({ platforms: ["tvOS"] })).toBe(".mobileprovision");
  });
});

const refusedWith = async (read: () => unknown, message: RegExp) => {
  const refusal = await refusalOf(read);
  expect(refusal).toMatchObject({ code: "INVALID_PROVISIONING_PROFILE", field: ["profile"] });
  expect(refusal.message).toMatch(message);
};

describe("an entry that is missing or of another type is named", () => {
  const wrong: [name: string, values: (PlistValue | undefined)[]][] = [
    ["UUID", [undefined, "", 5, ["a"]]],
    ["Name", [undefined, "", true]],
    ["AppIDName", [5]],
    ["TeamName", [["a"]]],
    ["TeamIdentifier", [undefined, [], "ABCDE12345", [5]]],
    ["Platform", [undefined, "iOS", [1]]],
    ["ApplicationIdentifierPrefix", [undefined, {}]],
    ["ProvisionedDevices", ["a", [1]]],
    ["ProvisionsAllDevices", ["true", 1]],
    ["DeveloperCertificates", [undefined, ["MIIF"], {}]],
    ["Entitlements", [undefined, [], "a", new Date(0)]],
    ["CreationDate", [undefined, "2026-01-01"]],
    ["ExpirationDate", [undefined, 5]],
  ];
  test.each(wrong.flatMap(([name, values]) => values.map((value): [string, unknown] => [name, value])))(
    "%s as %p",
    async (name, value) => {
      await refusedWith(
        () => readWith({ [name]: value as PlistValue }),
        new RegExp(`^The profile's ${name} is missing`),
      );
    },
  );

  test.each<[name: string, entitlements: Record<string, PlistValue>]>([
    ["application-identifier", {}],
    ["application-identifier", entitlementsOf({ "application-identifier": 5 })],
    ["application-identifier", entitlementsOf({ "application-identifier": TEAM_ID })],
    ["get-task-allow", entitlementsOf({ "get-task-allow": "yes" })],
  ])("%s in entitlements %p", async (name, Entitlements) => {
    await refusedWith(() => readWith({ Entitlements }), new RegExp(`^The profile's ${name} is missing`));
  });

  test("a date that is none", async () => {
    const text = build(entriesOf()).replace("2026-02-01T10:00:00Z", "yesterday");
    await refusedWith(() => readText(text), /CreationDate/);
  });
});

describe("what is no profile is refused", () => {
  test.each<[what: string, bytes: () => Promise<Buffer> | Buffer, message: RegExp]>([
    ["nothing", () => Buffer.alloc(0), /empty/],
    ["more than a megabyte", () => Buffer.alloc(PROFILE_MAX_BYTES + 1), /too large/],
    ["a property list without a signature", () => Buffer.from(build(entriesOf())), /signature/],
    ["a certificate", () => certificate, /signature/],
    ["a profile in PEM", async () => Buffer.from(pem(await signer.sign(entriesOf()), "CMS")), /signature/],
    ["half of one", async () => (await signer.sign(entriesOf())).subarray(0, 2_000), /signature/],
    [
      "one with more behind it",
      async () => Buffer.concat([await signer.sign(entriesOf()), Buffer.alloc(1)]),
      /signature/,
    ],
    ["one without the signer's certificate", () => signer.signText(build(entriesOf()), []), /signature/],
    ["a text that is signed", () => signer.signText("Hello"), /no property list/],
    ["a list that is signed", () => signer.sign(["a"]), /no property list/],
    ["ASN.1 of half a megabyte of openings", () => Buffer.alloc(500_000, Buffer.from("3080", "hex")), /signature/],
  ])("%s", async (_what, bytes, message) => {
    const content = await bytes();
    await refusedWith(() => readProvisioningProfile(content), message);
  });

  test("one whose content was changed", async () => {
    const bytes = await signer.sign(entriesOf());
    bytes.write("Odd hoc", bytes.indexOf("Ad hoc Pocket"));
    await refusedWith(() => readProvisioningProfile(bytes), /signature does not fit/);
  });

  test("one whose signature was changed", async () => {
    const bytes = await signer.sign(entriesOf());
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 10) ^ 1, bytes.length - 10);
    await refusedWith(() => readProvisioningProfile(bytes), /signature does not fit/);
  });

  test("one whose signer is another than it carries", async () => {
    const { privateKey: other } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const wrong = await profileSigner(other, await issueFor(key, key));
    const bytes = await wrong.sign(entriesOf());
    await refusedWith(() => readProvisioningProfile(bytes), /signature does not fit/);
  });

  test("under the field that it came in", async () => {
    const { field } = await refusalOf(() => readProvisioningProfile(Buffer.alloc(0), ["content"]));
    expect(field).toEqual(["content"]);
  });

  test("and nobody writes of it to the log", async () => {
    const said = [jest.spyOn(console, "error"), jest.spyOn(console, "warn"), jest.spyOn(console, "log")];
    const texts = [
      "<plist><dict>",
      "<plist",
      "&",
      '<plist version="1.0"><dict><key>a</key><string>&#xD800;</string></dict></plist>',
    ];
    for (const text of texts) await refusalOf(() => readText(text));
    for (const spy of said) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

describeWithOpenssl("a profile that openssl signed", () => {
  const folder = makeFolder();
  beforeAll(async () => {
    const { root } = await sandboxAuthority();
    folder.write("chain.pem", root.toString("pem"));
    folder.write("signer.pem", pem(certificate));
    folder.write("key.pem", key.export({ type: "pkcs8", format: "pem" }));
    folder.write("content.plist", build(entriesOf()));
  });
  const sign = (...more: string[]) => {
    const output = ["-nodetach", "-binary", "-outform", "DER", "-in", "content.plist", "-out", "signed"];
    folder.openssl("cms", "-sign", "-signer", "signer.pem", "-inkey", "key.pem", ...output, ...more);
    return folder.read("signed");
  };

  test.each<[how: string, more: string[]]>([
    ["with SHA-256", ["-md", "sha256"]],
    ["with SHA-1, as Apple once did", ["-md", "sha1"]],
    ["with a chain", ["-certfile", "chain.pem"]],
    ["without signed attributes", ["-noattr"]],
    ["in pieces of no known length", ["-stream"]],
  ])("is read, %s", async (_how, more) => {
    expect(await readProvisioningProfile(sign(...more))).toMatchObject({ name: "Ad hoc Pocket" });
  });

  test("is refused without its content", async () => {
    folder.openssl(
      ...["cms", "-sign", "-signer", "signer.pem", "-inkey", "key.pem", "-binary"],
      ...["-outform", "DER", "-in", "content.plist", "-out", "detached"],
    );
    await refusedWith(() => readProvisioningProfile(folder.read("detached")), /signature/);
  });

  test("is the other way round ours, which openssl verifies", async () => {
    folder.write("ours", await signer.sign(entriesOf()));
    expect(folder.openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", "ours")).toContain("Ad hoc Pocket");
  });
});
