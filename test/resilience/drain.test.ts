import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { eventually } from "../support/eventually.js";
import { statusOf } from "../support/faults/health.js";
import { startProcess, type ServerProcess } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const CLIENTS = 8;
const DRAIN_SECONDS = "2";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

/** What came of a load: what had no good answer, and how many answers closed their connections. */
interface Outcome {
  readonly answered: number;
  readonly failed: readonly string[];
  readonly closing: number;
}

/** Asks over connections that are kept, each anew as soon as it is answered, until no connection is to be had any more. */
async function load(url: string): Promise<Outcome> {
  const failed: string[] = [];
  let [answered, closing] = [0, 0];
  const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
  const body = JSON.stringify({ query: "{ viewer { tenants { nodes { id } } } }" });
  const headers = { "content-type": "application/json", authorization: `Bearer ${acme.owner}` };
  const client = async (): Promise<void> => {
    for (;;) {
      try {
        const answer = await request(`${url}/graphql`, { method: "POST", dispatcher: agent, headers, body });
        const { errors } = (await answer.body.json()) as { errors?: unknown };
        if (answer.statusCode !== 200 || errors !== undefined) failed.push(String(answer.statusCode));
        if (answer.headers["connection"] === "close") closing += 1;
        answered += 1;
      } catch (error) {
        // Nothing was sent: a client asks another server.
        if ((error as { code?: unknown }).code === "ECONNREFUSED") return;
        failed.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await agent.close();
  return { answered, failed, closing };
}

/** Puts a load on a server, and ends the server in the midst. */
async function endUnderLoad(running: ServerProcess, signal: "SIGTERM" | "SIGKILL") {
  let isAlive: number | null = null;
  const loaded = load(running.url);
  await eventually("a load", async () => (await statusOf(running.url, "/readyz")) === 200);
  const ended = running.end(signal);
  await eventually("an end of the readiness", async () => {
    const status = await statusOf(running.url, "/readyz").catch(() => 0);
    if (status === 503) isAlive = await statusOf(running.url, "/livez");
    return status !== 200;
  });
  return { outcome: await loaded, status: await ended, isAlive };
}

describe("a server that is told to end", () => {
  test("says so first, closes each connection with an answer, and leaves no request without one", async () => {
    const running = await startProcess(server, { DRAIN_SECONDS });
    const { outcome, status, isAlive } = await endUnderLoad(running, "SIGTERM");
    expect(status).toBe(0);
    expect(isAlive).toBe(200);
    expect(outcome.failed).toEqual([]);
    expect(outcome.answered).toBeGreaterThan(CLIENTS);
    expect(outcome.closing).toBe(CLIENTS);

    const killed = await endUnderLoad(await startProcess(server, { DRAIN_SECONDS }), "SIGKILL");
    expect(killed.status).toBe("SIGKILL");
    expect(killed.outcome.failed.length).toBeGreaterThan(0);
  });

  test("and is told so again ends at once", async () => {
    const running = await startProcess(server, { DRAIN_SECONDS: "300" });
    expect(await statusOf(running.url, "/readyz")).toBe(200);
    const ended = running.end("SIGTERM");
    await eventually("an announcement", async () => (await statusOf(running.url, "/readyz")) === 503);
    running.signal();
    expect(await ended).toBe("SIGTERM");
  });

  test("waits for nobody where nobody asks", async () => {
    const running = await startProcess(server, { DRAIN_SECONDS: "300" });
    expect(await running.end("SIGTERM")).toBe(0);
  });
});
