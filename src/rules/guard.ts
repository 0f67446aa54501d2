import {
  defaultFieldResolver,
  getNamedType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from "graphql";
import type { Context } from "../context.js";
import { Denial } from "../errors.js";
import type { AnyRule } from "./shield.js";

/** The rule of each field that has one: type, field, rule. A rule on an interface holds for all that implement it. */
export type RuleTree = Readonly<Record<string, Readonly<Record<string, AnyRule | typeof comesAlong>>>>;

/** In the place of a rule: whoever sees a thing sees this of it. Said field by field, and costs nothing. */
export const comesAlong = Symbol("comesAlong");

/** A schema that the rules do not cover: the server does not start. */
export class Unguarded extends Error {
  override readonly name = "Unguarded";
}

// A rule that throws is a fault and must not count as a denial: shield calls that debug.
const SHIELD_OPTIONS = { debug: true, allowExternalErrors: true } as never;

/** Puts the rules on the schema, and wraps only the fields that have one. Throws Unguarded where one is missing or has no field. */
export function guard(schema: GraphQLSchema, tree: RuleTree): GraphQLSchema {
  const guarded = new Set<GraphQLField<unknown, unknown>>();
  for (const [typeName, fields] of Object.entries(tree)) {
    for (const type of objectTypesOf(schema, typeName)) {
      for (const [fieldName, rule] of Object.entries(fields)) {
        const field = type.getFields()[fieldName];
        if (field === undefined) throw new Unguarded(`There is a rule for ${typeName}.${fieldName}, and no such field`);
        if (rule !== comesAlong) wrap(field, rule);
        guarded.add(field);
      }
    }
  }
  const open = sensitiveFields(schema).filter(([, field]) => !guarded.has(field));
  if (open.length > 0) {
    throw new Unguarded(`There is no rule for ${open.map(([type, field]) => `${type.name}.${field.name}`).join(", ")}`);
  }
  return schema;
}

function objectTypesOf(schema: GraphQLSchema, name: string): readonly GraphQLObjectType[] {
  const type = schema.getType(name);
  if (isInterfaceType(type)) return schema.getPossibleTypes(type);
  if (isObjectType(type)) return [type];
  throw new Unguarded(`There are rules for ${name}, and no such type`);
}

function wrap(field: GraphQLField<unknown, unknown>, rule: AnyRule): void {
  const resolve = field.resolve ?? defaultFieldResolver;
  field.resolve = async (parent, args: object, ctx, info) => {
    const verdict = await rule.resolve(parent as object, args, ctx as Context as never, info, SHIELD_OPTIONS);
    if (verdict !== true) throw verdict instanceof Error ? verdict : new Denial("FORBIDDEN");
    return resolve(parent, args, ctx, info);
  };
}

/** Queries and mutations; and of everything that has an id, the fields that lead further: with arguments, or to other things. */
function sensitiveFields(schema: GraphQLSchema): [GraphQLObjectType, GraphQLField<unknown, unknown>][] {
  const operations = [schema.getQueryType(), schema.getMutationType()];
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) => {
      const isOperation = operations.includes(type);
      if (!isOperation && !type.getInterfaces().some(({ name }) => name === "Node")) return [];
      return Object.values(type.getFields())
        .filter((field) => isOperation || field.args.length > 0 || leadsFurther(getNamedType(field.type)))
        .map((field): [GraphQLObjectType, GraphQLField<unknown, unknown>] => [type, field]);
    });
}

/** Whether a type is a list of things, or a thing with an id. */
function leadsFurther(type: GraphQLNamedType): boolean {
  if (isUnionType(type) || isInterfaceType(type)) return true;
  return (
    isObjectType(type) && (type.name.endsWith("Connection") || type.getInterfaces().some(({ name }) => name === "Node"))
  );
}
