import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildSchema, getNamedType, graphql, isObjectType, type GraphQLSchema } from "graphql";
import type { Context } from "../src/context.js";
import { Denial } from "../src/errors.js";
import { guard, Unguarded, type RuleTree } from "../src/rules/guard.js";
import { rules } from "../src/rules/index.js";
import { and, rule } from "../src/rules/shield.js";
import { makeSchema } from "../src/schema.js";
import { makeErrorFormatter } from "../src/server/error.js";
import { ASKS } from "./rules/asks.js";
import { ROLES, TABLE_LINES, TAKES, type Line } from "./rules/table.js";
import { makeWorld, PERMISSIONS_OF_ROLE, type Actor, type World } from "./rules/world.js";
import { query } from "./support/database.js";
import type { Permission } from "./support/operations.js";
import { startTestServer, type Answer } from "./support/server.js";

/** Cells of the table that are asked at the same time. */
const CELLS_AT_ONCE = 8;

let world: World;

beforeAll(async () => {
  world = await makeWorld(await startTestServer());
});
afterAll(() => world.server.close());

type Data = Record<string, { userErrors?: { code: string }[] } | null> | null;

function ask(field: string, id: string, actor: Actor): Promise<Answer<Data>> {
  const asked = ASKS[field];
  if (asked === undefined) throw new Error(`Nothing says how to ask ${field}`);
  return world.server.ask<Data>(actor.token, asked.document, asked.variables(id, world, actor));
}

/** What an answer comes to. Anything that the table has no word for is itself, so that the difference shows it. */
function outcomeOf({ status, errors, data }: Answer<Data>): string {
  const codes = [...new Set(errors?.map((error) => error.extensions.code))];
  if (status !== (codes[0] === "UNAUTHENTICATED" ? 401 : 200)) return `status ${status} ${codes.join()}`;
  if (codes.length > 0) return codes.join();
  if (data === null) return "no data";
  return Object.values(data).some((payload) => (payload?.userErrors ?? []).length > 0) ? "REFUSED" : "ALLOWED";
}

async function cell({ field, on }: Line, actor: Actor): Promise<string> {
  return outcomeOf(await ask(field, await world.target(on, actor), actor));
}

async function outcomesOf(line: Line): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  const waiting = [...world.actors];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      outcomes[next[0]] = await cell(line, next[1]);
    }
  };
  await Promise.all(Array.from({ length: CELLS_AT_ONCE }, work));
  return outcomes;
}

describe("who may do what", () => {
  test.each(TABLE_LINES.map((line) => [line.field, line.on, line] as const))(
    "%s on %s answers everybody as the table says",
    async (_, __, line) => {
      expect(await outcomesOf(line)).toEqual(line.expected);
    },
  );

  test("the table has a line for every query, every mutation, and every field of a thing that leads further", async () => {
    const covered = new Set(TABLE_LINES.map((line) => line.field.split(" ")[0]));
    expect(sensitiveFieldsOf(await makeSchema()).filter((field) => !covered.has(field))).toEqual([]);
  });
});

/** Found here in another way than the guard finds them: by the names of the types. */
function sensitiveFieldsOf(schema: GraphQLSchema): string[] {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  const fieldsOf = (name: string) => Object.values(types.find((type) => type.name === name)?.getFields() ?? {});
  const operations = ["Query", "Mutation"].flatMap((name) => fieldsOf(name).map((field) => `${name}.${field.name}`));
  const things = types.filter((type) => "id" in type.getFields());
  const leading = things.flatMap((type) => {
    const shared = new Set(
      type.getInterfaces().flatMap((face) => (face.name === "Tenant" ? Object.keys(face.getFields()) : [])),
    );
    return Object.values(type.getFields())
      .filter((field) => field.args.length > 0 || getNamedType(field.type).name.endsWith("Connection"))
      .map((field) => `${shared.has(field.name) ? "Tenant" : type.name}.${field.name}`);
  });
  return [...operations, ...new Set(leading)];
}

describe("the permissions of the roles", () => {
  const IN_THE_ROOT = {
    OWNER:
      "AUDIT_VIEW CREDENTIALS_MANAGE CREDENTIALS_SHARE CREDENTIALS_VIEW MEMBERS_MANAGE PUBLISH_MANAGE PUBLISH_VIEW SIGNING_DOWNLOAD SIGNING_MANAGE SIGNING_REVOKE SIGNING_VIEW TENANT_MANAGE TOKENS_MANAGE",
    MANAGER:
      "AUDIT_VIEW CREDENTIALS_MANAGE CREDENTIALS_SHARE CREDENTIALS_VIEW MEMBERS_MANAGE PUBLISH_MANAGE PUBLISH_VIEW SIGNING_DOWNLOAD SIGNING_MANAGE SIGNING_REVOKE SIGNING_VIEW TENANT_MANAGE TOKENS_MANAGE",
    OPERATOR: "CREDENTIALS_VIEW PUBLISH_MANAGE PUBLISH_VIEW SIGNING_DOWNLOAD SIGNING_MANAGE SIGNING_VIEW",
    VIEWER: "CREDENTIALS_VIEW PUBLISH_VIEW SIGNING_VIEW",
  };
  const IN_A_SUB_ORGANIZATION = {
    OWNER:
      "AUDIT_VIEW CREDENTIALS_MANAGE CREDENTIALS_VIEW MEMBERS_MANAGE PUBLISH_MANAGE PUBLISH_VIEW SIGNING_DOWNLOAD SIGNING_MANAGE SIGNING_REVOKE SIGNING_VIEW TENANT_MANAGE TOKENS_MANAGE",
    MANAGER:
      "AUDIT_VIEW CREDENTIALS_MANAGE CREDENTIALS_VIEW MEMBERS_MANAGE PUBLISH_MANAGE PUBLISH_VIEW SIGNING_DOWNLOAD SIGNING_MANAGE SIGNING_REVOKE SIGNING_VIEW TENANT_MANAGE TOKENS_MANAGE",
    OPERATOR: "CREDENTIALS_VIEW PUBLISH_MANAGE PUBLISH_VIEW SIGNING_DOWNLOAD SIGNING_MANAGE SIGNING_VIEW",
    VIEWER: "CREDENTIALS_VIEW PUBLISH_VIEW SIGNING_VIEW",
  };
  const permissionsIn = async (actor: string, tenantId: string): Promise<string> => {
    const { data } = await world.server.ask<{ node: { viewerPermissions: string[] } }>(
      world.actors.get(actor)?.token ?? null,
      `query ($id: ID!) { node(id: $id) { ... on Tenant { viewerPermissions } } }`,
      { id: tenantId },
    );
    return data.node.viewerPermissions.join(" ");
  };

  test.each(ROLES)("%s of the root holds its permissions there and in every sub-organization", async (role) => {
    for (const who of [`${role} of the root`, `${role} token of the root`]) {
      expect(await permissionsIn(who, world.acme.organizationId)).toBe(IN_THE_ROOT[role]);
      expect(await permissionsIn(who, world.web)).toBe(IN_A_SUB_ORGANIZATION[role]);
      expect(await permissionsIn(who, world.ios)).toBe(IN_A_SUB_ORGANIZATION[role]);
    }
  });

  test.each(ROLES)("%s of a sub-organization holds its permissions there, and none in the root", async (role) => {
    for (const who of [`${role} of Web`, `${role} token of Web`]) {
      expect(await permissionsIn(who, world.web)).toBe(IN_A_SUB_ORGANIZATION[role]);
      expect(await permissionsIn(who, world.acme.organizationId)).toBe("");
    }
  });
});

describe("the permission that a field takes", () => {
  test.each(TAKES.map(([field, on, ...permissions]) => [field, on, permissions] as const))(
    "%s on %s takes %j, and nothing but that",
    async (field, on, permissions) => {
      const root = world.acme.organizationId;
      const asWith = async (held: readonly Permission[]) => {
        const { id, secret } = await world.newToken(root, held);
        return cell({ field, on, expected: {} }, { token: secret, id, key: world.keyForAll });
      };
      expect(await asWith(permissions)).toBe("ALLOWED");
      for (const missing of permissions) {
        const others = PERMISSIONS_OF_ROLE.OWNER.filter((permission) => permission !== missing);
        expect([missing, await asWith(others)]).toEqual([missing, "FORBIDDEN"]);
      }
    },
  );

  test("Organization.expiring (each of them) takes SIGNING_VIEW or TOKENS_MANAGE", async () => {
    const root = world.acme.organizationId;
    const asWith = async (held: readonly Permission[]) => {
      const { id, secret } = await world.newToken(root, held);
      const line = { field: "Organization.expiring", on: "the root", expected: {} };
      return cell(line, { token: secret, id, key: world.keyForAll });
    };
    const either: readonly Permission[] = ["SIGNING_VIEW", "TOKENS_MANAGE"];
    for (const one of either) expect(await asWith([one])).toBe("ALLOWED");
    const others = PERMISSIONS_OF_ROLE.OWNER.filter((permission) => !either.includes(permission));
    expect(await asWith(others)).toBe("FORBIDDEN");
  });

  test("what Apple holds takes SIGNING_VIEW besides the key itself", async () => {
    const both = await world.newToken(world.web, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
    const one = await world.newToken(world.web, ["CREDENTIALS_VIEW"]);
    for (const selection of ["Credential.appStoreConnect", "Credential.appStoreConnect (nothing of it)"]) {
      const line = { field: selection, on: "Web's own key", expected: {} };
      expect(await cell(line, { token: both.secret, id: both.id, key: world.keyForAll })).toBe("ALLOWED");
      expect(await cell(line, { token: one.secret, id: one.id, key: world.keyForAll })).toBe("FORBIDDEN");
    }
  });

  test("what changed at Apple takes SIGNING_VIEW: without it there is no such thing", async () => {
    const both = await world.newToken(world.web, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
    const one = await world.newToken(world.web, ["CREDENTIALS_VIEW"]);
    const line = { field: "Query.node", on: "a change seen by Web's own key", expected: {} };
    expect(await cell(line, { token: both.secret, id: both.id, key: world.keyForAll })).toBe("ALLOWED");
    expect(await cell(line, { token: one.secret, id: one.id, key: world.keyForAll })).toBe("NOT_FOUND");
  });

  test("how a key is shared is null below the root, and there for the root", async () => {
    const shareOf = async (actor: string) => {
      const key = await world.target("the root's key for Web", { token: null, id: "", key: "" });
      const { data } = await world.server.ask<{ credential: unknown }>(
        world.actors.get(actor)?.token ?? null,
        `query ($id: ID!) { credential(id: $id) { share { id } viewerCanUpdate viewerCanDelete viewerCanShare } }`,
        { id: key },
      );
      return data.credential;
    };
    const may = { viewerCanUpdate: true, viewerCanDelete: true, viewerCanShare: true };
    const mayNot = { viewerCanUpdate: false, viewerCanDelete: false, viewerCanShare: false };
    const share = { id: await world.target("the share with Web", { token: null, id: "", key: "" }) };
    expect(await shareOf("MANAGER of the root")).toEqual({ share, ...may });
    expect(await shareOf("VIEWER of the root")).toEqual({ share, ...mayNot });
    expect(await shareOf("OWNER of Web")).toEqual({ share: null, ...mayNot });
  });
});

describe("the guard", () => {
  const SMALL = `
    interface Node { id: ID! }
    type Key implements Node { id: ID! name: String secret(reason: String): String }
    type Query { key: Key }
    type Mutation { rename: Boolean }`;
  const allows = rule("allows", () => true);
  const whole: RuleTree = { Query: { key: allows }, Mutation: { rename: allows }, Key: { secret: allows } };
  const small = (tree: RuleTree): GraphQLSchema => guard(buildSchema(SMALL), tree);
  const answerOf = (schema: GraphQLSchema) =>
    graphql({ schema, source: "mutation { rename }", rootValue: { rename: () => true } });

  test("starts where every query, mutation and leading field has a rule, and lets through what the rule allows", async () => {
    expect(await answerOf(small(whole))).toEqual({ data: { rename: true } });
  });

  test.each(["Query", "Mutation", "Key"])("refuses to start where a field of %s has no rule", (type) => {
    expect(() => small({ ...whole, [type]: {} })).toThrow(Unguarded);
  });

  test("refuses to start without the rule of any query, mutation or leading field there is", async () => {
    for (const name of sensitiveFieldsOf(await makeSchema())) {
      const [type = "", field] = name.split(".");
      const rest = Object.fromEntries(Object.entries(rules[type] ?? {}).filter(([other]) => other !== field));
      const schema = await makeSchema();
      expect(() => guard(schema, { ...rules, [type]: rest })).toThrow(`There is no rule for`);
    }
  });

  test("refuses to start with a rule for a field or a type that is not there", () => {
    expect(() => small({ ...whole, Key: { secret: allows, gone: allows } })).toThrow(/Key\.gone/);
    expect(() => small({ ...whole, Gone: { key: allows } })).toThrow(/Gone/);
  });

  test("answers a rule that finds false with FORBIDDEN", async () => {
    const denies = rule("denies", () => false as never);
    const { data, errors } = await answerOf(small({ ...whole, Mutation: { rename: denies } }));
    expect(data).toEqual({ rename: null });
    expect(errors?.[0]?.originalError).toEqual(new Denial("FORBIDDEN"));
  });

  test.each(["by itself", "joined with others"])(
    "takes a rule that throws, %s, for a fault and never allows",
    async (how) => {
      const throws = rule("throws", () => {
        throw new TypeError("broken");
      });
      const schema = small({ ...whole, Mutation: { rename: how === "by itself" ? throws : and(allows, throws) } });
      const { data, errors } = await answerOf(schema);
      expect(data).toEqual({ rename: null });
      const [error] = errors ?? [];
      if (error === undefined) throw new Error("The rule that throws let the field through");
      const format = makeErrorFormatter(schema);
      expect(error.originalError).toBeInstanceOf(TypeError);
      expect(format(error.toJSON(), error).extensions).toEqual({ code: "INTERNAL" });
    },
  );

  test("gives a rule the parent, the arguments and the context of its field", async () => {
    const seen: unknown[] = [];
    const sees = rule<{ id: string }, { reason: string }>("sees", ({ id }, { reason }, ctx: Context) => {
      seen.push(id, reason, ctx.requestId);
      return true;
    });
    const schema = small({ ...whole, Key: { secret: sees } });
    const source = `{ key { secret(reason: "why") } }`;
    await graphql({ schema, source, rootValue: { key: { id: "k" } }, contextValue: { requestId: "r" } });
    expect(seen).toEqual(["k", "why", "r"]);
  });

  test("answers INTERNAL, and neither a denial nor the field, where a rule of the server cannot read", async () => {
    const { server, acme } = world;
    const key = await world.target("the root's own key", { token: null, id: "", key: "" });
    const asked = () => ask("Query.credential", key, { token: acme.owner, id: "", key });
    await query(server.database.ownerUrl, "REVOKE SELECT ON credentials FROM countersign_app");
    try {
      const { data, errors } = await asked();
      expect([data, errors?.map((error) => error.extensions.code)]).toEqual([{ credential: null }, ["INTERNAL"]]);
    } finally {
      await query(server.database.ownerUrl, "GRANT SELECT ON credentials TO countersign_app");
    }
    expect(outcomeOf(await asked())).toBe("ALLOWED");
  });
});
