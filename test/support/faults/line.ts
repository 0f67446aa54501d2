import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A line between servers and PostgreSQL that fails as a network, a machine or a PostgreSQL does. */
export interface Line {
  /** The URL of a database, by way of the line. */
  readonly through: (url: string) => string;
  /** Breaks connections that are open: all, or about that part of them. */
  readonly cut: (part?: number) => void;
  /** From now on nothing gets through and nothing is closed, until `thaw`: connections are taken, and are silent. */
  readonly freeze: () => void;
  /** All that was sent meanwhile gets through. */
  readonly thaw: () => void;
  /** Breaks all connections, and takes none until `take`. */
  readonly refuse: () => Promise<void>;
  readonly take: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Lays a line to the PostgreSQL that a URL names. */
export async function layLine(url: string): Promise<Line> {
  const target = { host: new URL(url).hostname, port: Number(new URL(url).port || 5432) };
  const pairs = new Set<readonly [Socket, Socket]>();
  let isFrozen = false;
  const join = (client: Socket): void => {
    const pair = [client, connect(target)] as const;
    const [, database] = pair;
    pairs.add(pair);
    for (const [from, to] of [pair, [database, client]] as const) {
      from.setNoDelay(true);
      from.on("data", (chunk) => to.write(chunk));
      from.on("error", () => undefined);
      from.on("close", () => {
        to.destroy();
        pairs.delete(pair);
      });
      if (isFrozen) from.pause();
    }
  };
  const cut = (part = 1): void => {
    for (const [client, database] of pairs) {
      if (Math.random() >= part) continue;
      client.resetAndDestroy();
      database.destroy();
    }
  };
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer(join);
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        resolve(server);
      });
    });
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const refuse = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      cut();
    });
  return {
    through: (to) => Object.assign(new URL(to), { hostname: "127.0.0.1", port: String(port) }).href,
    cut,
    freeze: () => {
      isFrozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw: () => {
      isFrozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    refuse,
    take: async () => {
      server = await listen(port);
    },
    close: refuse,
  };
}
