import type { Failure } from "../failure.js";
import type { Answer } from "./answer.js";
import type { Catalogue } from "./catalogue.js";
import { cursorAt, readCursor } from "./query.js";
import type { Circumstances } from "./spoil.js";

/** Where answers lead that must not be followed. The name cannot exist (RFC 2606). */
export const ELSEWHERE = "https://elsewhere.invalid";

type Body = Record<string, unknown>;
type Shown = { type: keyof Catalogue; attributes?: Record<string, unknown>; relationships?: object };
type Paging = { total?: number; limit: number };

/** A true answer with something wrong in it. Errors, and answers that lack what would be wrong, stay as they are. */
export function garble(failure: Failure, truth: Answer, { url, catalogue }: Circumstances): Answer {
  switch (failure.kind) {
    case "foreign-next": {
      const next = `${failure.origin ?? ELSEWHERE}${url.pathname}?cursor=eyJvZmZzZXQiOiIyMCJ9&limit=20`;
      return withBody(truth, (body) => ({ ...body, links: { ...(body["links"] as object), next } }));
    }
    case "repeat-next":
      return withPaging(truth, (paging) => ({ paging, links: { next: url.href } }));
    case "extra-next":
      return withPaging(truth, (paging, links) => ({ paging, links: { next: nextAfter(url, paging), ...links } }));
    case "missing-rows":
      return withPaging(truth, ({ total = 0, limit }) => ({ paging: { total: total + 1, limit } }));
    case "no-total":
      return withPaging(truth, ({ limit }) => ({ paging: { limit } }));
    case "null-attributes":
      return withThings(
        truth,
        withAttributes(() => null),
      );
    case "unknown-enum":
      return withThings(
        truth,
        withAttributes((value, type, name) => (catalogue[type].enums.includes(name) ? "SOMETHING_NEW" : value)),
      );
    case "wrong-types":
      return withWrongTypes(truth);
    default:
      return { ...truth };
  }
}

/** Numbers and objects for texts, lists for relationships, and a list for a single thing. */
function withWrongTypes(truth: Answer): Answer {
  const change = withAttributes((value, _type, name) => (typeof value === "string" ? ofWrongType(name) : value));
  const garbled = withThings(truth, (shown) => ({
    ...change(shown),
    ...(shown.relationships && { relationships: [] }),
  }));
  return withBody(garbled, ({ data, ...rest }) => ({ data: Array.isArray(data) ? data : [data], ...rest }));
}

/** A number or an object, always the same for a name. */
function ofWrongType(name: string): unknown {
  return name.length % 2 === 0 ? 42 : { value: name };
}

/** The address of a page behind this one, there or not. */
function nextAfter(url: URL, { limit }: Paging): string {
  const next = new URL(url);
  const cursor = url.searchParams.get("cursor");
  next.searchParams.set("cursor", cursorAt((cursor === null ? 0 : readCursor(cursor)) + limit));
  next.searchParams.set("limit", String(limit));
  return next.href;
}

function withBody(truth: Answer, change: (body: Body) => Body): Answer {
  return truth.status === 200 || truth.status === 201 ? { ...truth, body: change(truth.body as Body) } : { ...truth };
}

/** Changes what a list says of its pages. */
function withPaging(
  truth: Answer,
  change: (paging: Paging, links: object) => { paging: Paging; links?: object },
): Answer {
  return withBody(truth, (body) => {
    const { paging } = (body["meta"] ?? {}) as { paging?: Paging };
    if (paging === undefined) return body;
    const links = body["links"] as object;
    const changed = change(paging, links);
    return { ...body, links: { ...links, ...changed.links }, meta: { paging: changed.paging } };
  });
}

/** Changes everything that an answer shows. */
function withThings(truth: Answer, change: (shown: Shown) => object): Answer {
  return withBody(truth, ({ data, included, ...rest }) => ({
    data: Array.isArray(data) ? (data as Shown[]).map(change) : data && change(data as Shown),
    ...(included !== undefined && { included: (included as Shown[]).map(change) }),
    ...rest,
  }));
}

function withAttributes(change: (value: unknown, type: keyof Catalogue, name: string) => unknown) {
  return (shown: Shown): Shown => ({
    ...shown,
    attributes: Object.fromEntries(
      Object.entries(shown.attributes ?? {}).map(([name, value]) => [name, change(value, shown.type, name)]),
    ),
  });
}
