import type { ApolloServerOptions } from "@apollo/server";
import {
  execute,
  getVariableValues,
  GraphQLError,
  OperationTypeNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { compileQuery, isCompiledQuery, type CompiledQuery } from "graphql-jit";
import type { Context } from "../context.js";

type Coerced = ReturnType<typeof getVariableValues>;

const coercions = new WeakMap<object, { readonly operation: OperationDefinitionNode; readonly coerced: Coerced }>();

/** The variables of a request as the operation takes them, by the specification's own implementation: once, whoever asks. */
export function coerce(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Coerced {
  const before = coercions.get(variables);
  if (before?.operation === operation) return before.coerced;
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  coercions.set(variables, { operation, coerced });
  return coerced;
}

type Gateway = NonNullable<ApolloServerOptions<Context>["gateway"]>;

/** An operation that was asked: null where it was once, and is compiled when it comes again; it may not compile. */
type Known = CompiledQuery | "interpreted" | null;

/** An error of compiled execution as the specification's own implementation makes them: with extensions, always. */
function asSpecified({ message, path, locations, originalError }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { path, originalError });
  return Object.defineProperty(error, "locations", { value: locations, enumerable: locations !== undefined });
}

/**
 * What executes operations, in the place that Apollo has for an executor. A query that comes again is compiled to
 * JavaScript (graphql-jit), and kept as long as Apollo keeps its document: compiling takes longer than validating, so
 * what is asked once, as by somebody who varies their documents, is not worth it. Mutations take their time elsewhere.
 */
export function compiledExecution(schema: GraphQLSchema): Gateway {
  const known = new WeakMap<OperationDefinitionNode, Known>();

  const compiled = (operation: OperationDefinitionNode, args: ExecutionArgs): CompiledQuery | null => {
    const found = known.get(operation);
    if (found === undefined) {
      known.set(operation, null);
      return null;
    }
    if (found !== null) return found === "interpreted" ? null : found;
    const made = compileQuery(schema, args.document, args.operationName ?? undefined);
    known.set(operation, isCompiledQuery(made) ? made : "interpreted");
    return isCompiledQuery(made) ? made : null;
  };

  const run = async (args: ExecutionArgs, operation: OperationDefinitionNode | undefined): Promise<ExecutionResult> => {
    if (operation?.operation !== OperationTypeNode.QUERY) return execute(args);
    const query = compiled(operation, args);
    if (query === null) return execute(args);
    // graphql-jit's own coercion knows no defaults within inputs, and its errors quote what was given: it is given what came out.
    const { coerced } = coerce(schema, operation, args.variableValues ?? {});
    if (coerced === undefined) return execute(args);
    const result = await query.query(undefined, args.contextValue, coerced);
    if (result.data === undefined) return execute(args); // It would not take them, and has asked for nothing.
    return result.errors === undefined ? result : { ...result, errors: result.errors.map(asSpecified) };
  };

  return {
    onSchemaLoadOrUpdate(callback) {
      callback({ apiSchema: schema, coreSupergraphSdl: "" });
      return () => undefined;
    },
    load: () =>
      Promise.resolve({
        executor: ({ document, context, request, operation }) =>
          run(
            {
              ...{ schema, document, contextValue: context },
              variableValues: request.variables ?? null,
              operationName: request.operationName ?? null,
            },
            operation,
          ),
      }),
    stop: () => Promise.resolve(),
  };
}
