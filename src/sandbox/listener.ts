import { setTimeout as delay } from "node:timers/promises";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import { take, type World } from "./api/call.js";
import type { Fate } from "./api/spoil.js";
import { addControl } from "./control.js";
import type { Program } from "./team/team.js";

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
    apple.all("/*", async (request, reply) => {
      const url = new URL(request.url, `${request.protocol}://${request.host}`);
      const { authorization } = request.headers;
      const fate = await take({ method: request.method, url, authorization, serves }, world);
      const delayMs = world.settings.pageDelayMs + (typeof fate === "object" ? fate.delayMs : 0);
      if (delayMs > 0) await delay(delayMs, undefined, { signal: closing });
      return send(fate, reply, world.clock());
    });
    done();
  });
  return app;
}

function send(fate: Fate, reply: FastifyReply, now: Date): FastifyReply {
  if (fate === "hang") return reply.hijack();
  if (fate === "drop") {
    reply.hijack().raw.destroy();
    return reply;
  }
  const { status, headers, body } = fate.answer;
  const all = { "content-type": "application/json", date: now.toUTCString(), ...headers };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  // Bytes rather than a text: to that Fastify would add a charset, which Apple does not name.
  if (!fate.cut) return reply.code(status).headers(all).send(Buffer.from(text));

  // The length of the whole is promised, and half of it comes.
  const { raw } = reply.hijack();
  raw.writeHead(status, { ...all, "content-length": Buffer.byteLength(text) });
  raw.write(text.slice(0, text.length / 2), () => raw.destroy());
  return reply;
}
