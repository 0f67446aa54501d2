import { withKeysToView } from "../../database/readable-by.js";
import type { DriftEvent } from "../../entities/apple/drift-event.js";
import { oneByKey, pagesByKey } from "../batch.js";
import type { AppleReader } from "./list.js";

/** An event as loaded. */
export type DriftEventRow = Omit<DriftEvent, "ownerId">;

const COLUMNS = `e.id, e.root_id AS "rootId", e.credential_id AS "credentialId", e.kind, e.apple_id AS "appleId", e.label,
  e.bundle_identifier AS "bundleIdentifier", e.at`;

/** What concerns bundle identifiers beyond the terms of the use is not for the viewer. */
const ALLOWED = `(u.patterns = '{}' OR e.kind NOT LIKE 'PROFILE%' OR is_within(coalesce(e.bundle_identifier, ''), u.patterns))`;

/** Newest first. */
const BY_KEY = {
  name: "drift_events_by_key",
  text: `${withKeysToView()} SELECT listed.*, u.id AS "listKey" FROM usable u CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM drift_events e
    WHERE e.root_id = u.root_id AND e.credential_id = u.id AND ($4 = '' OR e.id < $4) AND ${ALLOWED}
    ORDER BY e.id DESC LIMIT $5) listed`,
};

const BY_ID = {
  name: "drift_event_by_id",
  text: `${withKeysToView("ARRAY(SELECT credential_id FROM drift_events WHERE root_id = ANY ($1) AND id = ANY ($3))")}
    SELECT ${COLUMNS} FROM drift_events e JOIN usable u ON u.root_id = e.root_id AND u.id = e.credential_id
    WHERE e.id = ANY ($3) AND ${ALLOWED}`,
};

/** Loaders of what changed at Apple. */
export function driftEventLoaders({ reads, roots, tenants }: AppleReader) {
  return {
    driftEvent: oneByKey<DriftEventRow>(
      (ids) => reads.rows(BY_ID, [roots, tenants, ids]),
      (row) => row.id,
    ),
    driftEventsByKey: pagesByKey<DriftEventRow, null>((keys, { after, limit }) =>
      reads.list(BY_KEY, [roots, tenants, keys, after, limit]),
    ),
  };
}
