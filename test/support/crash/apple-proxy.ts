import { createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** Told of each POST, when it has come and when Apple has answered. True: the caller hears nothing. */
export type OnPost = (path: string, when: "asked" | "answered") => boolean;

/** A line between a server and Apple that can be cut around a POST. */
export interface AppleProxy {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Stands between a server and the sandbox. */
export async function startAppleProxy(target: string, onPost: OnPost): Promise<AppleProxy> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await bodyOf(incoming);
      const path = incoming.url ?? "/";
      const isPost = incoming.method === "POST";
      if (isPost && onPost(path, "asked")) return void incoming.socket.destroy();
      const url = new URL(path, target);
      const headers = { ...incoming.headers, host: url.host };
      const upstream = request(url, { method: incoming.method, headers }, (answer) => {
        void bodyOf(answer).then((answered) => {
          if (isPost && onPost(path, "answered")) return void incoming.socket.destroy();
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          outgoing.end(answered);
        });
      });
      upstream.on("error", () => incoming.socket.destroy());
      upstream.end(body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
