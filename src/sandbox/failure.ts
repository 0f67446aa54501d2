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
  /** The connection is cut before a byte, or in the middle of the true answer. */
  | { kind: "drop" | "truncated" }
  /** 200 with a text that is no JSON, with none at all, or with more than 10 MB of it. */
  | { kind: "bad-json" | "empty" | "huge" }
  /** 302 to another origin. */
  | { kind: "redirect"; to?: string }
  /** The true answer with `links.next` on another origin. */
  | { kind: "foreign-next"; origin?: string }
  /** 401, from a server whose clock (`Date`) is so many seconds ahead; behind, if negative. */
  | { kind: "clock-skew"; skewSeconds: number }
  /** The true answer with every attribute null, or with every enum a value that nobody knows. */
  | { kind: "null-attributes" | "unknown-enum" };

/** Every kind of failure. */
export const FAILURE_KINDS = [
  ...["401", "403-role", "403-agreement", "403-membership", "429", "500", "502-html", "503", "504", "hang", "slow"],
  ...["drop", "truncated", "bad-json", "empty", "huge", "redirect", "foreign-next", "clock-skew"],
  ...["null-attributes", "unknown-enum"],
] as const satisfies readonly string[];

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
    const found = this.plans.find(({ plan }) => matches(plan.match ?? {}, call));
    if (found === undefined) return undefined;
    found.left -= 1;
    this.plans = this.plans.filter(({ left }) => left > 0);
    return found.plan.failure;
  }
}

function matches({ method, path, keyId, program }: NonNullable<Plan["match"]>, call: Candidate): boolean {
  return (
    (method === undefined || method.toUpperCase() === call.method) &&
    (path === undefined || call.path.startsWith(path)) &&
    (keyId === undefined || keyId === call.keyId) &&
    (program === undefined || program === call.program)
  );
}
