import type { PoolClient } from "pg";
import type { TestServer } from "./server.js";

/** What a server asks by itself, now and then: no answer to anybody. */
const BY_ITSELF = new Set(["intents_due"]);

/** A prepared statement as a server sent it. */
export interface SentStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Hands over every prepared statement that a request sends on the connections of a pool, and sends it on as it is. */
export function watchStatements(
  pool: TestServer["platform"]["readPool"],
  sent: (statement: SentStatement) => void,
): void {
  const observed = new WeakSet<PoolClient>();
  pool.on("acquire", (client) => {
    if (observed.has(client)) return;
    observed.add(client);
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [config] = args;
      if (typeof config === "object" && config !== null && "name" in config) {
        const statement = config as SentStatement;
        if (!BY_ITSELF.has(statement.name)) sent(statement);
      }
      return send(...args);
    }) as typeof client.query;
  });
}

/** Notes the name of every statement that a request sends on the connections of a pool. */
export function observeStatements(pool: TestServer["platform"]["readPool"], names: string[]): void {
  watchStatements(pool, ({ name }) => {
    names.push(name);
  });
}
