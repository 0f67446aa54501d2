import { HeaderMap, type ApolloServer, type HTTPGraphQLResponse } from "@apollo/server";
import type { FastifyReply, FastifyRequest } from "fastify";
import { createContext, type Context, type Platform } from "../context.js";
import { CodedError } from "../errors.js";
import { Assumptions } from "../loaders/assumption.js";
import { assume, signIn, type Claim } from "../services/sign-in.js";
import { Deadline } from "./deadline.js";
import type { RateLimits } from "./rate.js";

/** What Apollo reads of a request: of the headers those alone that it decides by. */
const HEADERS_READ = ["content-type", "accept", "x-apollo-operation-name", "apollo-require-preflight"] as const;

/** What answers requests. */
interface Answering {
  readonly platform: Platform;
  readonly apollo: ApolloServer<Context>;
  readonly rates: RateLimits;
  /** Time for a query. */
  readonly deadlineMs: number;
}

/**
 * Asks the graph as whoever makes a claim; gives null where nobody does. Who that is, is taken from the last time, and
 * asked in the transaction of the request's own reads: when it is somebody else by now, what came out is thrown away,
 * and all is asked again. So it is with what they saw before, which is taken for granted once. Throws RATE_LIMITED.
 */
export function makeAsk({ platform, apollo, rates, deadlineMs }: Answering) {
  return async (request: FastifyRequest, claim: Claim): Promise<HTTPGraphQLResponse | null> => {
    for (let mayTake = true; ;) {
      const deadline = new Deadline(deadlineMs);
      try {
        const assumed = assume(platform, claim, deadline);
        if (assumed !== null) {
          const { viewer, reads, confirmed, name } = assumed;
          const assumptions = Assumptions.of(platform.seenRows, name, mayTake);
          reads.assume(assumptions);
          // What is asked again, since something was not as it was taken for, is counted already.
          const counting = mayTake ? rates.countRequest(viewer.actorId) : undefined;
          if (counting !== undefined) await counting;
          const context = createContext(platform, viewer, {
            ...{ requestId: request.id, ipAddress: request.ip, deadline, reads, confirmed, assumptions },
          });
          const answer = await execute(apollo, request, context);
          if (await holds(confirmed)) {
            if (await assumptions.hold()) return answer;
            mayTake = false;
          }
        } else if ((await signIn(platform, claim)) === null) return null;
      } finally {
        deadline.lift();
      }
    }
  };
}

/** Whether whoever asks is who they were taken for. Throws what kept that from being told. */
async function holds(confirmed: Promise<void>): Promise<boolean> {
  try {
    await confirmed;
    return true;
  } catch (error) {
    if (error instanceof CodedError && error.code === "UNAUTHENTICATED") return false;
    throw error;
  }
}

function execute(
  apollo: ApolloServer<Context>,
  request: FastifyRequest,
  context: Context,
): Promise<HTTPGraphQLResponse> {
  const headers = new HeaderMap();
  for (const name of HEADERS_READ) {
    const value = request.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  const { url, method, body } = request;
  const mark = url.indexOf("?");
  return apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers, body, search: mark < 0 ? "" : url.slice(mark) },
    context: () => Promise.resolve(context),
  });
}

/** Sends an answer of Apollo's. None comes in parts: the graph has neither `@defer` nor `@stream`. */
export function sendAnswer(reply: FastifyReply, { status = 200, headers, body }: HTTPGraphQLResponse): FastifyReply {
  if (body.kind === "chunked") throw new Error("An answer came in parts");
  void reply.code(status);
  for (const [name, value] of headers) void reply.header(name, value);
  return reply.send(body.string);
}
