import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Failure } from "../../src/sandbox/failure.js";
import type { KeyOptions, NewKey } from "../../src/sandbox/team/key.js";
import { query } from "../support/database.js";
import { CreateCredentialDocument, type CreateCredentialInput } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
});

interface Health {
  status: string;
  advice: string | null;
  checkedAt: string | null;
}

/** What there is to a key when it is added: what Apple knows of it, and what somebody typed. */
interface Given {
  readonly key: NewKey;
  readonly input: Partial<CreateCredentialInput>;
}

async function given(options: Partial<KeyOptions> = {}, input: Given["input"] = {}): Promise<Given> {
  return { key: await server.sandbox.registerKey({ program: "app-store", ...options }), input };
}

/** Adds a key, verified unless `input` says otherwise. */
async function create({ key, input }: Given, verify = true) {
  const { data, errors, text } = await server.ask(acme.owner, CreateCredentialDocument, {
    input: {
      tenantId: acme.organizationId,
      name: "Main",
      keyId: key.keyId,
      issuerId: key.issuerId,
      privateKey: key.privateKey,
      verify,
      ...input,
    },
  });
  expect(errors).toBeUndefined();
  return { ...data.createCredential, text };
}

/** Verifies a stored key and gives its health. */
async function verify(id: string): Promise<Health> {
  const { data, errors } = await server.ask<{
    verifyCredential: { credential: { health: Health }; userErrors: unknown[] };
  }>(
    acme.owner,
    `mutation ($id: ID!) { verifyCredential(input: { credentialId: $id }) {
      credential { health { status advice checkedAt } } userErrors { code } } }`,
    { id },
  );
  expect(errors).toBeUndefined();
  expect(data.verifyCredential.userErrors).toEqual([]);
  return data.verifyCredential.credential.health;
}

async function isStored({ keyId }: NewKey): Promise<boolean> {
  const rows = await query(server.database.ownerUrl, ["SELECT id FROM credentials WHERE key_id = $1", [keyId]]);
  return rows.length > 0;
}

/** Lets Apple fail all calls of a key from now on. */
function failing(failure: Failure, options: Partial<KeyOptions> = {}, input: Given["input"] = {}) {
  return async (): Promise<Given> => {
    const made = await given(options, input);
    server.sandbox.failNext({ match: { keyId: made.key.keyId }, times: "always", failure });
    return made;
  };
}

/** What can be wrong, how it comes about, and what a person is told of it. */
interface Case {
  readonly what: string;
  readonly make: () => Promise<Given>;
  readonly code: string;
  readonly field: string;
  readonly status: string;
  readonly advice: RegExp;
}

const cases: Case[] = [
  {
    what: "a key that was revoked",
    make: async () => {
      const made = await given();
      server.sandbox.revokeKey(made.key.keyId);
      return made;
    },
    code: "APPLE_KEY_REJECTED",
    field: "privateKey",
    status: "KEY_REJECTED",
    advice: /revoked.*key id, issuer id and \.p8/,
  },
  {
    what: "the issuer id of another team",
    make: async () => given({}, { issuerId: randomUUID() }),
    code: "APPLE_KEY_REJECTED",
    field: "privateKey",
    status: "KEY_REJECTED",
    advice: /issuer id/,
  },
  {
    what: "the .p8 of another key",
    make: async () => {
      const other = await server.sandbox.registerKey({ program: "app-store" });
      return given({}, { privateKey: other.privateKey });
    },
    code: "APPLE_KEY_REJECTED",
    field: "privateKey",
    status: "KEY_REJECTED",
    advice: /belong together/,
  },
  {
    what: "a key of the Enterprise Program that is said to be of the App Store",
    make: async () => given({ program: "enterprise" }, { program: "APP_STORE" }),
    code: "APPLE_KEY_REJECTED",
    field: "program",
    status: "WRONG_PROGRAM",
    advice: /belongs to the Apple Developer Enterprise Program \(ENTERPRISE\)/,
  },
  {
    what: "a key of the App Store that is said to be of the Enterprise Program",
    make: async () => given({ program: "app-store" }, { program: "ENTERPRISE" }),
    code: "APPLE_KEY_REJECTED",
    field: "program",
    status: "WRONG_PROGRAM",
    advice: /belongs to the Apple Developer Program \(APP_STORE\)/,
  },
  {
    what: "a key of the other program whose role is too narrow there",
    make: async () => given({ program: "enterprise", role: "CUSTOMER_SUPPORT" }, { program: "APP_STORE" }),
    code: "APPLE_KEY_REJECTED",
    field: "program",
    status: "WRONG_PROGRAM",
    advice: /ENTERPRISE/,
  },
  {
    what: "a key whose role may not provision",
    make: async () => given({ role: "CUSTOMER_SUPPORT" }),
    code: "APPLE_FORBIDDEN",
    field: "privateKey",
    status: "ROLE_TOO_NARROW",
    advice: /role of this key.*Admin or App Manager/,
  },
  {
    what: "an agreement that is not accepted",
    make: failing({ kind: "403-agreement" }),
    code: "APPLE_AGREEMENT_MISSING",
    field: "privateKey",
    status: "AGREEMENT_MISSING",
    advice: /Account Holder must accept/,
  },
  {
    what: "a membership that is not active",
    make: failing({ kind: "403-membership" }),
    code: "APPLE_FORBIDDEN",
    field: "privateKey",
    status: "ROLE_TOO_NARROW",
    advice: /membership is not active.*renew/,
  },
  {
    what: "a clock of ours that is ahead",
    make: failing({ kind: "clock-skew", skewSeconds: -600 }),
    code: "APPLE_KEY_REJECTED",
    field: "verify",
    status: "CLOCK_SKEW",
    advice: /clock of this server is \d+ seconds ahead of Apple's.*NTP/,
  },
  {
    what: "a clock of ours that is behind",
    make: failing({ kind: "clock-skew", skewSeconds: 3_600 }),
    code: "APPLE_KEY_REJECTED",
    field: "verify",
    status: "CLOCK_SKEW",
    advice: /clock of this server is \d+ seconds behind Apple's/,
  },
  {
    what: "a budget that is spent",
    make: failing({ kind: "429" }),
    code: "APPLE_RATE_LIMITED",
    field: "verify",
    status: "RATE_LIMITED",
    advice: /budget.*rolling hour/,
  },
  {
    what: "an Apple that cannot serve",
    make: failing({ kind: "503" }),
    code: "APPLE_UNAVAILABLE",
    field: "verify",
    status: "UNREACHABLE",
    advice: /cannot serve.*later/,
  },
  {
    what: "an Apple that breaks every connection off",
    make: failing({ kind: "drop" }),
    code: "APPLE_UNAVAILABLE",
    field: "verify",
    status: "UNREACHABLE",
    advice: /could not be reached.*later/,
  },
  {
    what: "an Apple that answers what is no JSON",
    make: failing({ kind: "bad-json" }),
    code: "APPLE_UNAVAILABLE",
    field: "verify",
    status: "UNREACHABLE",
    advice: /not JSON/,
  },
  {
    what: "an individual key that was revoked",
    make: async () => {
      const made = await given({ keyType: "individual" }, { keyType: "INDIVIDUAL" });
      server.sandbox.revokeKey(made.key.keyId);
      return made;
    },
    code: "APPLE_KEY_REJECTED",
    field: "privateKey",
    status: "KEY_REJECTED",
    advice: /revoked/,
  },
];

describe("a check of a key against Apple tells apart, with advice,", () => {
  test.each(cases)("$what: nothing is saved", async ({ make, code, field, advice }) => {
    const made = await make();
    const refused = await create(made);
    expect(refused).toMatchObject({ credential: null, userErrors: [{ code, field: [field] }] });
    expect(refused.userErrors[0]?.message).toMatch(advice);
    expect(await isStored(made.key)).toBe(false);
    for (const line of made.key.privateKey.split("\n").slice(1, -2)) expect(refused.text).not.toContain(line);
  });

  test.each(cases)("$what: the health of a stored key", async ({ make, status, advice }) => {
    const made = await make();
    const added = await create(made, false);
    const health = await verify(added.credential?.id ?? "");
    expect(health).toMatchObject({ status, checkedAt: expect.any(String) as unknown });
    expect(health.advice).toMatch(advice);
  });

  test("a key that works, of a team in either program and of a person", async () => {
    for (const made of [
      await given(),
      await given({ program: "enterprise" }, { program: "ENTERPRISE" }),
      await given({ keyType: "individual" }, { keyType: "INDIVIDUAL" }),
      await given({ role: "DEVELOPER" }),
    ]) {
      const added = await create(made);
      expect(added).toMatchObject({ credential: { health: { status: "WORKING", advice: null } }, userErrors: [] });
      expect(await isStored(made.key)).toBe(true);
      expect(await verify(added.credential?.id ?? "")).toMatchObject({ status: "WORKING", advice: null });
    }
  });
});

describe("a check of a key against Apple", () => {
  test("asks for one row of what every provisioning key may see, and of an individual one for an app", async () => {
    for (const [made, path] of [
      [await given(), "/v1/certificates"],
      [await given({ program: "enterprise" }, { program: "ENTERPRISE" }), "/v1/certificates"],
      [await given({ keyType: "individual" }, { keyType: "INDIVIDUAL" }), "/v1/apps"],
    ] as const) {
      server.sandbox.clearJournal();
      await create(made);
      expect(server.sandbox.journal).toMatchObject([
        { method: "GET", path, query: "limit=1", status: 200, keyId: made.key.keyId },
      ]);
    }
  });

  test("survives one 401 that Apple sends to a good key, and asks again with another token", async () => {
    const made = await given();
    server.sandbox.failNext({ match: { keyId: made.key.keyId }, failure: { kind: "401" } });
    server.sandbox.clearJournal();
    expect(await create(made)).toMatchObject({ credential: { health: { status: "WORKING" } }, userErrors: [] });
    expect(server.sandbox.journal.map(({ status }) => status)).toEqual([401, 200]);
    expect(new Set(server.sandbox.journal.map(({ tokenId }) => tokenId)).size).toBe(2);
  });

  test("survives faults of Apple's that pass", async () => {
    const kinds = ["500", "502-html", "503", "504", "drop", "truncated"] as const;
    const outcomes = kinds.map(async (kind) => {
      const made = await given();
      server.sandbox.failNext({ match: { keyId: made.key.keyId }, times: 2, failure: { kind } });
      return [kind, (await create(made)).credential?.health.status];
    });
    expect(await Promise.all(outcomes)).toEqual(kinds.map((kind) => [kind, "WORKING"]));
  });

  test("is not fooled by a clock that is off by as little as tokens allow", async () => {
    const made = await failing({ kind: "clock-skew", skewSeconds: -20 })();
    expect(await create(made)).toMatchObject({ userErrors: [{ field: ["privateKey"] }] });
    const behind = await failing({ kind: "clock-skew", skewSeconds: 600 })();
    expect(await create(behind)).toMatchObject({ userErrors: [{ field: ["privateKey"] }] });
  });

  test("takes a key for rejected while the other program's host does not answer", async () => {
    const made = await given();
    server.sandbox.revokeKey(made.key.keyId);
    server.sandbox.failNext({
      match: { keyId: made.key.keyId, program: "enterprise" },
      times: "always",
      failure: { kind: "redirect" },
    });
    expect(await create(made)).toMatchObject({ userErrors: [{ code: "APPLE_KEY_REJECTED", field: ["privateKey"] }] });
  });

  test("becomes WORKING again once what was wrong is mended", async () => {
    const added = await create(await given(), false);
    const id = added.credential?.id ?? "";
    server.sandbox.failNext({
      match: { keyId: added.credential?.keyId ?? "" },
      times: "always",
      failure: { kind: "403-agreement" },
    });
    expect(await verify(id)).toMatchObject({ status: "AGREEMENT_MISSING" });
    server.sandbox.clearFailures();
    expect(await verify(id)).toMatchObject({ status: "WORKING", advice: null });
  });

  test("never sends anything but GET", async () => {
    server.sandbox.clearJournal();
    const added = await create(await given());
    await verify(added.credential?.id ?? "");
    expect(server.sandbox.journal.map(({ method }) => method)).toEqual(["GET", "GET"]);
  });
});

describe("where nobody listens at Apple's address", () => {
  test("a key is not saved, and a stored one is UNREACHABLE", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const offline = await startTestServer({ APPLE_BASE_URL: url, APPLE_ENTERPRISE_BASE_URL: url });
    try {
      const story = await seed(offline);
      const { keyId, issuerId, privateKey } = await offline.sandbox.registerKey({ program: "app-store" });
      const input = { tenantId: story.organizationId, name: "Main", keyId, issuerId, privateKey };
      const refused = await offline.ask(story.owner, CreateCredentialDocument, { input });
      expect(refused.data.createCredential).toMatchObject({
        credential: null,
        userErrors: [{ code: "APPLE_UNAVAILABLE", field: ["verify"] }],
      });
      const added = await offline.ask(story.owner, CreateCredentialDocument, { input: { ...input, verify: false } });
      const checked = await offline.ask(
        story.owner,
        `mutation ($id: ID!) { verifyCredential(input: { credentialId: $id }) { credential { health { status } } } }`,
        { id: added.data.createCredential.credential?.id },
      );
      expect(checked.data).toEqual({ verifyCredential: { credential: { health: { status: "UNREACHABLE" } } } });
    } finally {
      await offline.close();
    }
  });

  /** A port that was free a moment ago. */
  async function closedPort(): Promise<number> {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const { port } = listener.address() as AddressInfo;
    await new Promise((resolve) => listener.close(resolve));
    return port;
  }
});
