import type { AppleClient } from "./client.js";
import { date, only, required, text, type AppleResource } from "./document.js";
import { PAGE_ROWS } from "./listing.js";
import type { Authorization } from "./signer.js";

export const DEVICE_FIELDS = ["name", "udid", "model", "deviceClass", "platform", "status", "addedDate"];

/** A device registered with a team. */
export interface DeviceAtApple {
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
export function deviceOf(resource: AppleResource): DeviceAtApple {
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

/** The same of the answer to a change, which has to say what device it is. */
const changedDeviceOf = (resource: AppleResource): DeviceAtApple => ({
  ...deviceOf(resource),
  udid: required(resource, "udid"),
});

/** All devices of a key's team. Throws AppleError. */
export async function list(client: AppleClient, authorization: Authorization): Promise<DeviceAtApple[]> {
  const query = { limit: PAGE_ROWS, "fields[devices]": DEVICE_FIELDS };
  const { data } = await client.all(authorization, "/v1/devices", query);
  return data.map(deviceOf);
}

/** Registers a device. Apple takes one a request. Throws AppleError. */
export async function register(
  client: AppleClient,
  authorization: Authorization,
  attributes: { readonly name: string; readonly udid: string; readonly platform: string },
): Promise<DeviceAtApple> {
  const body = { data: { type: "devices", attributes } };
  return only(await client.change(authorization, "POST", "/v1/devices", body), changedDeviceOf);
}

/** A device by Apple's id. Throws AppleError. */
export async function get(client: AppleClient, authorization: Authorization, id: string): Promise<DeviceAtApple> {
  const query = { "fields[devices]": DEVICE_FIELDS };
  return only(await client.get(authorization, `/v1/devices/${encodeURIComponent(id)}`, query), deviceOf);
}

/** Renames a device, or changes its status. Throws AppleError. */
export async function update(
  client: AppleClient,
  authorization: Authorization,
  id: string,
  attributes: { readonly name?: string; readonly status?: string },
): Promise<DeviceAtApple> {
  const body = { data: { type: "devices", id, attributes } };
  const path = `/v1/devices/${encodeURIComponent(id)}`;
  return only(await client.change(authorization, "PATCH", path, body), changedDeviceOf);
}
