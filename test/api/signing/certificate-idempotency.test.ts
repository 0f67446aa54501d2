import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../support/database.js";
import { mutate } from "../../support/mutation.js";
import { startProcess } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../../support/server.js";
import { eventsOf, lookAgain } from "../apple/drift.js";
import type { HeldKey } from "../apple/held-key.js";
import { anew, Maker } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(() => server.close());

const create = (key: HeldKey, input: object, token = acme.owner, at: { readonly ask: Ask } = server) =>
  mutate<{ certificate: { id: string } | null }>(at, token, "createCertificate", "certificate { id }", {
    ...{ tenantId: acme.organizationId, credentialId: key.id, type: "DEVELOPMENT" },
    ...input,
  });

const newKey = (): string => anew("build").replace(" ", "-");
const POST = "POST /v1/certificates";

describe("the same idempotency key", () => {
  test("and the same input give the same certificate again, and Apple is asked once", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const first = await create(key, { idempotencyKey });
    const second = await create(key, { idempotencyKey, clientMutationId: "another" });
    expect(first.payload?.certificate).not.toBeNull();
    expect(second.payload?.certificate).toEqual(first.payload?.certificate);
    expect(make.changes(key)).toEqual([POST]);
  });

  test("gives twenty who ask at the same time one certificate", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => create(key, { idempotencyKey })));
    const [first] = outcomes;
    expect(first?.payload?.certificate).not.toBeNull();
    expect(new Set(outcomes.map(({ text }) => text)).size).toBe(1);
    expect(make.changes(key)).toEqual([POST]);
  });

  test("gives a hundred who ask at the same time, of two processes, one certificate and one answer, also after a restart", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const other = await startProcess(server);
    const servers = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? server : other));
    const outcomes = await Promise.all(servers.map((each) => create(key, { idempotencyKey }, acme.owner, each)));
    expect(outcomes[0]?.payload?.certificate).not.toBeNull();
    expect(new Set(outcomes.map(({ text }) => text)).size).toBe(1);
    expect(await other.end("SIGTERM")).toBe(0);
    const restarted = await startProcess(server);
    expect((await create(key, { idempotencyKey }, acme.owner, restarted)).text).toBe(outcomes[0]?.text);
    const refused = await create(key, { idempotencyKey, name: "Another" }, acme.owner, restarted);
    expect(refused.refused).toEqual({ code: "INVALID_INPUT", field: ["idempotencyKey"] });
    expect(await restarted.end("SIGTERM")).toBe(0);
    expect(make.changes(key)).toEqual([POST]);
  });

  test("is forgotten after 24 hours, and not before", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const first = await create(key, { idempotencyKey });
    const age = (hours: number) =>
      query(server.database.ownerUrl, [
        "UPDATE idempotent_requests SET created_at = now() - $1 * interval '1 hour' WHERE key = $2",
        [hours, idempotencyKey],
      ]);
    await age(23.9);
    expect((await create(key, { idempotencyKey })).payload).toEqual(first.payload);
    await age(24.1);
    // As if it had never been: another input is taken, too.
    const other = await create(key, { idempotencyKey, name: "Another" });
    expect(other.refused).toBeNull();
    expect(other.payload?.certificate?.id).not.toBe(first.payload?.certificate?.id);
  });

  test("of two operations is two keys", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const { payload } = await create(key, { idempotencyKey });
    const renewal = await mutate<{ certificate: { id: string } | null }>(
      ...([server, acme.owner, "renewCertificate", "certificate { id }"] as const),
      { certificateId: payload?.certificate?.id ?? "", idempotencyKey },
    );
    expect([renewal.denied, renewal.refused]).toEqual([null, null]);
    expect(renewal.payload?.certificate?.id).not.toBe(payload?.certificate?.id);
  });

  test.each([
    ["another type", { type: "DISTRIBUTION" }],
    ["another name", { name: "Another" }],
  ])("with %s is refused", async (_, other) => {
    const key = await make.key();
    const idempotencyKey = newKey();
    expect((await create(key, { idempotencyKey, name: "One" })).refused).toBeNull();
    const refused = { code: "INVALID_INPUT", field: ["idempotencyKey"] };
    expect((await create(key, { idempotencyKey, name: "One", ...other })).refused).toEqual(refused);
    expect(make.changes(key)).toEqual([POST]);
  });

  test("of two actors is two keys", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const tokens = [
      await acme.token(acme.organizationId, ["SIGNING_MANAGE"]),
      await acme.token(acme.organizationId, ["SIGNING_MANAGE"]),
    ];
    const made = [];
    for (const token of tokens) made.push((await create(key, { idempotencyKey }, token)).payload?.certificate?.id);
    expect(new Set(made).size).toBe(2);
    expect(make.changes(key)).toEqual([POST, POST]);
    const again = [];
    for (const token of tokens) again.push((await create(key, { idempotencyKey }, token)).payload?.certificate?.id);
    expect(again).toEqual(made);
  });

  test("of two tenants is two keys", async () => {
    const key = await make.key();
    await acme.share(key.id);
    const idempotencyKey = newKey();
    const web = await acme.subOrganization("Web");
    const [inRoot, inWeb] = [
      await create(key, { idempotencyKey }),
      await create(key, { idempotencyKey, tenantId: web }),
    ];
    expect(inWeb.payload?.certificate).not.toBeNull();
    expect(inWeb.payload?.certificate).not.toEqual(inRoot.payload?.certificate);
    expect((await create(key, { idempotencyKey })).payload).toEqual(inRoot.payload);
    expect((await create(key, { idempotencyKey, tenantId: web })).payload).toEqual(inWeb.payload);
  });

  test("gives a refusal again, also when there would be room now", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const signingRequestId = "csr_01h455vb4pex5vsknk084sn02q";
    const refused = { code: "NOT_FOUND", field: ["signingRequestId"] };
    for (let time = 0; time < 2; time += 1) {
      expect((await create(key, { idempotencyKey, signingRequestId })).refused).toEqual(refused);
    }
    expect((await create(key, {})).refused).toBeNull();
  });

  test("does what it asks for after Apple was down, since that passes by itself", async () => {
    const key = await make.key();
    const idempotencyKey = newKey();
    const failure = { kind: "403-agreement" } as const;
    server.sandbox.failNext({ match: { keyId: key.keyId, method: "POST" }, failure });
    expect((await create(key, { idempotencyKey })).denied).toBe("APPLE_AGREEMENT_MISSING");
    expect((await create(key, { idempotencyKey })).payload?.certificate).not.toBeNull();
    expect(key.team.certificates).toHaveLength(1);
  });

  test.each(["", "a b", "k".repeat(101), "schlüssel"])("%j is none", async (idempotencyKey) => {
    const key = await make.key();
    const refused = { code: "INVALID_INPUT", field: ["idempotencyKey"] };
    expect((await create(key, { idempotencyKey })).refused).toEqual(refused);
    expect(make.changes(key)).toEqual([]);
  });

  test("of 100 visible characters is one", async () => {
    const key = await make.key();
    expect((await create(key, { idempotencyKey: "~".repeat(100) })).refused).toBeNull();
  });
});

describe("what was made from here", () => {
  const kinds = async (key: HeldKey) => (await eventsOf(server, acme.owner, key)).nodes.map(({ kind }) => kind);

  test("is no news to the key it was made through, and what others make is", async () => {
    const key = await make.key();
    await lookAgain(server, acme.owner, key);
    await make.certificate(key);
    await lookAgain(server, acme.owner, key);
    expect(await kinds(key)).toEqual([]);
    const [own] = key.team.certificates;
    if (own === undefined) throw new Error("The team has no certificate");
    key.team.certificates.push({ ...own, id: "ELSEWHERE", attributes: { ...own.attributes, serialNumber: "E15E" } });
    await lookAgain(server, acme.owner, key);
    expect(await kinds(key)).toEqual(["CERTIFICATE_ADDED"]);
  });

  test("is no news to another key of the team either", async () => {
    const key = await make.key();
    const other = await make.key({ team: key.team.id });
    await lookAgain(server, acme.owner, other);
    await make.certificate(key);
    await lookAgain(server, acme.owner, other);
    expect(await kinds(other)).toEqual([]);
  });
});
