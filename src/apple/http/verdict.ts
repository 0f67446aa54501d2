import { AppleError, says } from "../error.js";

/** What is done about a failure: asked again, asked again with a fresh token, looked for, or given up. */
export type Verdict = "retry" | "renew" | "reconcile" | "fail";

/** The methods that this client uses. */
export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** A failure as the table knows it: a status of Apple's, or what kept an answer from coming. */
type Failure = number | "agreement" | "not sent" | "broken" | "late" | "unreadable";

const PASSING = [500, 502, 503, 504, "broken"] as const satisfies Failure[];
/** After these Apple may have done what it was told, and nobody knows. */
const UNKNOWN: ReadonlySet<Failure> = new Set<Failure>([...PASSING, "late", "unreadable"]);

/**
 * What each method does about which failure; what is not here fails. Asking again what may have been done is right
 * only where doing it twice is doing it once: a GET, the same PATCH, a DELETE. A POST whose answer was lost is never sent again:
 * it is looked for.
 */
const TABLE: Readonly<Record<Method, ReadonlyMap<Failure, Verdict>>> = {
  // Apple sends 401 to good tokens now and then, and takes agreements for missing that are not (go-xcode).
  GET: table({ retry: [...PASSING, 429, "agreement", "not sent"], renew: [401] }),
  PATCH: table({ retry: [...PASSING, 429, "not sent"], renew: [401], reconcile: ["late", "unreadable"] }),
  DELETE: table({ retry: [...PASSING, 429, "not sent"], renew: [401], reconcile: ["late", "unreadable"] }),
  // 401 and 429 say that nothing was done; only a caller that has looked may send it once more.
  POST: table({ retry: ["not sent"], reconcile: [...UNKNOWN] }),
};

function table(rows: Partial<Record<Verdict, readonly Failure[]>>): ReadonlyMap<Failure, Verdict> {
  const pairs = Object.entries(rows).flatMap(([verdict, failures]) =>
    failures.map((failure): [Failure, Verdict] => [failure, verdict as Verdict]),
  );
  return new Map(pairs);
}

/** What to do about an error that a call ended with. */
export function verdictOn(method: Method, error: AppleError): Verdict {
  return TABLE[method].get(failureOf(error)) ?? "fail";
}

/** Whether Apple may have made a change that ended with this error. */
export function isOutcomeUnknown(error: AppleError): boolean {
  return UNKNOWN.has(failureOf(error));
}

function failureOf(error: AppleError): Failure {
  if (error.status !== null) {
    const isAgreement = says(error, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED");
    // A gateway's page with any 5xx is Apple's outage, whichever it is.
    return isAgreement ? "agreement" : error.status > 504 ? 500 : error.status;
  }
  if (error.code === "APPLE_RATE_LIMITED") return "not sent";
  if (error.code === "APPLE_UNEXPECTED_ANSWER") return "unreadable";
  const { code } = (error.cause ?? {}) as { code?: unknown };
  if (typeof code !== "string") return "late";
  if (NOT_SENT.has(code)) return "not sent";
  return BROKEN.has(code) ? "broken" : "late";
}

/** The cause of an error of a call that was never made: its turn did not come in time, or it was spared. */
export const notMade = (): Error => Object.assign(new Error(), { code: NOT_MADE });
/** Whether an error is of a call that was never made. */
export const isNotMade = ({ cause }: AppleError): boolean =>
  (cause as { code?: unknown } | undefined)?.code === NOT_MADE;

const NOT_MADE = "NOT_MADE";
/** Nothing went out. */
const NOT_SENT = new Set([
  NOT_MADE,
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);
/** The connection ended before a whole answer had come. A deadline is no such failure. */
const BROKEN = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);
