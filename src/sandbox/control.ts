import type { FastifyInstance } from "fastify";
import type { World } from "./api/call.js";
import { FAILURE_KINDS, type Plan } from "./failure.js";
import { configure, type Settings } from "./settings.js";
import type { KeyOptions } from "./team/key.js";

const KEY = {
  type: "object",
  required: ["program"],
  additionalProperties: false,
  properties: {
    program: { enum: ["app-store", "enterprise"] },
    keyType: { enum: ["team", "individual"] },
    role: { type: "string" },
    team: { type: "string" },
    contents: {
      type: "object",
      additionalProperties: { anyOf: [{ type: "integer", minimum: 0, maximum: 10_000 }, { type: "array" }] },
    },
  },
};

const PLAN = {
  type: "object",
  required: ["failure"],
  additionalProperties: false,
  properties: {
    match: { type: "object" },
    times: { anyOf: [{ type: "integer", minimum: 1 }, { const: "always" }] },
    failure: {
      type: "object",
      required: ["kind"],
      properties: { kind: { enum: FAILURE_KINDS }, delayMs: { type: "number" }, skewSeconds: { type: "number" } },
      allOf: [needs("slow", "delayMs"), needs("trickle", "delayMs"), needs("clock-skew", "skewSeconds")],
    },
  },
};

/** A kind of failure that is nothing without a property. */
function needs(kind: string, property: string) {
  return { if: { properties: { kind: { const: kind } } }, then: { required: [property] } };
}

/** Puts `/sandbox/…` on a listener: what other processes need to use the sandbox. Apple has nothing of it. */
export function addControl(app: FastifyInstance, world: World): void {
  app.post<{ Body: KeyOptions }>("/sandbox/keys", { schema: { body: KEY } }, (request, reply) => {
    try {
      return reply.code(201).send(world.keys.register(request.body));
    } catch (error) {
      return reply.code(400).send({ message: messageOf(error) });
    }
  });

  app.delete<{ Params: { keyId: string } }>("/sandbox/keys/:keyId", (request, reply) => {
    try {
      world.keys.revoke(request.params.keyId);
      return reply.code(204).send();
    } catch (error) {
      return reply.code(404).send({ message: messageOf(error) });
    }
  });

  app.get<{ Params: { teamId: string } }>("/sandbox/teams/:teamId", (request, reply) => {
    try {
      return reply.send(world.keys.team(request.params.teamId));
    } catch (error) {
      return reply.code(404).send({ message: messageOf(error) });
    }
  });

  app.get("/sandbox/settings", (_request, reply) => reply.send(world.settings));

  app.patch<{ Body: Partial<Settings> }>(
    "/sandbox/settings",
    { schema: { body: { type: "object" } } },
    (request, reply) => {
      try {
        configure(world.settings, request.body);
        return reply.send(world.settings);
      } catch (error) {
        return reply.code(400).send({ message: messageOf(error) });
      }
    },
  );

  app.post<{ Body: Plan }>("/sandbox/failures", { schema: { body: PLAN } }, (request, reply) => {
    world.failures.add(request.body);
    return reply.code(204).send();
  });

  app.delete("/sandbox/failures", (_request, reply) => {
    world.failures.clear();
    return reply.code(204).send();
  });

  app.get("/sandbox/journal", (_request, reply) => reply.send({ calls: world.journal.entries }));

  app.delete("/sandbox/journal", (_request, reply) => {
    world.journal.clear();
    return reply.code(204).send();
  });

  app.all("/sandbox/*", (_request, reply) => reply.code(404).send({ message: "The sandbox has no such thing." }));
}

function messageOf(error: unknown): string {
  if (error instanceof RangeError) return error.message;
  throw error;
}
