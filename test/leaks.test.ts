import { createPrivateKey, type KeyObject } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { readPkcs12 } from "../src/files/pkcs12.js";
import { askNoted, mutationOf, type Noted } from "./support/audit.js";
import { makeDatabase, query, type TestDatabase } from "./support/database.js";
import { logEverything, type DatabaseLog } from "./support/database-log.js";
import { dataKeysOf, dumpOf, privateParts } from "./support/leaks.js";
import { SERVER_PASSWORD } from "./support/global-setup.js";
import { seed, type Story } from "./support/seed.js";
import { startTestServer, type TestServer } from "./support/server.js";
import { newIdentity, pkcs12Of } from "./support/signing.js";
import { Windows } from "./support/window.js";

let server: TestServer;
let database: TestDatabase;
let acme: Story;
const secrets = new Windows();
/** All that the server logged, before anything is redacted. */
const log: string[] = [];
/** All that was answered, but for what is handed out on purpose. */
const answers: string[] = [];
/** The log of PostgreSQL, and how long it was before; null where it cannot be read. */
let databaseLog: DatabaseLog | null = null;

const PASSWORD = "a password of twenty-nine parts";
const WRONG_PASSWORD = "another password, a wrong one";

beforeAll(async () => {
  database = await makeDatabase();
  databaseLog = await logEverything(database);
  const stream = { write: (line: string) => void log.push(line) };
  server = await startTestServer({ DATABASE_URL: database.serverUrl }, pino({ level: "trace", base: null }, stream));
  acme = await seed(server);
  secrets.text("an owner token", acme.owner);
  secrets.text("the password of the database", SERVER_PASSWORD);
  secrets.bytes("the key-encryption key", Buffer.from(server.environment["COUNTERSIGN_KEY"] ?? "", "base64"));
  await scenario();
  const keys = await dataKeysOf(database, server.environment);
  expect(keys).not.toEqual([]);
  for (const key of keys) secrets.bytes("a data key", key);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

type Payload = Record<string, Record<string, Record<string, string>>>;

/** Asks, and keeps the answer for looking through. */
async function ask(document: string, input: object, token = acme.owner): Promise<Noted<Payload>> {
  const answer = await askNoted<Payload>(server, token, document, { input });
  answers.push(answer.text);
  return answer;
}
const noteKey = (name: string, key: KeyObject): void => {
  for (const part of privateParts(key)) secrets.bytes(name, part);
};
/** The encrypted private key in a .p12: an OCTET STRING of some 1,200 bytes. What is around it is the same in many files. */
function sealedKeyIn(pkcs12: string): Buffer {
  const file = Buffer.from(pkcs12, "base64");
  for (let at = file.indexOf("0482", 0, "hex"); at >= 0; at = file.indexOf("0482", at + 1, "hex")) {
    const length = file.readUInt16BE(at + 2);
    if (length >= 1_200 && length <= 1_300) return file.subarray(at + 4, at + 4 + length);
  }
  throw new Error("The .p12 holds no encrypted key");
}

const CREATE = mutationOf("createCredential", "credential { id }");
const DEVICES = `query ($input: ID!) { credential(id: $input) { appStoreConnect(maxAgeSeconds: 0) { devices { nodes { udid } } } } }`;

/** All that takes or makes a secret, well and badly. */
async function scenario(): Promise<void> {
  const tenantId = acme.organizationId;
  const keys = await Promise.all([1, 2, 3].map(() => server.sandbox.registerKey({ program: "app-store" })));
  const [first, second, third] = keys.map(({ keyId, issuerId, privateKey }) => ({ keyId, issuerId, privateKey }));
  if (first === undefined || second === undefined || third === undefined) throw new Error("No keys");
  for (const { privateKey } of keys) noteKey("a .p8", createPrivateKey(privateKey));

  const { data } = await ask(CREATE, { tenantId, name: "Main", ...first });
  const credentialId = data?.["createCredential"]?.["credential"]?.["id"] ?? "";
  const { privateKey } = third;
  const malformed = [
    privateKey.slice(0, 150),
    privateKey.replace("PRIVATE", "PUBLIC"),
    privateKey.replace(/\n/g, ""),
    `${privateKey}x`,
    ` ${privateKey.replace("MIG", "MIH")}`,
  ];
  for (const each of [...malformed, [privateKey], { pem: privateKey }]) {
    await ask(CREATE, { tenantId, name: "Bad", ...third, privateKey: each });
  }
  await ask(CREATE, { tenantId, name: privateKey, ...third });
  await ask(CREATE, { tenantId, name: "Bad", keyId: privateKey, issuerId: privateKey, privateKey: "x" });
  await ask(`mutation { createCredential(input: {tenantId: ${JSON.stringify(privateKey)}}) { nothing } }`, {});
  await ask(mutationOf("rotateCredential", "credential { id }"), { credentialId, ...second });
  await ask(mutationOf("verifyCredential", "credential { id }"), { credentialId });

  const identity = await newIdentity();
  noteKey("the key of a .p12", identity.privateKey);
  const pkcs12 = await pkcs12Of(identity, PASSWORD);
  secrets.bytes("a .p12", sealedKeyIn(pkcs12));
  for (const [name, text] of [
    ["a password", PASSWORD],
    ["a wrong password", WRONG_PASSWORD],
  ] as const)
    secrets.text(name, text);
  const UPLOAD = mutationOf("uploadCertificate", "certificate { id }");
  for (const password of [WRONG_PASSWORD, [PASSWORD], PASSWORD]) await ask(UPLOAD, { tenantId, pkcs12, password });
  await ask(UPLOAD, { tenantId, pkcs12: pkcs12.slice(0, 900), password: PASSWORD });

  const token = await askNoted<Payload>(server, acme.owner, mutationOf("createAccessToken", "secret"), {
    input: { tenantId, name: "CI", permissions: ["CREDENTIALS_VIEW", "SIGNING_VIEW"] },
  });
  const secret = (token.data?.["createAccessToken"]?.["secret"] as string | undefined) ?? "";
  secrets.text("an access token", secret);
  answers.push(token.text.replace(secret, ""));
  await ask(DEVICES, credentialId as unknown as object, secret);
  await ask("{ viewer { __typename } }", {}, `${secret}x`);
  await ask("{ viewer { __typename } }", {}, await server.issuer.forge({ email: "x@acme.example" }));

  await failures(credentialId, CREATE, third);
  await handedOut(tenantId, credentialId);
}

/** Apple fails, and so does the database. */
async function failures(credentialId: string, create: string, key: object): Promise<void> {
  for (const kind of ["401", "403-role", "500", "bad-json", "drop", "redirect", "502-html"] as const) {
    server.sandbox.failNext({ times: 2, failure: { kind } });
    await ask(DEVICES, credentialId as unknown as object);
    server.sandbox.clearFailures();
  }
  const fail = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room for %', NEW USING DETAIL = NEW::text; END $$`;
  const pkcs12 = await pkcs12Of(await newIdentity(), PASSWORD);
  for (const table of ["credentials", "certificates", "access_tokens", "audit_events", "data_keys"]) {
    const trigger = `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse()`;
    await query(database.ownerUrl, fail, trigger);
    await ask(create, { tenantId: acme.organizationId, name: "Fails", ...key });
    await ask(mutationOf("uploadCertificate", "certificate { id }"), {
      ...{ tenantId: acme.organizationId, password: PASSWORD, pkcs12 },
    });
    await ask(mutationOf("createAccessToken", "secret"), {
      ...{ tenantId: acme.organizationId, name: "Fails", permissions: ["SIGNING_VIEW"] },
    });
    await query(database.ownerUrl, `DROP TRIGGER refuse ON ${table}`, "DROP FUNCTION refuse()");
  }
}

/** Secrets leave on purpose, each in its field. */
async function handedOut(tenantId: string, credentialId: string): Promise<void> {
  const PREPARE = mutationOf("prepareSigning", "kit { certificate { id } download { pkcs12 password } }");
  const input = {
    tenantId,
    credentialId,
    type: "IOS_APP_STORE",
    bundleIdentifiers: ["com.acme.leaks"],
    password: PASSWORD,
  };
  const prepared = await askNoted<{
    prepareSigning: { kit: { certificate: { id: string }; download: { pkcs12: string; password: string } } };
  }>(...([server, acme.owner, PREPARE, { input }] as const));
  const { certificate, download } = prepared.data?.prepareSigning.kit ?? {};
  if (download === undefined) throw new Error(`No kit: ${prepared.text}`);
  const made = await readPkcs12(Buffer.from(download.pkcs12, "base64"), PASSWORD);
  noteKey("a key that was made here", made.privateKey);
  answers.push(prepared.text.replace(download.pkcs12, "").replace(download.password, ""));

  const DOWNLOAD = mutationOf("downloadCertificate", "download { pkcs12 password }");
  const given = await askNoted<{ downloadCertificate: { download: { pkcs12: string; password: string } } }>(
    ...([server, acme.owner, DOWNLOAD, { input: { certificateId: certificate?.id } }] as const),
  );
  const file = given.data?.downloadCertificate.download;
  secrets.text("the password of a download", file?.password ?? "");
  secrets.bytes("a download", sealedKeyIn(file?.pkcs12 ?? ""));
  answers.push(given.text.replace(file?.pkcs12 ?? "", "").replace(file?.password ?? "", ""));
}

describe("twelve bytes of no secret are", () => {
  test("in anything that was answered, but where it is meant", () => {
    expect(answers.length).toBeGreaterThan(30);
    expect(secrets.in(answers.join("\n"))).toEqual([]);
  });

  test("in anything that was logged at the most verbose level, even before it is redacted", () => {
    expect(log.length).toBeGreaterThan(5);
    expect(secrets.in(log.join(""))).toEqual([]);
  });

  test("in a line of a request that does not name the request", () => {
    const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
    const failed = lines.filter(({ msg }) => String(msg).includes("request"));
    expect(failed.length).toBeGreaterThan(3);
    for (const line of failed)
      expect([line["msg"], line["requestId"]]).toEqual([line["msg"], expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  test("in any column of any table", async () => {
    const dump = await dumpOf(database);
    expect(dump.length).toBeGreaterThan(10_000);
    expect(dump).toContain("Acme");
    expect(secrets.in(dump)).toEqual([]);
  });

  test("in the log of PostgreSQL, with every statement and its parameters", () => {
    if (databaseLog === null) {
      console.log("The log of this PostgreSQL server cannot be read from here: it is not looked through.");
      return;
    }
    const written = databaseLog.written();
    expect(written.length).toBeGreaterThan(0);
    expect(secrets.in(written)).toEqual([]);
  });

  test("missed by whoever looks: each secret is found where it is", () => {
    const key = Buffer.from(server.environment["COUNTERSIGN_KEY"] ?? "", "base64");
    for (const text of [
      key.toString("hex"),
      `x${key.toString("base64")}`,
      JSON.stringify(key),
      acme.owner.slice(5, 25),
    ]) {
      expect(secrets.in(`before ${text} after`)).toHaveLength(1);
    }
    expect(secrets.in(`level ${PASSWORD.slice(3, 17)}`)).toEqual(["a password"]);
  });
});
