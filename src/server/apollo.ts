import { ApolloServer, type ApolloServerPlugin, type GraphQLRequestListener } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginInlineTraceDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import { GraphQLError, OperationTypeNode, type GraphQLSchema } from "graphql";
import type { Context, Platform } from "../context.js";
import { noteDenials } from "./audit.js";
import { compiledExecution } from "./execution.js";
import { logFaults, makeErrorFormatter, noteLimit } from "./error.js";
import type { OutageLog } from "./outage.js";
import type { RateLimits } from "./rate.js";
import type { RefusalLog } from "./refusal-log.js";
import { checkCost, limitsRule, TOKENS_MOST, VALIDATION_ERRORS_MOST } from "./limits.js";
import { checkVariables } from "./variables.js";

/** What a request is checked, counted and noted with. */
interface Around {
  readonly platform: Platform;
  readonly rates: RateLimits;
  readonly outages: OutageLog;
  readonly refusals: RefusalLog;
}

/** Apollo, with the limits on and everything off that is not needed. */
export function makeApollo(
  schema: GraphQLSchema,
  options: Around & { readonly introspection: boolean },
): ApolloServer<Context> {
  return new ApolloServer<Context>({
    gateway: compiledExecution(schema),
    introspection: options.introspection,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: true,
    stopOnTerminationSignals: false,
    parseOptions: { maxLexicalTokens: TOKENS_MOST },
    validationRules: [limitsRule],
    validationOptions: { maxErrors: VALIDATION_ERRORS_MOST },
    formatError: makeErrorFormatter(schema),
    stringifyResult: JSON.stringify,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      requestPlugin(options),
    ],
  });
}

type Listener = GraphQLRequestListener<Context>;
type Steps = Required<Pick<Listener, "didResolveOperation" | "willSendResponse" | "didEncounterErrors">>;
type Resolved = Parameters<Steps["didResolveOperation"]>[0];
type Answered = Parameters<Steps["willSendResponse"]>[0];

/** All that is done around a request, in one plugin and in order: Apollo waits for each plugin at each step. */
function requestPlugin({ platform, rates, outages, refusals }: Around): ApolloServerPlugin<Context> {
  const steps: Steps = {
    async didResolveOperation(request) {
      const counting = countCost(rates, request);
      if (counting !== undefined) await counting;
      if (request.operation?.operation === OperationTypeNode.MUTATION) await confirmChange(request.contextValue);
    },
    async willSendResponse(request) {
      request.contextValue.deadline.lift();
      shapeAnswer(request);
      await noteDenials(platform, request);
    },
    didEncounterErrors({ errors, contextValue }) {
      const { requestId, ipAddress, viewer } = contextValue;
      logFaults(errors, requestId, platform.log, outages);
      noteLimit(errors, { actorId: viewer.actorId, ipAddress, requestId }, refusals);
      return Promise.resolve();
    },
  };
  const started = Promise.resolve(steps); // It keeps nothing of a request.
  return {
    requestDidStart: () => started,
    unexpectedErrorProcessingRequest({ requestContext, error }) {
      const { requestId } = requestContext.contextValue;
      logFaults([new GraphQLError("", { originalError: error })], requestId, platform.log, outages);
      return Promise.resolve();
    },
  };
}

/** Refuses what is too costly, once the variables are known, and counts the rest. */
function countCost(
  rates: RateLimits,
  { schema, document, operation, request, contextValue }: Resolved,
): Promise<void> | undefined {
  // Where none has the name that was asked for, the execution that follows says so.
  if (operation === undefined) return undefined;
  const variables = request.variables ?? {};
  checkVariables(document, variables);
  const cost = checkCost(schema, document, operation, variables);
  // What is asked again, since something was not as it was taken for, is counted already.
  return contextValue.assumptions.mayTake ? rates.countCost(contextValue.viewer.actorId, cost) : undefined;
}

/** Queries end in time; mutations are carried through, once it is sure who asks, and take nothing for granted. */
async function confirmChange({ deadline, assumptions, confirmed }: Context): Promise<void> {
  deadline.lift();
  assumptions.end();
  await confirmed;
}

/** What GraphQL over HTTP asks of answers to faulty requests. */
function shapeAnswer({ request, response }: Answered): void {
  if (response.body.kind !== "single") return;
  const { singleResult } = response.body;
  const { errors } = singleResult;
  const tooComplex = errors?.find((error) => error.extensions?.["code"] === "TOO_COMPLEX");
  if (tooComplex !== undefined) singleResult.errors = [tooComplex];
  // Clients of plain application/json tell a GraphQL answer by its status 200, whatever is in it. What names no
  // document at all is no GraphQL request.
  const accepts = request.http?.headers.get("accept") ?? "";
  const isFaulty = Boolean(request.query) && singleResult.data === undefined && errors !== undefined;
  if (isFaulty && response.http.status === 400 && !accepts.includes("application/graphql-response+json")) {
    response.http.status = 200;
  }
}
