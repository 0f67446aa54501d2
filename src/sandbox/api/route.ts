import type { Settings } from "../settings.js";
import type { Edit } from "../team/history.js";
import type { AnyStored, Program, ResourceType } from "../team/team.js";
import { methodNotAllowed, notFound, pathError, type Answer } from "./answer.js";
import { catalogueOf, type Catalogue, type Resource } from "./catalogue.js";
import { find, linkage, many, one, related, type Scope } from "./document.js";
import { readQuery, type Query } from "./query.js";

/** A call of a key that may make it. */
export interface Asked extends Scope {
  /** The role of the key. */
  role: string;
  contentType: string | undefined;
  /** Empty where there was none. */
  body: Buffer;
  now: Date;
  settings: Readonly<Settings>;
  /** Changes the team. */
  edit: Edit;
  /** What lists show of a type, which may lag behind the team. */
  listed: (type: ResourceType) => readonly AnyStored[];
}

/** One method of one path. */
export interface Route {
  method: string;
  /** Matches the path; its first group is the id, if there is one. */
  path: RegExp;
  /** Closed to keys that may not provision. */
  provisioning: boolean;
  answer: (asked: Asked, id: string) => Promise<Answer> | Answer;
}

/** Every route of a program that reads. */
export function readsOf(program: Program): readonly Route[] {
  const catalogue = catalogueOf(program);
  return Object.values(catalogue).flatMap((resource: Resource) => [
    ...(resource.collection ? [list(catalogue, resource), get(catalogue, resource)] : []),
    ...resource.routes.flatMap((name) => [
      getRelated(catalogue, resource, name),
      // The Enterprise Program API has no linkages.
      ...(program === "app-store" ? [getLinkage(catalogue, resource, name)] : []),
    ]),
  ]);
}

/** The route of a call. Throws PATH_ERROR or METHOD_NOT_ALLOWED where there is none. */
export function findRoute(routes: readonly Route[], method: string, path: string): { route: Route; id: string } {
  const samePath = routes.filter((route) => route.path.test(path));
  if (samePath.length === 0) throw pathError(whatIsWrong(routes, path));
  const route = samePath.find((candidate) => candidate.method === method);
  if (route === undefined) throw methodNotAllowed();
  return { route, id: decodeURIComponent(route.path.exec(path)?.[1] ?? "") };
}

function list(catalogue: Catalogue, resource: Resource): Route {
  return row(`/v1/${resource.type}`, resource, (asked) => {
    const query = readQuery(asked.url.searchParams, { catalogue, resource, kind: "list", many: true });
    return many(asked, resource, arrange(asked.listed(resource.type), query), query);
  });
}

function get(catalogue: Catalogue, resource: Resource): Route {
  return row(`/v1/${resource.type}/{id}`, resource, (scope, id) => {
    const query = readQuery(scope.url.searchParams, { catalogue, resource, kind: "one", many: false });
    return one(scope, resource, find(scope, resource, id), query);
  });
}

function getRelated(catalogue: Catalogue, resource: Resource, name: string): Route {
  const relationship = relationshipOf(resource, name);
  const target = catalogue[relationship.to];
  // Live Apple refuses `limit` here, against its specification (pathorsAI/parley#263 and others, 2026).
  const withoutLimit = name === "bundleIdCapabilities";
  return row(`/v1/${resource.type}/{id}/${name}`, resource, (scope, id) => {
    const grammar = { catalogue, resource: target, kind: "related", many: relationship.many, withoutLimit } as const;
    const query = readQuery(scope.url.searchParams, grammar);
    const found = related(scope.team, find(scope, resource, id), name, relationship);
    if (relationship.many) return many(scope, target, found, query);
    const [only] = found;
    if (only === undefined) throw notFound(target.type, "null");
    return one(scope, target, only, query);
  });
}

function getLinkage(catalogue: Catalogue, resource: Resource, name: string): Route {
  const relationship = relationshipOf(resource, name);
  return row(`/v1/${resource.type}/{id}/relationships/${name}`, resource, (scope, id) => {
    const grammar = { catalogue, resource, kind: "linkage", many: relationship.many } as const;
    const query = readQuery(scope.url.searchParams, grammar);
    return linkage(scope, relationship, related(scope.team, find(scope, resource, id), name, relationship), query);
  });
}

function row(path: string, { provisioning }: Resource, answer: Route["answer"]): Route {
  return { method: "GET", path: pathOf(path), provisioning, answer };
}

/** Matches a path as Apple's specification writes it. */
export function pathOf(path: string): RegExp {
  return new RegExp(`^${path.replace("{id}", "([^/]+)")}$`);
}

function relationshipOf(resource: Resource, name: string) {
  const relationship = resource.relationships[name];
  if (relationship === undefined) throw new Error(`${resource.type} has no relationship ${name}`);
  return relationship;
}

/** Filtered, then sorted. Without a sort things come as they were added. */
function arrange(all: readonly AnyStored[], { filters, sorts }: Query): AnyStored[] {
  const passes = (stored: AnyStored) =>
    [...filters].every(([name, wanted]) => {
      const value = read(stored, name);
      // At Apple filter[identifier] finds every identifier that contains the text.
      return wanted.some((text) => (name === "identifier" ? value.includes(text) : value === text));
    });
  return all.filter(passes).sort((left, right) => {
    for (const { field, descending } of sorts) {
      const [a, b] = [read(left, field), read(right, field)];
      if (a !== b) return a < b === descending ? 1 : -1;
    }
    return 0;
  });
}

function read(stored: AnyStored, name: string): string {
  const value = name === "id" ? stored.id : stored.attributes[name];
  return typeof value === "string" ? value : "";
}

function whatIsWrong(routes: readonly Route[], path: string): string {
  const [, version, type = "", id, name] = path.split("/");
  if (version !== "v1" || path.endsWith("/")) return `'${path}' is not a valid URL`;
  const known = routes.some((route) => route.path.test(`/v1/${type}`));
  return known && id !== undefined && name !== undefined
    ? `The relationship '${name}' does not exist`
    : `The resource '${type}' does not exist`;
}
