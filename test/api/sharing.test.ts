import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
});
afterAll(() => server.close());

describe("a key shared by the root", () => {
  test("is in a sub-organization's list with the tag ROOT", async () => {
    const key = await acme.credential(acme.organizationId);
    await acme.share(key, { subOrganizationIds: [web] });
    const partner = await acme.token(web, ["CREDENTIALS_VIEW"]);
    const answer = await server.ask(
      partner,
      `query ($id: ID!) { subOrganization(id: $id) { credentials { edges { tag node { id } } } } }`,
      { id: web },
    );
    expect(answer.data).toEqual({ subOrganization: { credentials: { edges: [{ tag: "ROOT", node: { id: key } }] } } });
  });
});
