import { createRequire } from "node:module";
import type * as shield from "graphql-shield";
import type { GraphQLResolveInfo } from "graphql";
import type { Context } from "../context.js";

/** A rule, or several joined. */
export type AnyRule = shield.IRule | ReturnType<typeof shield.and>;

// graphql-shield 7.6.5 does not load as ESM on Node ≥ 23 (it imports a name that node:util has dropped); its CommonJS build does.
const loaded = createRequire(import.meta.url)("graphql-shield") as typeof shield;

/** All of the rules have to hold; the first that does not says why. */
export const { and } = loaded;

/** What a rule finds: true, or the error that says why not. */
export type Verdict = true | Error;

/** A rule: a predicate on what is asked. Its own cache stays off, since the loaders are one. */
export function rule<Parent = unknown, Args = unknown>(
  name: string,
  predicate: (parent: Parent, args: Args, ctx: Context, info: GraphQLResolveInfo) => Verdict | Promise<Verdict>,
): shield.IRule {
  return loaded.rule(name, { cache: "no_cache" })(predicate);
}
