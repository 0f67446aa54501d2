import type { PoolClient } from "pg";
import type { TestServer } from "./server.js";

/** What a server asks by itself, now and then: no answer to anybody. */
const BY_ITSELF = new Set(["intents_due"]);

/** Notes the name of every statement that a request sends on the connections of a pool, and sends it on as it is. */
export function observeStatements(pool: TestServer["platform"]["readPool"], names: string[]): void {
  const observed = new WeakSet<PoolClient>();
  pool.on("acquire", (client) => {
    if (observed.has(client)) return;
    observed.add(client);
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [config] = args;
      const name = typeof config === "object" && config !== null && "name" in config ? String(config.name) : null;
      if (name !== null && !BY_ITSELF.has(name)) names.push(name);
      return send(...args);
    }) as typeof client.query;
  });
}
