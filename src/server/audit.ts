import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from "@apollo/server";
import { OperationTypeNode, type GraphQLError } from "graphql";
import type { Context, Platform } from "../context.js";
import { inPreparedTransaction } from "../database/tenancy.js";
import { CodedError } from "../errors.js";
import { kindOf } from "../ids.js";
import { actorOf, recordAll, type AuditEntry } from "../services/audit.js";
import { originalOf } from "./error.js";

/** Entries that one request leaves at most: a list of a thousand denied things is one attempt. */
const ENTRIES_MOST = 20;
/** Ids of a request that an entry names. */
const IDS_NAMED = 5;

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
          await inPreparedTransaction(platform.readPool, ctx.viewer.scope, (unit) =>
            recordAll(
              unit,
              entries.map((entry) => ({ actor, entry })),
            ),
          );
        } catch (error) {
          const { name, code } = error as { name?: unknown; code?: unknown };
          platform.log.error({ fault: { type: name, code }, requestId: ctx.requestId }, "a denial was not noted");
        }
      },
    });
  },
});

function entriesOf(request: GraphQLRequestContextWillSendResponse<Context>): AuditEntry[] {
  const { contextValue: ctx, operation } = request;
  const ids = idsIn(request.request.variables);
  const tenant = tenantOf(ctx, ids);
  if (tenant === null) return [];
  const isMutation = operation?.operation === OperationTypeNode.MUTATION;
  const subject = ids[0] === undefined ? null : { id: ids[0], label: null };
  const entry = (outcome: "DENIED" | "REFUSED" | "FAILED", field: string, code: string): AuditEntry => ({
    ...{ tenant, outcome, subject },
    action: outcome === "DENIED" ? "access.denied" : `mutation.${outcome.toLowerCase()}`,
    details: { field, code, ids: ids.slice(0, IDS_NAMED) },
  });
  const thrown = (request.errors ?? []).flatMap((error) => {
    const code = codeOf(error);
    const field = (error.path ?? []).filter((part) => typeof part === "string").join(".");
    if (code === null || field === "") return [];
    if (DENIALS.has(code)) return [entry("DENIED", field, code)];
    return isMutation && code.startsWith("APPLE_") ? [entry("FAILED", field, code)] : [];
  });
  const refused = isMutation ? refusalsIn(request).map(({ field, code }) => entry("REFUSED", field, code)) : [];
  return [...thrown, ...refused].slice(0, ENTRIES_MOST);
}

function codeOf(error: GraphQLError): string | null {
  const original = originalOf(error);
  return original instanceof CodedError ? original.code : null;
}

function refusalsIn({ response }: GraphQLRequestContextWillSendResponse<Context>): { field: string; code: string }[] {
  const data = response.body.kind === "single" ? response.body.singleResult.data : null;
  return Object.entries(data ?? {}).flatMap(([field, payload]) => {
    const { userErrors } = (payload ?? {}) as { userErrors?: readonly { readonly code?: string }[] };
    return (userErrors ?? []).map(({ code }) => ({ field, code: code ?? "" }));
  });
}

/** The ids of ours in variables, wherever they stand. */
function idsIn(value: unknown, depth = 0): string[] {
  if (typeof value === "string") return kindOf(value) === null ? [] : [value];
  if (typeof value !== "object" || value === null || depth > 5) return [];
  return Object.values(value).flatMap((each) => idsIn(each, depth + 1));
}

/** In whose log: of the tenant that was named, where the viewer stands in it, else of the first that the viewer stands in. */
function tenantOf({ viewer }: Context, ids: readonly string[]): { rootId: string; id: string } | null {
  const grant = viewer.grants.find(({ tenantId }) => ids.includes(tenantId)) ?? viewer.grants[0];
  return grant === undefined ? null : { rootId: grant.rootId, id: grant.tenantId };
}
