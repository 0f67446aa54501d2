import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { InvalidConfig, readConfig } from "../../src/config.js";

const KEY = randomBytes(32).toString("base64");
const DATABASE = { DATABASE_URL: "postgres://server:x@db.example/countersign", COUNTERSIGN_KEY: KEY };
const OIDC = {
  OIDC_ISSUER: "https://id.example",
  OIDC_AUDIENCE: "countersign",
  OIDC_JWKS_URL: "https://id.example/jwks",
};

/** The faults of an environment, by the names of their variables. */
function faultsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return [...new Set(error.faults.map((fault) => fault.split(" ")[0] ?? ""))];
  }
}

const OTHER_KEY = randomBytes(32).toString("base64");
const ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

describe("the configuration", () => {
  test("needs nothing: embedded PostgreSQL, Apple itself, tokens alone, on loopback", () => {
    expect(readConfig({})).toEqual({
      port: 4000,
      host: "127.0.0.1",
      databaseUrl: null,
      databaseOwnerUrl: null,
      dataDir: "data",
      key: null,
      kmsKeyId: null,
      formerKeys: [],
      kmsEndpoint: null,
      appleBaseUrl: "https://api.appstoreconnect.apple.com",
      appleEnterpriseBaseUrl: "https://api.enterprise.developer.apple.com",
      appleDeadlineMs: 30_000,
      syncSeconds: 240,
      requestsPerMinute: 120_000,
      costPerMinute: 100_000_000,
      drainSeconds: 5,
      oidc: null,
      introspection: false,
      logLevel: "info",
    });
  });

  test("takes an empty variable as one that is not set", () => {
    const names = ["PORT", "DATABASE_URL", "COUNTERSIGN_KEY", "APPLE_BASE_URL", "OIDC_ISSUER", "LOG_LEVEL"];
    expect(readConfig(Object.fromEntries(names.map((name) => [name, ""])))).toEqual(readConfig({}));
  });

  test("is read whole", () => {
    const owner = "postgresql://owner:x@db.example/countersign";
    const config = readConfig({
      ...DATABASE,
      ...OIDC,
      DATABASE_OWNER_URL: owner,
      PORT: "0",
      HOST: "0.0.0.0",
      DATA_DIR: "/var/lib/countersign",
      COUNTERSIGN_FORMER_KEYS: `${OTHER_KEY}, ${ARN},file:/var/lib/countersign/former.key`,
      COUNTERSIGN_KMS_ENDPOINT: "http://127.0.0.1:4012",
      APPLE_BASE_URL: "http://127.0.0.1:4010/",
      APPLE_ENTERPRISE_BASE_URL: "http://localhost:4011",
      APPLE_DEADLINE_MS: "5000",
      APPLE_SYNC_SECONDS: "0",
      RATE_REQUESTS_PER_MINUTE: "600",
      RATE_COST_PER_MINUTE: "0",
      DRAIN_SECONDS: "20",
      GRAPHQL_INTROSPECTION: "on",
      LOG_LEVEL: "debug",
    });
    expect(config).toEqual({
      port: 0,
      host: "0.0.0.0",
      databaseUrl: DATABASE.DATABASE_URL,
      databaseOwnerUrl: owner,
      dataDir: "/var/lib/countersign",
      key: KEY,
      kmsKeyId: null,
      formerKeys: [OTHER_KEY, ARN, "file:/var/lib/countersign/former.key"],
      kmsEndpoint: "http://127.0.0.1:4012",
      appleBaseUrl: "http://127.0.0.1:4010",
      appleEnterpriseBaseUrl: "http://localhost:4011",
      appleDeadlineMs: 5_000,
      syncSeconds: 0,
      requestsPerMinute: 600,
      costPerMinute: 0,
      drainSeconds: 20,
      oidc: { issuer: OIDC.OIDC_ISSUER, audience: OIDC.OIDC_AUDIENCE, jwksUrl: OIDC.OIDC_JWKS_URL },
      introspection: true,
      logLevel: "debug",
    });
  });

  test.each([
    ["PORT", "-1"],
    ["PORT", "65536"],
    ["PORT", "4000.5"],
    ["PORT", "http"],
    ["DATABASE_OWNER_URL", "mysql://owner@db.example/x"],
    ["DRAIN_SECONDS", "301"],
    ["OIDC_JWKS_URL", "file:///etc/passwd"],
    ["GRAPHQL_INTROSPECTION", "maybe"],
    ["LOG_LEVEL", "loud"],
  ])("refuses %s=%s, alone and by name", (name, value) => {
    expect(faultsOf({ ...DATABASE, ...OIDC })).toEqual([]);
    expect(faultsOf({ ...DATABASE, ...OIDC, [name]: value })).toEqual([name]);
  });

  test("names one key-encryption key, in the environment or in AWS KMS, and former ones of any kind", () => {
    const { DATABASE_URL } = DATABASE;
    expect(readConfig({ DATABASE_URL, COUNTERSIGN_KMS_KEY_ID: ARN })).toMatchObject({ key: null, kmsKeyId: ARN });
    expect(faultsOf({ ...DATABASE, COUNTERSIGN_KMS_KEY_ID: ARN })).toEqual(["COUNTERSIGN_KEY"]);
    expect(faultsOf({ DATABASE_URL })).toEqual(["COUNTERSIGN_KEY"]);
    for (const alias of ["alias/countersign", ARN.replace("key/", "alias/")]) {
      expect(faultsOf({ DATABASE_URL, COUNTERSIGN_KMS_KEY_ID: alias })).toEqual(["COUNTERSIGN_KMS_KEY_ID"]);
    }
    for (const strange of ["s3cr3t", `${OTHER_KEY},s3cr3t`, "file:", OTHER_KEY.slice(4)]) {
      expect(faultsOf({ ...DATABASE, COUNTERSIGN_FORMER_KEYS: strange })).toEqual(["COUNTERSIGN_FORMER_KEYS"]);
    }
    expect(faultsOf({ ...DATABASE, COUNTERSIGN_KMS_ENDPOINT: "https://kms.example" })).toEqual([
      "COUNTERSIGN_KMS_ENDPOINT",
    ]);
  });

  test.each([
    ["true", true],
    ["1", true],
    ["on", true],
    ["false", false],
    ["0", false],
    ["off", false],
  ])("reads %s as a flag", (text, introspection) => {
    expect(readConfig({ GRAPHQL_INTROSPECTION: text })).toMatchObject({ introspection });
  });

  test.each(["APPLE_BASE_URL", "APPLE_ENTERPRISE_BASE_URL"])(
    "lets %s name Apple or a loopback address alone",
    (name) => {
      for (const fine of ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]) {
        expect(faultsOf({ [name]: fine })).toEqual([]);
      }
      const strangers = [
        ...["https://apple.example", "http://127.0.0.1.example", "http://10.0.0.1", "ftp://127.0.0.1", "127.0.0.1:1"],
        ...["https://api.appstoreconnect.apple.com.example", "http://user@apple.example#@127.0.0.1"],
      ];
      for (const stranger of strangers) expect(faultsOf({ [name]: stranger })).toEqual([name]);
    },
  );

  test("does not send keys of one program to the host of the other", () => {
    expect(faultsOf({ APPLE_BASE_URL: "https://api.enterprise.developer.apple.com" })).toEqual(["APPLE_BASE_URL"]);
  });

  test("wants the key with a database of one's own, and the server's role beside the owner's", () => {
    const { DATABASE_URL, COUNTERSIGN_KEY } = DATABASE;
    expect(faultsOf({ DATABASE_URL })).toEqual(["COUNTERSIGN_KEY"]);
    expect(faultsOf({ DATABASE_OWNER_URL: DATABASE_URL, COUNTERSIGN_KEY })).toEqual(["DATABASE_URL"]);
    expect(faultsOf({ COUNTERSIGN_KEY })).toEqual([]);
  });

  test.each(["short", KEY.slice(4), `${KEY}AAAA`, `${KEY.slice(0, -2)}!=`, "0".repeat(64)])(
    "refuses the key %#, which is not 32 bytes in base64",
    (key) => {
      expect(faultsOf({ COUNTERSIGN_KEY: key })).toEqual(["COUNTERSIGN_KEY"]);
    },
  );

  test("wants all of an identity provider or none of it", () => {
    expect(faultsOf(OIDC)).toEqual([]);
    for (const name of Object.keys(OIDC)) {
      const rest = Object.fromEntries(Object.entries(OIDC).filter(([other]) => other !== name));
      expect(faultsOf(rest)).toEqual([name]);
    }
  });

  test("names every fault at once, and no value", () => {
    const environment = {
      PORT: "s3cr3t-1",
      DATABASE_URL: "s3cr3t-2",
      COUNTERSIGN_KEY: "s3cr3t-3",
      LOG_LEVEL: "s3cr3t-4",
      APPLE_BASE_URL: "https://s3cr3t-5.example",
    };
    const faults = faultsOf(environment);
    expect(faults).toEqual(expect.arrayContaining(["PORT", "DATABASE_URL", "LOG_LEVEL", "APPLE_BASE_URL"]));
    expect(() => readConfig(environment)).toThrow(InvalidConfig);
    expect(() => readConfig(environment)).not.toThrow(/s3cr3t/);
  });
});
