import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { pino } from "pino";
import { startServer } from "../../src/server.js";
import { query as sql } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

const JSON_TYPE = { "content-type": "application/json" };
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const asOwner = (): Record<string, string> => ({ ...JSON_TYPE, ...bearer(acme.owner) });

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}
async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(server.url + path, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}
const post = (body: string, headers = asOwner()): Promise<Answer> => ask("/graphql", { method: "POST", headers, body });
const refusal = (code: string) => ({ errors: [{ message: expect.any(String) as unknown, extensions: { code } }] });
const TYPENAME = JSON.stringify({ query: "{ __typename }" });

describe("health", () => {
  test("is told without a token", async () => {
    expect(await ask("/livez")).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await ask("/readyz")).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test("is not ready while the database is away, alive all the same, and ready again by itself", async () => {
    const own = await startTestServer();
    const status = async (path: string): Promise<number> => (await fetch(own.url + path)).status;
    const name = new URL(own.database.ownerUrl).pathname.slice(1);
    const elsewhere = new URL(own.database.ownerUrl);
    elsewhere.pathname = "/postgres";
    const allow = (may: boolean): Promise<unknown> =>
      sql(elsewhere.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS ${String(may)}`, [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        [name],
      ]);
    try {
      expect(await status("/readyz")).toBe(200);
      await allow(false);
      expect(await status("/readyz")).toBe(503);
      expect(await status("/livez")).toBe(200);
      const { owner } = acme;
      expect(await own.ask(owner, "{ __typename }")).toMatchObject({
        status: 503,
        errors: [{ extensions: { code: "UNAVAILABLE" } }],
      });
      await allow(true);
      expect(await status("/readyz")).toBe(200);
    } finally {
      await allow(true);
      await own.close();
    }
  });
});

describe("a request without a viewer", () => {
  const faulty: readonly (readonly [name: string, headers: Record<string, string>])[] = [
    ["no token", {}],
    ["an unknown token", bearer(`cs_${"A".repeat(43)}`)],
    ["a token that is none", bearer("cs_short")],
    ["a token of another scheme", { authorization: "Basic dXNlcjpwYXNz" }],
    ["a JWT that is none", bearer("a.b.c")],
    ["an empty token", { authorization: "Bearer " }],
  ];
  test.each(faulty)("with %s is answered 401 in JSON, with the scheme to use", async (_, headers) => {
    const answer = await post(TYPENAME, { ...JSON_TYPE, ...headers });
    expect(answer).toMatchObject({ status: 401, body: refusal("UNAUTHENTICATED") });
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  test.each(["{", "[]", "null", '{"query": "{"}', ""])("is answered 401 before its body %j is read", async (body) => {
    expect((await post(body, JSON_TYPE)).status).toBe(401);
    expect((await post(body)).status).not.toBe(401);
  });

  test("is answered 401 however large or strange the body", async () => {
    expect((await post("x".repeat(1_000_000), JSON_TYPE).catch(() => ({ status: 401 }))).status).toBe(401);
    expect((await post("x", { "content-type": "text/plain" })).status).toBe(401);
    expect((await ask("/graphql?query={__typename}")).status).toBe(401);
  });

  test("is told in the media type of GraphQL where that is accepted", async () => {
    const type = "application/graphql-response+json";
    const answer = await post(TYPENAME, { ...JSON_TYPE, accept: type });
    expect(answer).toMatchObject({ status: 401, body: refusal("UNAUTHENTICATED") });
    expect(answer.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
  });
});

describe("a request from a page of another site", () => {
  // What a browser sends without asking first: simple methods with simple content types, and no header of its own.
  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "as a form in %s is refused",
    async (type) => {
      const answer = await post(TYPENAME, { ...bearer(acme.owner), "content-type": type });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.body).toEqual(refusal("INVALID_INPUT"));
    },
  );

  test("as a plain GET is refused, and served with a header that takes a preflight", async () => {
    const path = "/graphql?query={__typename}";
    const plain = await ask(path, { headers: bearer(acme.owner) });
    expect(plain).toMatchObject({ status: 400, body: refusal("INVALID_INPUT") });
    const preflighted = await ask(path, { headers: { ...bearer(acme.owner), "apollo-require-preflight": "1" } });
    expect(preflighted).toMatchObject({ status: 200, body: { data: { __typename: "Query" } } });
  });

  test("by GET changes nothing", async () => {
    const mutation = encodeURIComponent('mutation { unshare(input: {subjectId: "x"}) { deletedId } }');
    const headers = { ...bearer(acme.owner), "apollo-require-preflight": "1" };
    const answer = await ask(`/graphql?query=${mutation}`, { headers });
    expect(answer.body).toMatchObject(refusal("INVALID_INPUT"));
  });

  test("is not told that it may ask: there is no CORS", async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "OPTIONS",
      headers: { origin: "https://elsewhere.example", "access-control-request-method": "POST" },
    });
    expect(response.status).toBe(404);
    const posted = await post(TYPENAME, { ...asOwner(), origin: "https://elsewhere.example" });
    for (const headers of [response.headers, posted.headers]) {
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    }
  });
});

describe("a request that cannot be served", () => {
  test.each(["/", "/nothing", "/graphql/", "/graphql/more", "/explorer", "/admin", "/.env"])(
    "to %s is answered 404 in JSON",
    async (path) => {
      const answer = await ask(path);
      expect(answer).toMatchObject({ status: 404, body: refusal("NOT_FOUND") });
      expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    },
  );

  test("by TRACE is refused, and nothing of it is sent back", async () => {
    const secret = `Bearer ${acme.owner}`;
    const sent = request(`${server.url}/graphql`, { method: "TRACE", headers: { authorization: secret } }).end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    const text = await answer.setEncoding("utf8").reduce((all: string, part: string) => all + part, "");
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain(acme.owner);
  });

  test.each(["PUT", "PATCH", "DELETE"])("by %s is refused", async (method) => {
    const answer = await ask("/graphql", { method, headers: asOwner(), body: TYPENAME });
    expect(answer).toMatchObject({ status: 404, body: refusal("NOT_FOUND") });
  });

  test.each(["{", '{"query": ', "'", "undefined", '{"query": "{ __typename }"} x', ""])(
    "with the broken JSON %j is answered 400, without an echo",
    async (body) => {
      expect(await post(body)).toMatchObject({ status: 400, body: refusal("INVALID_INPUT") });
    },
  );

  test.each(["null", "1", '"{ __typename }"', "true", "{}", '{"query": 1}', '{"query": null}', '{"variables": {}}'])(
    "with the JSON %s, which is no request, is answered 400",
    async (body) => {
      expect(await post(body)).toMatchObject({ status: 400, body: refusal("INVALID_INPUT") });
    },
  );

  test("that is no HTTP is answered 400, and leaves nothing of it in the log", async () => {
    const lines: string[] = [];
    const destination = new Writable({
      write: (line: Buffer, _, done) => {
        lines.push(line.toString());
        done();
      },
    });
    const platform = { ...server.platform, log: pino({ level: "trace" }, destination) };
    const logged = await startServer(platform, { port: 0, host: "127.0.0.1", introspection: false });
    try {
      const secret = "a-secret-that-nobody-may-read";
      const { text } = await speak(logged.url, `POST /graphql HTTP/9.9\r\nAuthorization: ${secret}\r\n\r\n${secret}`);
      expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      const huge = await speak(
        logged.url,
        `POST /graphql HTTP/1.1\r\nHost: x\r\nX-Huge: ${secret.repeat(1_000)}\r\n\r\n`,
      );
      expect(huge.text).toMatch(/^HTTP\/1\.1 431 /);
      expect(text + huge.text + lines.join("")).not.toContain(secret);
    } finally {
      await logged.close();
    }
  });
});

describe("every answer of the graph", () => {
  test("names its request by an id of the server's, and is kept by nobody", async () => {
    const answers = await Promise.all([
      post(TYPENAME),
      post("{"),
      post(JSON.stringify({ query: "{ nothing }" })),
      post(TYPENAME, JSON_TYPE),
      post(TYPENAME, { ...asOwner(), "x-request-id": "mine" }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 200, 401, 200]);
    const ids = answers.map(({ headers }) => headers.get("x-request-id") ?? "");
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { headers } of answers) expect(headers.get("cache-control")).toBe("no-store");
  });

  test("tells nothing of what serves it", async () => {
    const { headers } = await post(TYPENAME);
    expect(headers.has("x-powered-by")).toBe(false);
    expect(headers.has("server")).toBe(false);
  });
});

/** Sends bytes as they are; gives what came back until the server closed. */
async function speak(url: string, bytes: string): Promise<{ text: string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined); // The server may close before all was sent.
  socket.write(bytes);
  await once(socket, "close");
  return { text: Buffer.concat(chunks).toString() };
}

describe("a server that closes", () => {
  test("answers the request that is in flight, takes no other, and ends", async () => {
    const closing = await startServer(server.platform, { port: 0, host: "127.0.0.1", introspection: false });
    // Held by a lock in the database until this test lets it go.
    const credential = await acme.credential(acme.organizationId, { name: "In flight" });
    const rename = `mutation { updateCredential(input: {credentialId: "${credential}", name: "Renamed"}) { credential { name } } }`;
    const held = await holdRow(server.database.ownerUrl, credential);
    const inFlight = fetch(`${closing.url}/graphql`, {
      method: "POST",
      headers: asOwner(),
      body: JSON.stringify({ query: rename }),
    });
    await held.isWaitedFor();
    let isClosed = false;
    const closed = closing.close().then(() => {
      isClosed = true;
    });
    await expect(refused(closing.url)).resolves.toBe(true);
    expect(isClosed).toBe(false);
    await held.release();
    const response = await inFlight;
    expect(await response.json()).toEqual({ data: { updateCredential: { credential: { name: "Renamed" } } } });
    await closed;
    expect(await refused(closing.url)).toBe(true);
  });
});

/** Whether a new connection is refused, or told that the server is closing. */
async function refused(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/livez`).catch(() => null);
  return answer === null || answer.status === 503;
}

/** Locks a key's row until released. */
async function holdRow(url: string, id: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT 1 FROM credentials WHERE id = $1 FOR UPDATE", [id]);
  return {
    /** Resolves once another connection waits for the row. */
    isWaitedFor: async () => {
      for (;;) {
        const { rowCount } = await client.query(
          "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))",
        );
        if (rowCount !== null && rowCount > 0) return;
      }
    },
    release: async () => {
      await client.query("COMMIT");
      await client.end();
    },
  };
}
