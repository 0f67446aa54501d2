import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../support/database.js";
import { codesOf, mutate } from "../support/mutation.js";
import type { Permission } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let root: string;
let web: string;
let ios: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  root = acme.organizationId;
  [web, ios] = await Promise.all([acme.subOrganization("Web"), acme.subOrganization("iOS")]);
});
afterAll(() => server.close());

interface AccessToken {
  readonly id: string;
  readonly name: string;
  readonly preview: string;
  readonly permissions: Permission[];
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

const FIELDS = "id name preview permissions expiresAt lastUsedAt";

const create = (tenantId: string, permissions: readonly Permission[], more: object = {}, maker = acme.owner) =>
  mutate<{ accessToken: AccessToken | null; secret: string | null }>(
    server,
    maker,
    "createAccessToken",
    `accessToken { ${FIELDS} } secret`,
    { tenantId, name: "CI", permissions, ...more },
  );

/** A token with its id. */
async function made(tenantId: string, permissions: readonly Permission[]): Promise<AccessToken & { secret: string }> {
  const { payload } = await create(tenantId, permissions);
  if (!payload?.accessToken || payload.secret === null) throw new Error("The server made no token");
  return { ...payload.accessToken, secret: payload.secret };
}

const revoke = (accessTokenId: string, by = acme.owner) =>
  mutate<{ deletedId: string | null }>(server, by, "revokeAccessToken", "deletedId", { accessTokenId });

async function tokensOf(tenantId: string): Promise<{ tokens: AccessToken[]; text: string }> {
  const { data, text } = await server.ask<{ node: { accessTokens: { nodes: AccessToken[] } } }>(
    acme.owner,
    `query ($id: ID!) { node(id: $id) { ... on Tenant { accessTokens(first: 200) { nodes { ${FIELDS} } } } } }`,
    { id: tenantId },
  );
  return { tokens: data.node.accessTokens.nodes, text };
}

const whoAmI = (token: string) =>
  server.ask<{ viewer: { actor: { id: string } } } | undefined>(
    token,
    `{ viewer { actor { ... on AccessToken { id } } } }`,
  );

describe("the secret of a token", () => {
  test("is shown in the answer that makes it and nowhere else", async () => {
    const token = await made(web, ["AUDIT_VIEW"]);
    expect(token.secret).toMatch(/^cs_[A-Za-z0-9_-]{43}$/);
    expect(token.preview).toBe(token.secret.slice(0, 7));
    const { tokens, text } = await tokensOf(web);
    expect(tokens.map(({ id }) => id)).toContain(token.id);
    expect(text).not.toContain(token.secret.slice(7));
    expect((await whoAmI(token.secret)).text).not.toContain(token.secret.slice(7));
  });

  test("is stored nowhere: only its SHA-256 is", async () => {
    const { id, secret } = await made(root, ["AUDIT_VIEW"]);
    await whoAmI(secret);
    const url = server.database.ownerUrl;
    const [row] = await query<{ hash: Buffer }>(url, [
      "SELECT token_hash AS hash FROM access_tokens WHERE id = $1",
      [id],
    ]);
    expect(row?.hash).toEqual(createHash("sha256").update(secret).digest());
    const tables = await query<{ name: string }>(
      url,
      "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    );
    expect(tables.length).toBeGreaterThan(5);
    const hex = Buffer.from(secret.slice(7)).toString("hex");
    for (const { name } of tables) {
      const rows = await query<{ row: string }>(url, `SELECT t::text AS row FROM ${name} t`);
      const found = rows.filter(({ row }) => row.includes(secret.slice(7)) || row.includes(hex));
      expect([name, found]).toEqual([name, []]);
    }
  });

  test("is another one each time", async () => {
    const tokens = await Promise.all([1, 2, 3].map(() => made(web, ["AUDIT_VIEW"])));
    expect(new Set(tokens.map(({ secret }) => secret)).size).toBe(3);
  });
});

describe("the permissions of a token", () => {
  test("are no more than its maker's", async () => {
    const maker = (await made(root, ["TOKENS_MANAGE", "CREDENTIALS_VIEW"])).secret;
    expect((await create(root, ["CREDENTIALS_VIEW"], {}, maker)).payload?.accessToken?.permissions).toEqual([
      "CREDENTIALS_VIEW",
    ]);
    const before = (await tokensOf(root)).tokens.length;
    expect((await create(root, ["CREDENTIALS_MANAGE"], {}, maker)).denied).toBe("FORBIDDEN");
    expect((await create(root, ["CREDENTIALS_VIEW", "AUDIT_VIEW"], {}, maker)).denied).toBe("FORBIDDEN");
    expect((await tokensOf(root)).tokens).toHaveLength(before);
  });

  test("are no more than what its maker has in that tenant", async () => {
    const person = await acme.member(web, "both@acme.example", ["MANAGER"]);
    await acme.member(ios, "both@acme.example", ["VIEWER"]);
    expect((await create(web, ["CREDENTIALS_MANAGE"], {}, person)).denied).toBeNull();
    expect((await create(ios, ["CREDENTIALS_VIEW"], {}, person)).denied).toBe("FORBIDDEN");
    expect((await create(root, ["CREDENTIALS_VIEW"], {}, person)).denied).toBe("FORBIDDEN");
  });

  test("never hold sharing at a sub-organization, since only the root shares", async () => {
    const sharing: Permission[] = ["CREDENTIALS_VIEW", "CREDENTIALS_SHARE"];
    expect((await create(web, sharing)).denied).toBe("FORBIDDEN");
    expect((await create(root, sharing)).payload?.accessToken?.permissions).toEqual(sharing);
  });

  test("are at least one, and each but once", async () => {
    expect((await create(web, [])).refused).toEqual({ code: "INVALID_INPUT", field: ["permissions"] });
    const { payload } = await create(web, ["AUDIT_VIEW", "SIGNING_VIEW", "AUDIT_VIEW"]);
    expect(payload?.accessToken?.permissions).toEqual(["AUDIT_VIEW", "SIGNING_VIEW"]);
  });

  test("make no owner, whoever made the token: only the owner token does", async () => {
    const everything = (await tokensOf(root)).tokens.find((token) => token.name === "Owner")?.permissions ?? [];
    expect(everything.length).toBeGreaterThan(10);
    const { secret } = await made(root, everything);
    const member = (token: string) =>
      mutate(server, token, "addMember", "member { id }", {
        tenantId: root,
        email: "o@acme.example",
        roles: ["OWNER"],
      });
    expect((await member(secret)).denied).toBe("FORBIDDEN");
    expect((await member(acme.owner)).denied).toBeNull();
  });
});

describe("the time of a token", () => {
  const inMonths = (months: number, offsetMs = 0): Date => {
    const date = new Date();
    date.setUTCMonth(date.getUTCMonth() + months);
    return new Date(date.getTime() + offsetMs);
  };
  const MINUTE_MS = 60_000;
  const INVALID = { code: "INVALID_INPUT", field: ["expiresAt"] };

  test("is six months where nobody says", async () => {
    for (const more of [{}, { expiresAt: null }]) {
      const { payload } = await create(web, ["AUDIT_VIEW"], more);
      const expiresAt = new Date(payload?.accessToken?.expiresAt ?? 0).getTime();
      expect(Math.abs(expiresAt - inMonths(6).getTime())).toBeLessThan(MINUTE_MS);
    }
  });

  test("is a year at most", async () => {
    const ends = (expiresAt: Date) => create(web, ["AUDIT_VIEW"], { expiresAt: expiresAt.toISOString() });
    const year = inMonths(12, -MINUTE_MS);
    expect((await ends(year)).payload?.accessToken?.expiresAt).toBe(year.toISOString());
    expect((await ends(inMonths(12, MINUTE_MS))).refused).toEqual(INVALID);
    expect((await ends(new Date("9999-12-31T00:00:00Z"))).refused).toEqual(INVALID);
  });

  test("is not over when it begins", async () => {
    const ends = (offsetMs: number) =>
      create(web, ["AUDIT_VIEW"], { expiresAt: new Date(Date.now() + offsetMs).toISOString() });
    expect((await ends(-1)).refused).toEqual(INVALID);
    expect((await ends(MINUTE_MS)).refused).toBeNull();
  });
});

describe("a token that is no longer valid", () => {
  test("is refused at once when it is revoked", async () => {
    const token = await made(web, ["AUDIT_VIEW"]);
    expect((await whoAmI(token.secret)).status).toBe(200);
    expect((await revoke(token.id)).payload?.deletedId).toBe(token.id);
    const refused = await whoAmI(token.secret);
    expect([refused.status, codesOf(refused)]).toEqual([401, ["UNAUTHENTICATED"]]);
    expect((await tokensOf(web)).tokens.map(({ id }) => id)).not.toContain(token.id);
    expect((await revoke(token.id)).denied).toBe("NOT_FOUND");
  });

  test("is refused from the moment of its end", async () => {
    const token = await made(web, ["AUDIT_VIEW"]);
    expect((await whoAmI(token.secret)).status).toBe(200);
    await query(server.database.ownerUrl, ["UPDATE access_tokens SET expires_at = now() WHERE id = $1", [token.id]]);
    const refused = await whoAmI(token.secret);
    expect([refused.status, codesOf(refused)]).toEqual([401, ["UNAUTHENTICATED"]]);
  });

  test("answers like one that never was", async () => {
    const token = await made(web, ["AUDIT_VIEW"]);
    await revoke(token.id);
    const unknown = await whoAmI(`cs_${"A".repeat(43)}`);
    expect((await whoAmI(token.secret)).text).toBe(unknown.text);
    expect((await whoAmI("cs_short")).text).toBe(unknown.text);
  });

  test("may have revoked itself", async () => {
    const token = await made(web, ["TOKENS_MANAGE"]);
    expect((await revoke(token.id, token.secret)).payload?.deletedId).toBe(token.id);
    expect((await whoAmI(token.secret)).status).toBe(401);
  });
});

describe("the last use of a token", () => {
  const lastUseOf = async (id: string) => (await tokensOf(web)).tokens.find((token) => token.id === id)?.lastUsedAt;

  test("is unknown before the first, and then written once a minute at most", async () => {
    const { id, secret } = await made(web, ["AUDIT_VIEW"]);
    expect(await lastUseOf(id)).toBeNull();
    await whoAmI(secret);
    const first = await lastUseOf(id);
    expect(Math.abs(Date.parse(first ?? "") - Date.now())).toBeLessThan(30_000);
    await whoAmI(secret);
    expect(await lastUseOf(id)).toBe(first);
    await query(server.database.ownerUrl, [
      "UPDATE access_tokens SET last_used_at = now() - interval '61 seconds' WHERE id = $1",
      [id],
    ]);
    await whoAmI(secret);
    expect(Math.abs(Date.parse((await lastUseOf(id)) ?? "") - Date.now())).toBeLessThan(30_000);
  });
});

describe("the reach of a token", () => {
  const nodeOf = (token: string, id: string, selection: string) =>
    server.ask<{ node: unknown }>(token, `query ($id: ID!) { node(id: $id) { id ... on Tenant { ${selection} } } }`, {
      id,
    });

  test("of a sub-organization is that sub-organization: neither the root's keys nor a sibling", async () => {
    const all: Permission[] = ["TENANT_MANAGE", "MEMBERS_MANAGE", "TOKENS_MANAGE", "CREDENTIALS_VIEW", "SIGNING_VIEW"];
    const { secret } = await made(web, all);
    const { data } = await server.ask<{ viewer: { tenants: unknown } }>(
      secret,
      `{ viewer { tenants { edges { roles node { id } } } } }`,
    );
    expect(data.viewer.tenants).toEqual({ edges: [{ roles: [], node: { id: web } }] });
    for (const list of ["credentials", "members", "accessTokens"]) {
      const selection = `${list} { nodes { id } }`;
      expect(codesOf(await nodeOf(secret, root, selection))).toEqual(["FORBIDDEN"]);
      expect(codesOf(await nodeOf(secret, ios, selection))).toEqual(["NOT_FOUND"]);
      expect(codesOf(await nodeOf(secret, web, selection))).toEqual([]);
    }
  });

  test("of the root is the root and every sub-organization, also one that is made later", async () => {
    const { secret } = await made(root, ["CREDENTIALS_VIEW"]);
    const later = await acme.subOrganization("Later");
    for (const id of [root, web, ios, later]) {
      expect(codesOf(await nodeOf(secret, id, "credentials { nodes { id } }"))).toEqual([]);
    }
  });

  test("is itself, whatever it may do, and not another token", async () => {
    const [one, other] = [await made(web, ["AUDIT_VIEW"]), await made(web, ["AUDIT_VIEW"])];
    const seen = (id: string) =>
      server.ask<{ node: unknown }>(one.secret, `query ($id: ID!) { node(id: $id) { ... on AccessToken { name } } }`, {
        id,
      });
    expect((await seen(one.id)).data.node).toEqual({ name: "CI" });
    expect(codesOf(await seen(other.id))).toEqual(["FORBIDDEN"]);
  });
});

describe("the name of a token", () => {
  test.each(["", " ", "x".repeat(101), "two\nlines"])("cannot be %j", async (name) => {
    expect((await create(web, ["AUDIT_VIEW"], { name })).refused).toEqual({ code: "INVALID_INPUT", field: ["name"] });
  });

  test("is as its maker wrote it, and need not be the only one of its kind", async () => {
    for (let i = 0; i < 2; i += 1) {
      const { payload } = await create(web, ["AUDIT_VIEW"], { name: " Nightly bündler " });
      expect(payload?.accessToken?.name).toBe("Nightly bündler");
    }
  });
});

describe("revoking a token", () => {
  test("of an owner is an owner's affair", async () => {
    const globex = await seed(server, "Globex");
    const manager = await globex.member(globex.organizationId, "manager@globex.example", ["MANAGER"]);
    const owner = await globex.member(globex.organizationId, "owner@globex.example", ["OWNER"]);
    const id = (await whoAmI(globex.owner)).data?.viewer.actor.id ?? "";
    expect((await revoke(id, manager)).denied).toBe("FORBIDDEN");
    expect((await whoAmI(globex.owner)).status).toBe(200);
    expect((await revoke(id, owner)).denied).toBeNull();
    expect((await whoAmI(globex.owner)).status).toBe(401);
  });
});
