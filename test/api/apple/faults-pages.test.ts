import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Failure } from "../../../src/sandbox/failure.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { MODES, type Mode } from "./faults-table.js";

/** One more than Apple's page holds. */
const ROWS = 201;
const LISTS = { certificates: "certificates", provisioningProfiles: "profiles", devices: "devices" };

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

/** What lists of two pages come to where Apple's pages are not right: how many rows, or the code of the failure. */
const PAGES: readonly [failure: Failure, expected: Readonly<Record<Mode, number | string>>][] = [
  [{ kind: "foreign-next" }, { once: "APPLE_UNEXPECTED_ANSWER", lasting: "APPLE_UNEXPECTED_ANSWER" }],
  [{ kind: "repeat-next" }, { once: ROWS, lasting: ROWS }],
  [{ kind: "extra-next" }, { once: ROWS, lasting: ROWS }],
  [{ kind: "bad-cursor" }, { once: ROWS, lasting: ROWS }],
  [{ kind: "missing-rows" }, { once: ROWS, lasting: "APPLE_UNEXPECTED_ANSWER" }],
  [{ kind: "no-total" }, { once: ROWS, lasting: ROWS }],
];

describe.each(MODES)("lists of two pages, which meet a failure %s,", (mode) => {
  test.each(PAGES)("come whole or not at all: %j", async (failure, expected) => {
    // For the store, so that no profile holds more devices than Apple includes.
    const profiles = Array.from({ length: ROWS }, () => ({ attributes: { profileType: "IOS_APP_STORE" } }));
    const contents = { certificates: ROWS, profiles, devices: ROWS, bundleIds: 1, apps: 0 };
    const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store", contents });
    const id = await acme.credential(acme.organizationId, { keyId, issuerId, privateKey, verify: false });
    for (const path of Object.values(LISTS)) {
      const match = { keyId, path: `/v1/${path}` };
      server.sandbox.failNext({ match, times: mode === "once" ? 1 : "always", failure });
    }
    const counts = async (): Promise<Record<string, number | string>> => {
      const lists = Object.keys(LISTS).map(
        (name) => `${name}(first: 200) { nodes { appleId } pageInfo { endCursor } }`,
      );
      const rest = Object.keys(LISTS).map((name) => `${name}(first: 200, after: $${name}) { nodes { appleId } }`);
      type Page = { nodes: { appleId: string }[]; pageInfo: { endCursor: string } } | null;
      const { data, errors } = await server.ask<{ credential: { appStoreConnect: Record<string, Page> } }>(
        acme.owner,
        `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { ${lists.join(" ")} } } }`,
        { id },
      );
      const first = data.credential.appStoreConnect;
      const cursors = Object.fromEntries(Object.keys(LISTS).map((name) => [name, first[name]?.pageInfo.endCursor]));
      const variables = Object.keys(LISTS).map((name) => `$${name}: String`);
      const second = await server.ask<typeof data>(
        acme.owner,
        `query ($id: ID!, ${variables.join(", ")}) { credential(id: $id) { appStoreConnect { ${rest.join(" ")} } } }`,
        { id, ...cursors },
      );
      return Object.fromEntries(
        Object.keys(LISTS).map((name) => {
          const pages = [first[name], second.data.credential.appStoreConnect[name]];
          const ids = pages.flatMap((page) => page?.nodes.map(({ appleId }) => appleId) ?? []);
          const code = errors?.find(({ path }) => path?.at(-1) === name)?.extensions.code;
          return [name, code ?? new Set(ids).size];
        }),
      );
    };
    const all = (value: number | string) => Object.fromEntries(Object.keys(LISTS).map((name) => [name, value]));
    expect(await counts()).toEqual(all(expected[mode]));
    server.sandbox.clearFailures();
    expect(await counts()).toEqual(all(ROWS));
  });
});
