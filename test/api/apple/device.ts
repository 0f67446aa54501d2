import { randomBytes } from "node:crypto";
import { expect } from "@jest/globals";
import type { TestServer } from "../../support/server.js";
import { refusalsOf, type HeldKey } from "./held-key.js";

/** A device as the graph shows it. */
export interface Device {
  readonly appleId: string;
  readonly name: string;
  readonly udid: string;
  readonly status: string;
  readonly deviceClass: string;
}

const FIELDS = "appleId name udid status deviceClass";

/** A UDID that nobody has, of an iPhone. */
export const newUdid = (): string => `00008110-${randomBytes(8).toString("hex").toUpperCase()}`;

/** A device that nobody has. */
export const newDevice = (name = "Phone") => ({ name, udid: newUdid() });

/** Registers devices. */
export async function registerDevices(server: TestServer, bearer: string, input: object) {
  const answer = await refusalsOf<{ devices: Device[] }>(
    server,
    bearer,
    `mutation ($input: RegisterDevicesInput!) { registerDevices(input: $input) {
      devices { ${FIELDS} } userErrors { code field message } } }`,
    input,
  );
  return { ...answer, devices: answer.payload?.devices ?? [] };
}

/** Changes a device. */
export async function updateDevice(server: TestServer, bearer: string, input: object) {
  const answer = await refusalsOf<{ device: Device | null }>(
    server,
    bearer,
    `mutation ($input: UpdateDeviceInput!) { updateDevice(input: $input) {
      device { ${FIELDS} } userErrors { code field message } } }`,
    input,
  );
  return { ...answer, device: answer.payload?.device ?? null };
}

/** The devices of a key as the graph has them. */
export async function devicesOf(
  server: TestServer,
  bearer: string,
  { id }: Pick<HeldKey, "id">,
  age = 300,
): Promise<Device[]> {
  const { data, errors } = await server.ask<{ credential: { appStoreConnect: { devices: { nodes: Device[] } } } }>(
    bearer,
    `query ($id: ID!, $age: Int) { credential(id: $id) { appStoreConnect(maxAgeSeconds: $age) {
      devices(first: 200) { nodes { ${FIELDS} } } } } }`,
    { id, age },
  );
  expect(errors).toBeUndefined();
  return data.credential.appStoreConnect.devices.nodes;
}
