import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { serverAudits, type AuditResult } from "graphql-http";
import { seed } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

/**
 * Audits that fail on purpose: plain GETs, which any page of the web could make a browser send. With a header that a
 * form cannot set they are served; `http.test.ts` asks so.
 */
const REFUSED_FOR_CSRF = [
  "5A70 MAY accept application/x-www-form-urlencoded formatted GET requests",
  "D6D5 MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json",
  "6A70 MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json",
];
const AUDITS = 61;

let server: TestServer;
let results: AuditResult[];

beforeAll(async () => {
  server = await startTestServer({ GRAPHQL_INTROSPECTION: "true" }); // Audits of variables ask for `__type`.
  const { owner } = await seed(server);
  const fetchFn = (url: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${owner}` } });
  results = [];
  for (const audit of serverAudits({ url: `${server.url}/graphql`, fetchFn })) results.push(await audit.fn());
});
afterAll(() => server.close());

const namesOf = (failed: readonly AuditResult[]): string[] => failed.map(({ id, name }) => `${id} ${name}`);

describe("GraphQL over HTTP", () => {
  test("passes the audits of the specification, but for three plain GETs", () => {
    expect(results).toHaveLength(AUDITS);
    expect(namesOf(results.filter(({ status }) => status !== "ok"))).toEqual(REFUSED_FOR_CSRF);
  });

  test("fails no audit that says MUST", () => {
    expect(namesOf(results.filter(({ status }) => status === "error"))).toEqual([]);
  });
});
