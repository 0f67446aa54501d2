import { notJson, type AppleError } from "../api/answer.js";
import type { ResourceType } from "../team/team.js";
import * as refusal from "./refusal.js";

/** An attribute that a write may set: a text, unless it is a list. */
interface Attribute {
  required?: boolean;
  /** Its values, where Apple has a list of them. */
  oneOf?: readonly string[];
  list?: boolean;
}

/** What the body of a write may say. */
export interface Shape {
  type: ResourceType;
  attributes: Readonly<Record<string, Attribute>>;
  /** `to` is the type as Apple spells it, which the sandbox need not have. */
  relationships?: Readonly<Record<string, { to: string; many?: boolean; required?: boolean }>>;
}

/** What the body of a write says, checked. */
export class Entity {
  constructor(
    private readonly attributes: Readonly<Record<string, unknown>>,
    private readonly relationships: ReadonlyMap<string, readonly string[]>,
  ) {}

  /** An attribute that the shape requires. */
  text(name: string): string {
    const value = this.maybeText(name);
    if (value === undefined) throw new Error(`The shape of this write does not require ${name}`);
    return value;
  }

  /** An attribute; undefined where it is null or left out. */
  maybeText(name: string): string | undefined {
    const value = this.attributes[name];
    return typeof value === "string" ? value : undefined;
  }

  /** A list; null where it is null or left out. */
  list(name: string): readonly unknown[] | null {
    const value = this.attributes[name];
    return Array.isArray(value) ? value : null;
  }

  /** What a relationship points to; empty where it is left out. */
  ids(name: string): readonly string[] {
    return this.relationships.get(name) ?? [];
  }
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads the body of a write. `id` is that of the path, which the body has to repeat; undefined in a creation. Throws an
 * AppleError, which tells all that is wrong with attributes and relationships.
 */
export function readEntity(contentType: string | undefined, body: Buffer, shape: Shape, id?: string): Entity {
  if (!/^application\/json *(;|$)/i.test(contentType ?? "")) throw notJson();
  const data = readData(body, id);
  if (data["type"] !== shape.type) {
    throw refusal.conflict(`The resource type '${String(data["type"])}' is not '${shape.type}'.`);
  }
  if (id !== undefined && data["id"] !== id) {
    throw refusal.conflict(`The id '${String(data["id"])}' is not that of the path.`);
  }
  const attributes = (data["attributes"] ?? {}) as Json;
  const relationships = (data["relationships"] ?? {}) as Json;
  const targets = new Map(Object.entries(relationships).map(([name, value]) => [name, readLinkage(name, value)]));

  const [first, ...also] = [...wrongAttributes(attributes, shape), ...wrongRelationships(targets, shape)];
  if (first !== undefined) {
    first.also = also;
    throw first;
  }
  return new Entity(attributes, new Map([...targets].map(([name, links]) => [name, links.map((link) => link.id)])));
}

function readData(body: Buffer, id: string | undefined): Json {
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    throw refusal.entityInvalid();
  }
  if (!isObject(document)) throw refusal.unprocessable("");
  const { data, ...besides } = document;
  const [stranger] = Object.keys(besides);
  if (stranger !== undefined || !isObject(data)) throw refusal.unprocessable(stranger ?? "data");
  const members = ["type", "attributes", "relationships", ...(id === undefined ? [] : ["id"])];
  const wrong =
    Object.keys(data).find((name) => !members.includes(name)) ??
    ["type", ...(id === undefined ? [] : ["id"])].find((name) => typeof data[name] !== "string") ??
    ["attributes", "relationships"].find((name) => data[name] !== undefined && !isObject(data[name])) ??
    (id === undefined && data["attributes"] === undefined ? "attributes" : undefined);
  if (wrong !== undefined) throw refusal.unprocessable(`data.${wrong}`);
  return data;
}

interface Link {
  type: string;
  id: string;
  isOfMany: boolean;
}

/** Whatever a relationship holds, as a list; null and nothing are none. */
function readLinkage(name: string, value: unknown): Link[] {
  const where = `data.relationships.${name}`;
  if (!isObject(value)) throw refusal.unprocessable(where);
  const isOfMany = Array.isArray(value["data"]);
  return [value["data"] ?? []].flat().map((link: unknown) => {
    if (!isObject(link) || typeof link["type"] !== "string" || typeof link["id"] !== "string") {
      throw refusal.unprocessable(`${where}.data`);
    }
    return { type: link["type"], id: link["id"], isOfMany };
  });
}

function wrongAttributes(attributes: Json, { type, attributes: known }: Shape): AppleError[] {
  const wrong = Object.entries(attributes).flatMap(([name, value]) => {
    const attribute = Object.hasOwn(known, name) ? known[name] : undefined;
    if (attribute === undefined) return [refusal.unknownAttribute(name, type)];
    if (value === null || value === "") return [];
    if (attribute.list === true) return Array.isArray(value) ? [] : [refusal.wrongAttribute(name, value)];
    const fits = typeof value === "string" && (attribute.oneOf?.includes(value) ?? true);
    return fits ? [] : [refusal.wrongAttribute(name, value, attribute.oneOf)];
  });
  const missing = Object.keys(known).filter((name) => known[name]?.required === true && !attributes[name]);
  return [...wrong, ...missing.map((name) => refusal.missingAttribute(name))];
}

function wrongRelationships(targets: ReadonlyMap<string, Link[]>, shape: Shape): AppleError[] {
  const known = shape.relationships ?? {};
  const wrong = [...targets].flatMap(([name, links]) => {
    const relationship = Object.hasOwn(known, name) ? known[name] : undefined;
    if (relationship === undefined) return [refusal.unknownRelationship(name, shape.type)];
    const { to, many = false } = relationship;
    const stranger = links.find((link) => link.type !== to || link.isOfMany !== many);
    if (stranger === undefined) return [];
    return [refusal.invalidRelationship(name, `'${stranger.type}' with id '${stranger.id}' cannot be '${name}'.`)];
  });
  const missing = Object.keys(known).filter((name) => known[name]?.required === true && !targets.has(name));
  return [...wrong, ...missing.map((name) => refusal.missingRelationship(name))];
}
