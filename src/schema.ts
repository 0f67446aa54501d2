import "reflect-metadata";
import { isAbstractType, lexicographicSortSchema, printSchema, type GraphQLSchema } from "graphql";
import { GraphQLDateTime } from "graphql-scalars";
import { buildSchema } from "type-graphql";
import { typeNameOf } from "./entities/node.js";
import { resolvers } from "./resolvers/index.js";
import { guard } from "./rules/guard.js";
import { rules } from "./rules/index.js";

/** The two types that no class stands for. */
const ROOT_DESCRIPTIONS = { Query: "What can be asked.", Mutation: "What can be changed." };

/** The graph, with the rules on it. Throws where a field that leads somewhere has no rule. */
export async function makeSchema(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [...resolvers],
    scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
    validate: false, // Services check what they are given, with codes of their own.
  });
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const root = schema.getType(name);
    if (root) root.description = description;
  }
  // Compiled execution asks for the type of a thing and does not wait, and type-graphql's own function is asynchronous.
  for (const type of Object.values(schema.getTypeMap()).filter(isAbstractType)) {
    if (!type.name.startsWith("__")) type.resolveType = (value: { id: string }) => typeNameOf(value);
  }
  return guard(schema, rules);
}

/** The graph's SDL, sorted: what `schema/schema.graphql` holds. */
export function printSdl(schema: GraphQLSchema): string {
  return `${printSchema(lexicographicSortSchema(schema))}\n`;
}
