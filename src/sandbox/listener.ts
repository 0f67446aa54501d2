import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { notJson } from "./api/answer.js";
import { take, type World } from "./api/call.js";
import type { Fate } from "./api/spoil.js";
import { addControl } from "./control.js";
import type { Program } from "./team/team.js";

/** How much of an answer comes at a time when it trickles. */
const TRICKLE_BYTES = 8;

/**
 * One of Apple's hosts. What is not `/sandbox/…` is a call of Apple's API, whatever its path and method. `closing` ends
 * every delay.
 */
export function createListener(serves: readonly Program[], world: World, closing: AbortSignal): FastifyInstance {
  const app = fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    ajv: { customOptions: { removeAdditional: false } },
  });
  addControl(app, world);
  void app.register((apple, _options, done) => {
    // What a body may be is Apple's to say, not Fastify's.
    apple.removeAllContentTypeParsers();
    apple.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, parsed) => {
      parsed(null, body);
    });
    apple.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
      // Fastify refuses a Content-Type that is none before anybody is asked.
      if (error.statusCode !== 415) throw error;
      return send({ answer: notJson().toAnswer(), delayMs: 0, pace: "whole" }, reply, world.clock(), closing);
    });
    apple.all("/*", async (request, reply) => {
      const url = new URL(request.url, `${request.protocol}://${request.host}`);
      const { authorization, "content-type": contentType } = request.headers;
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const fate = await take({ method: request.method, url, authorization, contentType, body, serves }, world);
      const delayMs = world.settings.pageDelayMs + (typeof fate === "object" ? fate.delayMs : 0);
      if (delayMs > 0) await delay(delayMs, undefined, { signal: closing });
      return send(fate, reply, world.clock(), closing);
    });
    done();
  });
  return app;
}

function send(fate: Fate, reply: FastifyReply, now: Date, closing: AbortSignal): FastifyReply {
  if (fate === "hang") return reply.hijack();
  if (fate === "drop") {
    reply.hijack().raw.destroy();
    return reply;
  }
  const { status, headers, body } = fate.answer;
  const type = status === 204 ? {} : { "content-type": "application/json" };
  const all = { ...type, date: now.toUTCString(), ...headers };
  // Bytes rather than a text: to that Fastify would add a charset, which Apple does not name.
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  if (fate.pace === "whole")
    return reply
      .code(status)
      .headers(all)
      .send(bytes.length === 0 ? undefined : bytes);

  // The length of the whole is promised, whatever comes of it.
  const { raw } = reply.hijack();
  raw.writeHead(status, { ...all, ...(status !== 204 && { "content-length": bytes.length }) });
  if (fate.pace === "cut") raw.write(bytes.subarray(0, bytes.length / 2), () => raw.destroy());
  else void trickle(raw, bytes, fate.pace.everyMs, closing);
  return reply;
}

/** Sends a few bytes at a time, until all are sent, the client has gone or the sandbox closes. */
async function trickle(raw: ServerResponse, bytes: Buffer, everyMs: number, closing: AbortSignal): Promise<void> {
  try {
    raw.flushHeaders();
    for (let sent = 0; sent < bytes.length && !raw.destroyed; sent += TRICKLE_BYTES) {
      raw.write(bytes.subarray(sent, sent + TRICKLE_BYTES));
      await delay(everyMs, undefined, { signal: closing });
    }
    raw.end();
  } catch {
    raw.destroy(); // The sandbox closes.
  }
}
