import { X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { query } from "../../support/database.js";
import { eventually } from "../../support/eventually.js";
import { keepIn } from "../../support/kept.js";
import { mutate } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import type { HeldKey } from "../apple/held-key.js";
import { Maker } from "./maker.js";

let server: TestServer;
let acme: Story;
let make: Maker;
let key: HeldKey;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  key = await make.key();
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
});

test("what was asked for with a signing request is not asked for again while nobody knows what came of it", async () => {
  const tenantId = acme.organizationId;
  const made = await mutate<{ signingRequest: { id: string } }>(
    ...([server, acme.owner, "createSigningRequest", "signingRequest { id }"] as const),
    { tenantId, commonName: "Acme", email: "signing@acme.example", country: "US" },
  );
  const signingRequestId = made.payload?.signingRequest.id;
  const create = () =>
    mutate<{ certificate: { id: string } | null }>(
      ...([server, acme.owner, "createCertificate", "certificate { id }"] as const),
      { tenantId, credentialId: key.id, type: "DISTRIBUTION", signingRequestId },
    );
  // Apple makes it, says nothing, and then cannot be asked what there is.
  const match = { path: "/v1/certificates", keyId: key.keyId };
  server.sandbox.failNext({ match: { ...match, method: "POST" }, failure: { kind: "drop-after" } });
  server.sandbox.failNext({ match: { ...match, method: "GET" }, times: "always", failure: { kind: "bad-json" } });
  expect((await create()).refused).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  expect((await create()).refused).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  expect(make.changes(key)).toEqual(["POST /v1/certificates"]);

  // When Apple can be asked again, the one that was made is kept.
  server.sandbox.clearFailures();
  const kept = await eventually("the certificate of the signing request", async () => {
    const { data } = await server.ask<{ node: { certificate: { id: string } | null } }>(
      acme.owner,
      "query ($id: ID!) { node(id: $id) { ... on SigningRequest { certificate { id } } } }",
      { id: signingRequestId },
    );
    return data.node.certificate;
  });
  expect(kept.id).toMatch(/^cert_/);
  expect((await create()).refused).toMatchObject({ code: "ALREADY_EXISTS" });
  expect(make.changes(key)).toEqual(["POST /v1/certificates"]);
});

test("what was made and has been brought by hand since is taken as its tenant keeps it, whoever else does", async () => {
  const tenantId = await acme.subOrganization("Web");
  const ofWeb = await make.key({ tenantId });
  const request = await mutate<{ signingRequest: { id: string } }>(
    ...([server, acme.owner, "createSigningRequest", "signingRequest { id }"] as const),
    { tenantId, commonName: "Acme", email: "signing@acme.example", country: "US" },
  );
  const signingRequestId = request.payload?.signingRequest.id;
  const match = { path: "/v1/certificates", keyId: ofWeb.keyId };
  server.sandbox.failNext({ match: { ...match, method: "POST" }, failure: { kind: "drop-after" } });
  server.sandbox.failNext({ match: { ...match, method: "GET" }, times: "always", failure: { kind: "bad-json" } });
  const lost = await mutate(server, acme.owner, "createCertificate", "certificate { id }", {
    ...{ tenantId, credentialId: ofWeb.id, type: "DISTRIBUTION", signingRequestId },
  });
  expect(lost.refused).toMatchObject({ code: "OUTCOME_UNKNOWN" });

  const certificate = ofWeb.team.certificates[0]?.attributes.certificateContent ?? "";
  const { fingerprint } = new X509Certificate(Buffer.from(certificate, "base64"));
  const sha1 = fingerprint.replaceAll(":", "");
  await keepIn(server, acme.organizationId).certificate(acme.organizationId, { sha1 });
  const brought = await mutate<{ certificate: { id: string } }>(
    ...([server, acme.owner, "completeSigningRequest", "certificate { id }"] as const),
    { signingRequestId, certificate },
  );
  server.sandbox.clearFailures();
  const found = await eventually("the end of what was not known", async () => {
    const [row] = await query<{ id: string }>(server.database.ownerUrl, [
      "SELECT subject_id AS id FROM signing_intents WHERE credential_id = $1 AND state = 'DONE'",
      [ofWeb.id],
    ]);
    return row?.id ?? null;
  });
  expect(found).toBe(brought.payload?.certificate.id);
  expect(make.changes(ofWeb)).toEqual(["POST /v1/certificates"]);
});

test("what cannot be gone on with holds up nothing that comes behind it", async () => {
  const add = (id: string, state: string, ageSeconds: number): [string, unknown[]] => [
    // Nothing is known of what was wanted: no table that this server writes looks so.
    `INSERT INTO signing_intents (root_id, id, owner_id, credential_id, kind, state, wanted, actor, sent_at, next_look_at)
     VALUES ($1, $2, $1, $3, 'PROFILE', $4, '{}', '{}', now(), now() - make_interval(secs => $5))`,
    [acme.organizationId, id, key.id, state, ageSeconds],
  ];
  const broken = Array.from({ length: 20 }, () => add(newId("signingIntent"), "SENT", 3_600));
  const behind = newId("signingIntent");
  await query(server.database.ownerUrl, ...broken, add(behind, "INTENT", 60));
  const state = await eventually("the end of what stands behind", async () => {
    const [row] = await query<{ state: string }>(server.database.ownerUrl, [
      "SELECT state FROM signing_intents WHERE id = $1 AND state <> 'INTENT'",
      [behind],
    ]);
    return row?.state ?? null;
  });
  expect(state).toBe("FAILED");
});
