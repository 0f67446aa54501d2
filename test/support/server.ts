import "reflect-metadata";
import { randomBytes } from "node:crypto";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import type { Logger } from "pino";
import { readConfig } from "../../src/config.js";
import type { Platform } from "../../src/context.js";
import { openPlatform } from "../../src/platform.js";
import { startSandbox, type Sandbox } from "../../src/sandbox/server.js";
import { startServer } from "../../src/server.js";
import { makeDatabase, type TestDatabase } from "./database.js";
import { startIssuer, type Issuer } from "./issuer.js";
import { leakSearch } from "./leaks.js";

/** An error as a client sees it. */
export interface ClientError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string };
}

/** An answer as a client sees it. */
export interface Answer<Data> {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly ClientError[] | undefined;
  /** The whole body, for looking for what must not be in it. */
  readonly text: string;
}

/** Asks over HTTP, as whoever the bearer token names; null: nobody. */
export type Ask = <Data = Record<string, never>, Variables = Record<string, unknown>>(
  token: string | null,
  document: string | TypedDocumentNode<Data, Variables>,
  variables?: Variables,
) => Promise<Answer<Data>>;

/** A whole server on a database of its own, with a sandbox as Apple and an issuer for people. */
export interface TestServer {
  readonly url: string;
  /** What it was started with: another server that is started with it shares its database and its Apple. */
  readonly environment: Readonly<Record<string, string>>;
  readonly platform: Platform;
  readonly database: TestDatabase;
  readonly sandbox: Sandbox;
  readonly issuer: Issuer;
  readonly ask: Ask;
  readonly close: () => Promise<void>;
}

/** Asks the server at a url. */
export const asker =
  (url: string): Ask =>
  async (token, document, variables) => {
    const query = typeof document === "string" ? document : print(document);
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token !== null && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const { data, errors } = JSON.parse(text) as { data: never; errors?: ClientError[] };
    leakSearch?.noteRequest(token, variables, data);
    return { status: response.status, data, errors, text };
  };

/** Starts a server. `changes` replaces variables of its configuration; `log` is what it writes its log to. */
export async function startTestServer(changes: Record<string, string> = {}, log?: Logger): Promise<TestServer> {
  const [database, sandbox, issuer] = await Promise.all([
    makeDatabase(),
    startSandbox({ enterprisePort: 0 }),
    startIssuer(),
  ]);
  const environment = {
    PORT: "0",
    DATABASE_URL: database.serverUrl,
    COUNTERSIGN_KEY: randomBytes(32).toString("base64"),
    APPLE_BASE_URL: sandbox.url,
    APPLE_ENTERPRISE_BASE_URL: sandbox.enterpriseUrl,
    OIDC_ISSUER: issuer.issuer,
    OIDC_AUDIENCE: issuer.audience,
    OIDC_JWKS_URL: issuer.jwksUrl,
    LOG_LEVEL: "silent",
    DRAIN_SECONDS: "0",
    APPLE_SYNC_SECONDS: "0", // Tests that are about it say so.
    ...changes,
  };
  const config = readConfig(environment);
  await leakSearch?.begin(database, environment);
  const { platform, close: closePlatform } = await openPlatform(config, () => undefined, log ?? leakSearch?.log);
  const { url, close } = await startServer(platform, config);
  return {
    url,
    environment,
    platform,
    database,
    sandbox,
    issuer,
    ask: asker(url),
    close: async () => {
      await close();
      await closePlatform();
      await leakSearch?.end(database, environment);
      await Promise.all([sandbox.close(), issuer.close()]);
      await database.drop();
    },
  };
}
