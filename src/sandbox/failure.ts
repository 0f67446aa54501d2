import type { Program } from "./team/team.js";

/** What can go wrong with an answer of Apple. */
export type Failure =
  /** Apple's own refusals and outages. 502 is HTML, as of the gateway in front of Apple; 504 is a plain text. */
  | { kind: "401" | "403-role" | "403-agreement" | "403-membership" | "500" | "502-html" | "503" | "504" }
  | { kind: "429"; retryAfterSeconds?: number }
  /** The call is accepted and never answered. */
  | { kind: "hang" }
  /** The true answer, late. */
  | { kind: "slow"; delayMs: number }
  /** The true answer, a few bytes at a time with so long between them. */
  | { kind: "trickle"; delayMs: number }
  /** The connection is cut before a byte, or in the middle of the true answer. */
  | { kind: "drop" | "truncated" }
  /** What the call asked for is done, and then it is answered as if it were not, or not at all. */
  | { kind: "500-after" | "drop-after" | "hang-after" }
  /** A success with a text that is no JSON, with none at all, or with more than 10 MB of it. */
  | { kind: "bad-json" | "empty" | "huge" }
  /** 302 to another origin. */
  | { kind: "redirect"; to?: string }
  /** The true answer with `links.next` on another origin. */
  | { kind: "foreign-next"; origin?: string }
  /** The true answer with `links.next` on the same page, or with one although there is no further page. */
  | { kind: "repeat-next" | "extra-next" }
  /** 400 for a cursor that was given out. Waits for a call with a cursor. */
  | { kind: "bad-cursor" }
  /** The true answer with a `meta.paging.total` that is one too many, or without one. */
  | { kind: "missing-rows" | "no-total" }
  /** 401, from a server whose clock (`Date`) is so many seconds ahead; behind, if negative. */
  | { kind: "clock-skew"; skewSeconds: number }
  /** The true answer with every attribute null, with every enum a value that nobody knows, or with values of other types. */
  | { kind: "null-attributes" | "unknown-enum" | "wrong-types" };

/** Every kind of failure. */
export const FAILURE_KINDS = [
  ...["401", "403-role", "403-agreement", "403-membership", "429", "500", "502-html", "503", "504", "hang", "slow"],
  ...["trickle", "drop", "truncated", "500-after", "drop-after", "hang-after", "bad-json", "empty", "huge", "redirect"],
  ...["foreign-next", "repeat-next", "extra-next", "bad-cursor", "missing-rows", "no-total", "clock-skew"],
  ...["null-attributes", "unknown-enum", "wrong-types"],
] as const satisfies readonly Failure["kind"][];

/** Kinds that stand for a refusal, or for a call that never came through: what they meet changes nothing. */
const REFUSALS = [
  ...["401", "403-role", "403-agreement", "403-membership", "429", "500", "502-html", "503", "504", "hang", "drop"],
  ...["redirect", "bad-cursor", "clock-skew"],
] as const satisfies readonly Failure["kind"][];

/** Whether a call that meets this failure is carried out all the same: then it is only the answer that is spoiled. */
export function isCarriedOut({ kind }: Failure): boolean {
  return !REFUSALS.some((refusal) => refusal === kind);
}

/** A failure that is to come. */
export interface Plan {
  /** Which calls: what is left out matches all. `path` is a prefix. */
  match?: { method?: string; path?: string; keyId?: string; program?: Program };
  /** How many of these calls. Default 1. */
  times?: number | "always";
  failure: Failure;
}

/** A call as plans see it. */
interface Candidate {
  method: string;
  path: string;
  /** Without the question mark. */
  query: string;
  keyId: string | null;
  program: Program | null;
}

/** The failures that are to come, in the order they were planned. */
export class Failures {
  private plans: { plan: Plan; left: number }[] = [];

  /** Plans a failure. */
  add(plan: Plan): void {
    this.plans.push({ plan, left: plan.times === "always" ? Infinity : (plan.times ?? 1) });
  }

  /** Forgets every plan. */
  clear(): void {
    this.plans = [];
  }

  /** The failure of this call, used up by it. */
  take(call: Candidate): Failure | undefined {
    const found = this.plans.find(({ plan }) => matches(plan, call));
    if (found === undefined) return undefined;
    found.left -= 1;
    this.plans = this.plans.filter(({ left }) => left > 0);
    return found.plan.failure;
  }
}

function matches({ match = {}, failure }: Plan, call: Candidate): boolean {
  const { method, path, keyId, program } = match;
  return (
    (method === undefined || method.toUpperCase() === call.method) &&
    (path === undefined || call.path.startsWith(path)) &&
    (keyId === undefined || keyId === call.keyId) &&
    (program === undefined || program === call.program) &&
    (failure.kind !== "bad-cursor" || new URLSearchParams(call.query).has("cursor"))
  );
}
