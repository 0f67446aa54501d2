import { inPreparedTransaction } from "../../src/database/tenancy.js";
import { record, THE_OPERATOR, type AuditEntry } from "../../src/services/audit.js";
import { query } from "./database.js";
import type { TestServer } from "./server.js";

/** Appends entries to the log of an organization, as the server does, in one transaction. */
export function append(
  server: TestServer,
  rootId: string,
  entries: readonly Partial<Omit<AuditEntry, "tenant">>[],
): Promise<void> {
  return inPreparedTransaction(server.platform.readPool, { roots: [rootId], tenants: [rootId] }, (unit) => {
    for (const entry of entries) {
      record(unit, THE_OPERATOR, { action: "test.noted", ...entry, tenant: { rootId, id: rootId } });
    }
    return Promise.resolve();
  });
}

/** Keeps a copy of all logs; gives what puts them back as they were. */
export async function keepLogs(server: TestServer): Promise<() => Promise<void>> {
  const { ownerUrl } = server.database;
  await query(
    ownerUrl,
    "CREATE TABLE kept_events AS SELECT * FROM audit_events",
    "CREATE TABLE kept_heads AS SELECT * FROM audit_heads",
  );
  return async () => {
    await query(
      ownerUrl,
      "BEGIN",
      "TRUNCATE audit_events, audit_heads",
      "INSERT INTO audit_events SELECT * FROM kept_events",
      "INSERT INTO audit_heads SELECT * FROM kept_heads",
      "COMMIT",
    );
  };
}
