import type { Asked } from "../api/route.js";
import type { AnyStored, CapabilitySetting } from "../team/team.js";
import type { Entity, Shape } from "./entity.js";
import { invalidate } from "./profile.js";
import { duplicateAttribute, invalidRelationship, wrongAttribute } from "./refusal.js";

const TYPES = [
  ...["ICLOUD", "IN_APP_PURCHASE", "GAME_CENTER", "PUSH_NOTIFICATIONS", "WALLET", "INTER_APP_AUDIO", "MAPS"],
  ...["ASSOCIATED_DOMAINS", "PERSONAL_VPN", "APP_GROUPS", "HEALTHKIT", "HOMEKIT", "WIRELESS_ACCESSORY_CONFIGURATION"],
  ...["APPLE_PAY", "DATA_PROTECTION", "SIRIKIT", "NETWORK_EXTENSIONS", "MULTIPATH", "HOT_SPOT", "NFC_TAG_READING"],
  ...["CLASSKIT", "AUTOFILL_CREDENTIAL_PROVIDER", "ACCESS_WIFI_INFORMATION", "NETWORK_CUSTOM_PROTOCOL"],
  ...["COREMEDIA_HLS_LOW_LATENCY", "SYSTEM_EXTENSION_INSTALL", "USER_MANAGEMENT", "APPLE_ID_AUTH"],
];

const SETTINGS: readonly unknown[] = [
  "ICLOUD_VERSION",
  "DATA_PROTECTION_PERMISSION_LEVEL",
  "APPLE_ID_AUTH_APP_CONSENT",
];

/** What `POST /v1/bundleIdCapabilities` takes. */
export const CREATION: Shape = {
  type: "bundleIdCapabilities",
  attributes: { capabilityType: { required: true, oneOf: TYPES }, settings: { list: true } },
  relationships: { bundleId: { to: "bundleIds", required: true } },
};

/** Lets an App ID do something more, which makes its profiles invalid. */
export function enable(asked: Asked, entity: Entity): AnyStored {
  const { team, edit } = asked;
  const [bundleId = "null"] = entity.ids("bundleId");
  if (!team.bundleIds.some(({ id }) => id === bundleId)) {
    throw invalidRelationship("bundleId", `There is no App ID with ID '${bundleId}' on this team.`);
  }
  const capabilityType = entity.text("capabilityType");
  const id = `${bundleId}_${capabilityType}`;
  if (team.bundleIdCapabilities.some((capability) => capability.id === id)) {
    throw duplicateAttribute("capabilityType", `The capability '${capabilityType}' is enabled already.`);
  }
  const settings = entity.list("settings");
  if (settings !== null && !settings.every(isSetting)) throw wrongAttribute("settings", settings);
  invalidate(asked, ({ relationships }) => relationships.bundleId === bundleId);
  return edit.add("bundleIdCapabilities", {
    id,
    attributes: { capabilityType, settings },
    relationships: { bundleId },
  });
}

/** Takes a capability away, which makes the profiles of its App ID invalid. */
export function disable(asked: Asked, capability: AnyStored): void {
  invalidate(asked, ({ relationships }) => relationships.bundleId === capability.relationships["bundleId"]);
  asked.edit.remove("bundleIdCapabilities", capability);
}

function isSetting(value: unknown): value is CapabilitySetting {
  return typeof value === "object" && value !== null && "key" in value && SETTINGS.includes(value.key);
}
