import { z } from "zod";

// Libraries check more, and tell clients more, where this is not set: graphql is several times slower then.
process.env["NODE_ENV"] ??= "production";

/** Apple's two hosts, one a program. */
const APPLE_ORIGIN = "https://api.appstoreconnect.apple.com";
const APPLE_ENTERPRISE_ORIGIN = "https://api.enterprise.developer.apple.com";

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

const isLoopback = (url: URL): boolean => ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// URL" });
const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http(s):// URL" });

/** Apple's own host, or a loopback address for the sandbox: keys are signed for no other host. */
const appleUrl = (origin: string) =>
  httpUrl
    .default(origin)
    .refine((text) => text === origin || (URL.canParse(text) && isLoopback(new URL(text))), {
      error: `must be ${origin} or a loopback address`,
    })
    .transform((text) => text.replace(/\/+$/, ""));

const flag = z
  .enum(["true", "false", "1", "0", "on", "off"], { error: "must be true or false" })
  .transform((text) => ["true", "1", "on"].includes(text));

const perMinute = z.coerce.number({ error: "must be a number" }).int().min(0).max(2_000_000_000);

const environment = z
  .object({
    PORT: z.coerce.number({ error: "must be a port number" }).int().min(0).max(65_535).default(4000),
    HOST: z.string().default("127.0.0.1"),
    DATABASE_URL: postgresUrl.optional(),
    DATABASE_OWNER_URL: postgresUrl.optional(),
    DATA_DIR: z.string().default("data"),
    COUNTERSIGN_KEY: z.string().optional(),
    COUNTERSIGN_KMS_KEY_ID: z.string().optional(),
    COUNTERSIGN_FORMER_KEYS: z
      .string()
      .default("")
      .transform((text) =>
        text
          .split(",")
          .map((each) => each.trim())
          .filter((each) => each !== ""),
      ),
    COUNTERSIGN_KMS_ENDPOINT: httpUrl
      .refine((text) => URL.canParse(text) && isLoopback(new URL(text)), { error: "must be a loopback address" })
      .optional(),
    APPLE_BASE_URL: appleUrl(APPLE_ORIGIN),
    APPLE_ENTERPRISE_BASE_URL: appleUrl(APPLE_ENTERPRISE_ORIGIN),
    APPLE_DEADLINE_MS: z.coerce.number({ error: "must be milliseconds" }).int().min(100).max(120_000).default(30_000),
    APPLE_SYNC_SECONDS: z.coerce
      .number({ error: "must be seconds" })
      .int()
      .refine((seconds) => seconds === 0 || (seconds >= 10 && seconds <= 86_400), {
        error: "must be 10 to 86400 seconds, or 0 for none",
      })
      .default(240),
    RATE_REQUESTS_PER_MINUTE: perMinute.default(120_000),
    RATE_COST_PER_MINUTE: perMinute.default(100_000_000),
    DRAIN_SECONDS: z.coerce.number({ error: "must be seconds" }).int().min(0).max(300).default(5),
    OIDC_ISSUER: httpUrl.optional(),
    OIDC_AUDIENCE: z.string().optional(),
    OIDC_JWKS_URL: httpUrl.optional(),
    GRAPHQL_INTROSPECTION: flag.default(false),
    LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(", ")}` }).default("info"),
  })
  .superRefine((env, check) => {
    const fault = (name: string, message: string) => {
      check.addIssue({ code: "custom", path: [name], message });
    };
    if (env.DATABASE_OWNER_URL !== undefined && env.DATABASE_URL === undefined) {
      fault("DATABASE_URL", "is missing: DATABASE_OWNER_URL alone does not say which role the server connects as");
    }
    if (env.COUNTERSIGN_KEY !== undefined && env.COUNTERSIGN_KMS_KEY_ID !== undefined) {
      fault(
        "COUNTERSIGN_KEY",
        "is one key and COUNTERSIGN_KMS_KEY_ID another: set one, and name the other as a former key",
      );
    }
    if (env.COUNTERSIGN_KMS_KEY_ID !== undefined && !isKeyArn(env.COUNTERSIGN_KMS_KEY_ID)) {
      fault("COUNTERSIGN_KMS_KEY_ID", "must be the ARN of a key of AWS KMS: arn:aws:kms:…:key/…");
    }
    if (!env.COUNTERSIGN_FORMER_KEYS.every((each) => isKey(each) || isKeyArn(each) || /^file:./.test(each))) {
      fault(
        "COUNTERSIGN_FORMER_KEYS",
        "must be a list with commas of keys, each 32 bytes as base64, the ARN of a key of AWS KMS, or file: with a path",
      );
    }
    if (
      env.DATABASE_URL !== undefined &&
      env.COUNTERSIGN_KEY === undefined &&
      env.COUNTERSIGN_KMS_KEY_ID === undefined
    ) {
      fault("COUNTERSIGN_KEY", "is missing: a server on a database of your own needs the key that seals its secrets");
    }
    if (env.COUNTERSIGN_KEY !== undefined && !isKey(env.COUNTERSIGN_KEY)) {
      fault("COUNTERSIGN_KEY", "must be 32 random bytes as base64, for example from: openssl rand -base64 32");
    }
    const oidc = ["OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_JWKS_URL"] as const;
    if (oidc.some((name) => env[name] !== undefined)) {
      for (const name of oidc) {
        if (env[name] === undefined) fault(name, `is missing: users sign in only with ${oidc.join(", ")} all set`);
      }
    }
  });

const isKeyArn = (text: string): boolean => /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/.test(text);

function isKey(text: string): boolean {
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(text) && Buffer.from(text, "base64").length === 32;
}

/** Where users are signed in: an OpenID Connect issuer whose tokens name this server as their audience. */
export interface OidcConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
}

/** What the environment says, checked. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Null: the embedded PostgreSQL below `dataDir`. */
  readonly databaseUrl: string | null;
  /** Null: nobody migrates at start; the schema has to be up to date. */
  readonly databaseOwnerUrl: string | null;
  readonly dataDir: string;
  /** Base64 of 32 bytes; null: that of `kmsKeyId`, otherwise the key file below `dataDir`, made on the first start. */
  readonly key: string | null;
  /** The ARN of a key of AWS KMS. */
  readonly kmsKeyId: string | null;
  /** Keys that data keys may still be wrapped with: base64 of 32 bytes, the ARN of a key of AWS KMS, or `file:` and a path. */
  readonly formerKeys: readonly string[];
  /** Null: AWS's own. */
  readonly kmsEndpoint: string | null;
  readonly appleBaseUrl: string;
  readonly appleEnterpriseBaseUrl: string;
  /** For one call to Apple with its retries. */
  readonly appleDeadlineMs: number;
  /** How old the lists that are in use become; 0: nobody renews them until they are asked for. */
  readonly syncSeconds: number;
  /** Requests of one actor within a minute; 0: any number. */
  readonly requestsPerMinute: number;
  /** Cost of all operations of one actor within a minute; 0: any. */
  readonly costPerMinute: number;
  /** For how long a server that ends says so, and takes requests still. */
  readonly drainSeconds: number;
  /** Null: only access tokens are accepted. */
  readonly oidc: OidcConfig | null;
  /** Whether clients may read the schema, and the explorer is served. */
  readonly introspection: boolean;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** Every fault of the environment at once, each by the name of its variable and never with its value. */
export class InvalidConfig extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
    );
    this.name = "InvalidConfig";
  }
}

/** Reads the environment; the only reader of `process.env`. An empty variable counts as not set. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const read = environment.safeParse(set);
  if (!read.success) {
    throw new InvalidConfig(read.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`));
  }
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, OIDC_JWKS_URL: jwksUrl, ...rest } = read.data;
  return {
    port: rest.PORT,
    host: rest.HOST,
    databaseUrl: rest.DATABASE_URL ?? null,
    databaseOwnerUrl: rest.DATABASE_OWNER_URL ?? null,
    dataDir: rest.DATA_DIR,
    key: rest.COUNTERSIGN_KEY ?? null,
    kmsKeyId: rest.COUNTERSIGN_KMS_KEY_ID ?? null,
    formerKeys: rest.COUNTERSIGN_FORMER_KEYS,
    kmsEndpoint: rest.COUNTERSIGN_KMS_ENDPOINT ?? null,
    appleBaseUrl: rest.APPLE_BASE_URL,
    appleEnterpriseBaseUrl: rest.APPLE_ENTERPRISE_BASE_URL,
    appleDeadlineMs: rest.APPLE_DEADLINE_MS,
    syncSeconds: rest.APPLE_SYNC_SECONDS,
    requestsPerMinute: rest.RATE_REQUESTS_PER_MINUTE,
    costPerMinute: rest.RATE_COST_PER_MINUTE,
    drainSeconds: rest.DRAIN_SECONDS,
    oidc: issuer && audience && jwksUrl ? { issuer, audience, jwksUrl } : null,
    introspection: rest.GRAPHQL_INTROSPECTION,
    logLevel: rest.LOG_LEVEL,
  };
}
