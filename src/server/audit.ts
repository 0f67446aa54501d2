import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from "@apollo/server";
import { OperationTypeNode, type GraphQLError } from "graphql";
import type { Context, Platform } from "../context.js";
import { inPreparedTransaction } from "../database/tenancy.js";
import { CodedError } from "../errors.js";
import { kindOf } from "../ids.js";
import { actorOf, record, type AuditEntry } from "../services/audit.js";
import { originalOf } from "./error.js";

/** Entries that one request leaves at most: a list of a thousand denied things is one attempt. */
const ENTRIES_MOST = 20;
/** Ids of a request that an entry names. */
const IDS_NAMED = 5;
const IDS_DEPTH = 4;

const DENIALS: ReadonlySet<string> = new Set(["FORBIDDEN", "SHARED_FROM_ROOT", "NOT_FOUND"]);

/** Notes what a known viewer was denied, and mutations that were refused or failed, before the answer goes out. */
export const auditPlugin = (platform: Platform): ApolloServerPlugin<Context> => ({
  requestDidStart() {
    return Promise.resolve({
      async willSendResponse(request) {
        const entries = entriesOf(request);
        if (entries.length === 0) return;
        const { contextValue: ctx } = request;
        const actor = actorOf(ctx);
        try {
          await inPreparedTransaction(platform.readPool, ctx.viewer.scope, (unit) => {
            for (const entry of entries) record(unit, actor, entry);
            return Promise.resolve();
          });
        } catch (error) {
          const { name, code } = error as { name?: unknown; code?: unknown };
          platform.log.error({ fault: { type: name, code }, requestId: ctx.requestId }, "a denial was not noted");
        }
      },
    });
  },
});

/** Something that did not go as it was asked for. */
interface Miss {
  readonly outcome: "DENIED" | "REFUSED" | "FAILED";
  readonly field: string;
  readonly code: string;
}

function entriesOf(request: GraphQLRequestContextWillSendResponse<Context>): AuditEntry[] {
  const isMutation = request.operation?.operation === OperationTypeNode.MUTATION;
  const thrown = (request.errors ?? []).flatMap((error): Miss[] => {
    const code = codeOf(error);
    const field = (error.path ?? []).filter((part) => typeof part === "string").join(".");
    if (code === null || field === "") return [];
    if (DENIALS.has(code)) return [{ outcome: "DENIED", field, code }];
    return isMutation && code.startsWith("APPLE_") ? [{ outcome: "FAILED", field, code }] : [];
  });
  const misses = [...thrown, ...(isMutation ? refusalsIn(request) : [])].slice(0, ENTRIES_MOST);
  if (misses.length === 0) return [];
  const ids = idsIn(request.request.variables);
  const tenant = tenantOf(request.contextValue, ids);
  if (tenant === null) return [];
  const subject = ids[0] === undefined ? null : { id: ids[0], label: null };
  return misses.map(({ outcome, field, code }) => ({
    ...{ tenant, outcome, subject },
    action: outcome === "DENIED" ? "access.denied" : `mutation.${outcome.toLowerCase()}`,
    details: { field, code, ids },
  }));
}

function codeOf(error: GraphQLError): string | null {
  const original = originalOf(error);
  return original instanceof CodedError ? original.code : null;
}

function refusalsIn({ response }: GraphQLRequestContextWillSendResponse<Context>): Miss[] {
  const data = response.body.kind === "single" ? response.body.singleResult.data : null;
  return Object.entries(data ?? {}).flatMap(([field, payload]) => {
    const { userErrors } = (payload ?? {}) as { userErrors?: readonly { readonly code?: string }[] };
    return (userErrors ?? []).map(({ code }) => ({ outcome: "REFUSED", field, code: code ?? "" }));
  });
}

/** The first ids of ours in variables, wherever they stand. */
function idsIn(variables: unknown): string[] {
  const ids = new Set<string>();
  const search = (value: unknown, depth: number): void => {
    if (ids.size >= IDS_NAMED || depth > IDS_DEPTH) return;
    if (typeof value === "string" && kindOf(value) !== null) ids.add(value);
    if (typeof value === "object" && value !== null) for (const each of Object.values(value)) search(each, depth + 1);
  };
  search(variables, 0);
  return [...ids];
}

/** In whose log: of the tenant that was named, where the viewer stands in it, else of the first that the viewer stands in. */
function tenantOf({ viewer }: Context, ids: readonly string[]): { rootId: string; id: string } | null {
  const grant = viewer.grants.find(({ tenantId }) => ids.includes(tenantId)) ?? viewer.grants[0];
  return grant === undefined ? null : { rootId: grant.rootId, id: grant.tenantId };
}
