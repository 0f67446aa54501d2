import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A line between servers and PostgreSQL that fails as a network, a machine or a PostgreSQL does. */
export interface Line {
  /** The URL of a database, by way of the line. */
  readonly through: (url: string) => string;
  /** Breaks connections that are open: all, or about that part of them. */
  readonly cut: (part?: number) => void;
  /** Lets the next transaction in which such a text was sent be committed, and breaks its connection before the answer. */
  readonly loseCommitAfter: (text: string) => void;
  /** From now on nothing gets through and nothing is closed, until `thaw`: connections are taken, and are silent. */
  readonly freeze: () => void;
  /** All that was sent meanwhile gets through. */
  readonly thaw: () => void;
  /** Nothing gets through connections that are open, ever, and none is closed: those that come after are as good as new. */
  readonly strand: () => void;
  /** Breaks all connections, and takes none until `take`. */
  readonly refuse: () => Promise<void>;
  readonly take: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Lays a line to the PostgreSQL that a URL names. */
export async function layLine(url: string): Promise<Line> {
  const target = { host: new URL(url).hostname, port: Number(new URL(url).port || 5432) };
  const pairs = new Set<readonly [Socket, Socket]>();
  const stranded = new WeakSet<readonly [Socket, Socket]>();
  let isFrozen = false;
  let lost: string | null = null;
  const join = (client: Socket): void => {
    const pair = [client, connect(target)] as const;
    const [, database] = pair;
    pairs.add(pair);
    let isSent = false;
    client.on("data", (chunk) => {
      isSent ||= lost !== null && chunk.includes(lost);
      if (!isSent || !chunk.includes("COMMIT")) return;
      isSent = false;
      lost = null;
      database.removeAllListeners("data").once("data", () => client.resetAndDestroy());
    });
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
    loseCommitAfter: (text) => {
      lost = text;
    },
    freeze: () => {
      isFrozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw: () => {
      isFrozen = false;
      for (const pair of pairs) if (!stranded.has(pair)) for (const socket of pair) socket.resume();
    },
    strand: () => {
      for (const pair of pairs) {
        stranded.add(pair);
        for (const socket of pair) socket.pause();
      }
    },
    refuse,
    take: async () => {
      server = await listen(port);
    },
    close: refuse,
  };
}
