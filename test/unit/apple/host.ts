import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { SigningKey } from "../../../src/apple/token.js";
import { Secret } from "../../../src/vault/secret.js";

const der = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" });

/** A key that nobody checks. */
export const keyOf = (credentialId: string, program: SigningKey["program"] = "APP_STORE"): SigningKey => ({
  credentialId,
  version: 1,
  program,
  keyType: "TEAM",
  keyId: "2X9R4HXF34",
  issuerId: "issuer",
  privateKey: () => Promise.resolve(Secret.of(Buffer.from(der))),
});

/** A request as it arrived. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** How a request is answered. */
export type Handler = (response: ServerResponse, asked: Asked) => void;

/** Answers with a status and a body: a text as it is, anything else as JSON. */
export const answerOf =
  (status: number, body: unknown = {}, headers: Record<string, string> = {}): Handler =>
  (response) =>
    void response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));

/** Cuts the connection before a byte of an answer. */
export const cut: Handler = (response) => void response.destroy();

/** An HTTP server that answers as it is told, and notes what it was asked. */
export async function listen() {
  const asked: Asked[] = [];
  const arrivals: (() => void)[] = [];
  let answers: Handler[] = [answerOf(200, { data: [] })];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const arrived = { method, url, headers, body: Buffer.concat(chunks).toString() };
      asked.push(arrived);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(response, arrived);
      for (const resolve of arrivals.splice(0)) resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    /** Answers in this order; the last one for good. */
    answerWith: (...handlers: Handler[]): void => {
      answers = handlers;
    },
    /** Tells of each connection. */
    onConnection: (listener: (socket: Socket) => void): void => {
      server.on("connection", listener);
    },
    /** Waits until so many requests have arrived. */
    until: async (count: number): Promise<void> => {
      while (asked.length < count) await new Promise<void>((resolve) => arrivals.push(resolve));
    },
    close: (): Promise<unknown> =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

export type Host = Awaited<ReturnType<typeof listen>>;

/** The address of a port at which nobody listens. */
export async function nobody(): Promise<string> {
  const host = await listen();
  await host.close();
  return host.url;
}
