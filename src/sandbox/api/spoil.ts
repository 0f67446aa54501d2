import type { Failure } from "../failure.js";
import * as answers from "./answer.js";
import type { Answer } from "./answer.js";
import type { Catalogue } from "./catalogue.js";
import { ELSEWHERE, garble } from "./garble.js";

/** What becomes of an answer: sent whole, cut in its middle, sent by and by, or never sent at all. */
export type Fate = { answer: Answer; delayMs: number; pace: "whole" | "cut" | { everyMs: number } } | "hang" | "drop";

/** What a failure may say of the call that it meets. */
export interface Circumstances {
  url: URL;
  teamId: string;
  catalogue: Catalogue;
  now: Date;
}

/** A little above the ten megabytes that a client may be expected to read. */
const HUGE_CHARACTERS = 11 * 1024 * 1024;

const HTML = { "content-type": "text/html; charset=utf-8" };

/** What a failure makes of a true answer. */
export function spoil(failure: Failure, truth: Answer, circumstances: Circumstances): Fate {
  if (failure.kind === "hang" || failure.kind === "hang-after") return "hang";
  if (failure.kind === "drop" || failure.kind === "drop-after") return "drop";
  const answer = spoiled(failure, truth, circumstances);
  // The budget of the key is told, unless the key is said to be unknown or it is the gateway that answers.
  const budget = truth.headers["x-rate-limit"];
  if (![401, 502, 504].includes(answer.status) && budget !== undefined) {
    answer.headers = { "x-rate-limit": budget, ...answer.headers };
  }
  return {
    answer,
    delayMs: failure.kind === "slow" ? failure.delayMs : 0,
    pace: paceOf(failure),
  };
}

function paceOf(failure: Failure): "whole" | "cut" | { everyMs: number } {
  if (failure.kind === "trickle") return { everyMs: failure.delayMs };
  return failure.kind === "truncated" ? "cut" : "whole";
}

function spoiled(failure: Failure, truth: Answer, circumstances: Circumstances): Answer {
  const { url, teamId, now } = circumstances;
  // A creation that cannot be read is a creation still.
  const success = truth.status === 201 ? 201 : 200;
  switch (failure.kind) {
    case "401":
      return answers.notAuthorized().toAnswer();
    case "403-role":
      return answers.forbidden().toAnswer();
    case "403-agreement":
      return answers.agreementMissing().toAnswer();
    case "403-membership":
      return answers.membershipInactive(teamId).toAnswer();
    case "429": {
      const { retryAfterSeconds } = failure;
      const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
      return { ...answers.rateLimited().toAnswer(), headers };
    }
    case "500":
    case "500-after":
      return answers.unexpected(500).toAnswer();
    case "503":
      return answers.unexpected(503).toAnswer();
    case "502-html":
      return { status: 502, headers: HTML, body: "<html><body><h1>Bad Gateway</h1></body></html>" };
    case "504":
      return { status: 504, headers: { "content-type": "text/plain" }, body: "Could not process this request" };
    case "bad-json":
      return { status: success, headers: {}, body: '{"data": [}' };
    case "empty":
      return { status: success, headers: {}, body: "" };
    case "huge":
      return { status: success, headers: {}, body: { data: [], links: { self: "x".repeat(HUGE_CHARACTERS) } } };
    case "redirect":
      return { status: 302, headers: { location: failure.to ?? ELSEWHERE + url.pathname }, body: "" };
    case "bad-cursor":
      return answers.invalidCursor(url.searchParams.get("cursor") ?? "").toAnswer();
    case "clock-skew": {
      const date = new Date(now.getTime() + failure.skewSeconds * 1_000).toUTCString();
      return { ...answers.notAuthorized().toAnswer(), headers: { date } };
    }
    default:
      return garble(failure, truth, circumstances);
  }
}
