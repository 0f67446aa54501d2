import type { Catalogue } from "../api/catalogue.js";
import type { Asked } from "../api/route.js";
import { DEVICES, type DeviceSample } from "../team/sample.js";
import { opaqueId } from "../team/seed.js";
import { timestamp, type AnyStored } from "../team/team.js";
import type { Entity, Shape } from "./entity.js";
import { conflict, invalidAttribute } from "./refusal.js";

/** What `POST /v1/devices` takes. */
export function creation({ devices }: Catalogue): Shape {
  const oneOf = devices.filters["platform"] ?? [];
  return {
    type: "devices",
    attributes: { name: { required: true }, platform: { required: true, oneOf }, udid: { required: true } },
  };
}

/** What `PATCH /v1/devices/{id}` takes. */
export const UPDATE: Shape = {
  type: "devices",
  attributes: { name: {}, status: { oneOf: ["ENABLED", "DISABLED"] } },
};

/** Forty hexadecimal digits; eight and sixteen, with or without the dash; or, of older Macs, a UUID. */
const UDID = /^([0-9a-f]{40}|[0-9a-f]{8}-?[0-9a-f]{16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Apple takes a device for the same whatever its case, and with or without dashes (fastlane#17433, go-xcode). */
const comparable = (udid: string): string => udid.toLowerCase().replaceAll("-", "");

/** Registers a device. What it is Apple knows from its identifier; the sandbox guesses it from the chip. */
export function register({ team, edit, settings, now }: Asked, entity: Entity): AnyStored {
  const udid = entity.text("udid");
  if (!UDID.test(udid)) throw invalidAttribute(`The device number '${udid}' is not valid.`, "udid");
  if (team.devices.some(({ attributes }) => comparable(attributes.udid) === comparable(udid))) {
    throw conflict(`A device with number '${udid}' already exists on this team.`);
  }
  const platform = entity.text("platform");
  const { deviceClass, model } = guess(udid, platform);
  const alike = team.devices.filter(({ attributes }) => attributes.deviceClass === deviceClass);
  // Apple's text is not known.
  if (alike.length >= settings.deviceLimit) {
    throw conflict(`Your team has reached the maximum number of registered ${deviceClass} devices.`);
  }
  const { processingAfter } = settings;
  const isProcessing = processingAfter !== null && team.devices.length >= processingAfter;
  return edit.add("devices", {
    id: opaqueId(),
    attributes: {
      name: entity.text("name"),
      udid,
      platform,
      deviceClass,
      model,
      status: isProcessing ? "PROCESSING" : "ENABLED",
      addedDate: timestamp(now),
    },
    relationships: {},
  });
}

/** Renames a device, or switches it off or on: on also where it was PROCESSING. */
export function update({ edit }: Asked, device: AnyStored, entity: Entity): AnyStored {
  const [name, status] = [entity.maybeText("name"), entity.maybeText("status")];
  return edit.change("devices", device, {
    ...(name !== undefined && { name }),
    ...(status !== undefined && { status }),
  });
}

function guess(udid: string, platform: string): Pick<DeviceSample, "deviceClass"> & { model: string | null } {
  if (platform === "MAC_OS") return { deviceClass: "MAC", model: null };
  const alike = DEVICES.find(({ chip, deviceClass }) => udid.startsWith(`00008${chip}`) && deviceClass !== "MAC");
  return { deviceClass: alike?.deviceClass ?? "IPHONE", model: alike?.model ?? null };
}
