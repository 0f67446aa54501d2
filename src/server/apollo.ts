import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import { ApolloServerPluginCacheControlDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginInlineTraceDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import { GraphQLError, OperationTypeNode, type GraphQLSchema } from "graphql";
import type { Logger } from "pino";
import type { Context, Platform } from "../context.js";
import { auditPlugin } from "./audit.js";
import { compiledExecution } from "./execution.js";
import { logFaults, makeErrorFormatter } from "./error.js";
import type { OutageLog } from "./outage.js";
import type { RateLimits } from "./rate.js";
import { checkCost, limitsRule, TOKENS_MOST, VALIDATION_ERRORS_MOST } from "./limits.js";

/** Apollo, with the limits on and everything off that is not needed. */
export function makeApollo(
  schema: GraphQLSchema,
  options: { introspection: boolean; platform: Platform; rates: RateLimits; outages: OutageLog },
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
      costPlugin(options.rates),
      deadlinePlugin,
      answerPlugin,
      auditPlugin(options.platform),
      faultPlugin(options.platform.log, options.outages),
    ],
  });
}

/** Refuses what is too costly, once the variables are known, and counts the rest. */
const costPlugin = (rates: RateLimits): ApolloServerPlugin<Context> => ({
  requestDidStart() {
    return Promise.resolve({
      async didResolveOperation({ schema, document, operation, request, contextValue }) {
        // Where none has the name that was asked for, the execution that follows says so.
        if (operation === undefined) return;
        const cost = checkCost(schema, document, operation, request.variables ?? {});
        await rates.countCost(contextValue.viewer.actorId, cost);
      },
    });
  },
});

/** Queries end in time; mutations are carried through, once it is sure who asks. */
const deadlinePlugin: ApolloServerPlugin<Context> = {
  requestDidStart({ contextValue }) {
    return Promise.resolve({
      async didResolveOperation({ operation }) {
        if (operation?.operation !== OperationTypeNode.MUTATION) return;
        contextValue.deadline.lift();
        await contextValue.confirmed;
      },
      willSendResponse() {
        contextValue.deadline.lift();
        return Promise.resolve();
      },
    });
  },
};

/** What GraphQL over HTTP asks of answers to faulty requests. */
const answerPlugin: ApolloServerPlugin<Context> = {
  requestDidStart() {
    return Promise.resolve({
      willSendResponse({ request, response }) {
        if (response.body.kind !== "single") return Promise.resolve();
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
        return Promise.resolve();
      },
    });
  },
};

/** Logs what goes wrong here and not at the client. */
const faultPlugin = (log: Logger, outages: OutageLog): ApolloServerPlugin<Context> => ({
  requestDidStart() {
    return Promise.resolve({
      didEncounterErrors({ errors, contextValue }) {
        logFaults(errors, contextValue.requestId, log, outages);
        return Promise.resolve();
      },
    });
  },
  unexpectedErrorProcessingRequest({ requestContext, error }) {
    logFaults([new GraphQLError("", { originalError: error })], requestContext.contextValue.requestId, log, outages);
    return Promise.resolve();
  },
});
