/** Left out when a request is compared with a scope. Source: Apple, "Generating Tokens for API Requests". */
const NOT_COMPARED = ["limit", "cursor", "sort"];

/** Whether the `scope` of a token lets a request through: one of its entries, such as `GET /v1/apps`, must match. */
export function isInScope(scope: unknown, method: string, url: URL): boolean {
  if (scope === undefined) return true;
  if (!Array.isArray(scope) || method !== "GET") return false;
  return scope.some((entry) => typeof entry === "string" && isMatch(entry, url));
}

function isMatch(entry: string, asked: URL): boolean {
  const [, target] = /^GET (\/\S*)$/.exec(entry) ?? [];
  if (target === undefined) return false;
  const allowed = new URL(target, asked);
  return allowed.pathname === asked.pathname && parameters(allowed) === parameters(asked);
}

function parameters({ searchParams }: URL): string {
  const compared = [...searchParams].filter(([name]) => !NOT_COMPARED.includes(name));
  return JSON.stringify(compared.map(([name, value]) => `${name}=${value}`).sort());
}
