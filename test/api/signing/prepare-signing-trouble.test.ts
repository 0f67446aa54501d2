import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { makeOld } from "../../support/apple.js";
import { query } from "../../support/database.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { entriesOf, withoutLog } from "../../support/signing.js";
import type { HeldKey } from "../apple/held-key.js";
import { open, prepare as prepareOn, type Preparation } from "./kit.js";
import { Maker } from "./maker.js";

const REUSED = ["REUSE_CERTIFICATE", "REUSE_PROFILE"];
const MORE = { bundleIdentifiers: ["com.acme.shop", "com.acme.shop.widget"] };

let server: TestServer;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(() => server.close());
afterEach(() => {
  server.sandbox.clearFailures();
});

const prepare = (key: HeldKey, input: object = {}): Promise<Preparation> =>
  prepareOn(server, acme.owner, { tenantId: acme.organizationId, credentialId: key.id, ...input });

const fails = ({ keyId }: HeldKey, kind: "403-agreement" | "403-role" | "401", method?: string, path?: string) => {
  const match = { keyId, ...(method !== undefined && { method }), ...(path !== undefined && { path }) };
  server.sandbox.failNext({ match, failure: { kind }, times: "always" });
};

describe("where Apple does not answer", () => {
  test("a kit of which all is here is handed out all the same, by what was last known", async () => {
    const key = await make.key();
    const first = await prepare(key);
    await makeOld(server, [key.id]);
    fails(key, "403-agreement");
    const second = await prepare(key);
    expect([second.code, second.actions]).toEqual([null, REUSED]);
    expect(second.kit?.provisioningProfiles).toEqual(first.kit?.provisioningProfiles);
    expect((await open(second)).isPair).toBe(true);
  });

  test("a kit of which something is missing says why, and nothing is made", async () => {
    const key = await make.key();
    await prepare(key);
    const before = make.changes(key);
    await makeOld(server, [key.id]);
    fails(key, "403-agreement");
    expect(await prepare(key, MORE)).toMatchObject({ code: "APPLE_AGREEMENT_MISSING", kit: null, actions: [] });
    expect(make.changes(key)).toEqual(before);
    server.sandbox.clearFailures();
    expect((await prepare(key, MORE)).actions).toEqual([...REUSED, "CREATE_PROFILE"]);
  });

  test("and never did, the code says why, whether it makes or only plans", async () => {
    const key = await make.key();
    fails(key, "401");
    for (const dryRun of [true, false]) {
      expect(await prepare(key, { dryRun })).toMatchObject({ code: "APPLE_KEY_REJECTED", kit: null });
    }
  });
});

describe("where Apple makes one thing and not another", () => {
  test("what was made is kept, and the next call goes on from there", async () => {
    const key = await make.key();
    fails(key, "403-role", "POST", "/v1/profiles");
    expect(await prepare(key)).toMatchObject({ code: "APPLE_FORBIDDEN", kit: null });
    expect(key.team.certificates).toHaveLength(1);
    server.sandbox.clearFailures();
    const prepared = await prepare(key);
    expect(prepared.actions).toEqual(["REUSE_CERTIFICATE", "CREATE_PROFILE"]);
    expect((await open(prepared)).isPair).toBe(true);
  });

  test("the same idempotency key goes on too, since such a failure passes", async () => {
    const key = await make.key();
    fails(key, "403-role", "POST", "/v1/profiles");
    const ask = () => prepare(key, { idempotencyKey: "build-8" });
    expect((await ask()).code).toBe("APPLE_FORBIDDEN");
    server.sandbox.clearFailures();
    expect((await ask()).actions).toEqual(["REUSE_CERTIFICATE", "CREATE_PROFILE"]);
    expect(key.team.certificates).toHaveLength(1);
  });

  test("that there is no room for another certificate says which there are", async () => {
    const certificates = [1, 2, 3].map(() => ({ attributes: { certificateType: "DISTRIBUTION" } }));
    const key = await make.key({ contents: { certificates } });
    expect(await prepare(key)).toMatchObject({ code: "CERTIFICATE_LIMIT_REACHED", kit: null });
    key.team.certificates.pop();
    expect((await prepare(key)).code).toBeNull();
  });

  test("a role that may not make any is refused, and one that may is not", async () => {
    const [developer, admin] = [await make.key({ role: "DEVELOPER" }), await make.key()];
    expect(await prepare(developer)).toMatchObject({ code: "APPLE_FORBIDDEN", kit: null });
    expect((await prepare(developer, { type: "IOS_APP_DEVELOPMENT" })).code).toBeNull();
    expect((await prepare(admin)).code).toBeNull();
  });
});

describe("the log", () => {
  test("says each time what was handed out to whom, and no password", async () => {
    const key = await make.key();
    const prepared = await prepare(key, { password: "open sesame" });
    const { certificate, provisioningProfiles } = prepared.kit ?? {};
    const entry = {
      ...{ action: "signing.prepared", tenant: acme.organizationId, outcome: "DONE", actor: "Owner" },
      ...{ label: certificate?.name, hasRequestId: true },
      details: {
        provisioningProfileIds: provisioningProfiles?.map(({ id }) => id),
        bundleIdentifiers: ["com.acme.shop"],
      },
    };
    const handedOut = async () =>
      (await entriesOf(server, certificate?.id ?? "")).filter(({ action }) => action === "signing.prepared");
    expect(await handedOut()).toEqual([entry]);
    await prepare(key, { dryRun: true });
    expect(await handedOut()).toEqual([entry]);
    await prepare(key);
    expect(await handedOut()).toEqual([entry, entry]);
    const log = await query<{ text: string }>(
      server.database.ownerUrl,
      "SELECT audit_events::text AS text FROM audit_events",
    );
    expect(log.filter(({ text }) => text.includes("sesame"))).toEqual([]);
  });

  test("that cannot be written keeps everything back, also what is here already", async () => {
    const key = await make.key();
    const first = await prepare(key);
    const silent = await withoutLog(server, () => prepare(key));
    expect(silent).toMatchObject({ code: "INTERNAL", kit: null });
    expect(silent.text).not.toMatch(/pkcs12":"|content":"|password":"/);
    const again = await prepare(key);
    expect([again.code, again.kit?.certificate]).toEqual([null, first.kit?.certificate]);
  });
});
