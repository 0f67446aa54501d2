import type { Viewer } from "../auth/viewer.js";
import type { ReadSession } from "../database/tenancy.js";
import type { AuditEvent, AuditOutcome } from "../entities/audit-event.js";
import { oneByKey, pagesByKey } from "./batch.js";

/** An entry as loaded; `details` as JSON text. */
export type AuditEventRow = Omit<AuditEvent, "details" | "seq"> & { readonly seq: string; readonly details: string };

/** What narrows a list of entries; null: any. */
export interface AuditEventFilter {
  readonly action: string | null;
  readonly actor: string | null;
  readonly subjectId: string | null;
  readonly outcome: AuditOutcome | null;
  readonly since: Date | null;
  readonly until: Date | null;
}

const COLUMNS = `e.id, e.root_id AS "rootId", e.seq::text AS seq, e.tenant_id AS "tenantId", e.at, e.action, e.outcome,
  e.actor_id AS "actorId", e.actor_label AS "actorLabel", e.subject_id AS "subjectId", e.subject_label AS "subjectLabel",
  e.details::text AS details, e.request_id AS "requestId", e.ip_address AS "ipAddress", e.hash`;

/** `$2` are the tenants in which the viewer may read the log; a root stands for its sub-organizations. */
const READABLE = `e.root_id = ANY ($1) AND (e.root_id = ANY ($2) OR e.tenant_id = ANY ($2))`;

const BY_ID = {
  name: "audit_event_by_id",
  text: `SELECT ${COLUMNS} FROM audit_events e WHERE ${READABLE} AND e.id = ANY ($3)`,
};

/** A tenant's entries, the newest first; a root organization's list holds those of its sub-organizations too. */
const BY_TENANT = {
  name: "audit_events_by_tenant",
  text: `SELECT listed.*, t.id AS "listKey" FROM tenants t CROSS JOIN LATERAL (
    SELECT ${COLUMNS} FROM audit_events e
    WHERE ${READABLE} AND e.root_id = t.root_id AND (t.id = t.root_id OR e.tenant_id = t.id)
      AND ($4 = '' OR e.seq < $4::bigint)
      AND ($6::text IS NULL OR e.action = $6 OR starts_with(e.action, $6 || '.'))
      AND ($7::text IS NULL OR e.actor_id = $7 OR lower(e.actor_label) = lower($7))
      AND ($8::text IS NULL OR e.subject_id = $8)
      AND ($9::text IS NULL OR e.outcome = $9)
      AND ($10::timestamptz IS NULL OR e.at >= $10) AND ($11::timestamptz IS NULL OR e.at < $11)
    ORDER BY e.seq DESC LIMIT $5) listed
    WHERE t.root_id = ANY ($1) AND t.id = ANY ($3)`,
};

/** Loaders of the log. */
export function auditEventLoaders(reads: ReadSession, viewer: Viewer) {
  const { scope } = viewer;
  const tenants = viewer.tenantsWith("AUDIT_VIEW");
  return {
    auditEvent: oneByKey<AuditEventRow>(
      (ids) => reads.rows(BY_ID, [scope.roots, tenants, ids]),
      (row) => row.id,
    ),
    auditEventsByTenant: pagesByKey<AuditEventRow, AuditEventFilter>((ids, { after, limit, filter }) =>
      reads.list(BY_TENANT, [
        ...[scope.roots, tenants, ids, after, limit, filter.action, filter.actor, filter.subjectId],
        ...[filter.outcome, filter.since, filter.until],
      ]),
    ),
  };
}
