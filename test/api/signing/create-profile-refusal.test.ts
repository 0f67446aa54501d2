import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import type { HeldKey } from "../apple/held-key.js";
import { anew, CERT, Maker, withCertificate } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;
/** A key of each program, and what their teams have. */
let store: HeldKey;
let enterprise: HeldKey;
let web: string;
let inWeb: string;
/** Apple's ids of the certificates that there are, by their types. */
const certificates: Record<string, string> = {};

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  const types = ["DISTRIBUTION", "IOS_DISTRIBUTION", "DEVELOPMENT", "IOS_DEVELOPMENT", "MAC_APP_DISTRIBUTION"];
  const current = [...types, "DISTRIBUTION"].map((certificateType) => ({ attributes: { certificateType } }));
  const over = { attributes: { certificateType: "DISTRIBUTION", expirationDate: "2020-01-01T00:00:00Z" } };
  store = await make.key({ contents: { certificates: [...current, over] } });
  enterprise = await make.key({ program: "enterprise", contents: withCertificate("IOS_DISTRIBUTION") });
  for (const [index, name] of [...types, "second DISTRIBUTION", "OVER"].entries()) {
    certificates[name] = store.team.certificates[index]?.id ?? "";
  }
  certificates["in-house"] = CERT.appleId;
  web = await acme.subOrganization("Web");
  inWeb = await acme.token(web, ["SIGNING_MANAGE", "SIGNING_VIEW"]);
  await acme.share(store.id, { subOrganizationIds: [web], uses: ["SIGN"], bundleIdentifiers: ["com.acme.shop.*"] });
});
afterAll(() => server.close());

interface Wish {
  readonly key?: HeldKey;
  readonly type?: string;
  /** By the names above; others are taken for Apple's ids. */
  readonly with?: readonly string[];
  readonly devices?: readonly string[];
  readonly bundleIdentifier?: string;
  readonly name?: string;
  readonly tenantId?: string;
  readonly token?: string;
}

/** What a wish comes to, and how many profiles Apple was asked to make for it. */
async function outcome({ key = store, token = acme.owner, ...wish }: Wish) {
  const before = make.changes(key).length;
  const { payload, refused, denied } = await mutate<{ provisioningProfile: { id: string } | null }>(
    ...([server, token, "createProvisioningProfile", "provisioningProfile { id }"] as const),
    {
      ...{ tenantId: wish.tenantId ?? acme.organizationId, credentialId: key.id, name: wish.name ?? anew("Profile") },
      ...{ type: wish.type ?? "IOS_APP_STORE", bundleIdentifier: wish.bundleIdentifier ?? "com.acme.shop" },
      certificateAppleIds: (wish.with ?? ["DISTRIBUTION"]).map((name) => certificates[name] ?? name),
      deviceAppleIds: wish.devices ?? [],
    },
  );
  const asked = make.changes(key).length - before;
  if (payload?.provisioningProfile != null) return { made: asked };
  return { code: denied ?? refused?.code, ...(refused !== null && { field: refused.field }), asked };
}

const DEVELOPMENT = { type: "IOS_APP_DEVELOPMENT", with: ["DEVELOPMENT"] };
const AD_HOC = { type: "IOS_APP_ADHOC" };

/** A wish that is refused before Apple is asked, and the wish beside it that is not. */
const REFUSED: readonly (readonly [
  what: string,
  wish: () => Wish,
  code: string,
  field: readonly string[],
  twin: () => Wish,
])[] = [
  [
    "in-house, with a key for the App Store",
    () => ({ type: "IOS_APP_INHOUSE", with: ["IOS_DISTRIBUTION"] }),
    ...(["PROFILE_TYPE_NOT_ALLOWED", ["type"]] as const),
    () => ({ key: enterprise, type: "IOS_APP_INHOUSE", with: ["in-house"] }),
  ],
  [
    "for the App Store, with a key of the Enterprise Program",
    () => ({ key: enterprise, type: "IOS_APP_STORE", with: ["in-house"] }),
    ...(["PROFILE_TYPE_NOT_ALLOWED", ["type"]] as const),
    () => ({ type: "IOS_APP_STORE" }),
  ],
  [
    "for development, with a key of the Enterprise Program",
    () => ({ key: enterprise, type: "IOS_APP_DEVELOPMENT", with: ["in-house"], devices: ["PHONE"] }),
    ...(["PROFILE_TYPE_NOT_ALLOWED", ["type"]] as const),
    () => ({ ...DEVELOPMENT, devices: ["PHONE"] }),
  ],
  ["of a type that has no name here", () => ({ type: "OTHER" }), "PROFILE_TYPE_NOT_ALLOWED", ["type"], () => ({})],
  [
    "for the App Store with a certificate for development",
    () => ({ with: ["DEVELOPMENT"] }),
    ...(["CERTIFICATE_NOT_FITTING", ["certificateAppleIds", "0"]] as const),
    () => ({ with: ["IOS_DISTRIBUTION"] }),
  ],
  [
    "for development where the second certificate is for distribution",
    () => ({ ...DEVELOPMENT, with: ["DEVELOPMENT", "DISTRIBUTION"], devices: ["PHONE"] }),
    ...(["CERTIFICATE_NOT_FITTING", ["certificateAppleIds", "1"]] as const),
    () => ({ ...DEVELOPMENT, with: ["DEVELOPMENT", "IOS_DEVELOPMENT"], devices: ["PHONE"] }),
  ],
  [
    "for iOS with a certificate for the Mac App Store",
    () => ({ with: ["MAC_APP_DISTRIBUTION"] }),
    ...(["CERTIFICATE_NOT_FITTING", ["certificateAppleIds", "0"]] as const),
    () => ({ type: "MAC_APP_STORE", with: ["MAC_APP_DISTRIBUTION"] }),
  ],
  [
    "for the App Store with two certificates",
    () => ({ with: ["DISTRIBUTION", "second DISTRIBUTION"] }),
    ...(["CERTIFICATE_NOT_FITTING", ["certificateAppleIds"]] as const),
    () => ({ with: ["second DISTRIBUTION"] }),
  ],
  [
    "with a certificate whose time is over",
    () => ({ with: ["OVER"] }),
    ...(["CERTIFICATE_NOT_FITTING", ["certificateAppleIds", "0"]] as const),
    () => ({}),
  ],
  [
    "with no certificate",
    () => ({ with: [] }),
    ...(["CERTIFICATE_NOT_FITTING", ["certificateAppleIds"]] as const),
    () => ({}),
  ],
  [
    "with a certificate that the team does not have",
    () => ({ with: ["ABSENT1234"] }),
    ...(["NOT_FOUND", ["certificateAppleIds", "0"]] as const),
    () => ({}),
  ],
  [
    "ad hoc, without devices",
    () => AD_HOC,
    ...(["NO_DEVICES", ["deviceAppleIds"]] as const),
    () => ({ ...AD_HOC, devices: ["PHONE"] }),
  ],
  [
    "for development, without devices",
    () => DEVELOPMENT,
    ...(["NO_DEVICES", ["deviceAppleIds"]] as const),
    () => ({ ...DEVELOPMENT, devices: ["PHONE"] }),
  ],
  [
    "for the App Store, with a device",
    () => ({ devices: ["PHONE"] }),
    ...(["INVALID_INPUT", ["deviceAppleIds"]] as const),
    () => ({ devices: [] }),
  ],
  [
    "ad hoc, with a disabled device",
    () => ({ ...AD_HOC, devices: ["PHONE", "LOST"] }),
    ...(["INVALID_INPUT", ["deviceAppleIds", "1"]] as const),
    () => ({ ...AD_HOC, devices: ["PHONE"] }),
  ],
  [
    "ad hoc for iOS, with a television",
    () => ({ ...AD_HOC, devices: ["TV"] }),
    ...(["INVALID_INPUT", ["deviceAppleIds", "0"]] as const),
    () => ({ type: "TVOS_APP_ADHOC", devices: ["TV"] }),
  ],
  [
    "ad hoc for tvOS, with a phone",
    () => ({ type: "TVOS_APP_ADHOC", devices: ["TV", "PHONE"] }),
    ...(["INVALID_INPUT", ["deviceAppleIds", "1"]] as const),
    () => ({ type: "TVOS_APP_ADHOC", devices: ["TV"] }),
  ],
  [
    "ad hoc, with a device that the team does not have",
    () => ({ ...AD_HOC, devices: ["PHONE", "ABSENT"] }),
    ...(["NOT_FOUND", ["deviceAppleIds", "1"]] as const),
    () => ({ ...AD_HOC, devices: ["PHONE", "TABLET"] }),
  ],
  [
    "for a bundle id that the team does not have, though it has longer ones",
    () => ({ bundleIdentifier: "com.acme" }),
    ...(["NOT_FOUND", ["bundleIdentifier"]] as const),
    () => ({ bundleIdentifier: "com.acme.shop.widget" }),
  ],
  ["under an empty name", () => ({ name: " " }), "INVALID_INPUT", ["name"], () => ({})],
];

describe("a profile is refused, and Apple is not asked to make it", () => {
  test.each(REFUSED)("%s", async (_, wish, code, field, twin) => {
    expect(await outcome(wish())).toEqual({ code, field, asked: 0 });
    expect(await outcome(twin())).toEqual({ made: 1 });
  });

  test("under a name that the team has already, also with what somebody else made", async () => {
    const appleId = make.profileAtApple(store, { certificates: [certificates["DISTRIBUTION"] ?? ""] });
    const name = store.team.profiles.find(({ id }) => id === appleId)?.attributes.name ?? "";
    expect(await outcome({ name })).toEqual({ code: "ALREADY_EXISTS", field: ["name"], asked: 0 });
    expect(await outcome({ name: `${name} too` })).toEqual({ made: 1 });
  });
});

describe("through a shared key, a profile is made", () => {
  test("for the bundle identifiers of the share, and for no others", async () => {
    const below = { tenantId: web, token: inWeb };
    expect(await outcome({ ...below, bundleIdentifier: "com.acme.shop" })).toEqual({ code: "FORBIDDEN", asked: 0 });
    expect(await outcome({ ...below, bundleIdentifier: "com.acme.shop.widget" })).toEqual({ made: 1 });
  });

  test("to sign, and not where it is shared to be seen", async () => {
    const key = await make.key({ contents: withCertificate() });
    const wish = { key, tenantId: web, token: inWeb, with: [CERT.appleId] };
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["VIEW", "PUBLISH"] });
    expect(await outcome(wish)).toEqual({ code: "FORBIDDEN", asked: 0 });
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["SIGN"] });
    expect(await outcome(wish)).toEqual({ made: 1 });
  });

  test("by whoever holds SIGNING_MANAGE there", async () => {
    const looks = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_DOWNLOAD"]);
    const makes = await acme.token(acme.organizationId, ["SIGNING_MANAGE"]);
    expect(await outcome({ token: looks })).toEqual({ code: "FORBIDDEN", asked: 0 });
    expect(await outcome({ token: makes })).toEqual({ made: 1 });
  });
});
