import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { statusOf, untilReady } from "../support/faults/health.js";
import { layLine, type Line } from "../support/faults/line.js";
import { codesOf, mutate } from "../support/mutation.js";
import { startProcess, type ServerProcess } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const READ = "{ viewer { tenants(first: 1) { nodes { id } } } }";

let server: TestServer;
let line: Line;
let afar: ServerProcess;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  line = await layLine(server.database.serverUrl);
  afar = await startProcess(server, { DATABASE_URL: line.through(server.database.serverUrl) });
});
afterAll(async () => {
  expect(await afar.end("SIGTERM")).toBe(0);
  await line.close();
  await server.close();
});

const change = (input: object) =>
  mutate(afar, acme.owner, "createSubOrganization", "clientMutationId", {
    organizationId: acme.organizationId,
    ...input,
  });

test("connections that lead nowhere, as after a failover, are given up, and what comes after goes over others", async () => {
  expect((await change({ name: "Before" })).denied).toBeNull();
  await Promise.all(Array.from({ length: 5 }, () => afar.ask(acme.owner, READ)));
  line.strand();
  const asked = Array.from({ length: 5 }, () => afar.ask(acme.owner, READ));
  const changed = change({ name: "Meanwhile" });
  expect(await statusOf(afar.url, "/livez")).toBe(200);
  expect(codesOf(await server.ask(acme.owner, READ))).toEqual([]);

  const codes = new Set((await Promise.all(asked)).flatMap(codesOf));
  expect([...codes]).toEqual(["UNAVAILABLE"]);
  expect((await changed).denied).toBe("UNAVAILABLE");
  await untilReady(afar.url, async () => codesOf(await afar.ask(acme.owner, READ)).length === 0);
  expect((await change({ name: "After" })).denied).toBeNull();
});
