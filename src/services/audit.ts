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

/** The server itself, for what nobody asked for. */
export const THE_SERVER: IntentActor = {
  actorId: "server",
  actorLabel: "Countersign",
  requestId: null,
  ipAddress: null,
};

/** What was typed in by whoever runs the server. */
export const THE_OPERATOR: IntentActor = { ...THE_SERVER, actorId: "operator", actorLabel: "operator" };

const APPEND = { name: "audit_append", text: `SELECT append_audit($1::jsonb)` };

/** Who asks, as the log names them. */
export function actorOf({
  viewer,
  requestId,
  ipAddress,
}: Pick<Context, "viewer" | "requestId" | "ipAddress">): IntentActor {
  return { actorId: viewer.actorId, actorLabel: viewer.label, requestId, ipAddress };
}

/** An entry, and whose it is. */
interface Noted {
  readonly actor: IntentActor;
  readonly entry: AuditEntry;
}

/** What the transactions that run will note. */
const noted = new WeakMap<Unit, Noted[]>();

/**
 * Notes something in the log, in the transaction of what it tells of: where it cannot be noted, nothing is done. Written
 * last, since until the transaction ends others of the organization wait to note theirs.
 */
export function record(unit: Unit, actor: IntentActor, entry: AuditEntry): void {
  const entries = noted.get(unit);
  if (entries !== undefined) return void entries.push({ actor, entry });
  const first = [{ actor, entry }];
  noted.set(unit, first);
  unit.atEnd(() => append(unit, first));
}

async function append(unit: Unit, entries: readonly Noted[]): Promise<void> {
  const rows = entries.map(({ actor, entry: { tenant, action, outcome = "DONE", subject = null, details = {} } }) => ({
    ...{ root_id: tenant.rootId, id: newId("auditEvent"), tenant_id: tenant.id, action, outcome },
    ...{
      actor_id: actor.actorId,
      actor_label: actor.actorLabel,
      request_id: actor.requestId,
      ip_address: actor.ipAddress,
    },
    ...{ subject_id: subject?.id ?? null, subject_label: subject?.label ?? null, details },
  }));
  await unit.rows(APPEND, [JSON.stringify(rows)]);
}
