import { query } from "./database.js";
import { leakSearch } from "./leaks.js";
import type { ClientError, TestServer } from "./server.js";

/** An entry of the log, as it is stored. */
export interface LogRow {
  readonly id: string;
  readonly rootId: string;
  readonly tenantId: string;
  readonly action: string;
  readonly outcome: "DONE" | "REFUSED" | "DENIED" | "FAILED";
  readonly actorId: string;
  readonly actorLabel: string;
  readonly subjectId: string | null;
  readonly subjectLabel: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
  readonly ipAddress: string | null;
}

const ROWS = `SELECT id, root_id AS "rootId", tenant_id AS "tenantId", action, outcome, actor_id AS "actorId",
  actor_label AS "actorLabel", subject_id AS "subjectId", subject_label AS "subjectLabel", details,
  request_id AS "requestId", ip_address AS "ipAddress" FROM audit_events`;

/** What a request left in the logs, oldest first. */
const logOf = (server: TestServer, requestId: string): Promise<LogRow[]> =>
  query<LogRow>(server.database.ownerUrl, [`${ROWS} WHERE request_id = $1 ORDER BY seq`, [requestId]]);

/** All that the logs say of uses of a key, oldest first. */
export const usesOf = (server: TestServer, credentialId: string): Promise<LogRow[]> =>
  query<LogRow>(server.database.ownerUrl, [
    `${ROWS} WHERE action = 'credential.used' AND subject_id = $1 ORDER BY seq`,
    [credentialId],
  ]);

/** How many entries there are in all. */
export async function logLength(server: TestServer): Promise<number> {
  const [row] = await query<{ n: number }>(server.database.ownerUrl, "SELECT count(*)::int AS n FROM audit_events");
  return row?.n ?? -1;
}

/** What came of a request, and what it left in the logs. */
export interface Noted<Data> {
  readonly status: number;
  readonly data: Data | null;
  readonly errors: readonly ClientError[];
  readonly requestId: string;
  readonly text: string;
  readonly log: readonly LogRow[];
}

/** Asks as whoever the bearer token names, and looks up what the request left in the logs. */
export async function askNoted<Data = Record<string, unknown>>(
  server: TestServer,
  token: string | null,
  document: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<Noted<Data>> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token !== null && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: document, variables }),
  });
  const text = await response.text();
  const { data = null, errors = [] } = JSON.parse(text) as { data?: Data | null; errors?: ClientError[] };
  leakSearch?.noteRequest(token, variables, data);
  const requestId = response.headers.get("x-request-id") ?? "";
  return { status: response.status, data, errors, requestId, text, log: await logOf(server, requestId) };
}

/** The document of a mutation with its one input; `result` is what is asked of its payload beside the errors. */
export function mutationOf(name: string, result: string): string {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
  return `mutation ($input: ${type}!) { ${name}(input: $input) { ${result} userErrors { code message } } }`;
}
