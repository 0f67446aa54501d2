import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import type { Program } from "../../../src/sandbox/team/team.js";

/** Apple's documents and recorded answers: beside the project, and no part of it. */
const FOLDER = resolve(process.cwd(), "../shared/apple");

/** Whether Apple's documents are at hand; without them the conformity tests are skipped, with a word about it. */
export const hasSpecification = existsSync(resolve(FOLDER, "openapi.json"));

/** A query parameter as the specification declares it. */
export interface Parameter {
  name: string;
  in: string;
  schema: { type: string; maximum?: number; items?: { enum?: string[] } };
}

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: boolean;
  enum?: string[];
  anyOf?: Schema[];
  type?: string;
}

interface OpenApi {
  paths: Record<string, Record<string, { parameters?: Parameter[]; responses: Record<string, Response> }>>;
  components: { schemas: Record<string, Schema> };
}

interface Response {
  content?: { "application/json": { schema: Schema } };
}

/** One of Apple's recorded answers. */
export function fixture(path: string): unknown {
  return JSON.parse(readFileSync(resolve(FOLDER, "fixtures", path), "utf8"));
}

/** A body without what differs from call to call: ids, and the id of a team, which was blackened where it was recorded. */
export function comparable(body: unknown): unknown {
  const text = JSON.stringify(body).replaceAll(/Team ID: '\w+'/g, "Team ID: 'ID'");
  return JSON.parse(text, (name, value: unknown) => (name === "id" ? "id" : value));
}

/** Apple's specification of a program, and a check of answers against it. */
export class Specification {
  private readonly document: OpenApi;
  private readonly ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });

  constructor(program: Program) {
    const file = program === "enterprise" ? "openapi-enterprise.json" : "openapi.json";
    this.document = JSON.parse(readFileSync(resolve(FOLDER, file), "utf8")) as OpenApi;
    for (const schema of Object.values(this.document.components.schemas)) tighten(schema);
    this.ajv.addSchema(this.document, "apple");
  }

  /** The query parameters of a path. */
  parameters(path: string): Parameter[] {
    const parameters = this.document.paths[path]?.["get"]?.parameters ?? [];
    return parameters.filter((parameter) => parameter.in === "query");
  }

  /** The statuses that a method of a path is declared to answer. */
  statuses(path: string, method: string): string[] {
    return Object.keys(this.document.paths[path]?.[method]?.responses ?? {});
  }

  /** Checks what a path answers under a status. */
  validator(path: string, status: number, method = "get"): ValidateFunction {
    const pointer = path.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D");
    const at = `#/paths/${pointer}/${method}/responses/${status}/content/application~1json/schema`;
    return this.ajv.compile({ $ref: `apple${at}` });
  }
}

/**
 * Makes a schema as strict as the specification reads, and as lenient as Apple is: no attribute and no relationship
 * beyond those declared; any of them may be null (as fixtures show), and a device may be PROCESSING.
 */
function tighten({ properties: { attributes, relationships } = {} }: Schema): void {
  if (attributes?.properties) {
    attributes.additionalProperties = false;
    attributes.properties["status"]?.enum?.push("PROCESSING");
    attributes.properties = nullable(attributes.properties);
  }
  if (relationships?.properties) {
    relationships.additionalProperties = false;
    for (const relationship of Object.values(relationships.properties)) {
      relationship.properties = nullable(relationship.properties ?? {});
    }
  }
}

function nullable(properties: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, { anyOf: [schema, { type: "null" }] }]),
  );
}
