import type { PoolClient } from "pg";
import { ENTER_SCOPE } from "../../src/database/read-pool.js";
import { RoundTrip } from "../../src/database/round-trip.js";
import type { TestServer } from "./server.js";

/** What a server asks by itself, now and then: no answer to anybody. */
const BY_ITSELF = new Set(["intents_due"]);
/** What goes before all that is asked. */
const { name: BEFORE_ALL } = ENTER_SCOPE;

/** A prepared statement as a server sent it. */
export interface SentStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The name of a statement, in whichever form it was sent: that of the rows that are new, or of their mark. */
export const plainName = (name: string): string => name.replace(/_(?:if_new|mark)$/, "");

/** Hands over every prepared statement that a request sends on the connections of a pool, and sends it on as it is. */
export function watchStatements(
  pool: TestServer["platform"]["readPool"],
  sent: (statement: SentStatement) => void,
): void {
  const observed = new WeakSet<PoolClient>();
  const note = (statement: SentStatement): void => {
    if (!BY_ITSELF.has(statement.name) && statement.name !== BEFORE_ALL) sent(statement);
  };
  pool.on("acquire", (client) => {
    if (observed.has(client)) return;
    observed.add(client);
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [config] = args;
      if (config instanceof RoundTrip) {
        for (const { statement, values } of config.statements) note({ ...statement, values });
      } else if (typeof config === "object" && config !== null && "name" in config) {
        note(config as SentStatement);
      }
      return send(...args);
    }) as typeof client.query;
  });
}

/** Notes the plain name of every statement that a request sends on the connections of a pool. */
export function observeStatements(pool: TestServer["platform"]["readPool"], names: string[]): void {
  watchStatements(pool, ({ name }) => {
    names.push(plainName(name));
  });
}

/** How many round trips to the database something takes. */
export async function tripsOf({ platform }: TestServer, work: () => Promise<unknown>): Promise<number> {
  let trips = 0;
  const count = (): void => {
    trips += 1;
  };
  platform.readPool.on("acquire", count);
  await work();
  platform.readPool.off("acquire", count);
  return trips;
}
