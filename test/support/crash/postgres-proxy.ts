import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Told of each commit of a transaction that ran one of the statements, before it goes out and when it is done. True: nothing goes further. */
export type OnCommit = (statement: string, when: "before" | "after") => boolean;

/** A line between a server and PostgreSQL that can be cut around a commit. */
export interface PostgresProxy {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Stands between a server and PostgreSQL, and knows transactions by the prepared statements that ran in them. */
export async function startPostgresProxy(
  target: { readonly host: string; readonly port: number },
  statements: readonly string[],
  onCommit: OnCommit,
): Promise<PostgresProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(target);
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    let ran: string | null = null;
    let committing: string | null = null;
    let isCut = false;
    const cut = (): boolean => {
      isCut = true;
      return true;
    };
    const asked = frames(true, (type, body) => {
      if (type === "B") {
        const name = statementOf(body);
        if (statements.includes(name)) ran = name;
      }
      if (type !== "Q" || ran === null || !body.toString("utf8").startsWith("COMMIT")) return false;
      committing = ran;
      ran = null;
      return onCommit(committing, "before") ? cut() : false;
    });
    const answered = frames(false, (type, body) => {
      if (type !== "C" || committing === null || !body.toString("utf8").startsWith("COMMIT")) return false;
      const done = committing;
      committing = null;
      return onCommit(done, "after") ? cut() : false;
    });
    client.on("data", (chunk: Buffer) => {
      if (!isCut && !asked(chunk)) database.write(chunk);
    });
    database.on("data", (chunk: Buffer) => {
      if (!isCut && !answered(chunk)) client.write(chunk);
    });
    client.on("close", () => database.destroy());
    database.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Reads messages of PostgreSQL's protocol out of chunks. The first that a client sends has no type. True: `see` wants the line cut. */
function frames(isClient: boolean, see: (type: string, body: Buffer) => boolean): (chunk: Buffer) => boolean {
  let rest = Buffer.alloc(0);
  let isStart = isClient;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = isStart ? 0 : 1;
      if (rest.length < head + 4) return false;
      const length = rest.readUInt32BE(head);
      if (rest.length < head + length) return false;
      const type = isStart ? "" : rest.toString("latin1", 0, 1);
      const body = rest.subarray(head + 4, head + length);
      rest = rest.subarray(head + length);
      isStart = false;
      if (see(type, body)) return true;
    }
  };
}

/** The statement that a Bind message names: the second of two texts that end with a zero. */
function statementOf(body: Buffer): string {
  const portalEnd = body.indexOf(0);
  return body.toString("utf8", portalEnd + 1, body.indexOf(0, portalEnd + 1));
}
