import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { tripsOf } from "../support/statements.js";

let server: TestServer;
let acme: Story;
let web: string;
let mobile: string;
/** A key of Web's, and one of Acme's that is shared with Web. */
let own: string;
let shared: string;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

let stories = 0;
beforeEach(async () => {
  acme = await seed(server, `Acme ${(stories += 1)}`);
  [web, mobile] = [await acme.subOrganization("Web"), await acme.subOrganization("Mobile")];
  own = await acme.credential(web, { verify: false, name: "Own" });
  shared = await acme.credential(acme.organizationId, { verify: false, name: "Shared" });
  await acme.share(shared, { subOrganizationIds: [web] });
});

const LISTS = `query ($id: ID!) { organization(id: $id) { subOrganizations(first: 5) { nodes {
  name credentials(first: 5) { edges { tag node { name owner { name } } } } } } } }`;

interface Lists {
  readonly organization: {
    readonly subOrganizations: {
      readonly nodes: readonly {
        readonly name: string;
        readonly credentials: {
          readonly edges: readonly {
            readonly tag: string | null;
            readonly node: { readonly name: string; readonly owner: { readonly name: string } };
          }[];
        };
      }[];
    };
  };
}

/** What the lists hold, a line each. */
async function lists(token = acme.owner): Promise<string[]> {
  const { data, errors } = await server.ask<Lists>(token, LISTS, { id: acme.organizationId });
  expect(errors).toBeUndefined();
  return data.organization.subOrganizations.nodes.map(({ name, credentials }) => {
    const keys = credentials.edges.map(({ tag, node }) => `${node.name} of ${node.owner.name} ${tag ?? "-"}`);
    return `${name}: ${keys.sort().join(", ")}`;
  });
}

/** As often as it takes for the lists to be taken for granted. */
async function steady(): Promise<string[]> {
  await lists();
  await lists();
  return lists();
}

const now = (statement: string, ...values: unknown[]) => query(server.database.ownerUrl, [statement, values]);

const before = () => ["Mobile: ", `Web: Own of Web -, Shared of ${nameOfAcme()} ROOT`];
const nameOfAcme = (): string => `Acme ${stories}`;
const sorted = async (): Promise<string[]> => (await lists()).sort();

describe("lists that stay as they are", () => {
  test("are read in one round trip, however deep they lie", async () => {
    const trips: number[] = [];
    for (let n = 0; n < 4; n += 1) trips.push(await tripsOf(server, lists));
    expect(trips[0]).toBeGreaterThan(1);
    expect(trips[3]).toBe(1);
  });

  test("are answered the same", async () => {
    expect((await steady()).sort()).toEqual(before());
  });

  test("are another's list for another: who sees less, gets less", async () => {
    await steady();
    const reader = await acme.token(mobile, ["CREDENTIALS_VIEW"]);
    const document = "query ($id: ID!) { subOrganization(id: $id) { credentials(first: 5) { nodes { name } } } }";
    for (let n = 0; n < 3; n += 1) {
      const { data } = await server.ask<{ subOrganization: { credentials: { nodes: unknown[] } } }>(reader, document, {
        id: mobile,
      });
      expect(data.subOrganization.credentials.nodes).toEqual([]);
      const { errors } = await server.ask(reader, document, { id: web });
      expect(errors?.map(({ extensions }) => extensions.code)).toEqual(["NOT_FOUND"]);
    }
  });
});

// As another process, or a hand, changes them: nobody tells this one.
describe("what changes in a list is in the very next answer", () => {
  test.each<[string, () => Promise<unknown>, () => string[]]>([
    [
      "a name",
      () => now("UPDATE credentials SET name = 'New' WHERE id = $1", own),
      () => ["Mobile: ", `Web: New of Web -, Shared of ${nameOfAcme()} ROOT`],
    ],
    [
      "the name of what is shared",
      () => now("UPDATE credentials SET name = 'New' WHERE id = $1", shared),
      () => ["Mobile: ", `Web: New of ${nameOfAcme()} ROOT, Own of Web -`],
    ],
    [
      "the name of a tenant",
      () => now("UPDATE tenants SET name = 'Apps', name_key = 'apps' WHERE id = $1", web),
      () => ["Apps: Own of Apps -, " + `Shared of ${nameOfAcme()} ROOT`, "Mobile: "],
    ],
    [
      "one less",
      () => now("DELETE FROM credentials WHERE id = $1", own),
      () => ["Mobile: ", `Web: Shared of ${nameOfAcme()} ROOT`],
    ],
    [
      "one more",
      () => acme.credential(mobile, { verify: false, name: "More" }),
      () => ["Mobile: More of Mobile -", `Web: Own of Web -, Shared of ${nameOfAcme()} ROOT`],
    ],
    [
      "a share that is gone",
      () => now("DELETE FROM shares WHERE credential_id = $1", shared),
      () => ["Mobile: ", "Web: Own of Web -"],
    ],
    [
      "a share that has ended",
      () => now("UPDATE shares SET expires_at = now() - interval '1 second' WHERE credential_id = $1", shared),
      () => ["Mobile: ", "Web: Own of Web -"],
    ],
    [
      "a share that reaches all",
      () => now("UPDATE shares SET with_all = true WHERE credential_id = $1", shared),
      () => [`Mobile: Shared of ${nameOfAcme()} ROOT`, `Web: Own of Web -, Shared of ${nameOfAcme()} ROOT`],
    ],
    ["a sub-organization more", () => acme.subOrganization("Another"), () => ["Another: ", ...before()]],
  ])("%s", async (_, change, after) => {
    expect((await steady()).sort()).toEqual(before());
    await change();
    expect(await sorted()).toEqual(after());
    // And is no less so when it has become steady.
    expect((await steady()).sort()).toEqual(after());
  });

  test("and back again", async () => {
    await steady();
    await now("UPDATE credentials SET name = 'New' WHERE id = $1", own);
    await now("UPDATE credentials SET name = 'Own' WHERE id = $1", own);
    expect(await sorted()).toEqual(before());
  });
});
