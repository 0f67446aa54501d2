import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../../src/sandbox/server.js";
import type { NewKey } from "../../../../src/sandbox/team/key.js";
import type { Program } from "../../../../src/sandbox/team/team.js";
import { entity, send } from "../caller.js";
import { comparable, fixture, hasSpecification, Specification } from "../specification.js";
import { signingRequest } from "./signing-request.js";

if (!hasSpecification) {
  console.warn(
    "Apple's specification is not at ../shared/apple: the conformity of the sandbox's writes is not tested.",
  );
}
const whereSpecified = hasSpecification ? describe : describe.skip;

let sandbox: Sandbox;
let csrContent: string;
beforeAll(async () => {
  sandbox = await startSandbox();
  csrContent = (await signingRequest()).pem;
});
afterAll(() => sandbox.close());

/** A key whose team has a bundle id without an app, a certificate and profile for development, and devices. */
async function aTeam(program: Program) {
  const key = await sandbox.registerKey({ program, contents: { apps: 0 } });
  const { bundleIds, bundleIdCapabilities, certificates, devices, profiles } = sandbox.team(key.teamId);
  const development = certificates.find(({ attributes }) => attributes.certificateType.endsWith("DEVELOPMENT"));
  const first = (list: readonly { id: string }[]) => list[0]?.id ?? "";
  return {
    key,
    development: development?.id ?? "",
    ids: {
      bundleIds: first(bundleIds),
      bundleIdCapabilities: first(bundleIdCapabilities),
      certificates: first(certificates),
      devices: first(devices),
      profiles: first(profiles),
    },
  };
}

type Held = Awaited<ReturnType<typeof aTeam>>;

/** Every write, with something that Apple would do. */
const WRITES: [method: string, path: string, body: (held: Held) => object | undefined][] = [
  ["POST", "/v1/devices", () => entity("devices", { name: "N", platform: "IOS", udid: "00008110-000E49383CF8801E" })],
  ["PATCH", "/v1/devices/{id}", ({ ids }) => entity("devices", { name: "N" }, undefined, ids.devices)],
  ["POST", "/v1/bundleIds", () => entity("bundleIds", { name: "N", platform: "IOS", identifier: "com.example.n" })],
  ["PATCH", "/v1/bundleIds/{id}", ({ ids }) => entity("bundleIds", { name: "N" }, undefined, ids.bundleIds)],
  ["DELETE", "/v1/bundleIds/{id}", () => undefined],
  [
    "POST",
    "/v1/bundleIdCapabilities",
    ({ ids }) =>
      entity(
        "bundleIdCapabilities",
        { capabilityType: "DATA_PROTECTION", settings: [{ key: "DATA_PROTECTION_PERMISSION_LEVEL" }] },
        { bundleId: ["bundleIds", ids.bundleIds] },
      ),
  ],
  ["DELETE", "/v1/bundleIdCapabilities/{id}", () => undefined],
  ["POST", "/v1/certificates", () => entity("certificates", { certificateType: "IOS_DEVELOPMENT", csrContent })],
  ["DELETE", "/v1/certificates/{id}", () => undefined],
  [
    "POST",
    "/v1/profiles",
    ({ ids, development }) =>
      entity(
        "profiles",
        { name: "N", profileType: "IOS_APP_DEVELOPMENT" },
        {
          bundleId: ["bundleIds", ids.bundleIds],
          certificates: ["certificates", [development]],
          devices: ["devices", [ids.devices]],
        },
      ),
  ],
  ["DELETE", "/v1/profiles/{id}", () => undefined],
];
const PROGRAMS: Program[] = ["app-store", "enterprise"];
const CALLS = PROGRAMS.flatMap((program) => WRITES.map((write) => [program, ...write] as const));

whereSpecified("an answer fits its specification", () => {
  test.each(CALLS)("%s %s %s", async (program, method, path, body) => {
    const specification = new Specification(program);
    const held = await aTeam(program);
    const type = path.split("/")[2] as keyof Held["ids"];
    const act = (text: unknown) =>
      send<object>(sandbox.url, held.key, method, path.replace("{id}", held.ids[type]), text, { program });
    const wrong = method === "DELETE" ? null : await act({ data: { ...(body(held) ?? {}), nonsense: 1 } });
    const { status, body: answer } = await act(body(held));

    expect(status).toBe({ POST: 201, PATCH: 200 }[method] ?? 204);
    expect(specification.statuses(path, method.toLowerCase())).toContain(String(status));
    if (wrong === null) {
      expect(answer).toBe("");
      return;
    }
    const validate = specification.validator(path, status, method.toLowerCase());
    validate(answer);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...answer, data: "nothing" })).toBe(false);
    const refused = specification.validator(path, wrong.status, method.toLowerCase());
    refused(wrong.body);
    expect([wrong.status, refused.errors ?? []]).toEqual([422, []]);
  });
});

whereSpecified("an error is, word for word, what Apple answered", () => {
  const UDID = "0be51c8f4397715104873b50a3deb980bfa2c797";
  const NAME = "Bitrise iOS development - (io.bitrise.testapp)";
  const G2 = "DEVELOPER_ID_APPLICATION_G2";

  const post = (key: NewKey, type: string, attributes: object, links?: Parameters<typeof entity>[2]) =>
    send(sandbox.url, key, "POST", `/v1/${type}`, entity(type, { ...attributes }, links));
  const certificate = (key: NewKey, certificateType: string) =>
    post(key, "certificates", { certificateType, csrContent });
  const profile = (
    { key, ids, development }: Held,
    profileType: string,
    { name = NAME, bundleId = ids.bundleIds, certificates = [development], devices = [] as string[], more = {} } = {},
  ) =>
    post(
      key,
      "profiles",
      { name, profileType, ...more },
      {
        bundleId: ["bundleIds", bundleId],
        certificates: ["certificates", certificates],
        devices: ["devices", devices],
      },
    );

  const CASES: [string, (held: Held) => Promise<{ status: number; body: unknown }>][] = [
    ["403-account-holder-only", ({ key }) => certificate(key, "DEVELOPER_ID_APPLICATION")],
    ["404-pass-type-null", ({ key }) => certificate(key, "PASS_TYPE_ID")],
    ["409-certificate-type-invalid", ({ key }) => certificate(key, G2)],
    ["409-attribute-unknown", (held) => profile(held, "IOS_APP_STORE", { more: { isOfflineProfile: false } })],
    [
      "409-bundle-cannot-be-deleted",
      async () => {
        const key = await sandbox.registerKey({ program: "app-store" });
        return send(sandbox.url, key, "DELETE", `/v1/bundleIds/${sandbox.team(key.teamId).bundleIds[0]?.id ?? ""}`);
      },
    ],
    [
      "409-certificate-limit",
      async ({ key }) => {
        for (let turn = 0; turn < 2; turn += 1) expect((await certificate(key, "DISTRIBUTION")).status).toBe(201);
        return certificate(key, "DISTRIBUTION");
      },
    ],
    [
      "409-device-duplicate",
      async ({ key }) => {
        const register = () => post(key, "devices", { name: "N", platform: "IOS", udid: UDID });
        expect((await register()).status).toBe(201);
        return register();
      },
    ],
    ["409-profile-devices-required", (held) => profile(held, "IOS_APP_DEVELOPMENT")],
    [
      "409-profile-devices-not-allowed",
      (held) => profile(held, "IOS_APP_STORE", { certificates: [held.ids.certificates], devices: [held.ids.devices] }),
    ],
    ["409-profile-device-class", (held) => profile(held, "TVOS_APP_DEVELOPMENT", { devices: [held.ids.devices] })],
    ["409-profile-no-matching-certs", (held) => profile(held, "IOS_APP_STORE")],
    ["409-profile-no-such-bundle", (held) => profile(held, "IOS_APP_STORE", { bundleId: "com.xxx.xxxx" })],
    [
      "409-profile-app-id-not-eligible",
      async (held) => {
        const { key } = held;
        const made = await post(key, "bundleIds", { name: "N", platform: "MAC_OS", identifier: "com.example.mac" });
        const { status, body } = await profile(held, "IOS_APP_STORE", { bundleId: made.body.data.id });
        const text = JSON.stringify(body).replace(made.body.data.id, "<resource-id>");
        return { status, body: JSON.parse(text) as unknown };
      },
    ],
    [
      "409-profile-duplicate-name",
      async (held) => {
        const certificates = [held.ids.certificates];
        expect((await profile(held, "IOS_APP_STORE", { certificates })).status).toBe(201);
        return profile(held, "IOS_APP_STORE", { certificates });
      },
    ],
  ];

  test.each(CASES)("%s", async (name, act) => {
    const { status, body } = await act(await aTeam("app-store"));
    expect(String(status)).toBe(name.slice(0, 3));
    expect(comparable(body)).toEqual(comparable(fixture(`errors/${name}.json`)));
  });
});
