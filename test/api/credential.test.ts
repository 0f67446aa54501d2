import { createPrivateKey, generateKeyPairSync, randomUUID, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { grantOfRoles, Viewer } from "../../src/auth/viewer.js";
import { createContext, type Context } from "../../src/context.js";
import { newId } from "../../src/ids.js";
import type { NewKey } from "../../src/sandbox/team/key.js";
import * as credentials from "../../src/services/credential.js";
import { query } from "../support/database.js";
import { CreateCredentialDocument, type CreateCredentialInput } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type Answer, type ClientError, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  web = await acme.subOrganization("Web");
});
afterAll(() => server.close());

interface UserError {
  readonly code: string;
  readonly message: string;
  readonly field: string[] | null;
}

/** What came of a mutation, whatever its name. */
interface Outcome {
  readonly credential?: Record<string, unknown> | null;
  readonly deletedId?: string | null;
  readonly userErrors: UserError[];
}

const newKey = (): Promise<NewKey> => server.sandbox.registerKey({ program: "app-store" });

/** A key pair of our own, which no Apple knows. */
const ownPem = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** Adds a key that is not verified; `input` replaces what is usual. */
function create(input: Partial<CreateCredentialInput> = {}, token: string = acme.owner) {
  return server.ask(token, CreateCredentialDocument, {
    input: {
      tenantId: acme.organizationId,
      name: "Main",
      keyId: randomUUID().slice(0, 10).toUpperCase(),
      issuerId: randomUUID(),
      privateKey: ownPem(),
      verify: false,
      ...input,
    },
  });
}

/** Runs a mutation on keys, and gives its payload. */
async function mutate(name: string, input: object, token: string = acme.owner): Promise<Outcome> {
  const { data, errors } = await attempt(name, input, token);
  expect(errors).toBeUndefined();
  return data[name] as Outcome;
}

function attempt(name: string, input: object, token: string): Promise<Answer<Record<string, unknown>>> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const thing =
    name === "deleteCredential"
      ? "deletedId"
      : "credential { id name keyId fingerprint health { status advice checkedAt } }";
  const document = `mutation ($input: ${type}) { ${name}(input: $input) { ${thing} userErrors { code message field } } }`;
  return server.ask<Record<string, unknown>>(token, document, { input });
}

/** Fields of one key, as somebody sees them. */
async function look(
  id: string,
  selection: string,
  token: string = acme.owner,
): Promise<Record<string, unknown> | null> {
  const document = `query ($id: ID!) { credential(id: $id) { ${selection} } }`;
  const { data, errors } = await server.ask<{ credential: Record<string, unknown> | null }>(token, document, { id });
  expect(errors).toBeUndefined();
  return data.credential;
}

const codesOf = (errors: readonly ClientError[] | undefined): string[] =>
  (errors ?? []).map((error) => error.extensions.code);

const countOf = async (): Promise<number> => {
  const [row] = await query<{ n: number }>(server.database.ownerUrl, "SELECT count(*)::int AS n FROM credentials");
  return row?.n ?? -1;
};

/** The base64 of a PEM, without its frame. */
const bodyOf = (pem: string): string => pem.replaceAll(/-----[^-]+-----|\s/g, "");

const SHOWN_CHARACTERS = 12;

/** Fails where a text shows a part of a key that is worth anything. */
function expectNothingOf(secret: string, text: string): void {
  for (let i = 0; i + SHOWN_CHARACTERS <= secret.length; i += 1) {
    expect(text.includes(secret.slice(i, i + SHOWN_CHARACTERS))).toBe(false);
  }
}

describe("a key is added", () => {
  test.each<[string, (pem: string) => string]>([
    ["as the file", (pem) => pem],
    ["with CRLF line breaks", (pem) => pem.replaceAll("\n", "\r\n")],
    ["with escaped line breaks", (pem) => pem.replaceAll("\n", "\\n")],
    ["within quotes", (pem) => `"${pem.trim()}"`],
    ["without its frame", bodyOf],
    ["as base64 of the file", (pem) => Buffer.from(pem).toString("base64")],
  ])("%s, with the same fingerprint", async (_, write) => {
    const { keyId, issuerId, privateKey } = await newKey();
    const { data } = await create({ keyId, issuerId, privateKey: write(privateKey), verify: true });
    const fingerprint = await fingerprintOf(privateKey);
    expect(data.createCredential).toMatchObject({
      credential: {
        keyId,
        issuerId,
        fingerprint,
        program: "APP_STORE",
        keyType: "TEAM",
        health: { status: "WORKING" },
      },
      userErrors: [],
    });
  });

  test("without asking Apple where verify is false", async () => {
    server.sandbox.clearJournal();
    const { data } = await create({});
    expect(data.createCredential).toMatchObject({
      credential: { health: { status: "UNVERIFIED", advice: null, checkedAt: null } },
      userErrors: [],
    });
    expect(server.sandbox.journal).toEqual([]);
  });

  test("with an issuer id that is no RFC 4122 UUID, and with ids that are padded with blanks", async () => {
    const issuerId = "69a6de8f-0000-47e3-e053-5b8c7c11a4d1";
    const { data } = await create({ issuerId: ` ${issuerId}\n`, keyId: " 2X9R4HXF34 " });
    expect(data.createCredential.credential).toMatchObject({ issuerId, keyId: "2X9R4HXF34" });
  });

  test("with a name of 100 characters, and blanks around it taken off", async () => {
    const { data } = await create({ name: `  ${"n".repeat(100)} ` });
    expect(data.createCredential.credential?.name).toBe("n".repeat(100));
  });

  test("as an individual one without an issuer id", async () => {
    const { data } = await create({ keyType: "INDIVIDUAL", issuerId: null });
    expect(data.createCredential.credential).toMatchObject({ keyType: "INDIVIDUAL", issuerId: null });
  });

  test("to a sub-organization by its manager, and to the root by the root's alone", async () => {
    const manager = await acme.member(web, "manager@web.example", ["MANAGER"]);
    expect((await create({ tenantId: web }, manager)).data.createCredential.userErrors).toEqual([]);
    expect(codesOf((await create({}, manager)).errors)).toEqual(["FORBIDDEN"]);
    expect((await create({}, acme.owner)).data.createCredential.userErrors).toEqual([]);
  });

  test("by a token with CREDENTIALS_MANAGE, and not by one without", async () => {
    const may = await acme.token(web, ["CREDENTIALS_MANAGE", "CREDENTIALS_VIEW"]);
    const mayNot = await acme.token(web, ["CREDENTIALS_VIEW", "SIGNING_MANAGE"]);
    expect((await create({ tenantId: web }, may)).data.createCredential.userErrors).toEqual([]);
    expect(codesOf((await create({ tenantId: web }, mayNot)).errors)).toEqual(["FORBIDDEN"]);
  });

  test("to no tenant of another organization, which answers as one that is not there", async () => {
    const globex = await seed(server, "Globex");
    const foreign = await create({ tenantId: globex.organizationId });
    const absent = await create({ tenantId: newId("organization") });
    expect(codesOf(foreign.errors)).toEqual(["NOT_FOUND"]);
    expect(foreign.text).toBe(absent.text);
  });

  test("once to a tenant by its key id, and again to other tenants and to the other program", async () => {
    const globex = await seed(server, "Globex");
    const { keyId, issuerId, privateKey } = await newKey();
    const input = { keyId, issuerId, privateKey };
    expect((await create(input)).data.createCredential.userErrors).toEqual([]);
    expect((await create(input)).data.createCredential).toMatchObject({
      credential: null,
      userErrors: [{ code: "ALREADY_EXISTS", field: ["keyId"] }],
    });
    expect((await create({ ...input, tenantId: web })).data.createCredential.userErrors).toEqual([]);
    expect((await create({ ...input, program: "ENTERPRISE" })).data.createCredential.userErrors).toEqual([]);
    const elsewhere = await create({ ...input, tenantId: globex.organizationId }, globex.owner);
    expect(elsewhere.data.createCredential.userErrors).toEqual([]);
  });

  test("with the same .p8 in two tenants, each of which signs with its own", async () => {
    const { keyId, issuerId, privateKey } = await newKey();
    const ids: string[] = [];
    for (const tenantId of [acme.organizationId, web]) {
      const { data } = await create({ keyId, issuerId, privateKey, tenantId });
      ids.push(data.createCredential.credential?.id ?? "");
    }
    const before = server.platform.tokens.signatures;
    for (const id of ids) await look(id, "appStoreConnect { devices { nodes { udid } } }");
    expect(server.platform.tokens.signatures - before).toBe(2);
  });
});

/** The fingerprint that the API shows of a key whose text is at hand. */
async function fingerprintOf(pem: string): Promise<string> {
  const { data } = await create({ privateKey: pem, tenantId: web });
  return data.createCredential.credential?.fingerprint ?? "";
}

describe("a key is refused", () => {
  const pem = (key: KeyObject, options: object = {}): string =>
    key.export({ type: "pkcs8", format: "pem", ...options } as never).toString();
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const refused: [name: string, text: string][] = [
    ["an RSA key", pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey)],
    ["a key on P-384", pem(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey)],
    ["a public key", p256.publicKey.export({ type: "spki", format: "pem" }).toString()],
    ["an encrypted key", pem(p256.privateKey, { cipher: "aes-256-cbc", passphrase: "secret" })],
    ["two keys", ownPem() + ownPem()],
    ["a key that is cut off", ownPem().slice(0, 120)],
    ["a text that is no key", "my key"],
    ["an empty text", ""],
  ];

  test.each(refused)("for being %s, without a word of it", async (_, text) => {
    const before = await countOf();
    const answer = await create({ privateKey: text });
    expect(answer.data.createCredential).toMatchObject({
      credential: null,
      userErrors: [{ code: "INVALID_PRIVATE_KEY", field: ["privateKey"] }],
    });
    expect(answer.data.createCredential.userErrors[0]?.message).toMatch(/\w+ \w+ \w+/);
    expectNothingOf(bodyOf(text), answer.text);
    expect(await countOf()).toBe(before);
  });

  test("for a text of 200 KB, and a body of 10 MB is not even read", async () => {
    const long = await create({ privateKey: "A".repeat(200 * 1024) });
    expect(long.status).toBe(200);
    expect(long.data.createCredential.userErrors).toMatchObject([{ code: "INVALID_PRIVATE_KEY" }]);
    const huge = await create({ privateKey: "A".repeat(10 * 1024 * 1024) });
    expect(huge.status).toBe(413);
    expect(codesOf(huge.errors)).toEqual(["TOO_COMPLEX"]);
    expect(huge.text.length).toBeLessThan(1_000);
  });

  test.each<[string, Partial<CreateCredentialInput>, string, string]>([
    ["a team's key has no issuer id", { issuerId: null }, "INVALID_INPUT", "issuerId"],
    ["a team's key has an empty issuer id", { issuerId: " " }, "INVALID_INPUT", "issuerId"],
    ["an individual key has an issuer id", { keyType: "INDIVIDUAL" }, "INVALID_INPUT", "issuerId"],
    [
      "an individual key is said to be of the Enterprise Program",
      { keyType: "INDIVIDUAL", issuerId: null, program: "ENTERPRISE" },
      "INVALID_INPUT",
      "keyType",
    ],
    ["the name is empty", { name: "  " }, "INVALID_INPUT", "name"],
    ["the name is longer than 100 characters", { name: "n".repeat(101) }, "INVALID_INPUT", "name"],
    ["the name holds a line break", { name: "a\nb" }, "INVALID_INPUT", "name"],
    ["the key id is empty", { keyId: "" }, "INVALID_INPUT", "keyId"],
    ["the key id holds a blank", { keyId: "2X9R 4HXF34" }, "INVALID_INPUT", "keyId"],
  ])("where %s", async (_, input, code, field) => {
    const before = await countOf();
    const { data } = await create(input);
    expect(data.createCredential).toMatchObject({ credential: null, userErrors: [{ code, field: [field] }] });
    expect(await countOf()).toBe(before);
  });
});

describe("an answer shows nothing of a private key", () => {
  // Letters and digits alone, so that it is a word of the language too.
  const secret = bodyOf(ownPem()).replaceAll(/[^A-Za-z0-9]/g, "");
  const mutation = (privateKey: string): string =>
    `mutation { createCredential(input: { tenantId: "x", name: "x", keyId: "x", privateKey: ${privateKey} }) { userErrors { code } } }`;

  test.each<[string, unknown]>([
    ["an object", { pem: secret }],
    ["an object with the key for a name", { [secret]: 1 }],
    ["an array", [secret, secret]],
    ["an array in an array", [[secret]]],
    ["a number", 12345678901234],
    ["true", true],
    ["null", null],
  ])("where the variable is %s instead of a text", async (_, privateKey) => {
    const answer = await create({ privateKey } as never);
    expect(codesOf(answer.errors)).toEqual(["INVALID_INPUT"]);
    expectNothingOf(secret, answer.text);
    expect(answer.text).not.toContain("12345678901234");
  });

  test.each<[string, Record<string, unknown>]>([
    ["under a name that no field has", { [secret]: "x" }],
    ["as the value of an enum", { program: secret }],
    ["as the value of a boolean", { verify: secret }],
  ])("where it comes %s", async (_, input) => {
    const answer = await create(input);
    expect(codesOf(answer.errors)).toEqual(["INVALID_INPUT"]);
    expectNothingOf(secret, answer.text);
  });

  test.each<[string, string]>([
    ["as a name without quotes", mutation(secret)],
    ["in an object", mutation(`{ pem: "${secret}" }`)],
    ["as the name of a field of an object", mutation(`{ ${secret}: 1 }`)],
    ["in a list", mutation(`["${secret}", "${secret}"]`)],
    ["as a variable", mutation(`$${secret}`)],
    ["in a text that does not end", mutation(`"${secret}`)],
    ["in a text with a line break in it", mutation(`"${secret.slice(0, 60)}\n${secret.slice(60)}"`)],
    ["in a text with an escape that is none", mutation(`"${secret}\\q"`)],
    ["as a field", `{ ${secret} }`],
    ["as an argument", `{ viewer(${secret}: 1) { __typename } }`],
    ["as a type", `{ viewer { ... on ${secret} { id } } }`],
    ["as a directive", `{ viewer @${secret} { __typename } }`],
    ["as a fragment", `{ viewer { ...${secret} } }`],
    ["instead of a document", secret],
  ])("where it stands in the document %s", async (_, document) => {
    const answer = await server.ask(acme.owner, document);
    expect(codesOf(answer.errors).length).toBeGreaterThan(0);
    expect(new Set(codesOf(answer.errors))).toEqual(new Set(["INVALID_INPUT"]));
    expectNothingOf(secret, answer.text);
  });

  test("where it is stored: not in the answer, and not in any field of the key", async () => {
    const { keyId, issuerId, privateKey } = await newKey();
    const added = await create({ keyId, issuerId, privateKey, verify: true });
    expect(added.data.createCredential.userErrors).toEqual([]);
    expectNothingOf(bodyOf(privateKey), added.text);
  });
});

describe("a stored key", () => {
  test("is not in the database as it is", async () => {
    const { keyId, issuerId, privateKey } = await newKey();
    const { data } = await create({ keyId, issuerId, privateKey });
    const id = data.createCredential.credential?.id;
    const [row] = await query<{ sealed_key: Buffer; whole: string }>(server.database.ownerUrl, [
      "SELECT sealed_key, c::text AS whole FROM credentials c WHERE id = $1",
      [id],
    ]);
    const key = createPrivateKey(privateKey);
    const der = key.export({ type: "pkcs8", format: "der" });
    const scalar = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
    const sealed = row?.sealed_key ?? der;
    expect(sealed.length).toBeGreaterThan(der.length);
    expect(sealed.includes(der)).toBe(false);
    for (let i = 0; i + 8 <= scalar.length; i += 1) expect(sealed.includes(scalar.subarray(i, i + 8))).toBe(false);
    expectNothingOf(bodyOf(privateKey), row?.whole ?? bodyOf(privateKey));
  });

  test("is sealed anew each time: twice the same .p8 is not twice the same bytes", async () => {
    const { keyId, issuerId, privateKey } = await newKey();
    for (const tenantId of [acme.organizationId, web]) await create({ keyId, issuerId, privateKey, tenantId });
    const rows = await query<{ sealed_key: Buffer; fingerprint: string }>(server.database.ownerUrl, [
      "SELECT sealed_key, fingerprint FROM credentials WHERE key_id = $1",
      [keyId],
    ]);
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(new Set(rows.map((row) => row.sealed_key.toString("hex"))).size).toBe(2);
  });

  test("that is moved to another row works nowhere, and the other keys go on working", async () => {
    const [moved, target, other] = [
      await acme.credential(acme.organizationId, { verify: false }),
      await acme.credential(acme.organizationId, { verify: false }),
      await acme.credential(acme.organizationId, { verify: false }),
    ];
    await query(server.database.ownerUrl, [
      "UPDATE credentials SET sealed_key = (SELECT sealed_key FROM credentials WHERE id = $1) WHERE id = $2",
      [moved, target],
    ]);
    const answer = await server.ask<{ nodes: ({ appStoreConnect: { devices: unknown } } | null)[] }>(
      acme.owner,
      `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Credential { appStoreConnect { devices { nodes { udid } } } } } }`,
      { ids: [moved, target, other] },
    );
    expect(answer.errors).toMatchObject([
      { path: ["nodes", 1, "appStoreConnect", "devices"], extensions: { code: "INTERNAL" } },
    ]);
    expect(answer.errors?.[0]?.message).not.toMatch(/seal|cred_/i);
    const works = { appStoreConnect: { devices: { nodes: expect.any(Array) as unknown } } };
    expect(answer.data.nodes).toMatchObject([works, { appStoreConnect: { devices: null } }, works]);
  });

  test("that is put back after a rotation does not work", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    const [old] = await query<{ sealed_key: Buffer }>(server.database.ownerUrl, [
      "SELECT sealed_key FROM credentials WHERE id = $1",
      [id],
    ]);
    const next = await newKey();
    await mutate("rotateCredential", {
      credentialId: id,
      keyId: next.keyId,
      issuerId: next.issuerId,
      privateKey: next.privateKey,
    });
    await query(server.database.ownerUrl, [
      "UPDATE credentials SET sealed_key = $2 WHERE id = $1",
      [id, old?.sealed_key],
    ]);
    const answer = await server.ask(
      acme.owner,
      `query ($id: ID!) { credential(id: $id) { appStoreConnect { devices { nodes { udid } } } } }`,
      { id },
    );
    expect(codesOf(answer.errors)).toEqual(["INTERNAL"]);
  });
});

describe("a key is renamed", () => {
  test("by whoever manages it, and its name is trimmed", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    expect(await mutate("updateCredential", { credentialId: id, name: " Release " })).toMatchObject({
      credential: { id, name: "Release" },
      userErrors: [],
    });
    expect(await look(id, "name")).toEqual({ name: "Release" });
  });

  test("to nothing that is no name", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false, name: "Kept" });
    for (const name of ["", " \t ", "n".repeat(101), "a\u202eb"]) {
      expect(await mutate("updateCredential", { credentialId: id, name })).toMatchObject({
        credential: null,
        userErrors: [{ code: "INVALID_INPUT", field: ["name"] }],
      });
    }
    expect(await look(id, "name")).toEqual({ name: "Kept" });
  });

  test("by no operator or viewer, and by a manager", async () => {
    const id = await acme.credential(web, { verify: false });
    const input = { credentialId: id, name: "Ours" };
    for (const role of ["OPERATOR", "VIEWER"] as const) {
      const person = await acme.member(web, `${role.toLowerCase()}@rename.example`, [role]);
      expect(codesOf((await attempt("updateCredential", input, person)).errors)).toEqual(["FORBIDDEN"]);
    }
    const manager = await acme.member(web, "manager@rename.example", ["MANAGER"]);
    expect(await mutate("updateCredential", input, manager)).toMatchObject({ credential: { name: "Ours" } });
  });

  test("by nobody of another organization, to whom it is not there", async () => {
    const globex = await seed(server, "Globex");
    const id = await acme.credential(acme.organizationId, { verify: false });
    for (const name of ["updateCredential", "verifyCredential", "deleteCredential"]) {
      const rest = name === "updateCredential" ? { name: "Theirs" } : {};
      const foreign = await attempt(name, { credentialId: id, ...rest }, globex.owner);
      const absent = await attempt(name, { credentialId: newId("credential"), ...rest }, globex.owner);
      expect(codesOf(foreign.errors)).toEqual(["NOT_FOUND"]);
      expect(foreign.text).toBe(absent.text);
    }
    expect(await look(id, "name")).toEqual({ name: "Main" });
  });
});

describe("a key is rotated", () => {
  test("behind the same id, with another fingerprint and key id; its name and its share stay", async () => {
    const id = await acme.credential(acme.organizationId, { name: "Release" });
    const share = await acme.share(id, { subOrganizationIds: [web] });
    const before = await look(id, "keyId fingerprint createdAt");
    const { keyId, issuerId, privateKey } = await newKey();
    const done = await mutate("rotateCredential", { credentialId: id, keyId, issuerId, privateKey });
    expect(done).toMatchObject({
      credential: { id, keyId, name: "Release", health: { status: "WORKING" } },
      userErrors: [],
    });
    const after = await look(id, "keyId fingerprint createdAt share { id }");
    expect(after).toMatchObject({ keyId, createdAt: before?.["createdAt"], share: { id: share } });
    expect(after?.["fingerprint"]).not.toBe(before?.["fingerprint"]);
  });

  test("and the next call to Apple carries the new key, also below, where it is shared", async () => {
    const id = await acme.credential(acme.organizationId);
    await acme.share(id);
    const below = await acme.member(web, "operator@rotate.example", ["OPERATOR"]);
    const devices = "keyId appStoreConnect(maxAgeSeconds: 0) { devices { nodes { udid } } }";
    const old = await look(id, devices, below);
    const next = await newKey();
    await mutate("rotateCredential", {
      credentialId: id,
      keyId: next.keyId,
      issuerId: next.issuerId,
      privateKey: next.privateKey,
    });
    server.sandbox.revokeKey(String(old?.["keyId"]));
    server.sandbox.clearJournal();
    await look(id, devices, below);
    await look(id, devices);
    expect(server.sandbox.journal.map(({ keyId, status }) => [keyId, status])).toEqual([
      [next.keyId, 200],
      [next.keyId, 200],
    ]);
  });

  test("and keeps its issuer id where none is given", async () => {
    const first = await newKey();
    const { data } = await create({ keyId: first.keyId, issuerId: first.issuerId, privateKey: first.privateKey });
    const id = data.createCredential.credential?.id ?? "";
    const second = await server.sandbox.registerKey({ program: "app-store", team: first.teamId });
    const done = await mutate("rotateCredential", {
      credentialId: id,
      keyId: second.keyId,
      privateKey: second.privateKey,
    });
    expect(done).toMatchObject({ credential: { keyId: second.keyId, health: { status: "WORKING" } }, userErrors: [] });
    expect(await look(id, "issuerId")).toEqual({ issuerId: first.issuerId });
  });

  test("only to a key that Apple accepts and that is one; what there is stays", async () => {
    const id = await acme.credential(acme.organizationId);
    const before = await look(id, "keyId fingerprint updatedAt health { status }");
    const revoked = await newKey();
    server.sandbox.revokeKey(revoked.keyId);
    const { keyId, issuerId, privateKey } = revoked;
    expect(await mutate("rotateCredential", { credentialId: id, keyId, issuerId, privateKey })).toMatchObject({
      credential: null,
      userErrors: [{ code: "APPLE_KEY_REJECTED", field: ["privateKey"] }],
    });
    const answer = await attempt(
      "rotateCredential",
      { credentialId: id, keyId, issuerId, privateKey: "none" },
      acme.owner,
    );
    expect(answer.data["rotateCredential"]).toMatchObject({ userErrors: [{ code: "INVALID_PRIVATE_KEY" }] });
    expect(await look(id, "keyId fingerprint updatedAt health { status }")).toEqual(before);
  });

  test("to no key id that another key of the tenant has", async () => {
    const taken = await look(await acme.credential(acme.organizationId, { verify: false }), "keyId");
    const id = await acme.credential(acme.organizationId, { verify: false });
    const input = { credentialId: id, keyId: taken?.["keyId"], privateKey: ownPem(), verify: false };
    expect(await mutate("rotateCredential", input)).toMatchObject({
      credential: null,
      userErrors: [{ code: "ALREADY_EXISTS", field: ["keyId"] }],
    });
  });

  test("by one of two who do it at once: the other is refused, and what is stored is whole", async () => {
    const id = await acme.credential(acme.organizationId);
    const [one, two] = [await newKey(), await newKey()];
    const [first, second] = [ownerContext(), ownerContext()];
    // Both have read the key before either writes.
    await Promise.all([first.loaders.credential.load(id), second.loaders.credential.load(id)]);
    const outcomes = await Promise.allSettled([
      credentials.rotate(first, { credentialId: id, ...one, verify: true }),
      credentials.rotate(second, { credentialId: id, ...two, verify: true }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const winner = outcomes[0].status === "fulfilled" ? one : two;
    const [row] = await query(server.database.ownerUrl, [
      "SELECT key_id, issuer_id, key_version FROM credentials WHERE id = $1",
      [id],
    ]);
    expect(row).toEqual({ key_id: winner.keyId, issuer_id: winner.issuerId, key_version: 2 });
    expect(await mutate("verifyCredential", { credentialId: id })).toMatchObject({
      credential: { health: { status: "WORKING" } },
    });
    server.sandbox.clearJournal();
    await look(id, "appStoreConnect { devices { nodes { udid } } }");
    expect(server.sandbox.journal.map(({ keyId, status }) => [keyId, status])).toEqual([[winner.keyId, 200]]);
  });

  function ownerContext(): Context {
    const user = { id: newId("user"), email: "owner@acme.example", name: null };
    const grant = grantOfRoles(acme.organizationId, acme.organizationId, ["OWNER"]);
    return createContext(server.platform, new Viewer({ kind: "user", user }, [grant]), {
      requestId: randomUUID(),
      ipAddress: null,
    });
  }
});

describe("a key is verified", () => {
  test("and the outcome is stored, a failure too, which is no userError", async () => {
    const { keyId, issuerId, privateKey } = await newKey();
    const { data } = await create({ keyId, issuerId, privateKey });
    const id = data.createCredential.credential?.id ?? "";
    expect(await mutate("verifyCredential", { credentialId: id })).toMatchObject({
      credential: { health: { status: "WORKING", advice: null, checkedAt: expect.any(String) as unknown } },
      userErrors: [],
    });
    server.sandbox.revokeKey(keyId);
    const failed = await mutate("verifyCredential", { credentialId: id });
    expect(failed).toMatchObject({
      credential: { health: { status: "KEY_REJECTED", advice: expect.stringContaining("revoked") as unknown } },
      userErrors: [],
    });
    expect(await look(id, "health { status advice checkedAt }")).toEqual({ health: failed.credential?.["health"] });
  });

  test("by no operator or viewer, and by a manager", async () => {
    const id = await acme.credential(web, { verify: false });
    for (const role of ["OPERATOR", "VIEWER"] as const) {
      const person = await acme.member(web, `${role.toLowerCase()}@verify.example`, [role]);
      expect(codesOf((await attempt("verifyCredential", { credentialId: id }, person)).errors)).toEqual(["FORBIDDEN"]);
    }
    const manager = await acme.member(web, "manager@verify.example", ["MANAGER"]);
    expect(await mutate("verifyCredential", { credentialId: id }, manager)).toMatchObject({
      credential: { health: { status: "WORKING" } },
    });
  });
});

describe("a key is deleted", () => {
  test("at once where it is not shared, and is then not found", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    expect(await mutate("deleteCredential", { credentialId: id })).toEqual({ deletedId: id, userErrors: [] });
    const gone = await server.ask(acme.owner, `query ($id: ID!) { credential(id: $id) { id } }`, { id });
    expect(codesOf(gone.errors)).toEqual(["NOT_FOUND"]);
  });

  test("while it is shared only by force; the refusal names who has it", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    const [ios, tv] = [await acme.subOrganization("iOS Apps"), await acme.subOrganization("TV Apps")];
    await acme.share(id, { subOrganizationIds: [ios, tv] });
    const refused = await mutate("deleteCredential", { credentialId: id });
    expect(refused).toMatchObject({ deletedId: null, userErrors: [{ code: "IN_USE", field: ["credentialId"] }] });
    expect(refused.userErrors[0]?.message).toMatch(/iOS Apps, TV Apps/);
    const below = await acme.member(ios, "viewer@delete.example", ["VIEWER"]);
    expect(await look(id, "id", below)).toEqual({ id });

    expect(await mutate("deleteCredential", { credentialId: id, force: true })).toEqual({
      deletedId: id,
      userErrors: [],
    });
    const gone = await server.ask(below, `query ($id: ID!) { credential(id: $id) { id } }`, { id });
    expect(codesOf(gone.errors)).toEqual(["NOT_FOUND"]);
  });

  test("without force once it is not shared any more", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    await acme.share(id);
    const refused = await mutate("deleteCredential", { credentialId: id });
    expect(refused.userErrors).toMatchObject([
      { code: "IN_USE", message: expect.stringContaining("all sub-organizations") as unknown },
    ]);
    await server.ask(acme.owner, `mutation ($id: ID!) { unshare(input: { subjectId: $id }) { deletedId } }`, { id });
    expect(await mutate("deleteCredential", { credentialId: id })).toMatchObject({ deletedId: id });
  });

  test("by no operator, and by a manager of its tenant", async () => {
    const id = await acme.credential(web, { verify: false });
    const operator = await acme.member(web, "operator@delete.example", ["OPERATOR"]);
    expect(codesOf((await attempt("deleteCredential", { credentialId: id }, operator)).errors)).toEqual(["FORBIDDEN"]);
    const manager = await acme.member(web, "manager@delete.example", ["MANAGER"]);
    expect(await mutate("deleteCredential", { credentialId: id }, manager)).toMatchObject({ deletedId: id });
  });
});

describe("what a viewer may do with a key", () => {
  const SELECTION = "viewerCanUpdate viewerCanDelete viewerCanShare";
  const can = (update: boolean, share: boolean) => ({
    viewerCanUpdate: update,
    viewerCanDelete: update,
    viewerCanShare: share,
  });

  test("is told to each: owners, managers, operators, viewers and tokens, of the root and below", async () => {
    const [root, own] = [
      await acme.credential(acme.organizationId, { verify: false }),
      await acme.credential(web, { verify: false }),
    ];
    await acme.share(root);
    const person = (tenant: string, role: "OWNER" | "MANAGER" | "OPERATOR" | "VIEWER"): Promise<string> =>
      acme.member(tenant, `${role.toLowerCase()}@${tenant === web ? "web" : "root"}.can.example`, [role]);
    const actors: [who: string, bearer: string, ofRoot: ReturnType<typeof can>, ofSub: ReturnType<typeof can>][] = [
      ["the owner token", acme.owner, can(true, true), can(true, false)],
      ["a root owner", await person(acme.organizationId, "OWNER"), can(true, true), can(true, false)],
      ["a root manager", await person(acme.organizationId, "MANAGER"), can(true, true), can(true, false)],
      ["a root operator", await person(acme.organizationId, "OPERATOR"), can(false, false), can(false, false)],
      ["a root viewer", await person(acme.organizationId, "VIEWER"), can(false, false), can(false, false)],
      ["an owner below", await person(web, "OWNER"), can(false, false), can(true, false)],
      ["a manager below", await person(web, "MANAGER"), can(false, false), can(true, false)],
      ["an operator below", await person(web, "OPERATOR"), can(false, false), can(false, false)],
      ["a viewer below", await person(web, "VIEWER"), can(false, false), can(false, false)],
      [
        "a token of the root",
        await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "CREDENTIALS_SHARE"]),
        can(false, true),
        can(false, false),
      ],
      [
        "a token below",
        await acme.token(web, ["CREDENTIALS_VIEW", "CREDENTIALS_MANAGE"]),
        can(false, false),
        can(true, false),
      ],
    ];
    for (const [who, bearer, ofRoot, ofSub] of actors) {
      expect([who, await look(root, SELECTION, bearer)]).toEqual([who, ofRoot]);
      expect([who, await look(own, SELECTION, bearer)]).toEqual([who, ofSub]);
    }
  });
});

describe("the last use of a key", () => {
  test("is null before the first, and then the time of it, whoever below used it", async () => {
    const id = await acme.credential(acme.organizationId);
    await acme.share(id);
    expect(await look(id, "lastUsedAt")).toEqual({ lastUsedAt: null });
    const below = await acme.member(web, "viewer@use.example", ["VIEWER"]);
    const started = Date.now();
    await look(id, "appStoreConnect { devices { nodes { udid } } }", below);
    const lastUsedAt = String((await look(id, "lastUsedAt"))?.["lastUsedAt"]);
    expect(Math.abs(Date.parse(lastUsedAt) - started)).toBeLessThan(60_000);
    expect(await look(id, "lastUsedAt", below)).toEqual({ lastUsedAt });
  });
});

describe("a list of keys", () => {
  let story: Story;
  let below: string;

  beforeAll(async () => {
    story = await seed(server, "Lists");
    below = await story.subOrganization("Below");
    await story.credential(story.organizationId, { name: "Main iOS" });
    await story.credential(story.organizationId, { name: "main tv", verify: false });
    await story.credential(story.organizationId, { name: "100% sure_thing", program: "ENTERPRISE", verify: false });
    const shared = await story.credential(story.organizationId, {
      name: "Common",
      verify: false,
      keyId: "KEYIDTOFIND",
    });
    await story.share(shared);
    await story.credential(below, { name: "Of the sub", verify: false });
  });

  async function names(filter: object, tenant: string = story.organizationId): Promise<string[]> {
    const document = `query ($id: ID!, $filter: CredentialFilter) {
      node(id: $id) { ... on Tenant { credentials(filter: $filter) { nodes { name } } } } }`;
    const { data, errors } = await server.ask<{ node: { credentials: { nodes: { name: string }[] } } }>(
      story.owner,
      document,
      { id: tenant, filter },
    );
    expect(errors).toBeUndefined();
    return data.node.credentials.nodes.map(({ name }) => name).sort();
  }

  test.each<[string, object, string[]]>([
    ["is whole without a filter", {}, ["100% sure_thing", "Common", "Main iOS", "main tv"]],
    ["is searched by a part of the name, without case", { search: "MAIN" }, ["Main iOS", "main tv"]],
    ["is searched by a part of Apple's key id", { search: "idtof" }, ["Common"]],
    ["is searched by a text, not by a pattern", { search: "%" }, ["100% sure_thing"]],
    ["is searched by a text, not by a pattern of one character", { search: "n_i" }, []],
    ["is narrowed to a program", { program: "ENTERPRISE" }, ["100% sure_thing"]],
    ["is narrowed to what is shared", { shared: true }, ["Common"]],
    ["is narrowed to what is not shared", { shared: false }, ["100% sure_thing", "Main iOS", "main tv"]],
    ["is narrowed to a status", { status: "WORKING" }, ["Main iOS"]],
    ["is narrowed to all of the filter at once", { search: "main", status: "UNVERIFIED" }, ["main tv"]],
  ])("%s", async (_, filter, expected) => {
    expect(await names(filter)).toEqual(expected);
  });

  test("of a sub-organization has what is its own and what is shared with it, told apart by the filter", async () => {
    expect(await names({}, below)).toEqual(["Common", "Of the sub"]);
    expect(await names({ shared: true }, below)).toEqual(["Common"]);
    expect(await names({ shared: false }, below)).toEqual(["Of the sub"]);
  });

  test("comes in pages that leave nothing out", async () => {
    const document = `query ($id: ID!, $after: String) { organization(id: $id) {
      credentials(first: 3, after: $after) { nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } } } }`;
    interface Page {
      organization: { credentials: { nodes: { id: string }[]; pageInfo: Record<string, unknown> } };
    }
    const ids = new Set<string>();
    const first = await server.ask<Page>(story.owner, document, { id: story.organizationId });
    const { nodes, pageInfo } = first.data.organization.credentials;
    expect(pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const second = await server.ask<Page>(story.owner, document, {
      id: story.organizationId,
      after: pageInfo["endCursor"],
    });
    const rest = second.data.organization.credentials;
    expect(rest.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    for (const { id } of [...nodes, ...rest.nodes]) ids.add(id);
    expect(ids.size).toBe(4);
  });
});
