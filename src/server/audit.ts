import type { GraphQLRequestContextWillSendResponse } from "@apollo/server";
import {
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLError,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
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
/** Of where something was denied. */
const FIELD_CHARACTERS = 200;

const DENIALS: ReadonlySet<string> = new Set(["FORBIDDEN", "SHARED_FROM_ROOT", "NOT_FOUND"]);

type Answered = GraphQLRequestContextWillSendResponse<Context>;

/** Notes what a known viewer was denied, and mutations that were refused or failed, before the answer goes out. */
export async function noteDenials(platform: Platform, request: Answered): Promise<void> {
  const { contextValue: ctx } = request;
  if (request.errors === undefined && ctx.refusals.every((list) => list.length === 0)) return;
  const entries = await entriesOf(request);
  if (entries.length === 0) return;
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
}

/** Something that did not go as it was asked for. */
interface Miss {
  readonly outcome: "DENIED" | "REFUSED" | "FAILED";
  readonly field: string;
  readonly code: string;
}

async function entriesOf(request: Answered): Promise<AuditEntry[]> {
  const { operation, contextValue: ctx } = request;
  // Whoever is not who they were taken for is asked again, as who they are; and so is what was not as it was taken for.
  const isSure = await ctx.confirmed.then(
    () => ctx.assumptions.hold(),
    () => false,
  );
  if (!isSure) return [];
  const isMutation = operation?.operation === OperationTypeNode.MUTATION;
  const names = operation === undefined ? new Map<string, string>() : fieldNames(operation, request.document);
  const thrown = (request.errors ?? []).flatMap((error): Miss[] => {
    const code = codeOf(error);
    const field = fieldOf(error, names);
    if (code === null || field === "") return [];
    if (DENIALS.has(code)) return [{ outcome: "DENIED", field, code }];
    return isMutation && code.startsWith("APPLE_") ? [{ outcome: "FAILED", field, code }] : [];
  });
  const misses = [...thrown, ...refusalsIn(request, names)].slice(0, ENTRIES_MOST);
  if (misses.length === 0) return [];
  const ids = idsIn(request.request.variables);
  const tenant = await tenantOf(ctx, ids);
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

/** The names of the fields of an operation by what the answer calls them: an alias would hide what was asked for. */
function fieldNames(operation: OperationDefinitionNode, document: DocumentNode | undefined): Map<string, string> {
  const names = new Map<string, string>();
  const add = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) names.set((selection.alias ?? selection.name).value, selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) add(selection.selectionSet);
      else {
        const spread = document?.definitions.find(
          (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === selection.name.value,
        );
        if (spread?.kind === Kind.FRAGMENT_DEFINITION) add(spread.selectionSet);
      }
    }
  };
  add(operation.selectionSet);
  return names;
}

/** Where an error stands: `organization.members`. */
function fieldOf({ path = [], nodes }: GraphQLError, names: ReadonlyMap<string, string>): string {
  const [top = "", ...below] = path.filter((part) => typeof part === "string");
  const [node] = nodes ?? [];
  const last = below.at(-1) !== undefined && node?.kind === Kind.FIELD ? node.name.value : below.at(-1);
  return [names.get(top) ?? top, ...below.slice(0, -1), ...(last === undefined ? [] : [last])]
    .join(".")
    .slice(0, FIELD_CHARACTERS);
}

/** Whether the client asked why or not. */
function refusalsIn({ response, contextValue: { refusals } }: Answered, names: ReadonlyMap<string, string>): Miss[] {
  const data = response.body.kind === "single" ? response.body.singleResult.data : null;
  // Mutations run one after another, up to the first that is denied.
  const fields = Object.keys(data ?? Object.fromEntries(names));
  return refusals.flatMap((list, index) => {
    const field = names.get(fields[index] ?? "") ?? "";
    return list.map(({ code }) => ({ outcome: "REFUSED", field, code }));
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

/** In whose log: of the first tenant that was named, or that owns what was, and in which the viewer stands; else of the first that the viewer stands in. */
async function tenantOf(ctx: Context, ids: readonly string[]): Promise<{ rootId: string; id: string } | null> {
  const { viewer } = ctx;
  for (const id of ids) {
    const owner = await ownerOf(ctx, id).catch(() => null); // That it cannot be told now is logged where it was asked for.
    if (owner !== null && viewer.standsIn(owner)) return owner;
  }
  const [grant] = viewer.grants;
  return grant === undefined ? null : { rootId: grant.rootId, id: grant.tenantId };
}

async function ownerOf({ loaders }: Context, id: string): Promise<{ rootId: string; id: string } | null> {
  switch (kindOf(id)) {
    case "organization":
    case "subOrganization": {
      const tenant = await loaders.tenant.load(id);
      return tenant && { rootId: tenant.rootId, id };
    }
    case "credential":
      return ownerIn(await loaders.credential.load(id));
    case "certificate":
      return ownerIn(await loaders.certificate.load(id));
    case "provisioningProfile":
      return ownerIn(await loaders.provisioningProfile.load(id));
    case "signingRequest":
      return ownerIn(await loaders.signingRequest.load(id));
    case "member":
      return tenantIn(await loaders.member.load(id));
    case "accessToken":
      return tenantIn(await loaders.accessToken.load(id));
    default:
      return null;
  }
}

const ownerIn = (row: { readonly rootId: string; readonly ownerId: string } | null) =>
  row && { rootId: row.rootId, id: row.ownerId };
const tenantIn = (row: { readonly rootId: string; readonly tenantId: string } | null) =>
  row && { rootId: row.rootId, id: row.tenantId };
