import type { Ask } from "./server.js";

/** What a mutation came to. */
interface Outcome<Payload> {
  /** Null where it was denied. */
  readonly payload: Payload | null;
  /** Why it was refused, for the user to mend: `userErrors`. */
  readonly refused: { readonly code: string; readonly field: readonly string[] | null } | null;
  /** Why it was denied: the code in `errors[]`. */
  readonly denied: string | null;
  /** The whole body. */
  readonly text: string;
}

/** Runs a mutation with its one input; `selection` is what is asked of the payload beside its errors. */
export async function mutate<Payload>(
  server: { readonly ask: Ask },
  token: string,
  name: string,
  selection: string,
  input: Record<string, unknown>,
): Promise<Outcome<Payload>> {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
  const { data, errors, text } = await server.ask<Record<
    string,
    Payload & { userErrors: { code: string; field: string[] | null }[] }
  > | null>(
    token,
    `mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} userErrors { code field } } }`,
    {
      input,
    },
  );
  const payload = data?.[name] ?? null;
  return {
    payload,
    refused: payload?.userErrors[0] ?? null,
    denied: errors?.[0]?.extensions.code ?? null,
    text,
  };
}

/** The codes in `errors[]` of an answer. */
export function codesOf({ errors }: { readonly errors: readonly { extensions: { code: string } }[] | undefined }) {
  return (errors ?? []).map((error) => error.extensions.code);
}
