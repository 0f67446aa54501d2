import { duplicateParameter, illegalParameter, invalidCursor, invalidParameter } from "./answer.js";
import type { Catalogue, Resource } from "./catalogue.js";

/** Which parameters a route takes. */
interface Grammar {
  catalogue: Catalogue;
  resource: Resource;
  /** list: everything; one: no filter, sort, limit; related: fields, and limit where it answers many; linkage: no fields. */
  kind: "list" | "one" | "related" | "linkage";
  /** Answers many, and so in pages. */
  many: boolean;
  /** Refuses `limit` although Apple's specification has it. */
  withoutLimit?: boolean;
}

/** What a call asks for, checked. */
export interface Query {
  filters: ReadonlyMap<string, readonly string[]>;
  sorts: readonly { field: string; descending: boolean }[];
  /** By type; a type that is not in here shows everything. */
  fields: ReadonlyMap<string, ReadonlySet<string>>;
  includes: readonly string[];
  /** How many of an included relationship, by its name. */
  includeLimits: ReadonlyMap<string, number>;
  limit: number;
  offset: number;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 200;
const MAX_INCLUDE_LIMIT = 50;

/** Reads the parameters of a call. Throws an AppleError at the first one that this route does not take. */
export function readQuery(parameters: URLSearchParams, grammar: Grammar): Query {
  const filters = new Map<string, string[]>();
  const fields = new Map<string, Set<string>>();
  const includeLimits = new Map<string, number>();
  const query = { sorts: [] as Query["sorts"], includes: [] as Query["includes"], limit: DEFAULT_LIMIT, offset: 0 };
  const { resource, kind, many } = grammar;

  for (const [parameter, value] of parameters) {
    if (parameters.getAll(parameter).length > 1) throw duplicateParameter(parameter);
    const [, family = "", name] = /^([^[\]]+)(?:\[([^[\]]*)\])?$/.exec(parameter) ?? [];
    const whole = name === undefined;
    const values = value === "" ? [] : value.split(",");

    if (family === "filter" && !whole && kind === "list") {
      filters.set(name, readFilter(parameter, name, values, resource));
    } else if (family === "fields" && !whole && kind !== "linkage") {
      fields.set(name, readFields(parameter, name, values, grammar));
    } else if (family === "limit" && !whole && (kind === "list" || kind === "one")) {
      includeLimits.set(name, readIncludeLimit(parameter, name, value, resource));
    } else if (family === "include" && whole && (kind === "list" || kind === "one") && resource.includes.length > 0) {
      query.includes = values.map((include) => readInclude(include, resource));
    } else if (family === "sort" && whole && kind === "list") {
      query.sorts = values.map((sort) => readSort(sort, resource));
    } else if (family === "limit" && whole && many) {
      if (grammar.withoutLimit) {
        throw illegalParameter(parameter, " : This relationship does not support this parameter.");
      }
      query.limit = readLimit(parameter, value, MAX_LIMIT);
    } else if (family === "cursor" && whole && many) {
      query.offset = readCursor(value);
    } else {
      throw illegalParameter(parameter);
    }
  }
  return { ...query, filters, fields, includeLimits };
}

/** The cursor of the page that starts at this offset. Opaque to clients. */
export function cursorAt(offset: number): string {
  return Buffer.from(JSON.stringify({ offset: String(offset) })).toString("base64");
}

function readFilter(parameter: string, name: string, values: string[], resource: Resource): string[] {
  const expected = Object.hasOwn(resource.filters, name) ? resource.filters[name] : undefined;
  if (expected === undefined) throw invalidParameter(parameter, `'${name}' is not a valid filter type`);
  const bad = expected && values.find((value) => !expected.includes(value));
  if (expected && bad !== undefined && bad !== null) {
    const detail = `'${bad}' is not a valid filter value. Expected one of: ${expected.join(", ")}`;
    throw invalidParameter(parameter, detail);
  }
  return values;
}

function readFields(parameter: string, type: string, values: string[], { catalogue, resource, kind }: Grammar) {
  const targets = resource.includes.flatMap((include) => resource.relationships[include]?.to ?? []);
  const types: string[] = kind === "related" ? [resource.type] : [resource.type, ...targets];
  if (!types.includes(type)) throw illegalParameter(parameter);
  const shown = catalogue[type as keyof Catalogue];
  const known = [...shown.attributes, ...Object.keys(shown.relationships), ...shown.otherFields];
  const bad = values.find((value) => !known.includes(value));
  if (bad !== undefined) throw invalidParameter(parameter, `'${bad}' is not a valid field name`);
  return new Set(values);
}

function readInclude(value: string, resource: Resource): string {
  if (!resource.includes.includes(value)) {
    throw invalidParameter("include", `'${value}' is not a valid relationship name`);
  }
  return value;
}

function readIncludeLimit(parameter: string, name: string, value: string, resource: Resource): number {
  const toMany = resource.includes.filter((include) => resource.relationships[include]?.many);
  if (!toMany.includes(name)) throw illegalParameter(parameter);
  return readLimit(parameter, value, MAX_INCLUDE_LIMIT);
}

function readSort(value: string, resource: Resource): { field: string; descending: boolean } {
  const descending = value.startsWith("-");
  const field = descending ? value.slice(1) : value;
  if (!resource.sorts.includes(field)) throw invalidParameter("sort", `'${value}' is not a valid sort value`);
  return { field, descending };
}

function readLimit(parameter: string, value: string, maximum: number): number {
  const limit = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= maximum) return limit;
  throw invalidParameter(parameter, `'${value}' is not a valid limit. It must be between 1 and ${maximum}`);
}

/** The offset that a cursor stands for. Throws PARAMETER_ERROR.INVALID at one that was never given out. */
export function readCursor(value: string): number {
  try {
    const { offset } = JSON.parse(Buffer.from(value, "base64").toString()) as { offset?: unknown };
    if (typeof offset === "string" && /^\d{1,9}$/.test(offset)) return Number(offset);
  } catch {
    // What is no JSON is no cursor of ours either.
  }
  throw invalidCursor(value);
}
