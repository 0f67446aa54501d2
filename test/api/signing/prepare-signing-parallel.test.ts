import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startReplica, type Replica } from "../../support/replica.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type Ask, type TestServer } from "../../support/server.js";
import { open, prepare, type Preparation } from "./kit.js";
import { Maker } from "./maker.js";

const IDENTIFIERS = ["com.acme.shop", "com.acme.shop.widget", "com.acme.news"];

let server: TestServer;
let replica: Replica;
let acme: Story;
let make: Maker;

beforeAll(async () => {
  server = await startTestServer();
  replica = await startReplica(server);
  acme = await seed(server);
  make = new Maker(server, acme);
});
afterAll(async () => {
  await replica.close();
  await server.close();
});

/** Asks so often at the same time, of the two servers in turn. */
function atOnce(count: number, ask: (server: { ask: Ask }, index: number) => Promise<Preparation>) {
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index % 2 === 0 ? server : replica, index)));
}

const idsOf = ({ kit, text }: Preparation): string =>
  kit === null ? text : [kit.certificate.id, ...kit.provisioningProfiles.map(({ id }) => id)].join(" ");

describe("of two servers on one database", () => {
  test("a hundred builds at once get one certificate and one profile for each identifier", async () => {
    const key = await make.key();
    const input = { tenantId: acme.organizationId, credentialId: key.id, bundleIdentifiers: IDENTIFIERS };
    const prepared = await atOnce(100, (one) => prepare(one, acme.owner, input));
    expect(new Set(prepared.map(idsOf)).size).toBe(1);
    expect(prepared[0]?.kit?.provisioningProfiles).toHaveLength(3);
    expect(make.changes(key).sort()).toEqual([
      ...["POST /v1/bundleIds", "POST /v1/certificates"],
      ...["POST /v1/profiles", "POST /v1/profiles", "POST /v1/profiles"],
    ]);
    const opened = await Promise.all(prepared.slice(0, 6).map(open));
    expect(opened.map(({ isPair }) => isPair)).toEqual([true, true, true, true, true, true]);
    expect(new Set(prepared.map(({ kit }) => kit?.download.password)).size).toBe(100);
  });

  test("builds that ask with two keys of one team share what is made", async () => {
    const key = await make.key();
    const other = await make.key({ team: key.team.id });
    const prepared = await atOnce(10, (one, index) =>
      prepare(one, acme.owner, { tenantId: acme.organizationId, credentialId: index < 5 ? key.id : other.id }),
    );
    expect(prepared.map(({ code }) => code)).toEqual(Array.from({ length: 10 }, () => null));
    expect(key.team.certificates).toHaveLength(1);
    expect(key.team.profiles).toHaveLength(1);
    expect(new Set(prepared.map(idsOf)).size).toBe(1);
  });

  test("so do a sub-organization's own key and one of the same team that the root shares with it", async () => {
    const tenantId = await acme.subOrganization("Apps");
    const own = await make.key({ tenantId });
    const shared = await make.key({ team: own.team.id });
    await acme.share(shared.id, { subOrganizationIds: [tenantId] });
    const prepared = [];
    for (const { id: credentialId } of [shared, own, shared]) {
      prepared.push(await prepare(server, acme.owner, { tenantId, credentialId }));
    }
    expect(prepared.map(({ code }) => code)).toEqual([null, null, null]);
    expect(new Set(prepared.map(idsOf)).size).toBe(1);
  });

  test("builds with one idempotency key get the same, and others beside them as well", async () => {
    const key = await make.key();
    const input = { tenantId: acme.organizationId, credentialId: key.id };
    const prepared = await atOnce(12, (one, index) =>
      prepare(one, acme.owner, { ...input, idempotencyKey: index < 8 ? "build-9" : `build-${index}` }),
    );
    expect(new Set(prepared.map(idsOf)).size).toBe(1);
    expect(make.changes(key)).toEqual(["POST /v1/certificates", "POST /v1/profiles"]);
  });

  test("builds of several tenants through one shared key each get their own, within what Apple allows", async () => {
    const key = await make.key();
    await acme.share(key.id);
    const tenants = [acme.organizationId, await acme.subOrganization("Web"), await acme.subOrganization("iOS")];
    const prepared = await atOnce(12, (one, index) =>
      prepare(one, acme.owner, { tenantId: tenants[index % 3] ?? "", credentialId: key.id }),
    );
    expect(new Set(prepared.map(idsOf)).size).toBe(3);
    expect(prepared.map(({ kit }) => kit?.certificate.owner.id)).toEqual(
      prepared.map((_, index) => tenants[index % 3]),
    );
    expect(key.team.certificates).toHaveLength(3);
    expect(key.team.profiles).toHaveLength(3);
  });
});
