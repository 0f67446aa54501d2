import { type Sandbox } from "../../../../src/sandbox/server.js";
import type { KeyOptions, NewKey } from "../../../../src/sandbox/team/key.js";
import { timestamp, type Program } from "../../../../src/sandbox/team/team.js";
import { entity, send } from "../caller.js";

const DAY_MS = 86_400_000;

// Certificates, devices and bundle ids are named for what they are, as their ids are too.
const certificate = (certificateType: string, days = 800, id = certificateType) => ({
  id,
  attributes: { certificateType, expirationDate: timestamp(new Date(Date.now() + days * DAY_MS)) },
});
const device = (deviceClass: string, status = "ENABLED", id = deviceClass) => ({
  id,
  attributes: { deviceClass, status },
});
const bundleId = (platform: string) => ({
  id: platform,
  attributes: { platform, identifier: `com.example.${platform}` },
});

const CONTENTS: NonNullable<KeyOptions["contents"]> = {
  profiles: 0,
  bundleIds: [bundleId("UNIVERSAL"), bundleId("IOS"), bundleId("MAC_OS")],
  certificates: [
    ...["DISTRIBUTION", "IOS_DISTRIBUTION", "DEVELOPMENT", "IOS_DEVELOPMENT"].map((type) => certificate(type)),
    ...["MAC_APP_DEVELOPMENT", "MAC_APP_DISTRIBUTION", "DEVELOPER_ID_APPLICATION_G2"].map((type) => certificate(type)),
    certificate("DISTRIBUTION", 800, "SECOND"),
    certificate("DISTRIBUTION", 30, "SHORT"),
    certificate("DISTRIBUTION", -1, "EXPIRED"),
  ],
  devices: [
    ...["IPHONE", "IPAD", "APPLE_TV", "MAC"].map((deviceClass) => device(deviceClass)),
    device("IPHONE", "PROCESSING", "WAITING"),
    device("IPHONE", "DISABLED", "LOST"),
  ],
};

/** A key whose team has one of each certificate and device, an App ID of each platform, and no profile. */
export const keyOf = (sandbox: Sandbox, program: Program = "app-store", options: Partial<KeyOptions> = {}) =>
  sandbox.registerKey({ program, contents: CONTENTS, ...options });

/** A profile to be made: the rest by ids, which are named for what they are. */
export interface Wish {
  name?: string;
  profileType: string;
  bundleId?: string;
  certificates: string[];
  devices?: string[];
}

/** Asks for a profile. */
export const create = (
  sandbox: Sandbox,
  key: NewKey,
  { name = "Mine", profileType, ...links }: Wish,
  program: Program = "app-store",
) =>
  send(
    sandbox.url,
    key,
    "POST",
    "/v1/profiles",
    entity(
      "profiles",
      { name, profileType },
      {
        bundleId: ["bundleIds", links.bundleId ?? "UNIVERSAL"],
        certificates: ["certificates", links.certificates],
        ...(links.devices && { devices: ["devices", links.devices] as const }),
      },
    ),
    { program },
  );
