import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { ReadSession } from "../../src/database/tenancy.js";
import { THE_SERVER } from "../../src/services/audit.js";
import { signingKeySource } from "../../src/services/signing-key.js";
import { appleKey, readList, type AppleKey } from "../support/apple.js";
import { query } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { mutate } from "../support/mutation.js";
import { startReplica, type Replica } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

/** Calls that keep all turns of a key, and for how long. */
const LISTS = ["devices", "certificates", "bundleIds", "provisioningProfiles"] as const;
const BUSY_MS = 2_000;
const HOUR_MS = 3_600_000;

/** Rights are taken away at one server, while the other is about to use them. */
let server: TestServer;
let other: Replica;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  other = await startReplica(server);
  acme = await seed(server);
});
afterAll(async () => {
  await other.close();
  await server.close();
});
beforeEach(() => {
  server.sandbox.clearFailures();
  server.sandbox.configure({ pageDelayMs: 0, listLagMs: 0 });
});

/** A sub-organization that may use a key of the root, and who asks there. */
interface Scene {
  readonly key: AppleKey;
  readonly sub: string;
  readonly bearer: string;
}

let scenes = 0;
async function scene({ isMember = false } = {}): Promise<Scene & { readonly email: string }> {
  const n = (scenes += 1);
  const key = await appleKey(server, acme);
  const sub = await acme.subOrganization(`Sub ${n}`);
  await acme.share(key.id, { subOrganizationIds: [sub] });
  const email = `operator${n}@acme.example`;
  const bearer = isMember
    ? await acme.member(sub, email, ["OPERATOR"])
    : await acme.token(sub, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_MANAGE"]);
  return { key, sub, bearer, email };
}

/** Does something at the first server that takes a right away. */
async function take(name: string, input: Record<string, unknown>): Promise<void> {
  const { refused, denied } = await mutate(server, acme.owner, name, "clientMutationId", input);
  expect([refused, denied]).toEqual([null, null]);
}

/** A mutation with a key: its name, what is asked of its payload, and its input but for the key. */
type Wish = readonly [name: string, selection: string, input: Record<string, unknown>];
const REGISTRATION: Wish = ["registerBundleId", "bundleId { appleId }", { identifier: "com.acme.shop", name: "Shop" }];
const CERTIFICATE: Wish = ["createCertificate", "certificate { id }", { type: "DISTRIBUTION" }];

/**
 * Makes something, a bundle id by default, at the other server while all turns of the key are taken there; meanwhile `act`. Gives the code
 * that it was refused with, null where it was done, and the calls that were sent for it, before and after `act` was answered.
 */
async function whileItWaits(
  { key, sub, bearer }: Scene,
  act: () => Promise<unknown>,
  [name, selection, wanted]: Wish = REGISTRATION,
) {
  const { keyId } = key;
  const failure = { kind: "slow", delayMs: BUSY_MS } as const;
  server.sandbox.failNext({ match: { keyId, method: "GET" }, times: LISTS.length, failure });
  const lists = LISTS.map((list) => readList(other.ask, acme.owner, key.id, { list }));
  while (key.calls().length < LISTS.length) await delay(5);
  const asked = mutate(other, bearer, name, selection, { tenantId: sub, credentialId: key.id, ...wanted });
  await delay(200); // It is let in, and waits for its turn.
  await act();
  const before = key.calls().length - LISTS.length;
  const { refused, denied } = await asked;
  await Promise.all(lists);
  return { code: denied ?? refused?.code ?? null, before, after: key.calls().length - LISTS.length - before };
}

const REFUSED = { code: "FORBIDDEN", before: 0, after: 0 };
const DONE = { code: null, before: 0 };

describe("what waits for its turn at another server", () => {
  test("is asked of Apple while the key is shared", async () => {
    expect(await whileItWaits(await scene(), () => Promise.resolve())).toMatchObject(DONE);
  });

  test("is not asked any more once unsharing is answered", async () => {
    const here = await scene();
    expect(await whileItWaits(here, () => take("unshare", { subjectId: here.key.id }))).toEqual(REFUSED);
  });

  test.each([
    [
      "the sub-organization",
      (sub: string, another: string) => ({ subOrganizationIds: [another], uses: ["VIEW", "SIGN"] }),
    ],
    ["the use", (sub: string) => ({ subOrganizationIds: [sub], uses: ["VIEW"] })],
    ["bundle identifiers", (sub: string) => ({ subOrganizationIds: [sub], bundleIdentifiers: ["com.acme.pay"] })],
  ])("is not asked any more once a share that takes %s away is answered", async (_, terms) => {
    const here = await scene();
    const another = await acme.subOrganization(`Another ${scenes}`);
    const input = { subjectId: here.key.id, ...terms(here.sub, another) };
    expect(await whileItWaits(here, () => take("share", input))).toEqual(REFUSED);
  });

  test("is asked though the key is shared on other terms meanwhile, where they allow as much", async () => {
    const here = await scene();
    const input = { subjectId: here.key.id, withAllSubOrganizations: true, uses: ["SIGN"] };
    expect(await whileItWaits(here, () => take("share", input))).toMatchObject(DONE);
  });

  test("is not asked any more once the deletion of the sub-organization is answered", async () => {
    const here = await scene();
    expect(await whileItWaits(here, () => take("deleteSubOrganization", { subOrganizationId: here.sub }))).toEqual(
      REFUSED,
    );
  });

  test("is not asked any more once the deletion of the key is answered", async () => {
    const here = await scene();
    const input = { credentialId: here.key.id, force: true };
    expect(await whileItWaits(here, () => take("deleteCredential", input))).toEqual(REFUSED);
  });

  test("is not asked any more with the old .p8 once a rotation is answered", async () => {
    const here = await scene();
    const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
    const input = { credentialId: here.key.id, keyId, issuerId, privateKey, verify: false };
    expect(await whileItWaits(here, () => take("rotateCredential", input))).toEqual(REFUSED);
  });

  test("is not asked any more once the revocation of the token is answered", async () => {
    const here = await scene();
    const { data } = await server.ask<{ node: { accessTokens: { nodes: { id: string }[] } } }>(
      acme.owner,
      "query ($id: ID!) { node(id: $id) { ... on SubOrganization { accessTokens { nodes { id } } } } }",
      { id: here.sub },
    );
    const [token] = data.node.accessTokens.nodes;
    expect(await whileItWaits(here, () => take("revokeAccessToken", { accessTokenId: token?.id }))).toEqual(REFUSED);
  });

  test.each([
    ["removal", (memberId: string) => ["removeMember", { memberId }] as const],
    ["loss of the role", (memberId: string) => ["updateMember", { memberId, roles: ["VIEWER"] }] as const],
  ])("is not asked any more once a member's %s is answered", async (_, act) => {
    const here = await scene({ isMember: true });
    const { data } = await server.ask<{ node: { members: { nodes: { id: string; email: string }[] } } }>(
      acme.owner,
      "query ($id: ID!) { node(id: $id) { ... on SubOrganization { members { nodes { id email } } } } }",
      { id: here.sub },
    );
    const member = data.node.members.nodes.find(({ email }) => email === here.email);
    const [name, input] = act(member?.id ?? "");
    expect(await whileItWaits(here, () => take(name, input))).toEqual(REFUSED);
  });
});

describe("a certificate that a sub-organization asks for", () => {
  const statesOf = async ({ sub }: Scene): Promise<string[]> => {
    const rows = await query<{ state: string }>(server.database.ownerUrl, [
      "SELECT state FROM signing_intents WHERE owner_id = $1",
      [sub],
    ]);
    return rows.map(({ state }) => state);
  };

  test("is not made, nor looked for later, where unsharing is answered before it is sent", async () => {
    const here = await scene();
    const unshare = () => take("unshare", { subjectId: here.key.id });
    expect(await whileItWaits(here, unshare, CERTIFICATE)).toEqual(REFUSED);
    expect(await statesOf(here)).toEqual(["FAILED"]);
  });

  test("and whose answer is lost before, is looked for by right of the owner, and kept", async () => {
    const here = await scene();
    const { keyId } = here.key;
    server.sandbox.failNext({ match: { keyId, method: "POST" }, failure: { kind: "drop-after" } });
    const [name, selection, input] = CERTIFICATE;
    // What was made is in no list yet when it is looked for.
    server.sandbox.configure({ listLagMs: 600_000 });
    const wanted = { tenantId: here.sub, credentialId: here.key.id, ...input };
    const asked = mutate(other, here.bearer, name, selection, wanted);
    while (here.key.calls().every(({ method, acted }) => method !== "POST" || !acted)) await delay(5);
    await take("unshare", { subjectId: here.key.id });
    expect((await asked).refused).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    server.sandbox.configure({ listLagMs: 0 });
    await eventually("the certificate", async () => (await statesOf(here))[0] === "DONE");
    expect(here.key.calls().filter(({ method }) => method === "POST")).toHaveLength(1);
  });
});

describe("a list that a sub-organization has begun to renew, and others wait for", () => {
  /** The list as the sub-organization and the owner see it who waits for it, and the calls that it took. */
  async function renewed(here: Scene, act: () => Promise<unknown>, ownersServer: string) {
    const { key, bearer } = here;
    server.sandbox.configure({ pageDelayMs: 900 });
    const theirs = readList(other.ask, bearer, key.id);
    while (key.calls().length === 0) await delay(5);
    const ours = readList(ownersServer === "the same server" ? other.ask : server.ask, acme.owner, key.id);
    await act();
    return { theirs: await theirs, ours: await ours, calls: key.calls().length };
  }
  /** Two pages of devices. */
  async function large(): Promise<Scene> {
    const contents = { devices: 201, certificates: 0, profiles: 0, bundleIds: 0, apps: 0 };
    const here = await scene();
    const key = await appleKey(server, acme, contents);
    await acme.share(key.id, { subOrganizationIds: [here.sub] });
    return { ...here, key };
  }

  test.each(["the same server", "another server"] as const)(
    "is taken as it comes by those who wait at %s while the key is shared",
    async (ownersServer) => {
      const { theirs, ours, calls } = await renewed(await large(), () => Promise.resolve(), ownersServer);
      expect([theirs.ids?.length, ours.ids?.length]).toEqual([50, 50]);
      expect(ours.freshness).toMatchObject({ stale: false, problem: null });
      expect(calls).toBe(2);
    },
  );

  test.each(["the same server", "another server"] as const)(
    "ends for it with the share, and the owner who waits at %s renews it by right of their own",
    async (ownersServer) => {
      const here = await large();
      const unshare = () => take("unshare", { subjectId: here.key.id });
      const { theirs, ours, calls } = await renewed(here, unshare, ownersServer);
      expect(theirs).toEqual({ ids: null, freshness: null, codes: ["FORBIDDEN"] });
      expect(ours.freshness).toMatchObject({ stale: false, problem: null });
      expect(ours.ids).toHaveLength(50);
      expect(calls).toBe(3); // A page by the share, and both by the owner.
    },
  );
});

describe("a right to use a key", () => {
  /** How long it lasts, as the database says it when it is asked. */
  async function lifeOf(credentialId: string, tenant: string): Promise<number | null> {
    const scope = { roots: [acme.organizationId], tenants: [tenant] };
    const user = { scope, tenants: [tenant], use: "VIEW", actor: THE_SERVER } as const;
    const reads = new ReadSession(server.platform.readPool, scope);
    const rights = await signingKeySource(reads, user, server.platform.vault).load([credentialId], () => undefined);
    const right = rights.get(credentialId);
    return right === undefined || right instanceof Error ? null : right.forMs;
  }

  test("lasts no longer than the share that it comes of", async () => {
    const { key, sub } = await scene();
    expect(await lifeOf(key.id, sub)).toBe(Infinity);
    const expiresAt = new Date(Date.now() + HOUR_MS);
    await acme.share(key.id, { withAllSubOrganizations: true, expiresAt: expiresAt.toISOString() });
    const left = await lifeOf(key.id, sub);
    expect(left).toBeLessThanOrEqual(HOUR_MS);
    expect(left).toBeGreaterThan(HOUR_MS / 2);
    expect(await lifeOf(key.id, acme.organizationId)).toBe(Infinity);
  });
});

describe("in many rounds of use and unsharing at two servers", () => {
  test("Apple is asked nothing for a sub-organization once unsharing is answered", async () => {
    const rounds = Array.from({ length: 12 }, async (_, n) => {
      const { key, bearer } = await scene();
      const asks = [server.ask, other.ask];
      let isEnding = false;
      const use = async (ask: typeof server.ask): Promise<number> => {
        let granted = 0;
        while (!isEnding) {
          const { freshness } = await readList(ask, bearer, key.id);
          if (freshness?.stale === false) granted += 1;
        }
        return granted;
      };
      const uses = asks.map(use);
      await delay(100 + n * 20);
      await mutate({ ask: asks[n % 2] ?? server.ask }, acme.owner, "unshare", "deletedId", { subjectId: key.id });
      const sent = key.calls().length;
      await delay(300);
      isEnding = true;
      const granted = await Promise.all(uses);
      return { granted: granted.reduce((sum, each) => sum + each), sentAfter: key.calls().length - sent };
    });
    const ended = await Promise.all(rounds);
    expect(ended.some(({ granted }) => granted > 0)).toBe(true);
    expect(ended.map(({ sentAfter }) => sentAfter)).toEqual(ended.map(() => 0));
  });
});
