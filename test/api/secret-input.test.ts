import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildSchema, getNamedType, isInputObjectType, isNonNullType, isScalarType } from "graphql";
import { readFileSync } from "node:fs";
import { pino } from "pino";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { Windows } from "../support/window.js";

/** Names of fields that take a secret. */
const SECRET = /privateKey|pkcs12|password|passphrase|secret/i;

/** Every mutation that takes a secret, by the schema: its name, the type of its input, and the field. */
const TAKING = (() => {
  const mutations = buildSchema(readFileSync("schema/schema.graphql", "utf8")).getMutationType()?.getFields() ?? {};
  return Object.values(mutations).flatMap(({ name, args }) => {
    const type = getNamedType(args[0]?.type);
    if (!isInputObjectType(type)) return [];
    const fields = Object.values(type.getFields());
    const sound = Object.fromEntries(
      fields
        .filter((field) => isNonNullType(field.type) && field.defaultValue === undefined)
        .map((field) => [field.name, isScalarType(getNamedType(field.type)) ? "x" : null]),
    );
    return fields
      .filter((field) => SECRET.test(field.name))
      .map((field) => ({ name, type: type.name, field: field.name, sound }));
  });
})();

let server: TestServer;
let acme: Story;
const log: string[] = [];

beforeAll(async () => {
  const stream = { write: (line: string) => void log.push(line) };
  server = await startTestServer({}, pino({ level: "trace", base: null }, stream));
  acme = await seed(server);
});
afterAll(() => server.close());

test("the mutations that take a secret are found", () => {
  expect(TAKING.map(({ name, field }) => `${name}.${field}`).sort()).toEqual([
    "createCredential.privateKey",
    "downloadCertificate.password",
    "prepareSigning.password",
    "rotateCredential.privateKey",
    "uploadCertificate.password",
    "uploadCertificate.pkcs12",
  ]);
});

describe.each(TAKING)("the $field of $name is in no answer and no log", ({ name, type, field, sound }) => {
  const whole = `mutation ($input: ${type}!) { ${name}(input: $input) { userErrors { code message } } }`;

  /** Sends a request that holds a secret of forty characters, and looks for it. */
  async function expectNoEcho(make: (secret: string) => readonly [document: string, variables: object]): Promise<void> {
    const secret = randomBytes(30).toString("base64");
    const secrets = new Windows();
    secrets.text("the secret", secret);
    const [document, variables] = make(secret);
    const from = log.length;
    const answer = await server.ask(acme.owner, document, variables as Record<string, unknown>);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).toMatch(/"errors"|"userErrors"/);
    expect(secrets.in(answer.text + log.slice(from).join(""))).toEqual([]);
    expect(secrets.in(`before ${secret} after`)).toEqual(["the secret"]);
  }
  const quoted = (secret: string): string => JSON.stringify(secret);

  test.each<[string, (secret: string) => readonly [document: string, variables: object]]>([
    ["where all else is missing", (v) => [whole, { input: { [field]: v } }]],
    ["where all else is none", (v) => [whole, { input: { ...sound, [field]: v } }]],
    ["in a list", (v) => [whole, { input: { ...sound, [field]: [v] } }]],
    ["in an object", (v) => [whole, { input: { ...sound, [field]: { value: v } } }]],
    ["beside a field that is not there", (v) => [whole, { input: { ...sound, [field]: v, [v]: v } }]],
    ["in the place of the input", (v) => [whole, { input: v }]],
    ["in every other field", (v) => [whole, { input: Object.fromEntries(Object.keys(sound).map((key) => [key, v])) }]],
    ["as a literal", (v) => [`mutation { ${name}(input: {${field}: ${quoted(v)}}) { userErrors { code } } }`, {}]],
    [
      "as a literal in a list",
      (v) => [`mutation { ${name}(input: {${field}: [${quoted(v)}]}) { userErrors { code } } }`, {}],
    ],
    [
      "as a literal in an object",
      (v) => [`mutation { ${name}(input: {${field}: {a: ${quoted(v)}}}) { userErrors { code } } }`, {}],
    ],
    ["as a literal that does not end", (v) => [`mutation { ${name}(input: {${field}: ${quoted(v).slice(0, -1)}`, {}]],
    [
      "in a variable of another type",
      (v) => [`mutation ($v: Int!) { ${name}(input: {${field}: $v}) { userErrors { code } } }`, { v }],
    ],
  ])("%s", async (_, make) => {
    await expectNoEcho(make);
  });
});
