import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

const README = readFileSync("README.md", "utf8");
const fence = (language: string): string =>
  new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "ms").exec(README)?.[1] ?? "";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

describe("the README", () => {
  test("asks what a sub-organization's token may ask, and shows exactly the answer", async () => {
    // In this order: the sandbox names its teams by it.
    const team = await acme.credential(acme.organizationId, { name: "App Store" });
    const enterprise = await acme.credential(acme.organizationId, { name: "In-house", program: "ENTERPRISE" });
    const web = await acme.subOrganization("Web");
    await acme.share(team);
    await acme.share(enterprise, { subOrganizationIds: [web], uses: ["VIEW", "SIGN"] });
    const token = await acme.token(web, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);

    const { text } = await server.ask(token, fence("graphql"), { web });
    expect(JSON.parse(text)).toEqual(JSON.parse(fence("json")));
  });

  test("has first steps that lead to a token with which the sub-organization sees the key", async () => {
    const globex = await seed(server, "Globex");
    const key = await server.sandbox.registerKey({ program: "app-store" });
    const ids: Record<string, string> = { org: globex.organizationId };
    let secret = "";

    const steps = [...README.matchAll(/^ask owner\.header <<JSON\n(.*?)\nJSON$/gms)].map(([, body = ""]) => body);
    expect(steps).toHaveLength(4);
    for (const step of steps) {
      const { query, variables } = JSON.parse(
        step
          .replaceAll("\\$", "$")
          .replace("$KEY", Buffer.from(key.privateKey).toString("base64"))
          .replace(/"keyId": "\w+"/, `"keyId": "${key.keyId}"`)
          .replace(/"issuerId": "[\w-]+"/, `"issuerId": "${key.issuerId}"`)
          .replaceAll(/"([a-z]+)_…"/g, (_, prefix: string) => `"${ids[prefix]}"`),
      ) as { query: string; variables: Record<string, unknown> };
      const { text } = await server.ask(globex.owner, query, variables);
      expect(text).toContain('"userErrors":[]');
      for (const [id, prefix = ""] of text.matchAll(/\b([a-z]{3,4})_[0-9a-z]{26}\b/g)) ids[prefix] = id;
      secret = /cs_[\w-]{43}/.exec(text)?.[0] ?? secret;
    }

    const { data, errors } = await server.ask<{ subOrganization: unknown }>(secret, fence("graphql"), {
      web: ids["sub"],
    });
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      subOrganization: { name: "Web", credentials: { edges: [{ tag: "ROOT", node: { name: "App Store" } }] } },
    });
  });
});
