import type { Writable } from "node:stream";
import pg, { type Pool, type PoolClient } from "pg";
import { POOL_LIMITS } from "./availability.js";
import type { Scope, Statement } from "./tenancy.js";

/**
 * Prepared statements keep their plan. Left to choose, PostgreSQL plans the policies anew each time, which takes several
 * times what running them does. Their plans do not depend on the values: all go by keys.
 */
const PLANS = "force_generic_plan";

const SETTINGS = ["roots", "tenants", "presented_hash", "signed_in_email", "operator"].map(
  (name, index) => `set_config('countersign.${name}', $${index + 1}, true)`,
);

/** Enters a scope until the transaction ends: what a pooled connection's next borrower must never inherit. */
export const ENTER_SCOPE: Statement = { name: "enter_scope", text: `SELECT concat(${SETTINGS.join(", ")})` };

/** The values of `ENTER_SCOPE`. */
export function settingsOf(scope: Scope): string[] {
  const { roots, tenants, presentedHash = "", signedInEmail = "", operator = false } = scope;
  return [roots.join(","), tenants.join(","), presentedHash, signedInEmail, operator ? "on" : ""];
}

/**
 * The pool that hot reads take: its statements are sent without waiting for the answer to the one before. They only read;
 * whoever writes starts with `begin`.
 */
export function makeReadPool(url: string, max = 20): Pool {
  return new pg.Pool({
    ...POOL_LIMITS,
    connectionString: url,
    max,
    pipeline: true,
    options: `-c TimeZone=UTC -c plan_cache_mode=${PLANS} -c default_transaction_read_only=on`,
    types: { getTypeParser: readingParser as typeof pg.types.getTypeParser },
    application_name: "countersign reads",
  });
}

const TIMESTAMPTZ: number = pg.types.builtins.TIMESTAMPTZ;

/** As pg's own, but for times: a page has many, and all come in one form. */
const readingParser = (oid: number, format?: "text" | "binary"): unknown =>
  oid === TIMESTAMPTZ && format !== "binary"
    ? parseTime
    : (pg.types.getTypeParser as (oid: number, format?: string) => unknown)(oid, format);

const parseAnyTime = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, "text") as (text: string) => Date;

/** Reads `2026-01-31 23:59:59.123456+00`, to the millisecond, as ISO 8601, which is fast; any other form as pg does. */
export function parseTime(text: string): Date {
  const isCommon = /^\d{4}-.*:\d\d(?:\.\d{1,6})?\+00$/.test(text);
  return isCommon ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : parseAnyTime(text);
}

/** Begins a transaction that writes, in a scope; what is asked within this turn of the event loop goes out with it, in one packet. */
export function begin(client: PoolClient, scope: Scope): Promise<unknown> {
  sendTogether(client);
  return Promise.all([client.query("BEGIN READ WRITE"), client.query({ ...ENTER_SCOPE, values: settingsOf(scope) })]);
}

/** Connections that hold back what is sent, until the end of this turn of the event loop. */
const holding = new WeakSet<PoolClient>();

/** What is asked on a connection within one turn of the event loop goes out in one packet. */
function sendTogether(client: PoolClient): void {
  if (holding.has(client)) return;
  holding.add(client);
  const { stream } = (client as unknown as { connection: { stream: Writable } }).connection;
  stream.cork();
  setImmediate(() => {
    holding.delete(client);
    stream.uncork();
  });
}
