import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { holding, query } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

const KEY = `query ($id: ID!) { credential(id: $id) { name } }`;

/** Asks while something of a migration's keeps a table, until PostgreSQL takes the statement back, as it does after its time. */
async function takenBack<T>(table: string, ask: () => Promise<T>): Promise<T> {
  const { ownerUrl } = server.database;
  return holding(ownerUrl, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`, async () => {
    let isAnswered = false;
    const answer = ask().finally(() => (isAnswered = true));
    const waiting = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await eventually("an answer", async () => {
      await query(ownerUrl, waiting);
      return isAnswered;
    });
    return answer;
  });
}

test("a read that PostgreSQL takes back is told to be tried again, and is served then", async () => {
  const id = await acme.credential(acme.organizationId, { verify: false });
  const read = () => server.ask(acme.owner, KEY, { id });
  const { errors } = await takenBack("credentials", read);
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(["UNAVAILABLE"]);
  expect((await read()).errors).toBeUndefined();
});

test("and so is the question who asks", async () => {
  const token = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW"]); // Never seen here.
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const body = JSON.stringify({ query: "{ viewer { __typename } }" });
  const ask = () => fetch(`${server.url}/graphql`, { method: "POST", headers, body });
  const response = await takenBack("access_tokens", ask);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "UNAVAILABLE" } }] });
  expect((await ask()).status).toBe(200);
});

test("and so is a change, which is not half done", async () => {
  const input = { organizationId: acme.organizationId, name: "Web" };
  const create = () => mutate(server, acme.owner, "createSubOrganization", "subOrganization { name }", input);
  expect(await takenBack("audit_events", create)).toMatchObject({ payload: null, denied: "UNAVAILABLE" });
  expect(await create()).toMatchObject({ payload: { subOrganization: { name: "Web" } }, refused: null, denied: null });
});
