import { z } from "zod";
import { AppleError, unexpected } from "./error.js";

const identifier = z.object({ type: z.string(), id: z.string() });

const relationship = z.object({
  // A to-one is an object or null, a to-many an array; absent where it was not included.
  data: z.union([identifier, z.array(identifier)]).nullish(),
  meta: z.object({ paging: z.object({ total: z.number().nullish() }).nullish() }).nullish(),
});

const resource = identifier.extend({
  attributes: z.record(z.string(), z.unknown()).nullish(),
  relationships: z.record(z.string(), relationship.nullish()).nullish(),
});

const document = z.object({
  data: z.union([resource, z.array(resource)]),
  included: z.array(resource).nullish(),
  links: z.object({ next: z.string().nullish() }).nullish(),
  meta: z.object({ paging: z.object({ total: z.number().nullish() }).nullish() }).nullish(),
});

/** One thing that Apple holds, as it came: attributes may miss, be null, or hold values this code has never seen. */
export type AppleResource = z.infer<typeof resource>;

/** An answer of Apple's, checked for its shape. A single resource is a list of one. */
export interface AppleDocument {
  readonly data: readonly AppleResource[];
  /** Included resources by `type:id`. */
  readonly included: ReadonlyMap<string, AppleResource>;
  readonly next: string | null;
  /** How many there are on all pages, where Apple says it. */
  readonly total: number | null;
}

/** Checks a body for the shape of a document. Throws APPLE_UNEXPECTED_ANSWER. */
export function documentOf(body: unknown): AppleDocument {
  const read = document.safeParse(body);
  if (!read.success) throw unexpected("Apple's answer does not have the shape of its documents.");
  const { data, included, links, meta } = read.data;
  return {
    data: Array.isArray(data) ? data : [data],
    included: new Map((included ?? []).map((entry) => [`${entry.type}:${entry.id}`, entry])),
    next: links?.next ?? null,
    total: meta?.paging?.total ?? null,
  };
}

/** A text attribute; null where it misses or is something else. */
export function text(from: AppleResource, name: string): string | null {
  const value = from.attributes?.[name];
  // PostgreSQL's text holds no NUL.
  return typeof value === "string" ? value.replaceAll("\u0000", "\ufffd") : null;
}

/** A date attribute in any of the forms seen: `…+0000`, `…+00:00`, `…Z`, `…-08:00`. Null where it is none. */
export function date(from: AppleResource, name: string): Date | null {
  const value = text(from, name)?.replace(/([+-]\d\d)(\d\d)$/, "$1:$2");
  const time = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(time) ? null : new Date(time);
}

/** The ids that a relationship names, each once, and how many Apple says there are. */
export function related(from: AppleResource, name: string): { ids: string[]; total: number } {
  const relation = from.relationships?.[name];
  const named = relation?.data === null || relation?.data === undefined ? [] : [relation.data].flat();
  const ids = [...new Set(named.map(({ id }) => id))];
  return { ids, total: Math.max(relation?.meta?.paging?.total ?? 0, ids.length) };
}

/** A text attribute without which a thing is none. Throws APPLE_UNEXPECTED_ANSWER where it misses. */
export function required(from: AppleResource, name: string): string {
  const value = text(from, name);
  if (value === null) throw unexpected(`Apple's answer does not hold the ${name} of the thing asked for.`);
  return value;
}

/**
 * The one thing that a change is answered with, read. Throws APPLE_UNEXPECTED_ANSWER where there is none, or several,
 * or one that cannot be read: the change may have been made all the same.
 */
export function only<T>({ data }: AppleDocument, read: (resource: AppleResource) => T): T {
  try {
    const [resource] = data;
    if (resource === undefined || data.length > 1)
      throw unexpected("Apple's answer does not hold the one thing asked for.");
    return read(resource);
  } catch (error) {
    if (error instanceof AppleError) error.outcomeUnknown = true;
    throw error;
  }
}
