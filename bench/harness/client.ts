import { agent, text } from "./load.js";
import { bearing, ofGraph } from "./servers.js";

/** Asks a server as the bearer of a token. */
export interface Client {
  /** The data of an answer. Throws where there are errors in it. */
  readonly ask: <Data>(query: string, variables: object, dispatcher?: typeof agent) => Promise<Data>;
  /** Has a mutation done, and gives its payload. Throws where it was refused. */
  readonly act: <Payload = unknown>(name: string, input: object, result?: string) => Promise<Payload>;
  /** Adds a key, and gives its id. */
  readonly addKey: (input: object) => Promise<string>;
}

/** A client of the server at an origin. */
export function clientOf(url: string, token: string): Client {
  const ask = async <Data>(query: string, variables: object, dispatcher = agent): Promise<Data> => {
    const answer = await text(ofGraph(url, query, variables, bearing(token)), dispatcher);
    const { data, errors } = JSON.parse(answer) as { data: Data; errors?: unknown };
    if (errors !== undefined) throw new Error(answer.slice(0, 500));
    return data;
  };
  const act = async <Payload = unknown>(name: string, input: object, result = "clientMutationId"): Promise<Payload> => {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${result} userErrors { code message } } }`;
    const data = await ask<Record<string, Payload & { readonly userErrors: readonly object[] }>>(query, { input });
    const payload = data[name];
    if (payload === undefined || payload.userErrors.length > 0)
      throw new Error(`${name} was refused: ${JSON.stringify(payload)}`);
    return payload;
  };
  const addKey = async (input: object): Promise<string> =>
    (await act<{ credential: { id: string } }>("createCredential", input, "credential { id }")).credential.id;
  return { ask, act, addKey };
}
