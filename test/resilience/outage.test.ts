import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { appleKey, makeOld, readList } from "../support/apple.js";
import { query } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { statusOf, untilReady } from "../support/faults/health.js";
import { layLine, type Line } from "../support/faults/line.js";
import { codesOf } from "../support/mutation.js";
import { startProcess, type ServerProcess } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../support/server.js";
import { haveTurn } from "../support/sync.js";

const READ = "{ viewer { tenants(first: 1) { nodes { id } } } }";
const CREATE = `mutation ($input: CreateSubOrganizationInput!) {
  createSubOrganization(input: $input) { subOrganization { id } userErrors { code } }
}`;

/** A server with PostgreSQL beside it, and one in a process of its own that has the line between them. */
let server: TestServer;
let line: Line;
let afar: ServerProcess;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  line = await layLine(server.database.serverUrl);
  const DATABASE_URL = line.through(server.database.serverUrl);
  afar = await startProcess(server, { DATABASE_URL, APPLE_SYNC_SECONDS: "60", LOG_LEVEL: "warn" });
});
afterEach(async () => {
  line.thaw();
  await line.take().catch(() => undefined);
  await untilReady(afar.url, reads);
});
afterAll(async () => {
  expect(await afar.end("SIGTERM")).toBe(0);
  await line.close();
  await server.close();
});

const reads = async (): Promise<boolean> => (await afar.ask(acme.owner, READ)).errors === undefined;

let count = 0;
/** Makes a sub-organization of a new name; gives the name, and whether that was acknowledged. */
async function write(ask: Ask): Promise<{ readonly name: string; readonly isDone: boolean; readonly codes: string[] }> {
  const name = `Sub ${(count += 1)}`;
  const answer = await ask<{ createSubOrganization: { subOrganization: { id: string } | null } | null } | null>(
    acme.owner,
    CREATE,
    { input: { organizationId: acme.organizationId, name } },
  );
  return { name, isDone: Boolean(answer.data?.createSubOrganization?.subOrganization), codes: codesOf(answer) };
}

async function namesKept(): Promise<ReadonlySet<string>> {
  const rows = await query<{ name: string }>(server.database.ownerUrl, "SELECT name FROM tenants");
  return new Set(rows.map(({ name }) => name));
}

describe("while connections to the database break", () => {
  test("what fails says UNAVAILABLE, what is acknowledged is kept, and the process goes on", async () => {
    let isOver = false;
    const writes: Awaited<ReturnType<typeof write>>[] = [];
    const codes: string[] = [];
    const writing = async (): Promise<void> => {
      while (!isOver) writes.push(await write(afar.ask));
    };
    const reading = async (): Promise<void> => {
      while (!isOver) codes.push(...codesOf(await afar.ask(acme.owner, READ)));
    };
    const load = [writing(), writing(), writing(), reading(), reading(), reading()];
    for (let cuts = 0; cuts < 25; cuts += 1) {
      // Something is done between two cuts.
      const before = writes.filter(({ isDone }) => isDone).length;
      while (writes.filter(({ isDone }) => isDone).length < before + 3) await write(server.ask);
      line.cut(cuts % 5 === 0 ? 1 : 0.3);
    }
    isOver = true;
    await Promise.all(load);

    const failed = new Set([...codes, ...writes.flatMap((each) => each.codes)]);
    expect([...failed]).toEqual(["UNAVAILABLE"]);
    const kept = await namesKept();
    const acknowledged = writes.filter(({ isDone }) => isDone);
    expect(acknowledged.length).toBeGreaterThan(50);
    expect(acknowledged.filter(({ name }) => !kept.has(name))).toEqual([]);
    expect(afar.isRunning()).toBe(true);
    await untilReady(afar.url, reads);
  });

  test("a change whose commit got no answer is not said to be undone, and the same beside it is acknowledged", async () => {
    line.loseCommitAfter('INSERT INTO "tenants"');
    const lost = await write(afar.ask);
    expect(lost).toMatchObject({ isDone: false, codes: ["UNAVAILABLE"] });
    const answered = await write(afar.ask);
    expect(answered).toMatchObject({ isDone: true, codes: [] });
    const kept = await namesKept();
    expect([lost, answered].map(({ name }) => kept.has(name))).toEqual([true, true]);
    const { errors } = await server.ask(acme.owner, READ);
    expect(errors).toBeUndefined();
  });
});

describe("while the database takes no connections", () => {
  test("the server is alive and not ready, answers 503 at once, and serves again within five seconds", async () => {
    await line.refuse();
    expect(await statusOf(afar.url, "/livez")).toBe(200);
    expect(await statusOf(afar.url, "/readyz")).toBe(503);
    const asked = (url: string): Promise<Response> =>
      fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${acme.owner}` },
        body: JSON.stringify({ query: READ }),
      });
    const refused = await asked(afar.url);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: "UNAVAILABLE" } }] });
    expect((await write(afar.ask)).codes).toEqual(["UNAVAILABLE"]);
    expect(afar.output()).toContain("requests fail: the database does not answer");

    expect(await statusOf(server.url, "/readyz")).toBe(200);
    expect((await asked(server.url)).status).toBe(200);

    await line.take();
    await untilReady(afar.url, reads);
    expect((await write(afar.ask)).isDone).toBe(true);
  });

  test("whoever was never seen is not told to be nobody", async () => {
    const token = await acme.token(acme.organizationId, ["AUDIT_VIEW"]);
    await line.refuse();
    expect(await afar.ask(token, READ)).toMatchObject({
      status: 503,
      errors: [{ extensions: { code: "UNAVAILABLE" } }],
    });
    await line.take();
    await untilReady(afar.url, reads);
    expect(await afar.ask(token, READ)).toMatchObject({ status: 200, errors: undefined });
  });

  test("jobs go on by themselves when it does again", async () => {
    const key = await appleKey(server, acme);
    await readList(afar.ask, acme.owner, key.id);
    await haveTurn(server, [key]);
    const before = key.calls().length;
    const said = afar.output().length;
    await line.refuse();
    // It looks for both once a second.
    await eventually("a look that failed", () => /left unfinished failed/.test(afar.output().slice(said)));
    await line.take();
    await makeOld(server, [key.id]);
    await haveTurn(server, [key]);
    expect(key.calls().length).toBeGreaterThan(before);
  });
});

describe("while the database is frozen", () => {
  test("the server is alive and not ready, and answers what was asked meanwhile when it thaws", async () => {
    line.freeze();
    const asked = [afar.ask(acme.owner, READ), write(afar.ask)] as const;
    expect(await statusOf(afar.url, "/readyz")).toBe(503);
    expect(await statusOf(afar.url, "/livez")).toBe(200);
    expect(await statusOf(server.url, "/readyz")).toBe(200);
    line.thaw();
    const [read, written] = await Promise.all(asked);
    expect(read.errors).toBeUndefined();
    expect(written.isDone).toBe(true);
    await untilReady(afar.url, reads);
  });

  test("many who ask for its health ask the database once", async () => {
    line.freeze();
    const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf(afar.url, "/readyz")));
    expect(new Set(statuses)).toEqual(new Set([503]));
    const probes = await query(
      server.database.ownerUrl,
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'countersign probe'",
    );
    expect(probes.length).toBeLessThanOrEqual(2); // One of each of the two servers, where they are connected.
    line.thaw();
    await untilReady(afar.url, reads);
  });
});
