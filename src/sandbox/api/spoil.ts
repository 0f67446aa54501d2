import type { Failure } from "../failure.js";
import { agreementMissing, forbidden, notAuthorized, rateLimited, unexpected, type Answer } from "./answer.js";
import type { Catalogue } from "./catalogue.js";

/** What becomes of an answer: sent, cut in the middle, or never sent at all. */
export type Fate = { answer: Answer; delayMs: number; cut: boolean } | "hang" | "drop";

/** What a failure may say of the call that it meets. */
interface Circumstances {
  url: URL;
  teamId: string;
  catalogue: Catalogue;
  now: Date;
}

/** A little above the ten megabytes that a client may be expected to read. */
const HUGE_CHARACTERS = 11 * 1024 * 1024;

/** Where answers lead that must not be followed. The name cannot exist (RFC 2606). */
const ELSEWHERE = "https://elsewhere.invalid";

const HTML = { "content-type": "text/html; charset=utf-8" };

/** What a failure makes of a true answer. */
export function spoil(failure: Failure, truth: Answer, circumstances: Circumstances): Fate {
  if (failure.kind === "hang" || failure.kind === "drop") return failure.kind;
  const answer = spoiled(failure, truth, circumstances);
  // The budget of the key is told, unless the key is said to be unknown or it is the gateway that answers.
  if (![401, 502, 504].includes(answer.status)) answer.headers = { ...truth.headers, ...answer.headers };
  return {
    answer,
    delayMs: failure.kind === "slow" ? failure.delayMs : 0,
    cut: failure.kind === "truncated",
  };
}

function spoiled(failure: Failure, truth: Answer, { url, teamId, catalogue, now }: Circumstances): Answer {
  switch (failure.kind) {
    case "401":
      return notAuthorized().toAnswer();
    case "403-role":
      return forbidden().toAnswer();
    case "403-agreement":
      return agreementMissing().toAnswer();
    case "403-membership":
      return forbidden(
        `Team ID: '${teamId}' is not associated with an active membership. To check your teams membership status, ` +
          "sign in your account on the developer website. https://developer.apple.com/account/",
      ).toAnswer();
    case "429": {
      const { retryAfterSeconds } = failure;
      const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
      return { ...rateLimited().toAnswer(), headers };
    }
    case "500":
    case "503":
      return unexpected(Number(failure.kind)).toAnswer();
    case "502-html":
      return { status: 502, headers: HTML, body: "<html><body><h1>Bad Gateway</h1></body></html>" };
    case "504":
      return { status: 504, headers: { "content-type": "text/plain" }, body: "Could not process this request" };
    case "bad-json":
      return { status: 200, headers: {}, body: '{"data": [}' };
    case "empty":
      return { status: 200, headers: {}, body: "" };
    case "huge":
      return { status: 200, headers: {}, body: { data: [], links: { self: "x".repeat(HUGE_CHARACTERS) } } };
    case "redirect":
      return { status: 302, headers: { location: failure.to ?? ELSEWHERE + url.pathname }, body: "" };
    case "clock-skew": {
      const date = new Date(now.getTime() + failure.skewSeconds * 1_000).toUTCString();
      return { ...notAuthorized().toAnswer(), headers: { date } };
    }
    case "foreign-next": {
      const next = `${failure.origin ?? ELSEWHERE}${url.pathname}?cursor=eyJvZmZzZXQiOiIyMCJ9&limit=20`;
      return withBody(truth, (body) => ({ ...body, links: { ...(body["links"] as object), next } }));
    }
    case "null-attributes":
      return withAttributes(truth, () => null);
    case "unknown-enum":
      return withAttributes(truth, (value, type, name) =>
        catalogue[type].enums.includes(name) ? "SOMETHING_NEW" : value,
      );
    case "slow":
    case "truncated":
      return { ...truth };
    default:
      throw new Error(`There is no failure of the kind ${failure.kind}`);
  }
}

type Body = Record<string, unknown>;
type Shown = { type: keyof Catalogue; attributes?: Record<string, unknown> };

function withBody(truth: Answer, change: (body: Body) => Body): Answer {
  return truth.status === 200 ? { ...truth, body: change(truth.body as Body) } : { ...truth };
}

function withAttributes(
  truth: Answer,
  change: (value: unknown, type: keyof Catalogue, name: string) => unknown,
): Answer {
  const changed = (shown: Shown) => ({
    ...shown,
    attributes: Object.fromEntries(
      Object.entries(shown.attributes ?? {}).map(([name, value]) => [name, change(value, shown.type, name)]),
    ),
  });
  return withBody(truth, ({ data, included, ...rest }) => ({
    data: Array.isArray(data) ? (data as Shown[]).map(changed) : data && changed(data as Shown),
    ...(included !== undefined && { included: (included as Shown[]).map(changed) }),
    ...rest,
  }));
}
