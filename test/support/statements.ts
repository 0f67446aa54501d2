import type { PoolClient } from "pg";
import type { TestServer } from "./server.js";

/** Notes the name of every statement that goes out on the connections of a pool, and sends it on as it is. */
export function observeStatements(pool: TestServer["platform"]["readPool"], names: string[]): void {
  const observed = new WeakSet<PoolClient>();
  pool.on("acquire", (client) => {
    if (observed.has(client)) return;
    observed.add(client);
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [config] = args;
      if (typeof config === "object" && config !== null && "name" in config) names.push(String(config.name));
      return send(...args);
    }) as typeof client.query;
  });
}
