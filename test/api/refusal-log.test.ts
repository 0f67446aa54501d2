import { Writable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { startServer, type RunningServer } from "../../src/server.js";
import { mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

interface Line {
  readonly msg: string;
  readonly requestId: string;
  readonly refusal?: { readonly code: string; readonly reason: string; readonly actorId?: string };
  readonly signIn?: { readonly actorId: string; readonly ipAddress: string };
}

let server: TestServer;
let acme: Story;
/** A second server on the same database, whose log these tests read. */
let logged: RunningServer;
let log: Line[] = [];

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  const stream = new Writable({
    write: (line: Buffer, _, done) => {
      log.push(JSON.parse(line.toString()) as Line);
      done();
    },
  });
  const platform = { ...server.platform, log: pino({ level: "info", base: null }, stream) };
  logged = await startServer(platform, {
    ...{ port: 0, host: "127.0.0.1", introspection: false, requestsPerMinute: 5, costPerMinute: 0 },
  });
});
beforeEach(() => {
  log = [];
});
afterAll(async () => {
  await logged.close();
  await server.close();
});

/** Asks with a header, or without one. */
async function ask(authorization: string | null, query = "{ viewer { __typename } }") {
  const response = await fetch(`${logged.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(authorization !== null && { authorization }) },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, requestId: response.headers.get("x-request-id"), text: await response.text() };
}

const reasons = () => log.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal.reason]));
const newToken = () => acme.token(acme.organizationId, ["SIGNING_VIEW"]);

describe("the log says of a request that nobody is known by", () => {
  const person = async (claims = {}, header = {}) =>
    `Bearer ${await server.issuer.token("jane@acme.example", claims, header)}`;
  const UNKNOWN = `cs_${"x".repeat(43)}`;
  const CASES: [reason: string, authorization: () => string | null | Promise<string>][] = [
    ["no token", () => null],
    ["what was presented is no token", () => "Basic YTpi"],
    ["what was presented is no token", () => `Bearer ${UNKNOWN}y`],
    ["access token cs_xxxx…: unknown, expired or revoked", () => `Bearer ${UNKNOWN}`],
    ["identity token: ERR_JWT_CLAIM_VALIDATION_FAILED (aud)", () => person({ aud: "another" })],
    ["identity token: ERR_JWT_CLAIM_VALIDATION_FAILED (email)", () => person({ email_verified: false })],
    ["identity token: ERR_JWT_CLAIM_VALIDATION_FAILED (typ)", () => person({}, { typ: "logout+jwt" })],
    ["identity token: ERR_JWT_EXPIRED", () => person({ exp: 1 })],
    ["identity token: ERR_JWKS_NO_MATCHING_KEY", () => person({}, { kid: "gone" })],
  ];

  test.each(CASES)("%s", async (reason, authorization) => {
    const header = await authorization();
    const { status, requestId, text } = await ask(header);
    expect(status).toBe(401);
    const ipAddress = "127.0.0.1";
    expect(log).toEqual([
      {
        ...{ level: 40, time: expect.any(Number), msg: "a request was refused", requestId },
        refusal: { code: "UNAUTHENTICATED", reason, ipAddress },
      },
    ]);
    expect(text).not.toContain(reason);
  });

  test("that its token is over, once it is, and nothing before", async () => {
    const { payload } = await mutate<{ accessToken: { id: string; preview: string }; secret: string }>(
      ...[server, acme.owner, "createAccessToken", "accessToken { id preview } secret"],
      { tenantId: acme.organizationId, name: "Short", permissions: ["SIGNING_VIEW"] },
    );
    const { id: accessTokenId, preview } = payload?.accessToken ?? {};
    expect((await ask(`Bearer ${payload?.secret}`)).status).toBe(200);
    expect(reasons()).toEqual([]);
    await mutate(server, acme.owner, "revokeAccessToken", "clientMutationId", { accessTokenId });
    expect((await ask(`Bearer ${payload?.secret}`)).status).toBe(401);
    expect(reasons()).toEqual([`access token ${preview}…: unknown, expired or revoked`]);
  });
});

describe("the log says of whoever is known", () => {
  test("that they signed in, when a process sees them first", async () => {
    for (const token of [await newToken(), await server.issuer.token("joe@acme.example")]) {
      log = [];
      const [first, second] = [await ask(`Bearer ${token}`), await ask(`Bearer ${token}`)];
      expect([first.status, second.status]).toEqual([200, 200]);
      const actorId: unknown = expect.stringMatching(/^(tok|usr)_/);
      expect(log).toEqual([
        expect.objectContaining({ signIn: { actorId, ipAddress: "127.0.0.1" }, requestId: first.requestId }),
      ]);
    }
  });

  test("that they asked for too much at once", async () => {
    const token = await newToken();
    const deep = `{ node(id: "x") { id } ${Array.from({ length: 16 }, (_, n) => `a${n}: node(id: "x") { id }`).join(" ")} }`;
    const { requestId } = await ask(`Bearer ${token}`, deep);
    await ask(`Bearer ${token}`, '{ node(id: "x") { id } }');
    expect(log.filter(({ refusal }) => refusal !== undefined)).toEqual([
      expect.objectContaining({
        requestId,
        refusal: expect.objectContaining({
          code: "TOO_COMPLEX",
          reason: "The operation has more than 15 aliases.",
          actorId: expect.stringMatching(/^tok_/),
        }),
      }),
    ]);
  });

  test("that their body was too large", async () => {
    const token = await newToken();
    const { status } = await ask(`Bearer ${token}`, `{ viewer { __typename } } # ${"x".repeat(3_000_000)}`);
    expect(status).toBe(413);
    expect(log.at(-1)?.refusal).toMatchObject({ code: "TOO_COMPLEX", actorId: expect.stringMatching(/^tok_/) });
  });

  test("that they asked too often", async () => {
    const token = await newToken();
    for (let n = 0; n < 5; n += 1) expect((await ask(`Bearer ${token}`)).status).toBe(200);
    expect(reasons()).toEqual([]);
    const { status, requestId } = await ask(`Bearer ${token}`);
    expect(status).toBe(429);
    expect(log.at(-1)).toMatchObject({
      requestId,
      refusal: { code: "RATE_LIMITED", actorId: expect.stringMatching(/^tok_/) },
    });
  });
});
