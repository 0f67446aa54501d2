import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startServer, type RunningServer } from "../../src/server.js";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const VIEWER = `{ viewer { tenants(first: 1) { nodes { id } } } }`;

let server: TestServer;
let replica: RunningServer;
let acme: Story;
beforeAll(async () => {
  server = await startTestServer({ RATE_REQUESTS_PER_MINUTE: "20", RATE_COST_PER_MINUTE: "2000" });
  replica = await startServer(server.platform, {
    ...{ port: 0, host: "127.0.0.1", introspection: false, requestsPerMinute: 20, costPerMinute: 2_000 },
  });
  acme = await seed(server);
});
afterAll(async () => {
  await replica.close();
  await server.close();
});

async function post(url: string, token: string, query: string) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  const code = errors?.[0]?.extensions.code ?? null;
  return { status: response.status, code, retryAfter: Number(response.headers.get("retry-after")) };
}

test("whoever asks too often within a minute is told to wait, in every process, and nobody else is", async () => {
  const [greedy, modest] = [
    await acme.token(acme.organizationId, ["SIGNING_VIEW"]),
    await acme.token(acme.organizationId, ["SIGNING_VIEW"]),
  ];
  const urls = Array.from({ length: 30 }, (_, n) => (n % 2 === 0 ? server.url : replica.url));
  const answers = await Promise.all(urls.map((url) => post(url, greedy, VIEWER)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused).toHaveLength(10);
  for (const { status, code, retryAfter } of refused) {
    expect({ status, code }).toEqual({ status: 429, code: "RATE_LIMITED" });
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
  }
  expect(await post(replica.url, modest, VIEWER)).toMatchObject({ status: 200, code: null });
});

test("what is asked for counts by what it may cost", async () => {
  const token = await acme.token(acme.organizationId, ["SIGNING_VIEW", "CREDENTIALS_VIEW"]);
  const costly = `{ organization(id: "${acme.organizationId}") { subOrganizations(first: 30) { nodes { credentials(first: 30) { nodes { id } } } } } }`;
  const codes: (string | null)[] = [];
  for (let n = 0; n < 4; n += 1) codes.push((await post(server.url, token, costly)).code);
  expect(codes).toEqual([null, null, "RATE_LIMITED", "RATE_LIMITED"]);
});

test("what has changed since it was last asked counts once, although it is asked for twice", async () => {
  const token = await acme.token(acme.organizationId, ["SIGNING_VIEW", "CREDENTIALS_VIEW"]);
  const answers = [];
  for (let n = 0; n < 21; n += 1) {
    const id = acme.organizationId;
    await query(server.database.ownerUrl, ["UPDATE tenants SET name = $2 WHERE id = $1", [id, `Acme ${n}`]]);
    answers.push((await post(server.url, token, `{ organization(id: "${id}") { name } }`)).code);
  }
  expect(answers).toEqual([...Array.from({ length: 20 }, () => null), "RATE_LIMITED"]);
});
