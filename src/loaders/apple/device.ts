import type { AppleDevice, DeviceStatus } from "../../entities/apple/device.js";
import { heldBy, heldStatement, listsOf, listStatement, type AppleReader } from "./list.js";

/** A device as loaded, with the key that it is seen through. */
export type AppleDeviceRow = Omit<AppleDevice, "rootId" | "ownerId" | "writtenAt">;

const COLUMNS = `a.apple_id AS "appleId", a.position, a.name, a.udid, a.model, a.device_class AS "deviceClass", a.platform,
  a.status, a.added_at AS "addedAt"`;

const LIST = listStatement(
  "apple_devices_by_key",
  `SELECT ${COLUMNS} FROM apple_devices a WHERE ($6::text IS NULL OR a.status = $6)`,
);

const OF_PROFILE = heldStatement(
  "apple_devices_of_profile",
  COLUMNS,
  `JOIN apple_profile_devices held ON held.root_id = u.root_id AND held.credential_id = u.id AND held.profile_id = asked.apple_id
   JOIN apple_devices a ON a.root_id = u.root_id AND a.credential_id = u.id AND a.apple_id = held.device_id
   ORDER BY held.place`,
);

/** Loaders of devices at Apple. */
export function appleDeviceLoaders(reader: AppleReader) {
  return {
    appleDevices: listsOf<AppleDeviceRow, { readonly status: DeviceStatus | null }>(reader, LIST, ({ status }) => [
      status,
    ]),
    appleDevicesOfProfile: heldBy<AppleDeviceRow>(reader, OF_PROFILE),
  };
}
