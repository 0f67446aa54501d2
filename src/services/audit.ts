import type { Context } from "../context.js";
import type { Unit } from "../database/tenancy.js";
import type { AuditOutcome } from "../entities/audit-event.js";
import type { IntentActor } from "../entities/signing/signing-intent.js";
import { newId } from "../ids.js";

/** What is noted in the log: in the transaction of what it tells of, and of a secret before it is handed out. */
export interface AuditEntry {
  /** In whose log. */
  readonly tenant: { readonly rootId: string; readonly id: string };
  /** Dotted: `certificate.created`. */
  readonly action: string;
  readonly outcome?: AuditOutcome;
  readonly subject?: { readonly id: string; readonly label: string | null } | null;
  /** What else is worth knowing; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const RECORD = {
  name: "audit_record",
  text: `INSERT INTO audit_events
      (root_id, id, tenant_id, action, outcome, actor_id, actor_label, subject_id, subject_label, details, request_id, ip_address)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12)`,
};

/** Who asks, as the log names them. */
export function actorOf({ viewer, requestId }: Context): IntentActor {
  const actorId = viewer.actor.kind === "user" ? viewer.actor.user.id : viewer.actor.token.id;
  return { actorId, actorLabel: viewer.label, requestId, ipAddress: null };
}

/** Notes something in the log. Where that fails, so does what it is noted of. */
export async function record(unit: Unit, actor: IntentActor, entry: AuditEntry): Promise<void> {
  const { tenant, action, outcome = "DONE", subject = null, details = {} } = entry;
  await unit.rows(RECORD, [
    tenant.rootId,
    newId("auditEvent"),
    tenant.id,
    action,
    outcome,
    actor.actorId,
    actor.actorLabel,
    subject?.id ?? null,
    subject?.label ?? null,
    JSON.stringify(details),
    actor.requestId,
    actor.ipAddress,
  ]);
}
