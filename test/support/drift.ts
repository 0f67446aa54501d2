import { randomUUID } from "node:crypto";
import type { Story } from "./seed.js";
import type { TestServer } from "./server.js";

/** A key that has seen its team change. */
export interface DriftedKey {
  readonly credentialId: string;
  /** The event that tells of the change. */
  readonly driftEventId: string;
}

/** Apple's id of the device that was added. */
export const NEW_DEVICE = "NEWDEVICE";

const ALL = `certificates { nodes { appleId } } provisioningProfiles { nodes { appleId } }
  bundleIds { nodes { appleId } } devices { nodes { appleId } }`;

/** A key of a tenant with all that Apple holds for it, read twice; between the two a device was added at Apple. */
export async function driftedKey(server: TestServer, story: Story, tenantId: string): Promise<DriftedKey> {
  const { teamId } = await server.sandbox.registerKey({ program: "app-store" });
  const credentialId = await story.credential(tenantId, {}, { team: teamId });
  const look = async () => {
    const { data, errors } = await server.ask<{
      credential: { driftEvents: { nodes: { id: string }[] } };
    }>(
      story.owner,
      `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { ${ALL} } driftEvents { nodes { id } } } }`,
      { id: credentialId },
    );
    if (errors !== undefined)
      throw new Error(`Apple's lists did not come: ${errors.map(({ message }) => message).join()}`);
    return data.credential.driftEvents.nodes;
  };
  await look();
  const { devices } = server.sandbox.team(teamId);
  const [device] = devices;
  if (device === undefined) throw new Error("The team of the key has no device");
  devices.push({ ...device, id: NEW_DEVICE, attributes: { ...device.attributes, udid: randomUUID() } });
  await look();
  const [event] = await look();
  if (event === undefined) throw new Error("Nothing tells of the change");
  return { credentialId, driftEventId: event.id };
}
