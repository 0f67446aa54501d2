import { PAGE_ROWS } from "./certificate.js";
import type { AppleClient } from "./client.js";
import { date, text, type AppleResource } from "./document.js";
import type { Authorization } from "./signer.js";

export const DEVICE_FIELDS = ["name", "udid", "model", "deviceClass", "platform", "status", "addedDate"];

/** A device registered with a team. */
export interface AppleDevice {
  readonly appleId: string;
  readonly name: string;
  readonly udid: string;
  readonly model: string | null;
  readonly deviceClass: string;
  readonly platform: string;
  /** Apple's own word. */
  readonly appleStatus: string;
  readonly addedAt: Date | null;
}

/** Reads a device out of a document. */
export function deviceOf(resource: AppleResource): AppleDevice {
  return {
    appleId: resource.id,
    name: text(resource, "name") ?? "",
    udid: text(resource, "udid") ?? "",
    model: text(resource, "model"),
    deviceClass: text(resource, "deviceClass") ?? "",
    platform: text(resource, "platform") ?? "",
    appleStatus: text(resource, "status") ?? "",
    addedAt: date(resource, "addedDate"),
  };
}

/** All devices of a key's team. Throws AppleError. */
export async function list(client: AppleClient, authorization: Authorization): Promise<AppleDevice[]> {
  const devices: AppleDevice[] = [];
  const query = { limit: PAGE_ROWS, "fields[devices]": DEVICE_FIELDS };
  for await (const { data } of client.pages(authorization, "/v1/devices", query)) devices.push(...data.map(deviceOf));
  return devices;
}
