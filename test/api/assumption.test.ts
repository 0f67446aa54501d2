import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../support/database.js";
import { mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { tripsOf } from "../support/statements.js";

let server: TestServer;
let acme: Story;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
});
afterAll(() => server.close());

let below = 0;
/** A sub-organization with a token that sees its keys. */
async function newReader() {
  const tenantId = await acme.subOrganization(`Reader ${(below += 1)}`);
  const token = await acme.token(tenantId, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]);
  const ask = <Data>(document: string, id: string) =>
    server.ask<Data>(token, `query ($id: ID!) { ${document} }`, { id });
  return { tenantId, token, ask };
}

const TENANT = "subOrganization(id: $id) { name credentials(first: 5) { nodes { name } } }";
const KEY = "credential(id: $id) { name owner { id name } }";

describe("what was seen before is taken for granted", () => {
  test("so that what is below it is read in the same round trip", async () => {
    const { tenantId, ask } = await newReader();
    await ask(TENANT, tenantId);
    expect(await tripsOf(server, () => ask(`again: ${TENANT}`, tenantId))).toBe(1);
    const other = await newReader();
    await server.ask(other.token, "{ viewer { __typename } }");
    expect(await tripsOf(server, () => other.ask(TENANT, other.tenantId))).toBe(2);
  });

  test("and is answered as it is now, where it has changed", async () => {
    const { tenantId, ask } = await newReader();
    const nameOf = async (): Promise<string> =>
      (await ask<{ subOrganization: { name: string } }>(TENANT, tenantId)).data.subOrganization.name;
    const before = await nameOf();
    expect(await nameOf()).toBe(before);
    await mutate(server, acme.owner, "updateSubOrganization", "subOrganization { id }", {
      ...{ subOrganizationId: tenantId, name: "Renamed" },
    });
    expect(await nameOf()).toBe("Renamed");
  });

  test("with its owner, as that is now", async () => {
    const { tenantId, ask } = await newReader();
    const id = await acme.credential(tenantId, { verify: false });
    const ownerOf = async () => (await ask<{ credential: { owner: { name: string } } }>(KEY, id)).data.credential.owner;
    await ownerOf();
    await query(server.database.ownerUrl, ["UPDATE tenants SET name = 'Moved' WHERE id = $1", [tenantId]]);
    expect(await ownerOf()).toEqual({ id: tenantId, name: "Moved" });
    expect(await ownerOf()).toEqual({ id: tenantId, name: "Moved" });
  });

  test("and denied, and noted once, where it may not be seen any more", async () => {
    const { tenantId, ask } = await newReader();
    const id = await acme.credential(acme.organizationId, { verify: false });
    await acme.share(id, { subOrganizationIds: [tenantId] });
    for (let n = 0; n < 2; n += 1) expect((await ask(KEY, id)).errors).toBeUndefined();
    await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: id });
    const denied = await ask(`${KEY} again: ${KEY}`, id);
    expect(denied.data).toEqual({ credential: null, again: null });
    expect(denied.errors?.map(({ extensions }) => extensions.code)).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    expect(denied.text).not.toContain(acme.organizationId);
    const noted = await query(server.database.ownerUrl, [
      "SELECT outcome FROM audit_events WHERE action = 'access.denied' AND subject_id = $1",
      [id],
    ]);
    expect(noted).toEqual([{ outcome: "DENIED" }, { outcome: "DENIED" }]);
    await acme.share(id, { subOrganizationIds: [tenantId] });
    expect((await ask(KEY, id)).errors).toBeUndefined();
  });

  test("by no change: what is gone is not changed", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    const rename = () =>
      mutate(server, acme.owner, "updateCredential", "credential { name }", { credentialId: id, name: "New" });
    for (let n = 0; n < 2; n += 1) {
      await server.ask(acme.owner, `query ($id: ID!) { ${KEY} }`, { id });
    }
    expect((await rename()).refused).toBeNull();
    await query(server.database.ownerUrl, ["DELETE FROM credentials WHERE id = $1", [id]]);
    expect((await rename()).denied).toBe("NOT_FOUND");
  });
});
