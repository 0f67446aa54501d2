import type { Socket } from "node:net";
import type { ClientBase, PoolConfig } from "pg";

/** Time for a connection to be made, or for one of a pool to get free. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Time for one statement in PostgreSQL, which then ends it. */
export const STATEMENT_TIMEOUT_MS = 10_000;

/** Time between two statements of a transaction, after which PostgreSQL ends it: whoever began it is gone. */
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000;

/** What has not come by then does not come: PostgreSQL itself would have ended the statement, and said so. */
export const SILENCE_MS = STATEMENT_TIMEOUT_MS + 2_000;

/** Whoever takes leave waits so long for the other end to close. */
const GOODBYE_MS = 1_000;

/** Before the system asks whether the other end of a quiet connection is still there. */
const KEEP_ALIVE_MS = 10_000;

/** How every connection is made. */
export const CONNECTION_LIMITS = {
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
};

/** What bounds the connections of a pool, so that none waits for ever and none that breaks ends the process. */
export const POOL_LIMITS = {
  ...CONNECTION_LIMITS,
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
  onConnect: watch,
} satisfies PoolConfig;

/**
 * Has PostgreSQL notice within half a minute that whoever holds a lock of a session is gone, where its machine went
 * without a word. Where only the process dies, it is told at once.
 */
export const LOCK_SESSION = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4";

/** A connection over which nothing comes any more. */
class DatabaseSilent extends Error {
  override readonly name = "DatabaseSilent";
  readonly code = "ETIMEDOUT";
}

/**
 * Looks after a connection of a pool. Whoever has borrowed it learns from its statement that it broke: the event, which
 * would end the process unheard, tells nothing more. One that is silent for too long is destroyed, and so never lent again.
 */
function watch(client: ClientBase): void {
  client.on("error", () => undefined);
  const stream = streamOf(client);
  stream.setTimeout(SILENCE_MS, () => {
    if (!stream.writableEnded) stream.destroy(new DatabaseSilent("The database does not answer"));
  });
  leaveInTime(client);
}

/** Has the end of a connection that is made not wait for a database that is silent. */
export function leaveInTime(client: ClientBase): void {
  const stream = streamOf(client);
  stream.once("finish", () => {
    stream.setTimeout(GOODBYE_MS, () => stream.destroy());
  });
}

const streamOf = (client: ClientBase): Socket =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream;

/** SQLSTATEs beside class 08: shut down, crashed, starting, no connection free, idle for too long. */
const AWAY_STATES = ["57P01", "57P02", "57P03", "57P05", "53300", "25P03"];

const AWAY_ERRNOS = [
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"],
  ...["EHOSTUNREACH", "ENETUNREACH"],
];

/** SQLSTATEs: over the time of a statement or a lock, in each other's way, too late for what others did meanwhile. */
const HINDERED_STATES = ["57014", "55P03", "40P01", "40001"];

/** What the libraries say without a code of their own. */
const AWAY_MESSAGES = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect$/,
  /^timeout expired$/,
  /^Query read timeout$/,
  /^Client has encountered a connection error/,
  /^Client was closed/,
  /^Client network socket disconnected/,
  /^Cannot use a pool after calling end/,
  /^Query runner already released/,
];

/**
 * Whether a statement failed because the database is away or the connection to it broke. Of a COMMIT that failed so, nobody
 * knows whether it was done.
 */
export function isDatabaseAway(error: unknown): boolean {
  // A name that has several addresses is tried at each.
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway);
  if (!(error instanceof Error)) return false;
  const { code, driverError, severity, syscall } = error as Readonly<Record<string, unknown>> & Error;
  if (driverError !== undefined && driverError !== error) return isDatabaseAway(driverError);
  if (error instanceof DatabaseSilent || AWAY_MESSAGES.some((message) => message.test(error.message))) return true;
  if (severity === "FATAL" || severity === "PANIC") return true; // PostgreSQL ends the connection, or never made it.
  if (typeof code !== "string") return false;
  // A client that goes away while its request is read gives such a code too, but no call of the system's.
  return /^08...$/.test(code) || AWAY_STATES.includes(code) || (syscall !== undefined && AWAY_ERRNOS.includes(code));
}

/** Whether PostgreSQL took something back that others were in the way of: all of it, and it may go well the next time. */
export function isHindered(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, driverError, severity } = error as Readonly<Record<string, unknown>> & Error;
  if (driverError !== undefined && driverError !== error) return isHindered(driverError);
  return severity === "ERROR" && typeof code === "string" && HINDERED_STATES.includes(code);
}
