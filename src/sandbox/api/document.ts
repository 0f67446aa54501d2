import { contentOf } from "../team/content.js";
import type { AnyStored, ResourceType, Team } from "../team/team.js";
import { notFound, type Answer } from "./answer.js";
import type { Catalogue, Relationship, Resource } from "./catalogue.js";
import { cursorAt, type Query } from "./query.js";

/** Whose things are shown, and under which address. */
export interface Scope {
  team: Team;
  catalogue: Catalogue;
  /** The address as it was called, query included: `links.self`. */
  url: URL;
}

/** Apple answers ten of an included relationship unless `limit[relationship]` says otherwise. */
const DEFAULT_INCLUDE_LIMIT = 10;

/** What `meta.paging` of a relationship says while it is not included, as observed. */
const NOT_COUNTED = { total: 0, limit: 2 ** 31 - 1 };

/** A document of one thing. */
export async function one(scope: Scope, resource: Resource, stored: AnyStored, query: Query): Promise<Answer> {
  const shown = await show(scope, resource, [stored], query);
  return ok({ data: shown.data[0], ...shown.rest, links: { self: scope.url.href } });
}

/** A page of many things. */
export async function many(scope: Scope, resource: Resource, all: readonly AnyStored[], query: Query): Promise<Answer> {
  const shown = await show(scope, resource, page(all, query), query);
  return ok({ data: shown.data, ...shown.rest, ...paging(scope, all.length, query) });
}

/** What a relationship points to, as bare links. */
export function linkage(scope: Scope, relationship: Relationship, all: readonly AnyStored[], query: Query): Answer {
  const links = all.map(({ id }) => ({ type: relationship.to, id }));
  if (!relationship.many) return ok({ data: links[0] ?? null, links: { self: scope.url.href } });
  return ok({ data: page(links, query), ...paging(scope, links.length, query) });
}

/** The thing of a type and an id. Throws NOT_FOUND where the team has none. */
export function find({ team }: Scope, { type }: Resource, id: string): AnyStored {
  const all: readonly AnyStored[] = team[type];
  const stored = all.find((candidate) => candidate.id === id);
  if (stored === undefined) throw notFound(type, id);
  return stored;
}

/** What a relationship of a thing points to. Ids that lead nowhere are left out. */
export function related(team: Team, stored: AnyStored, name: string, relationship: Relationship): AnyStored[] {
  const targets: readonly AnyStored[] = team[relationship.to];
  if (relationship.inverse !== undefined) {
    const inverse = relationship.inverse;
    return targets.filter(({ relationships }) => relationships[inverse] === stored.id);
  }
  const ids = [stored.relationships[name] ?? []].flat();
  return ids.length === 0 ? [] : ids.flatMap((id) => targets.find((target) => target.id === id) ?? []);
}

function ok(body: object): Answer {
  return { status: 200, headers: {}, body };
}

function page<Item>(all: readonly Item[], { offset, limit }: Query): Item[] {
  return all.slice(offset, offset + limit);
}

/** `links` and `meta` of a page. The next address repeats every parameter, so that clients add none. */
function paging({ url }: Scope, total: number, { offset, limit }: Query): object {
  const next = new URL(url);
  next.searchParams.delete("cursor");
  next.searchParams.delete("limit");
  next.searchParams.append("cursor", cursorAt(offset + limit));
  next.searchParams.append("limit", String(limit));
  const links = { self: url.href, ...(offset + limit < total && { next: next.href }) };
  return { links, meta: { paging: { total, limit } } };
}

/** Things with what they include, each included thing once. */
async function show(scope: Scope, resource: Resource, stored: readonly AnyStored[], query: Query) {
  const included = new Map<string, { type: ResourceType; stored: AnyStored }>();
  const data = stored.map((item) => {
    const relationships = bareRelationships(scope, resource, item);
    for (const name of query.includes) {
      const relationship = resource.relationships[name];
      if (relationship === undefined) continue;
      const type = relationship.to;
      const targets = related(scope.team, item, name, relationship);
      const limit = relationship.many ? (query.includeLimits.get(name) ?? DEFAULT_INCLUDE_LIMIT) : 1;
      const shown = targets.slice(0, limit);
      for (const target of shown) included.set(`${type}/${target.id}`, { type, stored: target });
      const linked = shown.map(({ id }) => ({ type, id }));
      relationships[name] = {
        data: relationship.many ? linked : (linked[0] ?? null),
        ...relationships[name],
        ...(relationship.many && { meta: { paging: { total: targets.length, limit } } }),
      };
    }
    return showOne(scope, resource, item, relationships, query);
  });
  const besides = [...included.values()].map(({ type, stored: item }) => {
    const itsResource = scope.catalogue[type];
    return showOne(scope, itsResource, item, bareRelationships(scope, itsResource, item), query);
  });
  return {
    data: await Promise.all(data),
    rest: besides.length > 0 ? { included: await Promise.all(besides) } : {},
  };
}

/** Where the relationships of a thing lead, uncounted and without data: as they are shown unless included. */
function bareRelationships(scope: Scope, { type, relationships }: Resource, { id }: AnyStored): Record<string, object> {
  const address = `${scope.url.origin}/v1/${type}/${id}`;
  return Object.fromEntries(
    Object.entries(relationships).map(([name, relationship]) => {
      const links = { self: `${address}/relationships/${name}`, related: `${address}/${name}` };
      return [name, relationship.many ? { meta: { paging: NOT_COUNTED }, links } : { links }];
    }),
  );
}

/** One thing as Apple writes it. With sparse fields both attributes and relationships are only those listed. */
async function showOne(
  { team, url }: Scope,
  { type, attributes: names }: Resource,
  stored: AnyStored,
  relationships: Record<string, object>,
  { fields }: Query,
): Promise<object> {
  const wanted = fields.get(type);
  const attributes: Record<string, unknown> = {};
  for (const name of names.filter((candidate) => wanted?.has(candidate) ?? true)) {
    const value = stored.attributes[name];
    const made = value === undefined && /^(certificate|profile)Content$/.test(name);
    attributes[name] = made ? await contentOf(team, type, stored) : (value ?? null);
  }
  const linked = Object.entries(relationships).filter(([name]) => wanted?.has(name) ?? true);
  return {
    type,
    id: stored.id,
    ...((wanted === undefined || Object.keys(attributes).length > 0) && { attributes }),
    ...(linked.length > 0 && { relationships: Object.fromEntries(linked) }),
    links: { self: `${url.origin}/v1/${type}/${stored.id}` },
  };
}
