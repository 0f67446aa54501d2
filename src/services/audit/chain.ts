import { createHash } from "node:crypto";
import type { DataSource, EntityManager } from "typeorm";
import { inTransaction } from "../../database/tenancy.js";
import type { AuditOutcome } from "../../entities/audit-event.js";

/** An entry of a chain, as it is hashed. */
export interface ChainedEntry {
  readonly seq: string;
  readonly rootId: string;
  readonly id: string;
  readonly tenantId: string;
  /** ISO 8601, UTC, to the millisecond. */
  readonly at: string;
  readonly action: string;
  readonly outcome: AuditOutcome;
  readonly actorId: string;
  readonly actorLabel: string;
  readonly subjectId: string | null;
  readonly subjectLabel: string | null;
  /** JSON text, as the database writes it. */
  readonly details: string;
  readonly requestId: string | null;
  readonly ipAddress: string | null;
  readonly hash: string;
}

/** What a look at a chain found: how far it is sound, and the first thing that is not. */
export interface ChainReport {
  readonly rootId: string;
  readonly name: string;
  readonly entries: number;
  /** The hash of the last sound entry: kept elsewhere, it proves later that nothing before it was changed. */
  readonly head: string;
  readonly fault: { readonly seq: number; readonly id: string | null; readonly what: string } | null;
}

/** Entries that are read at a time. */
const PAGE = 1_000;
/** The least place that the column holds: whoever puts an entry in may put it before the first. */
const BEFORE_ALL = "-9223372036854775808";

const part = (value: string | null): string => (value === null ? "-" : `${Buffer.byteLength(value)}:${value}`);

/** The hash of an entry that follows another: SHA-256, hex. The same as the database computes when it appends. */
export function hashOf(before: string, entry: Omit<ChainedEntry, "hash">): string {
  const parts = [
    ...[before, entry.seq, entry.rootId, entry.id, entry.tenantId, entry.at, entry.action, entry.outcome],
    ...[entry.actorId, entry.actorLabel, entry.subjectId, entry.subjectLabel, entry.details],
    ...[entry.requestId, entry.ipAddress],
  ];
  return createHash("sha256").update(parts.map(part).join("")).digest("hex");
}

/** The organizations whose chains are there, or the one that is asked for. */
export function organizations(
  dataSource: DataSource,
  organizationId: string | null,
): Promise<{ readonly id: string; readonly name: string }[]> {
  return inTransaction(dataSource, { roots: [], tenants: [], operator: true }, (manager) =>
    manager.query(`SELECT id, name FROM tenants WHERE id = root_id AND ($1::text IS NULL OR id = $1) ORDER BY id`, [
      organizationId,
    ]),
  );
}

/** Every entry of a chain in its order, a page at a time. */
export async function* entriesOf(dataSource: DataSource, rootId: string): AsyncGenerator<ChainedEntry> {
  for (let after = BEFORE_ALL; ;) {
    const page = await standingIn(dataSource, rootId, (manager) =>
      manager.query<ChainedEntry[]>(
        `SELECT seq::text AS seq, root_id AS "rootId", id, tenant_id AS "tenantId",
           to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, action, outcome, actor_id AS "actorId",
           actor_label AS "actorLabel", subject_id AS "subjectId", subject_label AS "subjectLabel", details::text AS details,
           request_id AS "requestId", ip_address AS "ipAddress", hash
         FROM audit_events e WHERE root_id = $1 AND e.seq > $2::bigint ORDER BY e.seq LIMIT ${PAGE}`,
        [rootId, after],
      ),
    );
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.seq;
  }
}

/**
 * Goes through a chain, and names the first entry that was changed, taken out, put in or moved. Its end is looked up before
 * and after: others append meanwhile.
 */
export async function verify(dataSource: DataSource, { id, name }: { id: string; name: string }): Promise<ChainReport> {
  let head = "";
  let entries = 0;
  const report = (fault: ChainReport["fault"]): ChainReport => ({ rootId: id, name, entries, head, fault });
  const atEnd = (): ChainReport =>
    report({ seq: entries, id: null, what: "is not the end that was noted: that was set to another" });
  const noted = await endOf(dataSource, id);
  for await (const entry of entriesOf(dataSource, id)) {
    const seq = Number(entry.seq);
    if (seq < entries + 1) return report({ seq, id: entry.id, what: "was put in" });
    if (seq > entries + 1) {
      return report({ seq: entries + 1, id: null, what: `is missing: the next one is number ${seq}` });
    }
    if (hashOf(head, entry) !== entry.hash) {
      return report({
        seq,
        id: entry.id,
        what: "was changed, put in or moved: it does not follow from the one before it",
      });
    }
    head = entry.hash;
    entries = seq;
    if (entries === noted.seq && head !== noted.hash) return atEnd();
  }
  if (entries < noted.seq) return report({ seq: entries + 1, id: null, what: "is missing, at the end" });
  const now = await endOf(dataSource, id);
  return now.seq < entries || (now.seq === entries && now.hash !== head) ? atEnd() : report(null);
}

async function endOf(dataSource: DataSource, rootId: string): Promise<{ readonly seq: number; readonly hash: string }> {
  const [last] = await standingIn(dataSource, rootId, (manager) =>
    manager.query<{ seq: string; hash: string }[]>(
      "SELECT seq::text AS seq, hash FROM audit_heads WHERE root_id = $1",
      [rootId],
    ),
  );
  return { seq: Number(last?.seq ?? 0), hash: last?.hash ?? "" };
}

const standingIn = <T>(
  dataSource: DataSource,
  rootId: string,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> => inTransaction(dataSource, { roots: [rootId], tenants: [rootId] }, work);
