import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { STATEMENT_TIMEOUT_MS } from "../../src/database/availability.js";
import { startServer, type RunningServer } from "../../src/server.js";
import { seed, type Story } from "../support/seed.js";
import { asker, startTestServer, type Ask, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
/** A server that gives a query little time. */
let hasty: RunningServer;
let askHasty: Ask;

beforeAll(async () => {
  server = await startTestServer({ APPLE_DEADLINE_MS: "10000" });
  acme = await seed(server);
  const options = { port: 0, host: "127.0.0.1", introspection: false, queryDeadlineMs: 1_000 };
  hasty = await startServer(server.platform, options);
  askHasty = asker(hasty.url);
});
afterAll(async () => {
  await hasty.close();
  await server.close();
});

const DEVICES = `query ($id: ID!) { credential(id: $id) { name appStoreConnect { devices { nodes { udid } } } } }`;

describe("the time of a query", () => {
  test("is over while Apple is silent: it says so, what it had read is answered, and others are served", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    server.sandbox.failNext({ failure: { kind: "hang" }, times: "always" });
    try {
      const waiting = askHasty(acme.owner, DEVICES, { id });
      expect((await askHasty(acme.owner, "{ viewer { __typename } }")).errors).toBeUndefined();
      const { status, data, errors } = await waiting;
      expect([status, errors?.map(({ extensions }) => extensions.code)]).toEqual([200, ["TOO_COMPLEX"]]);
      expect(JSON.stringify(data)).not.toContain("udid");
    } finally {
      server.sandbox.clearFailures();
    }
    const other = await acme.credential(acme.organizationId, { verify: false });
    expect((await server.ask(acme.owner, DEVICES, { id: other })).errors).toBeUndefined();
  });

  test("does not bind a mutation, which is carried through", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    server.sandbox.failNext({ failure: { kind: "slow", delayMs: 1_500 }, times: 1 });
    const verify = `mutation ($id: ID!) { verifyCredential(input: {credentialId: $id}) { credential { health { status } } userErrors { code } } }`;
    const { data, errors } = await askHasty(acme.owner, verify, { id });
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ verifyCredential: { credential: { health: { status: "WORKING" } }, userErrors: [] } });
  });
});

test("a statement has its time in PostgreSQL, by whichever pool it goes", async () => {
  const { readPool, dataSource } = server.platform;
  const shown = [{ statement_timeout: `${STATEMENT_TIMEOUT_MS / 1000}s` }];
  expect((await readPool.query("SHOW statement_timeout")).rows).toEqual(shown);
  expect(await dataSource.query("SHOW statement_timeout")).toEqual(shown);
});
