import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { makeLog, withoutSecrets } from "../../src/log.js";
import { Secret } from "../../src/vault/secret.js";
import { newIdentity, pkcs12Of } from "../support/signing.js";
import { NO_TIME_MS } from "../support/no-time.js";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
type Form = "pkcs8" | "sec1" | "pkcs1";
const exported = (key: typeof ec, type: Form, format: "der" | "pem"): Buffer =>
  Buffer.from(key.export({ format, type } as never) as Buffer | string as string);
const der = (key: typeof ec, type: Form): Buffer => exported(key, type, "der");
const pem = (key: typeof ec, type: Form): string => exported(key, type, "pem").toString();

/** What a logger writes of something. */
function written(what: object, message = "a message"): string {
  const lines: string[] = [];
  makeLog({ logLevel: "trace" }, { write: (line) => lines.push(line) }).error(what, message);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: 50 });
  return lines[0] ?? "";
}

/** Checks that of a secret no twelve characters are in a text. */
function expectNothingOf(secret: string, text: string): void {
  const body = secret.replaceAll(/-----[A-Z ]+-----|\s/g, "");
  const windows = Array.from({ length: Math.max(1, body.length - 11) }, (_, i) => body.slice(i, i + 12));
  expect(windows.filter((window) => text.includes(window))).toEqual([]);
}

describe("a line of the log holds nothing of", () => {
  const token = `cs_${randomBytes(32).toString("base64url")}`;
  const jwt = ["eyJhbGciOiJFUzI1NiJ9", randomBytes(40), randomBytes(64)]
    .map((part) => (typeof part === "string" ? part : part.toString("base64url")))
    .join(".");
  const SECRETS: Readonly<Record<string, string>> = {
    "a .p8": pem(ec, "pkcs8"),
    "a .p8 with CRLF": pem(ec, "pkcs8").replaceAll("\n", "\r\n"),
    "a .p8 whose line breaks are escaped": pem(ec, "pkcs8").replaceAll("\n", "\\n"),
    "a .p8 that is cut off": pem(ec, "pkcs8").slice(0, 120),
    "a key in SEC 1": pem(ec, "sec1"),
    "an RSA key": pem(rsa, "pkcs8"),
    "an RSA key in PKCS#1": pem(rsa, "pkcs1"),
    "a key in base64": der(ec, "pkcs8").toString("base64"),
    "a key in base64url": der(ec, "pkcs8").toString("base64url"),
    "a key in SEC 1 in base64": der(ec, "sec1").toString("base64"),
    "an RSA key in base64": der(rsa, "pkcs8").toString("base64"),
    "an RSA key in PKCS#1 in base64": der(rsa, "pkcs1").toString("base64"),
    "a key in hex": der(ec, "pkcs8").toString("hex"),
    "an RSA key in hex": der(rsa, "pkcs8").toString("hex").toUpperCase(),
    "an access token": token,
    "a JSON Web Token": jwt,
  };

  test.each(Object.entries(SECRETS))("%s, wherever it stands", (_, secret) => {
    for (const line of [
      written({ secret }),
      written({ deep: { list: [`before ${secret} after`] } }),
      written({}, secret),
      written({ err: new Error(`cannot read ${secret}`) }),
      written({ [secret]: 1 }),
    ]) {
      expectNothingOf(secret, line);
    }
  });

  test("a .p12 file", async () => {
    const pkcs12 = await pkcs12Of(await newIdentity());
    expectNothingOf(pkcs12, written({ file: pkcs12 }));
  });

  test("a password in a URL, whose other parts stay", () => {
    const line = written({ err: new Error("cannot reach postgres://app:p4ss-w0rd-1234@db.example:5432/x") });
    expectNothingOf("p4ss-w0rd-1234", line);
    expect(line).toContain("postgres://app:[redacted]@db.example:5432/x");
  });

  test("what is named a password, a key or a token, and a header", () => {
    const line = written({ password: 'correct "horse" 12', headers: { authorization: "Bearer abcdefghijklmnop" } });
    expect(line).not.toContain("horse");
    expect(line).not.toContain("abcdefgh");
    expectNothingOf("bGV0IG1lIGluIHBsZWFzZQ==", written({}, "Basic bGV0IG1lIGluIHBsZWFzZQ=="));
  });

  test("bytes, and what a Secret holds", () => {
    const bytes = der(ec, "pkcs8");
    const line = written({ bytes, secret: Secret.of(bytes), nested: [Secret.of("correct horse")] });
    expectNothingOf(bytes.toString("base64"), line);
    expect(line).not.toContain([...bytes.subarray(0, 6)].join(","));
    expect(JSON.parse(line)).toMatchObject({ bytes: "[redacted]", secret: "[redacted]", nested: ["[secret]"] });
  });
});

describe("a line of the log keeps", () => {
  test.each([
    ["ids", "cred_01h455vb4pex5vsknk084sn02q tok_01h455vb4pex5vsknk084sn02q"],
    ["a request id", "b3bb9fe0-7d5c-4d42-9ac5-3b3081870201"],
    ["a URL", "https://api.appstoreconnect.apple.com/v1/profiles?filter=cs_1"],
    ["an e-mail address", "ada@acme.example asked https://acme.example/ for it"],
    ["a hash", "8af8559888a02c3b949dd7c3278a3213b02630d46536b95ca10654b08da21c28"],
    [
      "a public key",
      generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "pem", type: "spki" }),
    ],
  ])("%s", (_, text) => {
    const line = JSON.stringify({ text });
    expect(withoutSecrets(line)).toBe(line);
  });

  test("its level: what is below is not written", () => {
    const lines: string[] = [];
    const log = makeLog({ logLevel: "warn" }, { write: (line) => lines.push(line) });
    log.info("not this");
    log.warn("this");
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["this"]);
  });
});

test("looking for secrets takes no time to speak of, in lines made to be slow", () => {
  for (const hard of [
    "-----BEGIN PRIVATE KEY-----".repeat(20_000),
    "MIIE".repeat(200_000),
    "eyJ.".repeat(200_000),
    "a://b:".repeat(100_000),
    `"token":"${"\\".repeat(500_000)}`,
  ]) {
    const before = performance.now();
    withoutSecrets(hard);
    expect(performance.now() - before).toBeLessThan(NO_TIME_MS);
  }
});
