import type { FastifyInstance } from "fastify";
import type { DatabaseProbe } from "../database/probe.js";
import type { Ending } from "./ending.js";

/**
 * Serves health: `/livez` answers as long as the process can answer anything, and `/readyz` says whether requests are to
 * be sent here. Neither takes a connection that requests wait for.
 */
export function serveHealth(app: FastifyInstance, probe: DatabaseProbe, ending: Ending): void {
  app.get("/livez", () => ({ status: "ok" }));
  app.get("/readyz", async (_, reply) => {
    if (ending.isEnding) return reply.code(503).send({ status: "ending" });
    return (await probe.answers()) ? { status: "ok" } : reply.code(503).send({ status: "unavailable" });
  });
}
