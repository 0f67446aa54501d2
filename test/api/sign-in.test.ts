import { createHmac, createPublicKey, generateKeyPairSync, sign, type JsonWebKey } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { codesOf } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type Answer, type TestServer } from "../support/server.js";

const JANE = "jane@acme.example";

let server: TestServer;
let acme: Story;
/** The issuer's public key, as everybody can read it. */
let jwk: JsonWebKey & { kid: string };

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  await acme.member(acme.organizationId, JANE, ["OWNER"]);
  const { keys } = (await (await fetch(server.issuer.jwksUrl)).json()) as { keys: [typeof jwk] };
  jwk = keys[0];
});
afterAll(() => server.close());

interface Viewer {
  readonly actor: { id?: string; email?: string; name?: string | null };
  readonly tenants: { nodes: { id: string }[] };
}

const VIEWER = `{ viewer { actor { ... on User { id email name } } tenants { nodes { id } } } }`;

const whoAmI = (token: string | null, at: TestServer = server): Promise<Answer<{ viewer: Viewer } | undefined>> =>
  at.ask<{ viewer: Viewer } | undefined>(token, VIEWER);

/** What comes of a token: the e-mail address that the viewer has, or status and code. */
async function signedInAs(token: string | null): Promise<string> {
  const answer = await whoAmI(token);
  return answer.data?.viewer.actor.email ?? `${answer.status} ${codesOf(answer).join()}`;
}

const UNAUTHENTICATED = "401 UNAUTHENTICATED";
const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

/** The claims of Jane's valid token, for tokens that are signed in other ways. */
const claims = () => ({
  iss: server.issuer.issuer,
  aud: server.issuer.audience,
  sub: "jane",
  email: JANE,
  email_verified: true,
  iat: seconds(0),
  exp: seconds(3600),
});

describe("an identity token", () => {
  type Claims = Record<string, unknown>;
  const PAIRS: [what: string, bad: () => Claims, good: () => Claims][] = [
    ["its issuer is the one configured", () => ({ iss: "https://other.example" }), () => ({})],
    ["its issuer is that, letter for letter", () => ({ iss: `${server.issuer.issuer}/` }), () => ({})],
    ["it has an issuer", () => ({ iss: undefined }), () => ({})],
    ["it is meant for this server", () => ({ aud: "another" }), () => ({ aud: "countersign" })],
    ["it is meant for this server among others", () => ({ aud: ["a", "b"] }), () => ({ aud: ["a", "countersign"] })],
    ["it has an audience", () => ({ aud: undefined }), () => ({})],
    ["its time is not over", () => ({ exp: seconds(-60) }), () => ({ exp: seconds(60) })],
    [
      "its time is over by no more than the clocks differ",
      () => ({ exp: seconds(-40) }),
      () => ({ exp: seconds(-20) }),
    ],
    ["its time ends", () => ({ exp: undefined }), () => ({})],
    ["its end is a number", () => ({ exp: "never" }), () => ({})],
    ["its time has begun", () => ({ nbf: seconds(3600) }), () => ({ nbf: seconds(-1) })],
    ["it names a subject", () => ({ sub: undefined }), () => ({})],
    ["its subject is a text", () => ({ sub: 7 }), () => ({ sub: "7" })],
    ["it names an e-mail address", () => ({ email: undefined }), () => ({})],
    ["its e-mail address is a text", () => ({ email: [JANE] }), () => ({ email: JANE })],
    ["its issuer has verified the address", () => ({ email_verified: false }), () => ({ email_verified: true })],
    [
      "its issuer has verified the address, also where it says so in a text",
      () => ({ email_verified: "false" }),
      () => ({ email_verified: "true" }),
    ],
    ["its issuer says so, or verifies all", () => ({ email_verified: "no" }), () => ({ email_verified: undefined })],
  ];

  const TYPES = [{}, { typ: "JWT" }, { typ: "jwt" }, { typ: "at+jwt" }, { typ: "application/at+jwt" }];
  test.each(["logout+jwt", "dpop+jwt", "secevent+jwt", "application/logout+jwt", ""])(
    "signs nobody in that is of the type %j, which is for something else",
    async (typ) => {
      expect(await signedInAs(await server.issuer.token(JANE, {}, { typ }))).toBe(UNAUTHENTICATED);
      for (const good of TYPES) expect(await signedInAs(await server.issuer.token(JANE, {}, good))).toBe(JANE);
    },
  );

  test.each(PAIRS)("signs in only where %s", async (_, bad, good) => {
    expect(await signedInAs(await server.issuer.token(JANE, bad()))).toBe(UNAUTHENTICATED);
    expect(await signedInAs(await server.issuer.token(JANE, good()))).toBe(JANE);
  });

  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signedByOwn = (header: object): string => {
    const text = `${encoded(header)}.${encoded(claims())}`;
    const signature = sign("sha256", Buffer.from(text), { key: own.privateKey, dsaEncoding: "ieee-p1363" });
    return `${text}.${signature.toString("base64url")}`;
  };
  const hmac = (secret: string | Buffer): string => {
    const text = `${encoded({ alg: "HS256", kid: jwk.kid, typ: "JWT" })}.${encoded(claims())}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  };
  const publicKey = () => createPublicKey({ key: jwk, format: "jwk" });
  const withPart = async (part: number, value: string): Promise<string> => {
    const parts = (await server.issuer.token(JANE)).split(".");
    parts[part] = value;
    return parts.join(".");
  };

  const FORGERIES: [what: string, token: () => string | Promise<string>][] = [
    ["alg none", () => `${encoded({ alg: "none" })}.${encoded(claims())}.`],
    ["alg None, with the signature of a real one", () => withPart(0, encoded({ alg: "None", kid: jwk.kid }))],
    [
      "alg HS256 and the public key as PEM for its secret",
      () => hmac(publicKey().export({ type: "spki", format: "pem" }).toString()),
    ],
    [
      "alg HS256 and the public key as DER for its secret",
      () => hmac(publicKey().export({ type: "spki", format: "der" })),
    ],
    ["alg HS256 and the public JWK for its secret", () => hmac(JSON.stringify(jwk))],
    ["a key of its own under the issuer's key id", () => signedByOwn({ alg: "ES256", kid: jwk.kid })],
    ["a key of its own under another key id", () => signedByOwn({ alg: "ES256", kid: "other" })],
    [
      "a key of its own in the header",
      () => signedByOwn({ alg: "ES256", jwk: own.publicKey.export({ format: "jwk" }) }),
    ],
    [
      "a key of its own at an address in the header",
      () => signedByOwn({ alg: "ES256", jku: "https://evil.example/jwks.json" }),
    ],
    ["a critical header that nobody understands", () => signedByOwn({ alg: "ES256", kid: jwk.kid, crit: ["x"], x: 1 })],
    ["other claims below a real signature", () => withPart(1, encoded({ ...claims(), email: "other@acme.example" }))],
    ["no signature", () => withPart(2, "")],
    ["a signature cut short", () => withPart(2, "AAAA")],
    ["claims that are no JSON", () => withPart(1, Buffer.from("claims").toString("base64url"))],
    ["five parts", async () => `${await server.issuer.token(JANE)}.a.b`],
    ["one part", () => "token"],
    ["nothing in its parts", () => ".."],
  ];

  test.each(FORGERIES)("signs nobody in with %s", async (_, forge) => {
    expect(await signedInAs(await forge())).toBe(UNAUTHENTICATED);
    expect(await signedInAs(await server.issuer.token(JANE))).toBe(JANE);
  });

  test("signs nobody in under a key id that the issuer does not know, though the signature is real", async () => {
    expect(await signedInAs(await server.issuer.token(JANE, {}, { kid: "gone" }))).toBe(UNAUTHENTICATED);
    expect(await signedInAs(await server.issuer.token(JANE, {}, { kid: jwk.kid }))).toBe(JANE);
    expect(await signedInAs(await server.issuer.forge({ email: JANE }))).toBe(UNAUTHENTICATED);
  });
});

describe("whoever signs in", () => {
  test("is known by the e-mail address, without case", async () => {
    for (const email of [JANE, "Jane@Acme.Example", "JANE@ACME.EXAMPLE"]) {
      const { data } = await whoAmI(await server.issuer.token(email));
      expect(data?.viewer.actor.email).toBe(JANE);
      expect(data?.viewer.tenants.nodes).toEqual([{ id: acme.organizationId }]);
    }
  });

  test("is the same user each time, and another under another subject", async () => {
    const idOf = async (sub: string) => (await whoAmI(await server.issuer.token(JANE, { sub }))).data?.viewer.actor.id;
    const id = await idOf("1");
    expect(id).toMatch(/^usr_[0-9a-z]{26}$/);
    expect(await idOf("1")).toBe(id);
    expect(await idOf("2")).not.toBe(id);
  });

  test("has the name that the issuer says, or none", async () => {
    const nameOf = async (name: unknown) =>
      (await whoAmI(await server.issuer.token(JANE, { name }))).data?.viewer.actor.name;
    expect(await nameOf("Jane Doe")).toBe("Jane Doe");
    expect(await nameOf(undefined)).toBeNull();
    expect(await nameOf({ first: "Jane" })).toBeNull();
  });

  test("and is no member of anything sees no tenant, and finds nothing but itself", async () => {
    const token = await server.issuer.token("nobody@nowhere.example");
    const { status, data, errors } = await whoAmI(token);
    expect([status, errors, data?.viewer.tenants.nodes]).toEqual([200, undefined, []]);
    const found = (id: string) =>
      server.ask<{ node: unknown }>(token, `query ($id: ID!) { node(id: $id) { id } }`, { id });
    expect(codesOf(await found(acme.organizationId))).toEqual(["NOT_FOUND"]);
    expect((await found(data?.viewer.actor.id ?? "")).data.node).toEqual({ id: data?.viewer.actor.id });
  });

  test("takes nothing out of quotes and commas in the address: they are part of it", async () => {
    for (const email of [`x','${JANE}`, `x,${JANE}`, `x' OR ''='@acme.example`, "\\'@acme.example", `{${JANE}}`]) {
      const { data } = await whoAmI(await server.issuer.token(email));
      expect(data?.viewer).toMatchObject({ actor: { email: email.toLowerCase() }, tenants: { nodes: [] } });
    }
  });
});

describe("a request", () => {
  const send = (authorization: string | null) =>
    fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization !== null && { authorization }) },
      body: JSON.stringify({ query: VIEWER }),
    });

  test.each([
    ["no header", null],
    ["an empty header", ""],
    ["no token", "Bearer"],
    ["another scheme", "Basic amFuZTpzZWNyZXQ="],
    ["spaces in the token", "Bearer a b"],
  ])("with %s is refused before the graph, and asked for a bearer token", async (_, authorization) => {
    const refused = await send(authorization);
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await refused.json()).toEqual({
      errors: [{ message: expect.any(String), extensions: { code: "UNAUTHENTICATED" } }],
    });
    expect((await send(`Bearer ${acme.owner}`)).status).toBe(200);
    expect((await send(`bearer  ${acme.owner}`)).status).toBe(200);
  });

  test("says with the same answer that a token is missing, unknown, forged or over", async () => {
    const tokens = [null, `cs_${"A".repeat(43)}`, "cs_", await server.issuer.forge({ email: JANE })];
    const answers = await Promise.all(tokens.map(async (token) => (await whoAmI(token)).text));
    expect(new Set(answers).size).toBe(1);
    expect((await whoAmI(await server.issuer.token(JANE, { exp: seconds(-60) }))).text).toBe(answers[0]);
  });
});

describe("an issuer that fails", () => {
  let keys: Server;
  let answerKeys: { status: number; body: string };
  let failing: TestServer;
  let owner: string;

  beforeAll(async () => {
    keys = createServer((_, response) => response.writeHead(answerKeys.status).end(answerKeys.body));
    await new Promise<void>((resolve) => keys.listen(0, "127.0.0.1", resolve));
    const { port } = keys.address() as AddressInfo;
    failing = await startTestServer({ OIDC_JWKS_URL: `http://127.0.0.1:${port}/jwks.json` });
    ({ owner } = await seed(failing));
  });
  afterAll(async () => {
    await failing.close();
    await new Promise((resolve) => keys.close(resolve));
  });

  // Each before keys were ever read, since those that were read are kept.
  test.each([
    ["answers with an error", 500, "out of order"],
    ["answers with what is no JSON", 200, "<html>"],
    ["answers with what is no key set", 200, "{}"],
    ["answers with nothing", 204, ""],
  ])("is a fault of the server's side, not the token's, where it %s", async (_, status, body) => {
    answerKeys = { status, body };
    const answer = await whoAmI(await failing.issuer.token(JANE), failing);
    expect([answer.status, codesOf(answer)]).toEqual([500, ["INTERNAL"]]);
    expect((await whoAmI(owner, failing)).status).toBe(200);
  });

  test("keeps nobody out once it is back", async () => {
    answerKeys = { status: 503, body: "" };
    const token = await failing.issuer.token(JANE);
    expect((await whoAmI(token, failing)).status).toBe(500);
    answerKeys = { status: 200, body: await (await fetch(failing.issuer.jwksUrl)).text() };
    expect((await whoAmI(token, failing)).data?.viewer.actor.email).toBe(JANE);
  });

  test("is a fault where nothing listens there, and leaves access tokens alone", async () => {
    const none = createServer();
    await new Promise<void>((resolve) => none.listen(0, "127.0.0.1", resolve));
    const { port } = none.address() as AddressInfo;
    await new Promise((resolve) => none.close(resolve));
    const down = await startTestServer({ OIDC_JWKS_URL: `http://127.0.0.1:${port}/jwks.json` });
    try {
      const answer = await whoAmI(await down.issuer.token(JANE), down);
      expect([answer.status, codesOf(answer)]).toEqual([500, ["INTERNAL"]]);
      expect((await whoAmI((await seed(down)).owner, down)).status).toBe(200);
    } finally {
      await down.close();
    }
  });
});

describe("a server without an issuer", () => {
  test("signs in access tokens alone", async () => {
    const closed = await startTestServer({ OIDC_ISSUER: "", OIDC_AUDIENCE: "", OIDC_JWKS_URL: "" });
    try {
      expect((await whoAmI(await closed.issuer.token(JANE), closed)).status).toBe(401);
      expect((await whoAmI((await seed(closed)).owner, closed)).status).toBe(200);
    } finally {
      await closed.close();
    }
  });
});
